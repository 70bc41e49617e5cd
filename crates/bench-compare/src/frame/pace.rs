//! The pace of a run: how many rounds there are, and how long each measures.

use std::time::Duration;

/// Rounds are odd in number, so that the median is one of them; many and short, so that what is compared is near in time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) round_count: usize,
    /// For a point of a sweep, which shows a shape and is held against no bar; none leaves the sweep out.
    pub(crate) sweep_round_count: Option<usize>,
    pub(crate) warm_up: Duration,
    pub(crate) window: Duration,
}

impl Pace {
    /// Whether figures of this pace are for whoever is at work, and not to be told.
    pub(crate) fn is_quick(&self) -> bool {
        self.sweep_round_count.is_none()
    }

    /// Figures to be told to others.
    pub(crate) const FULL: Self = Self {
        round_count: 21,
        sweep_round_count: Some(7),
        warm_up: Duration::from_millis(150),
        window: Duration::from_millis(500),
    };

    /// As [`Self::FULL`], for loops in a thread: they settle in a moment, and what disturbs them is as short.
    pub(crate) const FULL_LOOPS: Self = Self {
        round_count: 51,
        sweep_round_count: Some(21),
        warm_up: Duration::from_millis(4),
        window: Duration::from_millis(20),
    };

    /// As [`Self::FULL_LOOPS`], for what must be emptied and filled again between its strokes: fewer rounds, for these are long.
    pub(crate) const FULL_STORES: Self =
        Self { round_count: 15, sweep_round_count: Some(7), ..Self::FULL_LOOPS };

    /// As [`Self::QUICK`], for loops in a thread.
    pub(crate) const QUICK_LOOPS: Self = Self {
        round_count: 11,
        sweep_round_count: None,
        warm_up: Duration::from_millis(2),
        window: Duration::from_millis(10),
    };

    /// As [`Self::FULL`], for what is filled once and looked at: there is nothing to settle and no window.
    pub(crate) const FULL_FILLS: Self = Self {
        round_count: 5,
        sweep_round_count: Some(3),
        warm_up: Duration::ZERO,
        window: Duration::ZERO,
    };

    /// As [`Self::FULL_FILLS`], for what would come out the same again.
    pub(crate) const FULL_REPLAYS: Self =
        Self { round_count: 1, sweep_round_count: Some(1), ..Self::FULL_FILLS };

    /// As [`Self::QUICK`], for what is filled once.
    pub(crate) const QUICK_FILLS: Self =
        Self { round_count: 1, sweep_round_count: None, ..Self::FULL_FILLS };

    /// A comparison in about a minute, to see whether a change is worth a full run.
    pub(crate) const QUICK: Self = Self {
        round_count: 5,
        sweep_round_count: None,
        warm_up: Duration::from_millis(60),
        window: Duration::from_millis(200),
    };
}
