//! Timed work is done again and again for a window; what counts is the time of the fiftieth of the window in the middle.

use std::time::Duration;

use crate::frame::ratio::Spread;
use crate::loops::pass::{BATCHES, Passed};
use crate::machine::clock::{now_ns, own_cpu_ns};

/// Does `some` for `window`; it says how many turns that was each time.
pub(crate) fn timed(window: Duration, mut some: impl FnMut() -> u64) -> Passed {
    let window_ns = u64::try_from(window.as_nanos()).expect("windows are short");
    let mut batches_ns = Vec::with_capacity(1024);
    let (begun_ns, begun_cpu_ns) = (now_ns(), own_cpu_ns());
    let (mut before, mut count) = ((begun_ns, 0), 0);
    loop {
        count += some();
        let after_ns = now_ns();
        if after_ns - before.0 >= window_ns / BATCHES {
            batches_ns.push((after_ns - before.0) as f64 / (count - before.1) as f64);
            before = (after_ns, count);
        }
        let elapsed_ns = (after_ns - begun_ns) as f64;
        if after_ns - begun_ns >= window_ns && !batches_ns.is_empty() {
            return Passed {
                turn_ns: Spread::of(&batches_ns).expect("there was a batch").median,
                rate_per_s: count as f64 / (elapsed_ns / 1e9),
                share: (own_cpu_ns() - begun_cpu_ns) as f64 / elapsed_ns,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_counted_as_they_are_told() {
        let mut told = 0;
        let passed = timed(Duration::from_millis(1), || {
            told += 7;
            7
        });
        assert!(told > 0 && passed.turn_ns > 0.0 && passed.rate_per_s > 0.0);
    }
}
