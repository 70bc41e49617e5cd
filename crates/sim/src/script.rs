//! A script is a written case: which trick is played at which of its opportunities, and nothing else.

use crate::trick::Trick;

/// One trick at one moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Cue {
    /// Which.
    pub trick: Trick,
    /// At which of the opportunities for it, from zero.
    pub nth: u64,
    /// How far, where the trick has a measure: bytes of a short transfer, nanoseconds of lateness.
    pub amount: Option<u64>,
}

impl Cue {
    /// The trick at its `nth` opportunity, however far.
    #[must_use]
    pub const fn at(trick: Trick, nth: u64) -> Self {
        Self { trick, nth, amount: None }
    }
}
