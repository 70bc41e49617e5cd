//! The clock of the measuring side, and its pauses.

use std::time::Duration;

use rustix::thread::nanosleep;
use rustix::time::{ClockId, Timespec, clock_gettime};

/// Nanoseconds since some moment of this machine's.
pub(crate) fn now_ns() -> u64 {
    whole_ns(clock_gettime(ClockId::Monotonic))
}

/// What this thread has used of the CPU so far.
pub(crate) fn own_cpu_ns() -> u64 {
    whole_ns(clock_gettime(ClockId::ThreadCPUTime))
}

/// Waits; a signal may cut it short.
pub(crate) fn pause(length: Duration) {
    let timespec = Timespec::try_from(length).expect("a pause is short");
    // An interrupted pause is followed by another look at what was waited for.
    let _slept = nanosleep(&timespec);
}

/// A time that is not negative, in nanoseconds.
fn whole_ns(time: Timespec) -> u64 {
    let seconds = u64::try_from(time.tv_sec).expect("clocks here start at zero");
    seconds * 1_000_000_000 + u64::try_from(time.tv_nsec).expect("less than a second")
}
