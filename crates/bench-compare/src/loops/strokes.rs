//! A stroke is a piece of work that is timed, behind a part that gets it ready and is not: what fills up must be emptied.

use std::thread;
use std::time::Duration;

use levada_shared::set_home_arena;

use crate::frame::fault::Fault;
use crate::frame::ratio::Spread;
use crate::loops::pass::Passed;
use crate::machine::clock::{now_ns, own_cpu_ns};
use crate::machine::cores::move_to;

/// Work that comes in strokes.
pub(crate) trait Stroke: Send {
    /// Does what the next stroke needs, untimed.
    fn get_ready(&mut self);

    /// Works, and says how many turns that were.
    fn stroke(&mut self) -> u64;
}

/// No fewer strokes than these make a figure, however long they take.
const STROKES_MIN: usize = 5;

struct Part {
    turn_ns: f64,
    rate_per_s: f64,
    share: f64,
}

/// Strikes side by side, the first on core 0, for a window; a turn's time is that of the stroke in the middle.
/// # Errors
/// If a core cannot be had.
pub(crate) fn strike(strokes: &mut [Box<dyn Stroke>], window: Duration) -> Result<Passed, Fault> {
    let window_ns = u64::try_from(window.as_nanos()).expect("windows are short");
    let parts: Result<Vec<_>, Fault> = thread::scope(|scope| {
        let threads = strokes.iter_mut().enumerate().map(|(core, one)| {
            scope.spawn(move || {
                move_to(core)?;
                set_home_arena(core);
                Ok(timed(one.as_mut(), window_ns))
            })
        });
        let threads: Vec<_> = threads.collect();
        threads.into_iter().map(|thread| thread.join().expect("no stroke panics")).collect()
    });
    let parts = parts?;
    let turn_ns = parts.iter().map(|part| part.turn_ns).sum::<f64>() / parts.len().max(1) as f64;
    Ok(Passed {
        turn_ns,
        rate_per_s: parts.iter().map(|part| part.rate_per_s).sum(),
        share: parts.iter().map(|part| part.share).fold(1.0, f64::min),
    })
}

fn timed(one: &mut dyn Stroke, window_ns: u64) -> Part {
    let (begun_ns, begun_cpu_ns) = (now_ns(), own_cpu_ns());
    let (mut turns_ns, mut turns, mut timed_ns) = (Vec::new(), 0, 0);
    loop {
        one.get_ready();
        let before_ns = now_ns();
        let count = one.stroke();
        let took_ns = now_ns() - before_ns;
        if count > 0 {
            turns_ns.push(took_ns as f64 / count as f64);
            (turns, timed_ns) = (turns + count, timed_ns + took_ns);
        }
        let elapsed_ns = now_ns() - begun_ns;
        // Timed work, not all: a long getting ready would leave a window too few strokes.
        if turns_ns.len() >= STROKES_MIN && timed_ns >= window_ns {
            let middle = Spread::of(&turns_ns).expect("there was a stroke");
            return Part {
                turn_ns: middle.median,
                rate_per_s: turns as f64 / (timed_ns as f64 / 1e9),
                share: (own_cpu_ns() - begun_cpu_ns) as f64 / elapsed_ns as f64,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counted {
        is_ready: bool,
    }

    impl Stroke for Counted {
        fn get_ready(&mut self) {
            self.is_ready = true;
        }

        fn stroke(&mut self) -> u64 {
            assert!(std::mem::take(&mut self.is_ready), "each stroke is got ready");
            3
        }
    }

    #[test]
    fn each_stroke_is_got_ready_and_its_turns_are_counted() {
        let mut strokes: [Box<dyn Stroke>; 1] = [Box::new(Counted { is_ready: false })];
        let Ok(passed) = strike(&mut strokes, Duration::from_micros(10)) else { return };
        assert!(passed.rate_per_s > 0.0 && passed.turn_ns >= 0.0, "{passed:?}");
    }
}
