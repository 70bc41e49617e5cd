//! A pass runs loops side by side, each pinned to its core, for one window, and says what a turn took.
//!
//! All begin at a barrier and look at the clock after each of some fifty batches, so that they overlap but for a part of
//! their last batch. A turn's time is that of the batch in the middle: who has the core for a moment, in this machine or
//! in the one below it, lengthens a few.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use levada_shared::set_home_arena;

use crate::frame::fault::Fault;
use crate::frame::ratio::Spread;
use crate::loops::turns::Loop;
use crate::machine::clock::{now_ns, own_cpu_ns};
use crate::machine::cores::move_to;

/// How often the clock is looked at within a window.
pub(crate) const BATCHES: u64 = 50;

/// What a pass found out, the mean of its loops.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Passed {
    /// Time of a turn.
    pub(crate) turn_ns: f64,
    /// Turns of all loops in a second.
    pub(crate) rate_per_s: f64,
    /// The least share of its core that a loop had; what is lacking, others took.
    pub(crate) share: f64,
}

/// One thread's part.
#[derive(Clone, Copy, Debug)]
struct Part {
    turn_ns: f64,
    turns: u64,
    cpu_ns: u64,
    elapsed_ns: u64,
}

/// Runs `loops`, the first on core 0.
/// # Errors
/// If a core cannot be had.
pub(crate) fn pass(
    loops: &mut [Box<dyn Loop>],
    warm_up: Duration,
    window: Duration,
) -> Result<Passed, Fault> {
    let count = loops.len();
    let (warm, go) = (Barrier::of(count), Barrier::of(count));
    let parts: Result<Vec<_>, Fault> = thread::scope(|scope| {
        let threads = loops.iter_mut().enumerate().map(|(core, one)| {
            let (warm, go) = (&warm, &go);
            scope.spawn(move || {
                let moved = move_to(core);
                set_home_arena(core);
                warm.wait();
                let batch = settle(one.as_mut(), warm_up, window);
                go.wait();
                moved.map(|()| timed(one.as_mut(), batch, window))
            })
        });
        let threads: Vec<_> = threads.collect();
        threads.into_iter().map(|thread| thread.join().expect("no loop panics")).collect()
    });
    Ok(told(&parts?))
}

/// Warms up, and finds how many turns a batch has.
fn settle(one: &mut dyn Loop, warm_up: Duration, window: Duration) -> u64 {
    let batch_ns = (whole_ns(window) / BATCHES).max(1);
    let (begun_ns, mut batch) = (now_ns(), 16);
    loop {
        let before_ns = now_ns();
        one.run(batch);
        let took_ns = (now_ns() - before_ns).max(1);
        if took_ns < batch_ns / 2 {
            batch *= 2;
        } else if now_ns() - begun_ns >= whole_ns(warm_up) {
            return batch;
        }
    }
}

fn timed(one: &mut dyn Loop, batch: u64, window: Duration) -> Part {
    let mut batches_ns = Vec::with_capacity(1024);
    let (begun_ns, begun_cpu_ns) = (now_ns(), own_cpu_ns());
    let mut before_ns = begun_ns;
    loop {
        one.run(batch);
        let after_ns = now_ns();
        batches_ns.push((after_ns - before_ns) as f64);
        before_ns = after_ns;
        let elapsed_ns = after_ns - begun_ns;
        if elapsed_ns >= whole_ns(window) {
            let cpu_ns = own_cpu_ns() - begun_cpu_ns;
            let middle = Spread::of(&batches_ns).expect("there was a batch");
            let turns = batch * batches_ns.len() as u64;
            return Part { turn_ns: middle.median / batch as f64, turns, cpu_ns, elapsed_ns };
        }
    }
}

fn told(parts: &[Part]) -> Passed {
    let count = parts.len().max(1) as f64;
    let sum = |figure: fn(&Part) -> f64| parts.iter().map(figure).sum::<f64>();
    Passed {
        turn_ns: sum(|part| part.turn_ns) / count,
        rate_per_s: sum(|part| part.turns as f64 / (part.elapsed_ns as f64 / 1e9)),
        share: parts
            .iter()
            .map(|part| part.cpu_ns as f64 / part.elapsed_ns as f64)
            .fold(1.0, f64::min),
    }
}

fn whole_ns(length: Duration) -> u64 {
    u64::try_from(length.as_nanos()).expect("windows are short")
}

/// A place where all wait, awake, until the last has come.
struct Barrier {
    lacking: AtomicUsize,
}

impl Barrier {
    fn of(count: usize) -> Self {
        Self { lacking: AtomicUsize::new(count) }
    }

    fn wait(&self) {
        // Relaxed: who waits learns nothing but that the others came.
        self.lacking.fetch_sub(1, Ordering::Relaxed);
        while self.lacking.load(Ordering::Relaxed) > 0 {
            std::hint::spin_loop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loops::turns::each;

    #[test]
    fn a_turn_is_the_mean_of_the_loops_and_the_share_is_the_least() {
        let parts = [
            Part { turn_ns: 10.0, turns: 10, cpu_ns: 100, elapsed_ns: 100 },
            Part { turn_ns: 20.0, turns: 10, cpu_ns: 200, elapsed_ns: 400 },
        ];
        let passed = told(&parts);
        assert!((passed.turn_ns - 15.0).abs() < 1e-9 && (passed.share - 0.5).abs() < 1e-9);
        assert!((passed.rate_per_s - 1.25e8).abs() < 1.0, "{passed:?}");
    }

    #[test]
    fn a_pass_takes_about_its_window_and_counts_all_turns() {
        let mut loops = [each(|| std::hint::black_box(()))];
        let window = Duration::from_millis(3);
        let Ok(passed) = pass(&mut loops, Duration::ZERO, window) else { return };
        assert!(passed.turn_ns > 0.0 && passed.rate_per_s > 1e3, "{passed:?}");
    }
}
