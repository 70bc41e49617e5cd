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

    /// The longest that ends: some 136 years.
    const LONGEST_S: u32 = u32::MAX / 2;

    /// So many seconds; none counts as one, more than 68 years as for ever.
    #[must_use]
    pub fn secs(seconds: u32) -> Self {
        if seconds > Self::LONGEST_S { Self::FOREVER } else { Self(seconds.max(1)) }
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

    #[inline]
    pub(crate) fn now_s(&self) -> u32 {
        u32::try_from(self.now_ms() / 1000).unwrap_or(u32::MAX)
    }
}
