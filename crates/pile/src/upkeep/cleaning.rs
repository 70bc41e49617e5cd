//! What is under way of compaction: one compacts at a time, in slices, and the next slice goes on where the last one ended.

use crate::lock::Lock;

/// The steps of a round of compaction, each of which walks all spans.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Step {
    /// Free what is deleted, and give empty spans back.
    #[default]
    Begin,
    /// Give free pages back of spans that hold little.
    Thin,
    /// Empty spans of keepers of which so many eighths are in use at most.
    Move {
        /// How many.
        eighths: u32,
    },
    /// As the first, for what the others emptied.
    End,
}

impl Step {
    /// The one after it; `None` at the end of the round. The emptiest spans are moved first: they cost the least.
    pub(crate) fn next(self) -> Option<Self> {
        match self {
            Self::Begin => Some(Self::Thin),
            Self::Thin => Some(Self::Move { eighths: 2 }),
            Self::Move { eighths: 2 } => Some(Self::Move { eighths: 4 }),
            Self::Move { eighths: 4 } => Some(Self::Move { eighths: 7 }),
            Self::Move { .. } => Some(Self::End),
            Self::End => None,
        }
    }
}

/// Where a round is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Round {
    pub(crate) step: Step,
    /// The span that is looked at next.
    pub(crate) span: u32,
}

/// The round that is under way.
#[derive(Debug, Default)]
pub(crate) struct Cleaning(Lock<State>);

#[derive(Debug, Default)]
struct State {
    round: Round,
    is_taken: bool,
}

impl Cleaning {
    /// Takes the round, unless another has it. No lock is held meanwhile.
    pub(crate) fn take(&self) -> Option<Turn<'_>> {
        let mut state = self.0.lock();
        if state.is_taken {
            return None;
        }
        state.is_taken = true;
        Some(Turn { round: state.round, cleaning: self })
    }
}

/// One who compacts. It leaves the round to the next when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn<'c> {
    pub(crate) round: Round,
    cleaning: &'c Cleaning,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.cleaning.0.lock();
        state.round = self.round;
        state.is_taken = false;
    }
}
