//! A life is how long a record is there; it ends on the second by the pile's clock, whether anybody looks or not.

use core::fmt;
use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::time::{ClockId, clock_gettime};

/// How long a record lives, in whole seconds: at least as long as was said, and less than one second more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Life(u32);

impl Life {
    /// Until it is deleted.
    pub const FOREVER: Self = Self(0);

    /// The expiry of a record that has room for one and lives until it is deleted.
    pub(crate) const NEVER_S: u32 = u32::MAX;

    /// The longest that ends: some 136 years.
    const LONGEST_S: u32 = u32::MAX / 2;

    /// So many seconds; none counts as one, more than 68 years as for ever.
    #[must_use]
    pub fn secs(seconds: u32) -> Self {
        if seconds > Self::LONGEST_S { Self::FOREVER } else { Self(seconds.max(1)) }
    }

    /// How many seconds; none for what lives for ever.
    #[inline]
    #[must_use]
    pub const fn as_secs(self) -> u32 {
        self.0
    }

    /// The bucket that a record with this life goes to, unless it goes to the mixed one.
    #[inline]
    pub(crate) fn bucket(self) -> u8 {
        if self == Self::FOREVER { FOREVER } else { bucket_of(self.0) }
    }

    /// When a record with this life, put at `now_s`, is no more; `None` if never.
    #[inline]
    pub(crate) fn expiry_s(self, now_s: impl FnOnce() -> u32) -> Option<u32> {
        if self == Self::FOREVER {
            return None;
        }
        Some(now_s().saturating_add(self.0).saturating_add(1))
    }
}

/// Buckets of lives: for ever, and mixed; each further one holds lives within a quarter of one another, four for each
/// doubling, up to 388 days and beyond.
pub(crate) const FOREVER: u8 = 0;
pub(crate) const MIXED: u8 = 1;
const FIRST: u8 = 2;
pub(crate) const BUCKETS: usize = LAST as usize + 1;

/// The bucket of a life of so many seconds, at least one.
#[inline]
pub(crate) fn bucket_of(life_s: u32) -> u8 {
    let doublings = life_s.max(1).ilog2();
    let quarter = (u64::from(life_s) << 2 >> doublings) & 3;
    let quarter = quarter as u32;
    let bucket = u32::from(FIRST) + 4 * doublings + quarter;
    u8::try_from(bucket).map_or(LAST, |bucket| bucket.min(LAST))
}

/// The last bucket, of all longer lives.
const LAST: u8 = 103;

/// The shortest life of a bucket; of those that say nothing of it, none.
pub(crate) fn shortest_s(bucket: u8) -> u32 {
    let Some(row) = bucket.checked_sub(FIRST) else { return 0 };
    let (doublings, quarter) = (u32::from(row.min(LAST - FIRST)) / 4, u32::from(row) % 4);
    u32::try_from((u64::from(4 + quarter) << doublings) >> 2).expect("at most 2^26")
}

impl From<Duration> for Life {
    /// Rounded up to whole seconds.
    fn from(life: Duration) -> Self {
        let seconds = life.as_secs() + u64::from(life.subsec_nanos() > 0);
        u32::try_from(seconds).map_or(Self::FOREVER, Self::secs)
    }
}

/// Where a pile takes the time from.
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    System,
    Shared(Arc<AtomicU64>),
}

impl Clock {
    /// The machine's monotonic clock, in the coarse form that is read without a system call.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock whose milliseconds somebody else writes: a core's loop, or a test. It must not run backwards.
    #[must_use]
    pub fn shared(milliseconds: Arc<AtomicU64>) -> Self {
        Self(Source::Shared(milliseconds))
    }

    pub(crate) fn now_ms(&self) -> u64 {
        match &self.0 {
            Source::System => {
                let now = clock_gettime(ClockId::MonotonicCoarse);
                let (seconds, nanoseconds) =
                    (now.tv_sec.unsigned_abs(), now.tv_nsec.unsigned_abs());
                seconds * 1000 + nanoseconds / 1_000_000
            }
            Source::Shared(milliseconds) => milliseconds.load(Ordering::Relaxed),
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = match self.0 {
            Source::System => "system",
            Source::Shared(_) => "shared",
        };
        f.debug_tuple("Clock").field(&source).finish()
    }
}

/// The seconds of a pile: its clock's, from when it was opened, and those that it was old then.
#[derive(Debug)]
pub(crate) struct Seconds {
    clock: Clock,
    zero_ms: u64,
    age_ms: u64,
}

impl Seconds {
    /// Of a pile that is so old already.
    pub(crate) fn new(clock: Clock, age_ms: u64) -> Self {
        let zero_ms = clock.now_ms();
        Self { clock, zero_ms, age_ms }
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.age_ms.saturating_add(self.clock.now_ms().saturating_sub(self.zero_ms))
    }

    /// The clock's own milliseconds, which piles that have the same clock agree on.
    pub(crate) fn clock_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    #[inline]
    pub(crate) fn now_s(&self) -> u32 {
        u32::try_from(self.now_ms() / 1000).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lives_of_a_bucket_are_within_a_quarter_of_one_another() {
        for life_s in (1..100_000).chain((1..26).map(|bit| 1 << bit)).chain([u32::MAX / 2]) {
            let shortest_s = shortest_s(bucket_of(life_s));
            assert!(shortest_s <= life_s, "{shortest_s} of {life_s}");
            assert!(life_s > 388 * 86_400 || life_s - shortest_s <= life_s / 4, "{life_s}");
            assert_eq!(bucket_of(shortest_s), bucket_of(life_s));
        }
    }
}
