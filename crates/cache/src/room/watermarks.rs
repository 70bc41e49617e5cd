//! Watermarks are the parts of a cache's limit at which more is done to stay below it.
//!
//! `low`: upkeep evicts down to it. `high`: who writes evicts first, and the cheapest level is refused. `max`: refused.

use crate::error::OptionError;

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

impl Watermarks {
    /// Whether they rise, from a half to nearly all.
    pub(crate) fn check(&self) -> Result<(), OptionError> {
        let rises = 0.5 <= self.low && self.low <= self.high && self.high <= self.max;
        if rises && self.max <= 0.99 { Ok(()) } else { Err(OptionError::Watermarks(*self)) }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watermarks_that_do_not_rise_are_refused() {
        let usual = Watermarks::default();
        assert_eq!(usual.check(), Ok(()));
        for wrong in [
            Watermarks { low: 0.95, ..usual },
            Watermarks { low: 0.4, ..usual },
            Watermarks { max: 1.0, ..usual },
            Watermarks { high: f64::NAN, ..usual },
        ] {
            assert!(wrong.check().is_err(), "{wrong:?}");
        }
        assert_eq!(usual.of(100).high_bytes, 94);
    }
}
