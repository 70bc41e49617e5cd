//! The clock that drivers read, once for each pass.

use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::wait::Deadline;

/// The moment that is now.
#[must_use]
pub fn now() -> Deadline {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::Monotonic);
    let (s, ns) = (u64::try_from(tv_sec).unwrap_or(0), u64::try_from(tv_nsec).unwrap_or(0));
    Deadline { ns: s.saturating_mul(1_000_000_000).saturating_add(ns) }
}

/// How long the kernel is to wait from `now`, in its own form; `None` for ever.
pub(crate) fn timespec_until(deadline: Deadline, now: Deadline) -> Option<Timespec> {
    if deadline == Deadline::NEVER {
        return None;
    }
    let left = deadline - now;
    let tv_sec = i64::try_from(left.as_secs()).unwrap_or(i64::MAX);
    Some(Timespec { tv_sec, tv_nsec: left.subsec_nanos().into() })
}
