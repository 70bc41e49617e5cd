//! A control block is all that a core keeps of an idle process beside its future: 128 B, two adjacent cache lines.
//!
//! ```text
//!   0  generation u32 | flags u32                           64  cause of the root 24
//!   8  next in a list u32 | ready bits u32                  88  kind u32 | turns u32
//!  16  root: data, table                                    96  extra: null, or tasks, monitors, lessees
//!  32  mail: last chunk | head queued bound leased          104  messages u64
//!  48        bytes held, bound                              112  budget: null, or whom it is charged to 8
//!  56  line of those who wait for room u32                   120  open waits: how many u32, their indices xored u32
//! ```
//!
//! Touched by its own core only, no atomics.

use crate::address::ReplyTo;
use crate::body::Body;
use crate::bounds::{Class, Full};
use crate::budget::Budget;
use crate::cause::Cause;
use crate::closed::Closed;
use crate::exit::{Down, Exit};
use crate::failure::Failure;
use crate::guard::Guard;
use crate::heap_cell::AnyHeap;
use crate::lines::Queue;
use crate::mail::Mail;
use crate::marks::Marks;
use crate::pid::{CoreId, Pid};
use crate::tasks::Tasks;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;

/// The root is to be polled.
pub(crate) const READY_ROOT: u16 = 1;
/// Some task is to be polled.
pub(crate) const READY_TASKS: u16 = 2;

/// Nobody waits for a message.
pub(crate) const NOBODY: u16 = u16::MAX;
/// Who waits for a message is in the extra.
pub(crate) const OTHER: u16 = u16::MAX - 1;

/// How far the life of a process has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Life {
    /// There is none.
    Vacant,
    /// It runs.
    Live,
    /// It is being taken apart.
    Ending,
    /// It is over; its slot rests until the last sender is gone.
    Resting,
}

const LIFE: u32 = 3;
const LISTED: u32 = 1 << 2;
const RUNNING: u32 = 1 << 3;
const DOOMED: u32 = 1 << 4;
const BACKGROUND: u32 = 1 << 5;
const DEAF: u32 = 1 << 6;
const DEALS: u32 = 1 << 7;
const CANCELLED: u32 = 1 << 11;
const SUPERVISED: u32 = 1 << 12;
const PAUSED: u32 = 1 << 13;
const LEFT: u32 = 1 << 14;
const CLOSED_SHIFT: u32 = 8;
const CLOSED: u32 = 7 << CLOSED_SHIFT;
const UNBOUND: u32 = 1 << 15;
const FLUSHED: u32 = 1 << 16;
const SUSPECTED: u32 = 1 << 17;

/// The state of one process.
#[repr(C, align(128))]
pub(crate) struct Block {
    pub(crate) generation: Cell<u32>,
    flags: Cell<u32>,
    pub(crate) next: Cell<u32>,
    pub(crate) ready: Cell<u16>,
    /// Which task waits for a message.
    pub(crate) receiver: Cell<u16>,
    pub(crate) root: Cell<Option<Body>>,
    pub(crate) mail: Mail,
    pub(crate) line: Queue,
    pub(crate) cause: Cell<Cause>,
    pub(crate) kind: Cell<u32>,
    pub(crate) turns: Cell<u32>,
    extra: Cell<Option<Rc<Extra>>>,
    pub(crate) messages: Cell<u64>,
    budget: Cell<Option<Arc<Budget>>>,
    /// How many waits of it are open, and which, if it is one: all their indices, each xored in and out.
    wait_count: Cell<u32>,
    wait_mix: Cell<u32>,
}

const _: () = assert!(size_of::<Block>() == 128);

/// What an idle process that does little has not.
#[derive(Default)]
pub(crate) struct Extra {
    pub(crate) tasks: Tasks,
    /// Who waits for a message, if it is no task of the process.
    pub(crate) receiver: Cell<Option<Waker>>,
    pub(crate) monitors: RefCell<Vec<ReplyTo<Down>>>,
    pub(crate) lessees: RefCell<Vec<Lessee>>,
    /// Whom it is linked with.
    pub(crate) links: RefCell<Vec<Pid>>,
    /// Who wants to hear that it is cancelled, and is no task of the process.
    pub(crate) on_cancel: RefCell<Vec<Waker>>,
    /// Who is told of its end, and what is then to become of it.
    pub(crate) guard: RefCell<Option<Guard>>,
    /// What its root came to, while tasks finish what it left.
    pub(crate) outcome: Cell<Option<Result<(), Failure>>>,
    /// How often it was started anew.
    pub(crate) restarts: Cell<u32>,
    /// Who waits until so much is taken.
    pub(crate) marks: RefCell<Marks>,
    /// How many messages were accepted and, its mailbox dropped, not taken.
    pub(crate) undelivered: Cell<u32>,
    /// How it is to end at the next boundary of its turns.
    pub(crate) doom: Cell<Option<Exit>>,
    /// Its own heap, if it asked for one.
    heap: RefCell<Option<Rc<dyn AnyHeap>>>,
}

impl Extra {
    pub(crate) fn heap(&self) -> Option<Rc<dyn AnyHeap>> {
        self.heap.borrow().clone()
    }

    pub(crate) fn heap_or(&self, make: impl FnOnce() -> Rc<dyn AnyHeap>) -> Rc<dyn AnyHeap> {
        Rc::clone(self.heap.borrow_mut().get_or_insert_with(make))
    }

    pub(crate) fn take_heap(&self) -> Option<Rc<dyn AnyHeap>> {
        self.heap.take()
    }
}

/// A core that was granted room in the mailbox.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lessee {
    pub(crate) core: CoreId,
    /// The number of the last grant.
    pub(crate) serial: u32,
    /// Whether something of it may be unused.
    pub(crate) holds: bool,
    /// Whether it was asked to give back what is unused.
    pub(crate) recalled: bool,
}

impl Block {
    pub(crate) const fn vacant(generation: u32) -> Self {
        Self {
            generation: Cell::new(generation),
            flags: Cell::new(Life::Vacant as u32),
            receiver: Cell::new(NOBODY),
            next: Cell::new(0),
            ready: Cell::new(0),
            root: Cell::new(None),
            mail: Mail::new(),
            line: Queue::new(),
            cause: Cell::new(Cause::NONE),
            kind: Cell::new(0),
            turns: Cell::new(0),
            extra: Cell::new(None),
            messages: Cell::new(0),
            budget: Cell::new(None),
            wait_count: Cell::new(0),
            wait_mix: Cell::new(0),
        }
    }

    #[inline]
    pub(crate) fn life(&self) -> Life {
        match self.flags.get() & LIFE {
            0 => Life::Vacant,
            1 => Life::Live,
            2 => Life::Ending,
            _ => Life::Resting,
        }
    }

    pub(crate) fn set_life(&self, life: Life) {
        self.flags.set(self.flags.get() & !LIFE | life as u32);
    }

    /// Begins a life: nothing is left of the one before.
    pub(crate) fn begin(&self, class: Class, full: Full) {
        self.flags.set(Life::Live as u32);
        self.set(BACKGROUND, class == Class::Background);
        self.set(DEALS, full.is_dealt_with_on_arrival());
        self.receiver.set(NOBODY);
        self.ready.set(0);
        self.turns.set(0);
        self.messages.set(0);
        self.wait_count.set(0);
        self.wait_mix.set(0);
    }

    /// Notes a wait that was opened.
    #[inline]
    pub(crate) fn begin_wait(&self, index: u32) {
        self.wait_count.set(self.wait_count.get() + 1);
        self.wait_mix.set(self.wait_mix.get() ^ index);
    }

    /// Notes a wait that was closed.
    #[inline]
    pub(crate) fn end_wait(&self, index: u32) {
        self.wait_count.set(self.wait_count.get() - 1);
        self.wait_mix.set(self.wait_mix.get() ^ index);
    }

    /// The one wait that is open, if it can do nothing before that ends: it is not ready, waits for no message, and nothing
    /// unknown may wake it or answer in its place. Its tasks are not looked at.
    #[inline]
    pub(crate) fn only_wait(&self) -> Option<u32> {
        let is_still = self.ready.get() == 0 && self.receiver.get() == NOBODY;
        let flags = self.flags.get() & (LIFE | RUNNING | DOOMED | UNBOUND);
        (is_still && flags == Life::Live as u32 && self.wait_count.get() == 1)
            .then(|| self.wait_mix.get())
    }

    /// Says that it may have closed a circle; false if that was said before.
    #[inline]
    pub(crate) fn begin_suspected(&self) -> bool {
        let begins = !self.has(SUSPECTED);
        self.set(SUSPECTED, true);
        begins
    }

    /// Says that this was looked at.
    pub(crate) fn end_suspected(&self) {
        self.set(SUSPECTED, false);
    }

    /// Says that something not known here may wake it, or answer the calls that it took.
    pub(crate) fn unbind(&self) {
        self.set(UNBOUND, true);
    }

    fn has(&self, flag: u32) -> bool {
        self.flags.get() & flag != 0
    }

    fn set(&self, flag: u32, on: bool) {
        self.flags.set(if on { self.flags.get() | flag } else { self.flags.get() & !flag });
    }

    /// Says that it stands in a list of those that are ready; false if it does already, or this is its turn.
    #[inline]
    pub(crate) fn begin_listed(&self) -> bool {
        let flags = self.flags.get();
        let begins = flags & (LISTED | RUNNING | PAUSED) == 0;
        if begins {
            self.flags.set(flags | LISTED);
        }
        begins
    }

    /// Says that it stands in none any more.
    #[inline]
    pub(crate) fn end_listed(&self) {
        self.flags.set(self.flags.get() & !LISTED);
    }

    /// Says whether this is its turn.
    #[inline]
    pub(crate) fn set_running(&self, running: bool) {
        self.set(RUNNING, running);
    }

    /// Whether it is to end at the next turn boundary.
    #[inline]
    pub(crate) fn is_doomed(&self) -> bool {
        self.has(DOOMED)
    }

    /// Notes that it is to end, and how; what was said first stays.
    pub(crate) fn doom(&self, exit: Exit) {
        if !self.is_doomed() {
            self.extra_or_new().doom.set(Some(exit));
            self.set(DOOMED, true);
        }
    }

    /// How it is to end, if that was said.
    pub(crate) fn take_doom(&self) -> Option<Exit> {
        self.set(DOOMED, false);
        self.extra()?.doom.take()
    }

    /// Whether it was cancelled.
    #[inline]
    pub(crate) fn is_cancelled(&self) -> bool {
        self.has(CANCELLED)
    }

    /// Says that it is cancelled; false if it was before.
    pub(crate) fn set_cancelled(&self) -> bool {
        let is_first = !self.is_cancelled();
        self.set(CANCELLED, true);
        is_first
    }

    /// Whether somebody is told of its end, and may start it anew.
    #[inline]
    pub(crate) fn is_supervised(&self) -> bool {
        self.has(SUPERVISED)
    }

    pub(crate) fn set_supervised(&self) {
        self.set(SUPERVISED, true);
    }

    /// Whether it waits to be started: it has a mailbox, and nothing that runs.
    pub(crate) fn is_paused(&self) -> bool {
        self.has(PAUSED)
    }

    /// Ends an incarnation: until the next is begun nothing makes it ready.
    pub(crate) fn pause(&self) {
        self.set(PAUSED, true);
        self.receiver.set(NOBODY);
        self.ready.set(0);
    }

    /// Begins an incarnation; how it was to end is forgotten, unless that was said since the last one ended.
    pub(crate) fn resume(&self) {
        self.set(PAUSED | CANCELLED | LEFT | UNBOUND, false);
    }

    /// Whether something is to be done when its turn is over: it is doomed, or its mailbox was dropped.
    #[inline]
    pub(crate) fn has_afterwards(&self) -> bool {
        self.has(DOOMED | LEFT)
    }

    /// Says that its mailbox was dropped in this turn: if it does not end by that, nobody will take what comes.
    pub(crate) fn set_left(&self) {
        self.set(LEFT, true);
    }

    /// Whether its mailbox was dropped, and that was not acted on.
    pub(crate) fn take_left(&self) -> bool {
        let left = self.has(LEFT);
        self.set(LEFT, false);
        left
    }

    /// Opens its mailbox again, if it was closed from inside.
    pub(crate) fn reopen(&self) -> bool {
        let reopens = matches!(self.closed(), Some(Closed::ByOwner | Closed::Overflow));
        if reopens {
            self.set(CLOSED | DEAF, false);
        }
        reopens
    }

    /// Whether its mailbox was dropped: nobody will take what still comes.
    #[inline]
    pub(crate) fn is_deaf(&self) -> bool {
        self.has(DEAF)
    }

    pub(crate) fn set_deaf(&self) {
        self.set(DEAF, true);
    }

    /// Whether its mailbox deals with what does not fit, so that others send without room set aside.
    #[inline]
    pub(crate) fn deals_on_arrival(&self) -> bool {
        self.has(DEALS)
    }

    /// Whether other cores may have something on its way here.
    pub(crate) fn is_lent(&self) -> bool {
        let holds = |extra: Rc<Extra>| extra.lessees.borrow().iter().any(|lessee| lessee.holds);
        self.mail.leased() > 0 || self.deals_on_arrival() && self.extra().is_some_and(holds)
    }

    /// Whether somebody waits until what is in its mailbox is taken.
    #[inline]
    pub(crate) fn is_flushed(&self) -> bool {
        self.has(FLUSHED)
    }

    pub(crate) fn set_flushed(&self, flushed: bool) {
        self.set(FLUSHED, flushed);
    }

    pub(crate) fn class(&self) -> Class {
        if self.has(BACKGROUND) { Class::Background } else { Class::Interactive }
    }

    /// Whether it lives and its mailbox takes more.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        self.flags.get() & (LIFE | CLOSED) == Life::Live as u32
    }

    /// Why its mailbox takes no more.
    #[inline]
    pub(crate) fn closed(&self) -> Option<Closed> {
        if !self.has(CLOSED) {
            return None;
        }
        Closed::from_bits(u64::from((self.flags.get() & CLOSED) >> CLOSED_SHIFT))
    }

    /// Closes its mailbox; the first reason stays.
    pub(crate) fn close(&self, why: Closed) {
        if !self.has(CLOSED) {
            let bits = u32::try_from(why.to_bits()).expect("reasons fit three bits");
            self.set(bits << CLOSED_SHIFT, true);
        }
    }

    /// Says whom it is charged to, if not to the account of its core.
    pub(crate) fn set_budget(&self, budget: Option<Arc<Budget>>) {
        self.budget.set(budget);
    }

    pub(crate) fn take_budget(&self) -> Option<Arc<Budget>> {
        self.budget.take()
    }

    /// Lends what it is charged to, if that is not the account of its core.
    #[inline]
    pub(crate) fn with_budget<T>(&self, show: impl FnOnce(Option<&Arc<Budget>>) -> T) -> T {
        /// Puts it back whatever happens.
        struct Lent<'a>(&'a Cell<Option<Arc<Budget>>>, Option<Arc<Budget>>);

        impl Drop for Lent<'_> {
            fn drop(&mut self) {
                self.0.set(self.1.take());
            }
        }

        let lent = Lent(&self.budget, self.budget.take());
        show(lent.1.as_ref())
    }

    pub(crate) fn extra(&self) -> Option<Rc<Extra>> {
        let extra = self.extra.take();
        let clone = extra.clone();
        self.extra.set(extra);
        clone
    }

    pub(crate) fn extra_or_new(&self) -> Rc<Extra> {
        self.extra().unwrap_or_else(|| {
            let extra = Rc::new(Extra::default());
            self.extra.set(Some(Rc::clone(&extra)));
            extra
        })
    }

    pub(crate) fn take_extra(&self) -> Option<Rc<Extra>> {
        self.extra.take()
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (generation, life) = (self.generation.get(), self.life());
        f.debug_struct("Block")
            .field("generation", &generation)
            .field("life", &life)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Extra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Extra").field("lessees", &self.lessees).finish_non_exhaustive()
    }
}
