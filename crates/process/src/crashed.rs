//! What was asked in calls that just ended because the callee crashed: kept until the report of the crash has come by.
//!
//! The news of the crash comes to the core of who called by the same lane as the report, ahead of it. Who called may run between
//! the two, if they come in different passes, and his wait is then closed.

use crate::cause::Sequence;
use crate::events::Event;
use std::cell::{Cell, RefCell};

/// How many are kept.
const KEPT: usize = 64;

/// The last calls that ended so.
#[derive(Debug, Default)]
pub(crate) struct Crashed {
    asked: RefCell<Vec<Event>>,
    next: Cell<usize>,
}

impl Crashed {
    /// Keeps what was asked.
    pub(crate) fn keep(&self, asked: Event) {
        let kept = &mut *self.asked.borrow_mut();
        if kept.len() < KEPT {
            return kept.push(asked);
        }
        kept[self.next.get()] = asked;
        self.next.set((self.next.get() + 1) % KEPT);
    }

    /// What was asked with this step, if it is kept.
    pub(crate) fn find(&self, sequence: Sequence) -> Option<Event> {
        self.asked.borrow().iter().copied().find(|event| event.sequence == sequence)
    }
}
