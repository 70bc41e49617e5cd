//! A pid names one process, and never a later one in the same slot.
//!
//! ```text
//! 63        54 53           30 29               0
//! | core  10 | slot       24  | generation    30 |      generation 0 is nobody's, so an `Option<Pid>` is 8 B too
//! ```

use std::fmt;
use std::num::NonZeroU64;

/// How many cores can be told apart.
pub(crate) const CORES_MAX: u16 = 1 << 10;
/// How many slots a core can have.
pub(crate) const SLOTS_MAX: u32 = 1 << 24;
/// The last generation; a slot that has come to it is used no more.
pub(crate) const GENERATION_MAX: u32 = (1 << 30) - 1;

/// One core: a thread that runs processes.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CoreId(u16);

impl CoreId {
    pub(crate) fn new(number: u16) -> Self {
        assert!(number < CORES_MAX, "a core has one of {CORES_MAX} numbers");
        Self(number)
    }

    /// The core's number, from zero.
    #[must_use]
    pub fn number(self) -> u16 {
        self.0
    }
}

impl fmt::Display for CoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "core {}", self.0)
    }
}

/// The name of a process.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Pid(NonZeroU64);

impl Pid {
    /// # Panics
    /// If a part does not fit its bits, or the generation is zero.
    pub(crate) fn new(core: CoreId, slot: u32, generation: u32) -> Self {
        assert!(slot < SLOTS_MAX && generation <= GENERATION_MAX, "a pid's parts fit their bits");
        let word = u64::from(core.0) << 54 | u64::from(slot) << 30 | u64::from(generation);
        Self(NonZeroU64::new(word).filter(|_| generation > 0).expect("a generation begins at one"))
    }

    /// The core that the process runs on, for life.
    #[must_use]
    pub fn core(self) -> CoreId {
        CoreId(bits(self.0.get() >> 54))
    }

    /// Where on its core its control block is.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "masked to 24 bits")]
    pub fn slot(self) -> u32 {
        (self.0.get() >> 30) as u32 & (SLOTS_MAX - 1)
    }

    /// Which of the processes that had this slot it is.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "masked to 30 bits")]
    pub fn generation(self) -> u32 {
        self.0.get() as u32 & GENERATION_MAX
    }

    /// The pid that gave these bits; none gave zero.
    pub(crate) fn from_bits(bits: u64) -> Option<Self> {
        NonZeroU64::new(bits).map(Self)
    }

    /// All three parts in one word.
    #[must_use]
    pub fn to_bits(self) -> u64 {
        self.0.get()
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the callers pass ten bits")]
fn bits(word: u64) -> u16 {
    word as u16
}

impl fmt::Debug for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}.{}.{}>", self.core().0, self.slot(), self.generation())
    }
}

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_gives_back_the_parts_that_it_was_made_of() {
        for (core, slot, generation) in
            [(0, 0, 1), (1023, SLOTS_MAX - 1, GENERATION_MAX), (7, 1 << 20, 3)]
        {
            let pid = Pid::new(CoreId::new(core), slot, generation);
            assert_eq!(
                (pid.core().number(), pid.slot(), pid.generation()),
                (core, slot, generation)
            );
        }
        assert_eq!(size_of::<Option<Pid>>(), 8);
    }

    #[test]
    #[should_panic(expected = "a generation begins at one")]
    fn generation_zero_is_nobodys() {
        let _ = Pid::new(CoreId::new(0), 0, 0);
    }
}
