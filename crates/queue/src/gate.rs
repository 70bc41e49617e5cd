//! A gate tells one consumer which of its sources have something, and lets it sleep without missing the next.
//!
//! ```text
//! one word   63: asleep | 62..0: a bit for each source
//! producer   fill the queue, raise its bit; who finds the word exactly ASLEEP has to wake the consumer, nobody else
//! consumer   take all bits at once; nothing left to do: add ASLEEP; bits were there already: take them, else sleep
//! ```
//!
//! The word is changed by read-modify-write only and never read without being changed: so a raise either is in what the sleeper
//! finds or has the sleeper in what it finds. Cost: one read-modify-write a raise; one wake a sleep, however many raise.

use crate::line::Line;
use crate::sync::{AtomicU64, Ordering};

const ASLEEP: u64 = 1 << Gate::BITS;

/// The ready bits and the asleep bit of one consumer.
#[derive(Debug)]
pub struct Gate(Line<AtomicU64>);

impl Gate {
    /// How many sources can be told apart.
    pub const BITS: u32 = 63;

    /// Makes a gate whose consumer is awake, with no source named.
    #[must_use]
    pub fn new() -> Self {
        Self(Line::new(AtomicU64::new(0)))
    }

    /// Names a source that has something; true if the caller now has to wake the consumer.
    /// # Panics
    /// If `bit` is not below [`Gate::BITS`].
    #[must_use = "a consumer that sleeps is woken by the one raise that hears `true`"]
    pub fn raise(&self, bit: u32) -> bool {
        assert!(bit < Self::BITS, "a gate has {} bits, numbered from zero", Self::BITS);
        // Release: what was published before is visible to who takes the bit.
        self.0.fetch_or(1 << bit, Ordering::Release) == ASLEEP
    }

    /// Takes the names of all sources raised since the last time, and counts as awake from here on.
    pub fn take(&self) -> Named {
        // Acquire: with a bit we see what was published before it was raised.
        Named(self.0.swap(0, Ordering::Acquire) & !ASLEEP)
    }

    /// Announces sleep; false if a source was named meanwhile, and the consumer goes on with [`Gate::take`] instead.
    #[must_use = "a consumer that hears `false` must not sleep"]
    pub fn fall_asleep(&self) -> bool {
        // Relaxed: that it is one step is all that counts; who must not sleep goes on to `take`, which orders.
        self.0.fetch_or(ASLEEP, Ordering::Relaxed) & !ASLEEP == 0
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

/// The sources that were named, lowest bit first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Named(u64);

impl Named {
    /// Whether `bit` was raised.
    #[must_use]
    pub fn has(self, bit: u32) -> bool {
        self.0.checked_shr(bit).unwrap_or(0) & 1 == 1
    }

    /// Whether nothing was raised.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl Iterator for Named {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        (self.0 != 0).then(|| {
            let bit = self.0.trailing_zeros();
            self.0 &= self.0 - 1;
            bit
        })
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_raise_after_a_sleep_has_to_wake() {
        let gate = Gate::new();
        assert!(!gate.raise(3), "the consumer is awake");
        assert_eq!(gate.take().collect::<Vec<_>>(), [3]);
        assert!(gate.fall_asleep());
        assert!(gate.raise(62));
        assert!(!gate.raise(0));
        assert!(!gate.raise(62));
        assert_eq!(gate.take().collect::<Vec<_>>(), [0, 62]);
        assert!(!gate.raise(1), "taking counts as being awake");
    }

    #[test]
    fn a_consumer_with_a_named_source_does_not_fall_asleep() {
        let gate = Gate::new();
        assert!(!gate.raise(7));
        assert!(!gate.fall_asleep());
        assert!(!gate.raise(8), "who refused sleep is not woken");
        let named = gate.take();
        assert!(named.has(7) && named.has(8) && !named.has(9) && !named.is_empty());
        assert!(gate.fall_asleep());
    }
}
