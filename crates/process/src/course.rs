//! The course of a core is what runs at this moment: which process, which of its tasks, on behalf of what.

use crate::cause::Cause;
use crate::onlook::Onlook;
use crate::pid::Pid;
use crate::tick::Tick;
use std::cell::{Cell, RefCell};
use std::sync::Arc;

/// What runs now.
#[derive(Debug)]
pub(crate) struct Course {
    /// Whose turn it is, or who is being taken apart.
    pub(crate) pid: Cell<Option<Pid>>,
    /// Which of its tasks; zero is the root.
    pub(crate) task: Cell<u16>,
    /// On behalf of what.
    pub(crate) cause: SeenCause,
    /// Whether it was cancelled, so that what it begins to wait for ends at once.
    pub(crate) cancelled: Cell<bool>,
    /// Whether what runs goes on although its process is cancelled.
    pub(crate) finishing: Cell<bool>,
    /// Whether it is taken apart after a crash, so that what it drops was not dropped by choice.
    pub(crate) crashing: Cell<bool>,
    /// Where a panic happened that is on its way through a turn.
    pub(crate) panicked_at: RefCell<Option<Box<str>>>,
    /// The last reading of the clock, and whether that was in this turn.
    tick: Cell<Tick>,
    fresh: Cell<bool>,
}

/// On behalf of what runs what runs, where a watchdog sees it too.
#[derive(Debug)]
pub(crate) struct SeenCause(Arc<Onlook>);

impl SeenCause {
    #[inline]
    pub(crate) fn get(&self) -> Cause {
        self.0.cause()
    }

    #[inline]
    pub(crate) fn set(&self, cause: Cause) {
        self.0.set_cause(cause);
    }
}

impl Course {
    /// What others see of it.
    #[inline]
    pub(crate) fn onlook(&self) -> &Arc<Onlook> {
        &self.cause.0
    }

    pub(crate) fn new(now: Tick) -> Self {
        Self {
            pid: Cell::new(None),
            task: Cell::new(0),
            cause: SeenCause(Arc::default()),
            cancelled: Cell::new(false),
            finishing: Cell::new(false),
            crashing: Cell::new(false),
            panicked_at: RefCell::new(None),
            tick: Cell::new(now),
            fresh: Cell::new(true),
        }
    }

    /// The last reading of the clock, however old.
    #[inline]
    pub(crate) fn tick(&self) -> Tick {
        self.tick.get()
    }

    /// Notes a reading of the clock.
    #[inline]
    pub(crate) fn set_tick(&self, now: Tick) {
        self.tick.set(now);
        self.fresh.set(true);
    }

    /// Whether the clock was read in this turn.
    pub(crate) fn is_fresh(&self) -> bool {
        self.fresh.get()
    }

    /// Begins a turn, or the taking apart of a process.
    #[inline]
    pub(crate) fn enter(&self, pid: Pid) {
        self.pid.set(Some(pid));
        self.cancelled.set(false);
        self.finishing.set(false);
        self.fresh.set(false);
    }

    /// Ends it.
    #[inline]
    pub(crate) fn leave(&self) {
        self.pid.set(None);
    }
}
