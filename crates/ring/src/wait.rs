//! A deadline is a moment of the monotonic clock, and a wait says until when a pass may sleep.

use core::ops::{Add, Sub};
use core::time::Duration;

/// A moment, in nanoseconds of the monotonic clock. Only a driver reads that clock.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Deadline {
    /// Nanoseconds since the clock's own beginning.
    pub ns: u64,
}

impl Deadline {
    /// Later than any other.
    pub const NEVER: Self = Self { ns: u64::MAX };
}

impl Add<Duration> for Deadline {
    type Output = Self;

    fn add(self, later: Duration) -> Self {
        Self { ns: self.ns.saturating_add(u64::try_from(later.as_nanos()).unwrap_or(u64::MAX)) }
    }
}

impl Sub for Deadline {
    type Output = Duration;

    /// How long from `earlier` to here; zero if it is not earlier.
    fn sub(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.ns.saturating_sub(earlier.ns))
    }
}

/// Until when a pass may sleep if nothing is complete.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wait {
    /// Not at all.
    No,
    /// Until the first completion, a wake, or this moment.
    Until(Deadline),
}

impl Wait {
    /// Until the first completion or a wake, however long.
    pub const ANY: Self = Self::Until(Deadline::NEVER);

    /// The earlier of two ends.
    #[must_use]
    pub fn or_until(self, deadline: Deadline) -> Self {
        match self {
            Self::No => Self::No,
            Self::Until(until) => Self::Until(until.min(deadline)),
        }
    }
}
