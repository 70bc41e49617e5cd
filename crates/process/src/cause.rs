//! A cause says on behalf of what something happens: one id for a whole request, and a number for each step of it.
//!
//! A turn takes the cause of the message it handles; what it sends carries the same id and a new number. Cost: 24 B in every
//! message and every process, copied.

use crate::pid::CoreId;
use std::cell::Cell;
use std::fmt;

/// Which request, and which step of it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Cause {
    id: [u64; 2],
    sequence: Sequence,
}

impl Cause {
    /// What has no cause yet.
    pub(crate) const NONE: Self = Self { id: [0; 2], sequence: Sequence(0) };

    pub(crate) fn new(id: u128, sequence: Sequence) -> Self {
        Self { id: [high(id), low(id)], sequence }
    }

    pub(crate) fn from_words(words: [u64; 3]) -> Self {
        Self { id: [words[0], words[1]], sequence: Sequence(words[2]) }
    }

    pub(crate) fn to_words(self) -> [u64; 3] {
        [self.id[0], self.id[1], self.sequence.0]
    }

    /// The same request, another step.
    pub(crate) fn with(self, sequence: Sequence) -> Self {
        Self { id: self.id, sequence }
    }

    /// The id of the request; zero if there is none.
    #[must_use]
    pub fn id(self) -> u128 {
        u128::from(self.id[0]) << 64 | u128::from(self.id[1])
    }

    /// The step.
    #[must_use]
    pub fn sequence(self) -> Sequence {
        self.sequence
    }

    /// Whether this belongs to no request.
    #[must_use]
    pub fn is_none(self) -> bool {
        self.id == [0; 2]
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}-{:016x}", self.id(), self.sequence.0)
    }
}

/// The number of a step: `sampled 1 | core 10 | counter 53`. It names its core and its place among that core's steps.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Sequence(u64);

impl Sequence {
    /// Whether the request's steps are to be kept.
    #[must_use]
    pub fn is_sampled(self) -> bool {
        self.0 >> 63 == 1
    }

    /// The number of the core that counted it.
    #[must_use]
    pub fn core_number(self) -> u16 {
        (self.0 >> 53) as u16 & 0x3ff
    }

    /// How many steps that core had counted before.
    #[must_use]
    pub fn counter(self) -> u64 {
        self.0 & ((1 << 53) - 1)
    }

    /// The step that comes before the first.
    pub(crate) fn begun(sampled: bool) -> Self {
        Self(u64::from(sampled) << 63)
    }

    pub(crate) fn of(core: CoreId, counter: u64, sampled: bool) -> Self {
        Self(u64::from(sampled) << 63 | u64::from(core.number()) << 53 | counter)
    }

    pub(crate) fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// All three parts in one word.
    #[must_use]
    pub fn to_bits(self) -> u64 {
        self.0
    }
}

const SAMPLED: u64 = 1 << 63;

/// A core's count of steps.
#[derive(Debug)]
pub(crate) struct Sequences(Cell<u64>);

impl Sequences {
    /// Of a core whose number counted `first` steps before.
    pub(crate) fn of(core: CoreId, first: u64) -> Self {
        Self(Cell::new(Sequence::of(core, first, false).0))
    }

    /// The next step of `cause`.
    #[inline]
    pub(crate) fn step(&self, cause: Cause) -> Cause {
        let next = self.0.get();
        self.0.set(next + 1);
        cause.with(Sequence(next | cause.sequence.0 & SAMPLED))
    }

    /// The step that was counted last, on behalf of `cause`.
    #[inline]
    pub(crate) fn last(&self, cause: Cause) -> Sequence {
        Sequence((self.0.get() - 1) | cause.sequence.0 & SAMPLED)
    }

    /// The counter of the next.
    pub(crate) fn next(&self) -> u64 {
        Sequence(self.0.get()).counter()
    }
}

fn high(id: u128) -> u64 {
    u64::try_from(id >> 64).unwrap_or_default()
}

#[expect(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
fn low(id: u128) -> u64 {
    id as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_keeps_the_request_and_whether_it_is_sampled() {
        let steps = Sequences::of(CoreId::new(5), 0);
        let begun = Cause::new(0xdead_beef_u128 << 64 | 7, Sequence::begun(true));
        let (first, second) = (steps.step(begun), steps.step(begun));
        assert_eq!((first.id(), second.id()), (begun.id(), begun.id()));
        assert!(first.sequence().is_sampled() && second.sequence().is_sampled());
        assert_eq!((first.sequence().core_number(), first.sequence().counter()), (5, 0));
        assert_eq!(second.sequence().counter(), 1);
        assert!(!steps.step(Cause::NONE).sequence().is_sampled());
        assert_eq!(Cause::from_words(second.to_words()), second);
        assert_eq!(size_of::<Cause>(), 24);
    }
}
