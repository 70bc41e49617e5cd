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
    /// It closed a circle of waits; the request was taken.
    Cycle,
    /// It closed a circle of waits; the landing holds the request.
    CycleReturned,
    /// Who waits was cancelled.
    Cancelled,
    /// Who waits was cancelled, and the request was not accepted yet: the landing holds it.
    CancelledInLine,
}

/// Whose a wait is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owner {
    /// The process.
    pub(crate) pid: Pid,
    /// Whether the wait ends when the process is cancelled.
    pub(crate) ends_by_cancel: bool,
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
    /// Whether with a message, and not only to hear of room.
    pub(crate) is_message: bool,
}

/// For whom a wait waits, which is that of a call or for room.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bond {
    pub(crate) wait: Opened,
    pub(crate) peer: Pid,
    /// Where it stands, if it waits for room.
    pub(crate) line: Option<Line>,
}

/// When a wait is looked at next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Alarm {
    /// Its time is over.
    Over,
    /// It is old enough to ask whether it is part of a circle: how often that was done.
    Look(u8),
}

mod raw {
    use super::{Alarm, Bond, Left, Line, Outcome, Owner, Wakee};
    use crate::address::ReplyTo;
    use crate::cause::Sequence;
    use crate::events::Event;
    use crate::host::TimerId;
    use crate::message::Message;
    use crate::parcel::Cargo;
    use crate::pid::{Pid, SLOTS_MAX};
    use crate::tick::Tick;
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
        /// The process that waits.
        owner: Option<Owner>,
        /// Whom its call was made to, if it is one.
        callee: Option<Pid>,
        /// When its time is over.
        deadline: Option<Tick>,
        /// When its timer fires, and for what.
        due: Option<(Tick, Alarm)>,
        /// How often it was looked at whether it is part of a circle, if it is to be.
        looks: Option<u8>,
        /// Whether it was found to have closed a circle, and its request is asked back.
        closed_circle: bool,
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

        /// Ends it before anything has come, one way or, if it stands in a line, the other.
        fn stop(&mut self, outcome: Outcome, in_line: Outcome) -> Option<Left> {
            if self.outcome != Outcome::Open {
                return None;
            }
            self.outcome = if self.line.is_some() { in_line } else { outcome };
            Some(self.take_left())
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

        /// Opens a wait of a process; `callee` is whom it calls.
        /// # Safety
        /// `landing` takes what invariant 2 says, is not null, is valid until the wait is closed, and is used meanwhile only as the
        /// outcome allows: what it does not hold may not be read, and what may come may not be written.
        #[inline]
        pub(crate) unsafe fn open(
            &self,
            landing: *mut u8,
            owner: Option<Owner>,
            callee: Option<Pid>,
        ) -> Opened {
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
                callee,
                deadline: None,
                due: None,
                looks: None,
                closed_circle: false,
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

        /// Closes a wait; its landing is the future's alone again. How it ended, whose it was, and what is left to be dealt with
        /// elsewhere: mostly nothing.
        #[inline]
        pub(crate) fn close(&self, opened: Opened) -> (Outcome, Option<Pid>, Option<Left>) {
            let waits = &mut *self.waits.borrow_mut();
            let wait = &mut waits[opened.index as usize];
            assert!(wait.generation == opened.generation, "a wait is closed once");
            wait.generation = FREE;
            wait.next_free = self.free.replace(opened.index);
            self.open.set(self.open.get() - 1);
            let is_plain = wait.timer.is_none() && wait.line.is_none() && !wait.listened;
            if is_plain && !matches!(wait.wakee, Wakee::Other(_)) {
                return (wait.outcome, wait.owner.map(|owner| owner.pid), None);
            }
            (wait.outcome, wait.owner.map(|owner| owner.pid), Some(wait.take_left()))
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
                wait.owner.filter(|_| may_land).map(|owner| owner.pid.slot())
            })?
        }

        /// For whom the wait at `index` waits, if it is a call or stands in a line, is open, and is to wake the root of `owner`.
        pub(crate) fn bond(&self, index: u32, owner: Pid) -> Option<Bond> {
            let waits = self.waits.borrow();
            let wait = waits.get(index as usize)?;
            let wakes = matches!(wait.wakee, Wakee::Task { slot, task: 0 } if slot == owner.slot());
            let is_open = wait.generation != FREE && wait.outcome == Outcome::Open;
            if !wakes
                || !is_open
                || wait.owner.is_none_or(|other| other.pid != owner)
                || wait.closed_circle
            {
                return None;
            }
            let peer = wait.line.map(|line| line.mailbox).or(wait.callee)?;
            let opened = Opened { index, generation: wait.generation };
            Some(Bond { wait: opened, peer, line: wait.line })
        }

        /// Whose wait it is, if it is still open.
        pub(crate) fn waiter(&self, opened: Opened) -> Option<Pid> {
            self.with(opened, |wait| {
                wait.owner.map(|owner| owner.pid).filter(|_| wait.outcome == Outcome::Open)
            })?
        }

        /// Notes that a wait closed a circle, and its request is asked back.
        pub(crate) fn set_closed_circle(&self, opened: Opened) {
            self.with(opened, |wait| wait.closed_circle = true);
        }

        /// Ends a wait that stands in a line because it closed a circle; whom to wake, its line, whether somebody listens.
        pub(crate) fn end_in_line(&self, opened: Opened) -> Option<(Wakee, Line, bool)> {
            self.with(opened, |wait| {
                let line = wait.line.take()?;
                wait.outcome = Outcome::CycleReturned;
                Some((mem::take(&mut wait.wakee), line, mem::take(&mut wait.listened)))
            })?
        }

        /// Notes when the time of a wait is over.
        pub(crate) fn set_deadline(&self, opened: Opened, at: Tick) {
            self.with(opened, |wait| wait.deadline = Some(at));
        }

        /// Says that it is to be looked at whether a wait is part of a circle, or no more; whether that is new.
        pub(crate) fn set_looks(&self, opened: Opened, looks: Option<u8>) -> bool {
            let before = self.with(opened, |wait| mem::replace(&mut wait.looks, looks));
            before.is_some_and(|before| before.is_none())
        }

        /// When a timer of a wait is to fire, seen from `now`, and the one to be cancelled first; none if all is as it should be.
        pub(crate) fn next_alarm(
            &self,
            opened: Opened,
            look_at: impl FnOnce(u8) -> Tick,
        ) -> Option<(Tick, Option<TimerId>)> {
            self.with(opened, |wait| {
                let look = wait.looks.map(|looks| (look_at(looks), Alarm::Look(looks)));
                let over = wait.deadline.map(|at| (at, Alarm::Over));
                let next = match (look, over) {
                    (Some(look), Some(over)) => Some(if look.0 < over.0 { look } else { over }),
                    (look, over) => look.or(over),
                };
                let (at, alarm) = next?;
                if wait.timer.is_some() && wait.due.is_some_and(|(due, _)| due <= at) {
                    return None;
                }
                wait.due = Some((at, alarm));
                Some((at, wait.timer.take()))
            })?
        }

        /// The timer of a wait fired: for what.
        pub(crate) fn fired(&self, opened: Opened) -> Option<Alarm> {
            self.with(opened, |wait| {
                wait.timer = None;
                wait.due.take().map(|(_, alarm)| alarm)
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
                    show(owner.pid.slot(), wait.asked, wait.line);
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

        /// Says that the time is over; what is left of the wait.
        pub(crate) fn expire(&self, opened: Opened) -> Option<Left> {
            self.with(opened, |wait| {
                wait.timer = None;
                wait.due = None;
                let over = if wait.closed_circle { Outcome::Cycle } else { Outcome::Expired };
                wait.stop(over, Outcome::ExpiredInLine)
            })?
        }

        /// Says that who waits was cancelled; what is left of the wait.
        pub(crate) fn cancel(&self, opened: Opened) -> Option<Left> {
            self.with(opened, |wait| wait.stop(Outcome::Cancelled, Outcome::CancelledInLine))?
        }

        /// The waits of all processes that are picked, of those that end when their process is cancelled.
        pub(crate) fn cancellable(&self, mut picks: impl FnMut(u32) -> bool) -> Vec<Opened> {
            let waits = self.waits.borrow();
            let of = |(index, wait): (usize, &Wait)| {
                let owner = wait.owner.filter(|owner| owner.ends_by_cancel)?;
                let is_open = wait.generation != FREE && wait.outcome == Outcome::Open;
                let index = u32::try_from(index).expect("waits are fewer than slots");
                (is_open && picks(owner.pid.slot()))
                    .then_some(Opened { index, generation: wait.generation })
            };
            waits.iter().enumerate().filter_map(of).collect()
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
            let closed_circle = self.with(opened, |wait| wait.closed_circle).unwrap_or(false);
            let outcome = match outcome {
                Outcome::Returned if closed_circle => Outcome::CycleReturned,
                outcome => outcome,
            };
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
