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

    /// A comparison in about a minute, to see whether a change is worth a full run.
    pub(crate) const QUICK: Self = Self {
        round_count: 5,
        sweep_round_count: None,
        warm_up: Duration::from_millis(60),
        window: Duration::from_millis(200),
    };
}
