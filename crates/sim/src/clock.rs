//! The clock is virtual: it goes on when a core waits, to the next thing that happens, and by a step at each entry.
//!
//! It begins a second after the machine's own: a program that looked at that one before is never ahead.

use core::time::Duration;

use levada_ring::{Deadline, now};

/// How long an entry into the kernel takes.
const ENTRY: Duration = Duration::from_micros(1);

/// The moment that is now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    begin: Deadline,
    now: Deadline,
}

impl Clock {
    pub(crate) fn new() -> Self {
        let begin = now() + Duration::from_secs(1);
        Self { begin, now: begin }
    }

    pub(crate) fn now(&self) -> Deadline {
        self.now
    }

    /// What it is since the beginning: the same for the same seed.
    pub(crate) fn since_begin(&self) -> Duration {
        self.now - self.begin
    }

    pub(crate) fn enter(&mut self) {
        self.now = self.now + ENTRY;
    }

    /// Lets time pass until `moment`, if that is later.
    pub(crate) fn advance(&mut self, moment: Deadline) {
        self.now = self.now.max(moment);
    }
}
