//! How long operations take, told of one in 1,024: so that looking costs less than a hundredth of what is looked at.

use core::array;

use rustix::time::{ClockId, clock_gettime};

use crate::sync::{AtomicU64, Ordering};

/// Steps in each doubling.
const STEPS: u64 = 4;
const ROWS: usize = 160;

/// One of how many operations is timed: where a count of them is a multiple of this.
pub(crate) const SAMPLED: u64 = 1024;

/// How often an operation took how long, in steps of a quarter of a doubling.
#[derive(Debug)]
pub(crate) struct Latencies([AtomicU64; ROWS]);

/// How long an operation took, of those that were timed. Zeros where none was.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Latency {
    /// How many were timed: one in 1,024.
    pub samples: u64,
    /// Half of them were not longer than this, to a quarter.
    pub p50_ns: u64,
    /// All but one in a hundred.
    pub p99_ns: u64,
    /// All but one in ten thousand.
    pub p9999_ns: u64,
}

impl Default for Latencies {
    fn default() -> Self {
        Self(array::from_fn(|_| AtomicU64::new(0)))
    }
}

/// A moment on the machine's clock.
pub(crate) struct Started(u64);

fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

impl Started {
    /// Begins to time an operation.
    #[cold]
    pub(crate) fn now() -> Self {
        Self(now_ns())
    }
}

fn row(ns: u64) -> usize {
    let doubling = u64::from((ns | 1).ilog2());
    let step = if doubling >= 2 { ns >> (doubling - 2) & (STEPS - 1) } else { 0 };
    usize::try_from(doubling * STEPS + step).map_or(ROWS - 1, |row| row.min(ROWS - 1))
}

/// The longest time that is counted in a row.
fn longest_ns(row: usize) -> u64 {
    let (doubling, step) = (row as u64 / STEPS, row as u64 % STEPS);
    if doubling < 2 { (2 << doubling) - 1 } else { ((STEPS + step + 1) << (doubling - 2)) - 1 }
}

impl Latencies {
    /// Ends what `started` began.
    #[cold]
    pub(crate) fn ended(&self, started: &Started) {
        self.count(now_ns().saturating_sub(started.0));
    }

    fn count(&self, ns: u64) {
        self.0[row(ns)].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn look(&self) -> Latency {
        let rows: Vec<u64> = self.0.iter().map(|row| row.load(Ordering::Relaxed)).collect();
        let samples: u64 = rows.iter().sum();
        let all_but = |one_in: u64| {
            let mut left = samples - samples / one_in;
            let row = rows.iter().position(|&count| {
                let is_here = left <= count && left > 0;
                left = left.saturating_sub(count);
                is_here
            });
            row.map_or(0, longest_ns)
        };
        Latency { samples, p50_ns: all_but(2), p99_ns: all_but(100), p9999_ns: all_but(10_000) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_time_is_counted_where_its_row_says() {
        for ns in (0..100_000).chain([u64::MAX / 2, u64::MAX]) {
            let row = row(ns);
            assert!(ns <= longest_ns(row).max(1) || row == ROWS - 1, "{ns} in {row}");
            assert!(
                row == 0 || row == ROWS - 1 || ns < 4 || ns > longest_ns(row - 1),
                "{ns} in {row}"
            );
        }
    }

    #[test]
    fn a_quantile_is_the_time_that_so_many_were_not_longer_than() {
        let latencies = Latencies::default();
        assert_eq!(latencies.look(), Latency::default());
        for _ in 0..98 {
            latencies.count(100);
        }
        latencies.count(5000);
        latencies.count(1_000_000);
        let look = latencies.look();
        assert_eq!(look.samples, 100);
        assert!((100..128).contains(&look.p50_ns) && (5000..6300).contains(&look.p99_ns));
        assert!(look.p9999_ns >= 1_000_000);
    }
}
