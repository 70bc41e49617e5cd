//! A control block is all that a core keeps of an idle process beside its future: 128 B, two adjacent cache lines.
//!
//! ```text
//!   0  generation u32 | flags u16 | receiver u16            64  cause of the root 24
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
use crate::bounds::Class;
use crate::budget::Budget;
use crate::cause::Cause;
use crate::closed::Closed;
use crate::exit::Down;
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
pub(crate) const READY_ROOT: u32 = 1;
/// Some task is to be polled.
pub(crate) const READY_TASKS: u32 = 2;

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

const LIFE: u16 = 3;
const LISTED: u16 = 1 << 2;
const RUNNING: u16 = 1 << 3;
const KILLED: u16 = 1 << 4;
const BACKGROUND: u16 = 1 << 5;
const DEAF: u16 = 1 << 6;
const CLOSED_SHIFT: u16 = 8;
const CLOSED: u16 = 7 << CLOSED_SHIFT;
const UNBOUND: u16 = 1 << 14;
const FLUSHED: u16 = 1 << 15;

/// The state of one process.
#[repr(C, align(128))]
pub(crate) struct Block {
    pub(crate) generation: Cell<u32>,
    flags: Cell<u16>,
    /// Which task waits for a message.
    pub(crate) receiver: Cell<u16>,
    pub(crate) next: Cell<u32>,
    pub(crate) ready: Cell<u32>,
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
    /// Who waits until so much is taken.
    pub(crate) marks: RefCell<Marks>,
    /// How many messages were accepted and, its mailbox dropped, not taken.
    pub(crate) undelivered: Cell<u32>,
    /// By whom it was killed, and why.
    pub(crate) killed: Cell<Option<(Option<Pid>, &'static str)>>,
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
            flags: Cell::new(Life::Vacant as u16),
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
        self.flags.set(self.flags.get() & !LIFE | life as u16);
    }

    /// Begins a life: nothing is left of the one before.
    pub(crate) fn begin(&self, class: Class) {
        self.flags.set(Life::Live as u16 | if class == Class::Background { BACKGROUND } else { 0 });
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
        let flags = self.flags.get() & (LIFE | RUNNING | KILLED | UNBOUND);
        (is_still && flags == Life::Live as u16 && self.wait_count.get() == 1)
            .then(|| self.wait_mix.get())
    }

    /// Says that something not known here may wake it, or answer the calls that it took.
    pub(crate) fn unbind(&self) {
        self.set(UNBOUND, true);
    }

    fn has(&self, flag: u16) -> bool {
        self.flags.get() & flag != 0
    }

    fn set(&self, flag: u16, on: bool) {
        self.flags.set(if on { self.flags.get() | flag } else { self.flags.get() & !flag });
    }

    /// Says that it stands in a list of those that are ready; false if it does already, or this is its turn.
    #[inline]
    pub(crate) fn begin_listed(&self) -> bool {
        let flags = self.flags.get();
        let begins = flags & (LISTED | RUNNING) == 0;
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
    pub(crate) fn is_killed(&self) -> bool {
        self.has(KILLED)
    }

    /// Notes that it is to end; the first who says so stays in memory.
    pub(crate) fn kill(&self, by: Option<Pid>, why: &'static str) {
        if !self.is_killed() {
            self.extra_or_new().killed.set(Some((by, why)));
            self.set(KILLED, true);
        }
    }

    /// Whether its mailbox was dropped: nobody will take what still comes.
    #[inline]
    pub(crate) fn is_deaf(&self) -> bool {
        self.has(DEAF)
    }

    pub(crate) fn set_deaf(&self) {
        self.set(DEAF, true);
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
        self.flags.get() & (LIFE | CLOSED) == Life::Live as u16
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
            let bits = u16::try_from(why.to_bits()).expect("reasons fit three bits");
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
