//! The clock is virtual: it goes on when a core waits, to the next thing that happens, and by a step at each entry.
//!
//! It begins some minutes ahead of the machine's own at most, at a round number: a program that looked at that one before
//! is never ahead, and one that sorts its timers by the digits of their moments has them where any other run has them.

use core::time::Duration;

use levada_ring::{Deadline, now};

/// How long an entry into the kernel takes.
const ENTRY: Duration = Duration::from_micros(1);

/// What the beginning is a multiple of: more than four minutes, a round number of milliseconds in powers of two.
const ROUND_NS: u64 = (1 << 18) * 1_000_000;

/// The moment that is now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    begin: Deadline,
    now: Deadline,
}

impl Clock {
    pub(crate) fn new() -> Self {
        let begin = now() + Duration::from_secs(1);
        let begin = Deadline { ns: begin.ns.next_multiple_of(ROUND_NS) };
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
