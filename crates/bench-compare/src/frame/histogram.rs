//! A histogram of times: 32 buckets for each doubling, so no time is told wrong by more than about 3 %.
//!
//! Cost: 15 KiB; adding is a shift and an increment.

/// Buckets for each doubling.
const STEP_COUNT: usize = 32;
const STEPS: u64 = STEP_COUNT as u64;
const STEP_BITS: u32 = STEPS.trailing_zeros();
const BUCKET_COUNT: usize = (64 - STEP_BITS as usize + 1) * STEP_COUNT;

/// How often which time occurred.
#[derive(Clone, Debug)]
pub(crate) struct Histogram {
    counts: Box<[u64; BUCKET_COUNT]>,
    total_count: u64,
    longest_ns: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: Box::new([0; BUCKET_COUNT]), total_count: 0, longest_ns: 0 }
    }
}

impl Histogram {
    pub(crate) fn add(&mut self, time_ns: u64) {
        self.counts[bucket_of(time_ns)] += 1;
        self.total_count += 1;
        self.longest_ns = self.longest_ns.max(time_ns);
    }

    pub(crate) fn add_all(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(other.counts.iter()) {
            *count += more;
        }
        self.total_count += other.total_count;
        self.longest_ns = self.longest_ns.max(other.longest_ns);
    }

    /// The time that `permille` of all times do not exceed; nothing if there are none.
    pub(crate) fn quantile_ns(&self, permille: u64) -> Option<u64> {
        let rank = (self.total_count * permille).div_ceil(1000).max(1);
        let mut seen_count = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen_count += count;
            if seen_count >= rank {
                return Some(upper_end_of(bucket).min(self.longest_ns));
            }
        }
        None
    }
}

/// Below `STEPS` each time has its own bucket; above, the top bits choose it.
fn bucket_of(time_ns: u64) -> usize {
    let doublings = (64 - time_ns.leading_zeros()).saturating_sub(STEP_BITS + 1);
    let bucket = u64::from(doublings) * STEPS + (time_ns >> doublings);
    usize::try_from(bucket).expect("below two thousand")
}

fn upper_end_of(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    let doublings = (bucket / STEPS).saturating_sub(1);
    let lower_end = (bucket - doublings * STEPS) << doublings;
    lower_end + ((1 << doublings) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_lies_in_its_bucket_and_near_its_end() {
        for time_ns in (0..200).chain([1_000, 65_535, 65_536, 1 << 40, u64::MAX / 3, u64::MAX]) {
            let end_ns = upper_end_of(bucket_of(time_ns));
            assert!(end_ns >= time_ns, "{time_ns} in a bucket up to {end_ns}");
            assert!(end_ns - time_ns <= time_ns / STEPS, "{time_ns} told as {end_ns}");
        }
    }

    #[test]
    fn quantiles_are_those_of_the_times() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile_ns(500), None);
        (1..=1000).for_each(|time_us| histogram.add(time_us * 1000));
        let near = |permille: u64, us: u64| {
            let told = histogram.quantile_ns(permille).unwrap();
            told.abs_diff(us * 1000) <= us * 1000 / STEPS
        };
        assert!(near(500, 500) && near(990, 990) && near(1000, 1000) && near(0, 1));
    }

    #[test]
    fn two_together_count_as_one() {
        let (mut left, mut right, mut both) =
            (Histogram::default(), Histogram::default(), Histogram::default());
        for time_ns in [5, 900, 1_000_000] {
            left.add(time_ns);
            right.add(time_ns * 3);
            both.add(time_ns);
            both.add(time_ns * 3);
        }
        left.add_all(&right);
        assert_eq!(left.quantile_ns(500), both.quantile_ns(500));
        assert_eq!(left.quantile_ns(1000), Some(3_000_000));
    }
}
