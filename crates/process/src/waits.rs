//! A wait is where what comes from elsewhere ends up: the answer to a call, the room for a message, the end of a time.
//!
//! ```text
//! future, pinned   [ state | landing: the request, then the answer ]
//!                              ▲ written by whoever brings it: no allocation, no queue, no room to be had
//! wait, in the core's table    generation | landing | outcome | whom to wake | timer | place in a line
//! ```
//!
//! A wait belongs to one future, which opens it when it is first polled and closes it when it is dropped; it is the future's
//! place in the core, and the only way to its memory. What comes too late finds another generation and is given back.
#![expect(unsafe_code, reason = "values land in futures; all of it is in `raw` below")]

pub(crate) use raw::{Opened, Waits};

use crate::closed::Closed;
use crate::host::TimerId;
use crate::pid::Pid;
use levada_shared::Full;
use std::task::Waker;

/// How a wait stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    /// Nothing has come.
    Open,
    /// The message was accepted, or there is room for one.
    Accepted,
    /// The landing holds the answer.
    Answered,
    /// Nobody took the request; the landing holds it.
    Returned,
    /// The mailbox takes no more; the landing holds the request, if there was one.
    Refused(Closed),
    /// Who held the reply crashed.
    Crashed,
    /// Who held the reply dropped it.
    Dropped,
    /// The time is over.
    Expired,
    /// The time is over, and the request was not accepted yet: the landing holds it.
    ExpiredInLine,
    /// The receiver's account has no room for what the request carries; the landing holds it.
    AccountFull(Full<()>),
    /// The account of who waits has no room for what the answer carries.
    OverBudget(Full<()>),
}

/// Whom to wake when something comes.
#[derive(Clone, Debug, Default)]
pub(crate) enum Wakee {
    /// Nobody yet.
    #[default]
    Nobody,
    /// A task of a process of this core; zero is its root.
    Task { slot: u32, task: u16 },
    /// A waker of somebody else's making.
    Other(Waker),
}

/// What a wait leaves behind that others must be told of.
#[derive(Debug)]
pub(crate) struct Left {
    /// Foreign code's to drop, where nothing is borrowed.
    pub(crate) wakee: Wakee,
    pub(crate) timer: Option<TimerId>,
    pub(crate) line: Option<Line>,
    pub(crate) listened: bool,
}

/// A place in the line of a mailbox.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Line {
    pub(crate) mailbox: Pid,
    pub(crate) place: u32,
}

mod raw {
    use super::{Left, Line, Outcome, Wakee};
    use crate::address::ReplyTo;
    use crate::cause::Sequence;
    use crate::events::Event;
    use crate::host::TimerId;
    use crate::message::Message;
    use crate::parcel::Cargo;
    use crate::pid::SLOTS_MAX;
    use std::cell::{Cell, RefCell};
    use std::mem;

    const FREE: u64 = 0;
    const NONE: u32 = u32::MAX;

    /// All waits of a core. # Invariants
    /// 1. A wait whose generation is not `FREE` is opened and not closed; its landing is valid until it is closed, and used by
    ///    nobody else while it is open. A generation is given once.
    /// 2. The landing takes the answer of the `ReplyTo`s that were made for the wait, and the request of the call, if it is one.
    /// 3. It holds the request while the wait stands in a line or its outcome says so, the answer if its outcome says so, and
    ///    nothing else.
    #[derive(Debug)]
    pub(crate) struct Waits {
        waits: RefCell<Vec<Wait>>,
        free: Cell<u32>,
        next_generation: Cell<u64>,
        open: Cell<u32>,
    }

    #[derive(Debug)]
    struct Wait {
        generation: u64,
        landing: *mut u8,
        outcome: Outcome,
        wakee: Wakee,
        timer: Option<TimerId>,
        line: Option<Line>,
        listened: bool,
        next_free: u32,
        /// The slot of the process that waits.
        owner: Option<u32>,
        /// What was asked of whom, and on behalf of what, if this is a call.
        asked: Option<Event>,
    }

    impl Wait {
        #[cold]
        fn take_left(&mut self) -> Left {
            let (timer, line) = (self.timer.take(), self.line.take());
            Left {
                wakee: mem::take(&mut self.wakee),
                timer,
                line,
                listened: mem::take(&mut self.listened),
            }
        }
    }

    /// The name of an opened wait on its own core.
    #[derive(Clone, Copy, Debug, Eq, PartialEq)]
    pub(crate) struct Opened {
        pub(crate) index: u32,
        pub(crate) generation: u64,
    }

    impl Waits {
        pub(crate) fn new() -> Self {
            Self {
                waits: RefCell::default(),
                free: Cell::new(NONE),
                next_generation: Cell::new(1),
                open: Cell::new(0),
            }
        }

        /// How many waits are open.
        pub(crate) fn open_count(&self) -> u32 {
            self.open.get()
        }

        /// Opens a wait, of the process in the slot `owner`.
        /// # Safety
        /// `landing` takes what invariant 2 says, is not null, is valid until the wait is closed, and is used meanwhile only as the
        /// outcome allows: what it does not hold may not be read, and what may come may not be written.
        #[inline]
        pub(crate) unsafe fn open(&self, landing: *mut u8, owner: Option<u32>) -> Opened {
            let generation = self.next_generation.get();
            self.next_generation.set(generation + 1);
            self.open.set(self.open.get() + 1);
            let wait = Wait {
                generation,
                landing,
                outcome: Outcome::Open,
                wakee: Wakee::Nobody,
                timer: None,
                line: None,
                listened: false,
                next_free: NONE,
                owner,
                asked: None,
            };
            let waits = &mut *self.waits.borrow_mut();
            let index = self.free.get();
            if let Some(place) = waits.get_mut(index as usize) {
                self.free.set(place.next_free);
                *place = wait;
                return Opened { index, generation };
            }
            let index = u32::try_from(waits.len()).expect("waits are fewer than slots");
            assert!(index < SLOTS_MAX, "a core has at most {SLOTS_MAX} waits");
            waits.push(wait);
            Opened { index, generation }
        }

        /// Closes a wait; its landing is the future's alone again. How it ended, and what is left to be dealt with elsewhere: mostly
        /// nothing.
        #[inline]
        pub(crate) fn close(&self, opened: Opened) -> (Outcome, Option<Left>) {
            let waits = &mut *self.waits.borrow_mut();
            let wait = &mut waits[opened.index as usize];
            assert!(wait.generation == opened.generation, "a wait is closed once");
            wait.generation = FREE;
            wait.next_free = self.free.replace(opened.index);
            self.open.set(self.open.get() - 1);
            let is_plain = wait.timer.is_none() && wait.line.is_none() && !wait.listened;
            if is_plain && !matches!(wait.wakee, Wakee::Other(_)) {
                return (wait.outcome, None);
            }
            (wait.outcome, Some(wait.take_left()))
        }

        fn with<T>(&self, opened: Opened, f: impl FnOnce(&mut Wait) -> T) -> Option<T> {
            let waits = &mut *self.waits.borrow_mut();
            let wait = waits.get_mut(opened.index as usize)?;
            (wait.generation == opened.generation).then(|| f(wait))
        }

        /// How a wait of one's own stands.
        #[inline]
        pub(crate) fn outcome(&self, opened: Opened) -> Outcome {
            self.with(opened, |wait| wait.outcome).expect("who asks has not closed it")
        }

        /// Whether a wait is open and nothing has come yet.
        pub(crate) fn is_open(&self, opened: Opened) -> bool {
            self.with(opened, |wait| wait.outcome == Outcome::Open).unwrap_or(false)
        }

        /// In which slot the process is that waits for what may land now.
        #[inline]
        pub(crate) fn owner(&self, opened: Opened) -> Option<u32> {
            self.with(opened, |wait| {
                let may_land = wait.outcome == Outcome::Open && wait.line.is_none();
                wait.owner.filter(|_| may_land)
            })?
        }

        /// Notes what was asked, in a call.
        #[inline]
        pub(crate) fn set_asked(&self, opened: Opened, asked: Event) {
            self.with(opened, |wait| wait.asked = Some(asked))
                .expect("who has just asked has not closed it");
        }

        /// What was asked in a call that is not closed.
        pub(crate) fn asked_in(&self, opened: Opened) -> Option<Event> {
            self.with(opened, |wait| wait.asked)?
        }

        /// What was asked with this step, in a call that is not closed. Looks at all waits.
        pub(crate) fn asked_with(&self, sequence: Sequence) -> Option<Event> {
            let waits = self.waits.borrow();
            let open = waits.iter().filter(|wait| wait.generation != FREE);
            open.filter_map(|wait| wait.asked).find(|asked| asked.sequence == sequence)
        }

        /// Shows each wait of a process to which nothing has come: in which slot that is, what was asked, its place in a line.
        pub(crate) fn each_open(&self, mut show: impl FnMut(u32, Option<Event>, Option<Line>)) {
            let waits = self.waits.borrow();
            let open = waits.iter().filter(|wait| wait.generation != FREE);
            for wait in open.filter(|wait| wait.outcome == Outcome::Open) {
                if let Some(owner) = wait.owner {
                    show(owner, wait.asked, wait.line);
                }
            }
        }

        /// Says whom to wake. What was said before is given back, to be dropped where nothing is borrowed.
        #[inline]
        pub(crate) fn set_wakee(&self, opened: Opened, wakee: Wakee) -> Option<Wakee> {
            self.with(opened, |wait| mem::replace(&mut wait.wakee, wakee))
        }

        /// Notes the timer of a wait that is still open; else gives it back.
        pub(crate) fn set_timer(&self, opened: Opened, timer: TimerId) -> Result<(), TimerId> {
            self.with(opened, |wait| wait.timer = Some(timer)).ok_or(timer)
        }

        /// Notes that somebody wants to hear if it ends unanswered; false if it has ended.
        pub(crate) fn set_listened(&self, opened: Opened) -> bool {
            self.with(opened, |wait| {
                wait.listened = wait.outcome == Outcome::Open;
                wait.listened
            })
            .unwrap_or(false)
        }

        /// Notes that the request in the landing stands in a line.
        pub(crate) fn stand_in_line(&self, opened: Opened, line: Line) {
            self.with(opened, |wait| wait.line = Some(line))
                .expect("who stands in line has not closed it");
        }

        /// Which wait has this index and these low bits of a generation.
        pub(crate) fn by_key(&self, index: u32, generation_low: u64, mask: u64) -> Option<Opened> {
            let generation = self.waits.borrow().get(index as usize)?.generation;
            (generation != FREE && generation & mask == generation_low)
                .then_some(Opened { index, generation })
        }

        /// Says that the time is over; whom to wake, its line and whether somebody listens.
        pub(crate) fn expire(&self, opened: Opened) -> Option<(Wakee, Option<Line>, bool)> {
            self.with(opened, |wait| {
                wait.timer = None;
                (wait.outcome == Outcome::Open).then(|| {
                    let line = wait.line.take();
                    wait.outcome =
                        if line.is_some() { Outcome::ExpiredInLine } else { Outcome::Expired };
                    (mem::take(&mut wait.wakee), line, mem::take(&mut wait.listened))
                })
            })?
        }

        /// Says how a wait ended that brings no value; whom to wake. The line, if it stood in one, was left by who says so.
        pub(crate) fn settle(&self, opened: Opened, outcome: Outcome) -> Option<Wakee> {
            self.with(opened, |wait| {
                (wait.outcome == Outcome::Open).then(|| {
                    wait.line = None;
                    wait.outcome = outcome;
                    mem::take(&mut wait.wakee)
                })
            })?
        }

        /// Says that the request was moved out of the landing, and its answer is to come.
        pub(crate) fn request_accepted(&self, opened: Opened) {
            self.with(opened, |wait| wait.line = None);
        }

        /// Lands an answer.
        /// # Errors
        /// The answer, if nobody waits for it any more.
        #[inline]
        pub(crate) fn answer<R: Message>(&self, to: ReplyTo<R>, answer: R) -> Result<Wakee, R> {
            let opened = Opened { index: to.wait().index, generation: to.wait().generation };
            let mut answer = Some(answer);
            let wakee = self.land(opened, Outcome::Answered, |landing| {
                let answer = answer.take().expect("landed once");
                // SAFETY: invariants 2 and 3: an open wait that stands in no line; its landing is empty and takes an `R`.
                unsafe { landing.cast::<R>().write(answer) };
            });
            wakee.ok_or_else(|| answer.expect("not landed"))
        }

        /// Lands an answer, or a request that comes back, whose type is not known here.
        /// # Errors
        /// The value, if nobody waits for it any more.
        /// # Safety
        /// The value is of the type that `outcome` means: the answer of the wait's `ReplyTo`s, or the request of its call.
        pub(crate) unsafe fn land_cargo<'a>(
            &self,
            opened: Opened,
            outcome: Outcome,
            cargo: Cargo<'a>,
        ) -> Result<Wakee, Cargo<'a>> {
            let mut cargo = Some(cargo);
            let wakee = self.land(opened, outcome, |landing| {
                let cargo = cargo.take().expect("landed once");
                // SAFETY: as in `answer`, and the caller's word.
                unsafe { cargo.unload_to(landing) };
            });
            wakee.ok_or_else(|| cargo.expect("not landed"))
        }

        #[inline]
        fn land(
            &self,
            opened: Opened,
            outcome: Outcome,
            write: impl FnOnce(*mut u8),
        ) -> Option<Wakee> {
            self.with(opened, |wait| {
                (wait.outcome == Outcome::Open && wait.line.is_none()).then(|| {
                    write(wait.landing);
                    wait.outcome = outcome;
                    mem::take(&mut wait.wakee)
                })
            })?
        }
    }
}
