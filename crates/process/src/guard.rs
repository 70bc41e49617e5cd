//! A guard tells who supervises a process of its end, and says whether the process is then kept to be started anew.
//!
//! ```text
//! live ──end──► kept: paused, with slot, mailbox, senders, leases and account ──start──► live, the next incarnation
//!          └──► let go: as every other process ends
//! ```

use crate::exit::Exit;
use crate::waits::Wakee;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

/// After which ends a process is kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Keep {
    Never,
    /// Unless it ended normally, or because it was cancelled.
    Crashed,
    Always,
}

/// What a supervised process has of its supervisor.
#[derive(Debug)]
pub(crate) struct Guard {
    exits: Rc<Exits>,
    child: usize,
    keep: Cell<Keep>,
}

impl Guard {
    pub(crate) fn new(exits: &Rc<Exits>, child: usize, keep: Keep) -> Self {
        Self { exits: Rc::clone(exits), child, keep: Cell::new(keep) }
    }

    pub(crate) fn set_keep(&self, keep: Keep) {
        self.keep.set(keep);
    }

    /// Whether a process that ends by `exit` is kept.
    pub(crate) fn keeps(&self, exit: &Exit) -> bool {
        match self.keep.get() {
            Keep::Never => false,
            Keep::Crashed => !matches!(exit, Exit::Normal | Exit::Cancelled),
            Keep::Always => true,
        }
    }

    /// Notes for the supervisor that it has ended; whom to wake.
    pub(crate) fn note(&self, exit: Exit, is_kept: bool) -> Wakee {
        self.exits.queue.borrow_mut().push_back(Gone { child: self.child, exit, is_kept });
        self.exits.wakee.take()
    }
}

/// A child that has ended.
#[derive(Debug)]
pub(crate) struct Gone {
    pub(crate) child: usize,
    pub(crate) exit: Exit,
    pub(crate) is_kept: bool,
}

/// The ends of a supervisor's children that it has not dealt with: at most one for each.
#[derive(Debug, Default)]
pub(crate) struct Exits {
    queue: RefCell<VecDeque<Gone>>,
    wakee: RefCell<Wakee>,
}

impl Exits {
    /// Takes the first.
    pub(crate) fn take(&self) -> Option<Gone> {
        self.queue.borrow_mut().pop_front()
    }

    /// Says whom to wake when the next comes; who was to be woken before.
    pub(crate) fn set_wakee(&self, wakee: Wakee) -> Wakee {
        self.wakee.replace(wakee)
    }
}
