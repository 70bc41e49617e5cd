//! Watermarks are the parts of a cache's limit at which more is done to stay below it.
//!
//! `low`: upkeep evicts down to it. `high`: who writes evicts first, and the cheapest level is refused. `max`: refused.

/// Parts of the limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Watermarks {
    /// Upkeep evicts down to it: 0.90.
    pub low: f64,
    /// Above it writers evict before they put, and level 0 is refused: 0.94.
    pub high: f64,
    /// Above it all are refused: 0.97.
    pub max: f64,
}

impl Default for Watermarks {
    fn default() -> Self {
        Self { low: 0.90, high: 0.94, max: 0.97 }
    }
}

/// Bytes at which the watermarks of a limit stand.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Marked {
    pub(crate) low_bytes: u64,
    pub(crate) high_bytes: u64,
    pub(crate) max_bytes: u64,
}

impl Watermarks {
    pub(crate) fn of(&self, limit_bytes: u64) -> Marked {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a part of a limit, whose last digits do not matter"
        )]
        let part = |part: f64| (limit_bytes as f64 * part) as u64;
        Marked { low_bytes: part(self.low), high_bytes: part(self.high), max_bytes: part(self.max) }
    }
}
