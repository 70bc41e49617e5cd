//! Looping is an entrant whose work is loops in this program: they rest, without a thread, while others are measured.

use crate::frame::comparison::{Contender, Entrant, Ground, Side};
use crate::frame::fault::Fault;
use crate::frame::sample::Sample;
use crate::loops::pass::{Passed, pass};
use crate::loops::turns::Loop;
use crate::machine::allocator::count_allocations;

/// A pass in which a loop had less of its core is made again: beside somebody else it is not this loop that is measured.
pub(crate) const SHARE_MIN: f64 = 0.97;

/// After so many passes the best is taken.
pub(crate) const PASSES_MAX: usize = 5;

/// Over how many turns allocations and copies are counted.
const COUNTED: u64 = 1000;

/// Loops that are ready, one for each core.
pub(crate) struct Prepared {
    pub(crate) loops: Vec<Box<dyn Loop>>,
    /// What the loops have copied of payload so far, as the one counts who copies; none where nobody asks.
    pub(crate) copied_bytes: Option<Box<dyn FnMut() -> u64>>,
}

impl Prepared {
    /// Loops of which nobody asks what they copy.
    pub(crate) fn of(loops: Vec<Box<dyn Loop>>) -> Self {
        Self { loops, copied_bytes: None }
    }
}

struct Looping {
    ground: Ground,
    loops: Vec<Box<dyn Loop>>,
    others: Vec<f64>,
}

/// An entrant whose loops `prepare` makes.
pub(crate) fn entrant(
    ground: &Ground,
    name: &str,
    side: Side,
    prepare: impl FnOnce() -> Prepared + 'static,
) -> Entrant {
    let ground = ground.clone();
    let get_ready = move || -> Result<Box<dyn Contender>, Fault> {
        let Prepared { mut loops, copied_bytes } = prepare();
        let others = count(&mut loops, copied_bytes);
        Ok(Box::new(Looping { ground, loops, others }))
    };
    Entrant { name: name.to_owned(), side, get_ready: Box::new(get_ready) }
}

/// Allocations and, where somebody asks, copied bytes of a turn.
fn count(loops: &mut [Box<dyn Loop>], copied_bytes: Option<Box<dyn FnMut() -> u64>>) -> Vec<f64> {
    let (Some(first), Some(mut copied_bytes)) = (loops.first_mut(), copied_bytes) else {
        return Vec::new();
    };
    first.run(COUNTED); // what is kept from turn to turn is made in the first
    let before_bytes = copied_bytes();
    let allocations = count_allocations(|| first.run(COUNTED));
    let bytes = copied_bytes() - before_bytes;
    let Some(allocations) = allocations else { return Vec::new() };
    [allocations, bytes].map(|count| count as f64 / COUNTED as f64).to_vec()
}

/// Makes a pass until nobody else had the cores.
/// # Errors
/// Those of `once`.
pub(crate) fn undisturbed(
    mut once: impl FnMut() -> Result<Passed, Fault>,
) -> Result<Passed, Fault> {
    let mut best = once()?;
    for _ in 1..PASSES_MAX {
        if best.share >= SHARE_MIN {
            break;
        }
        let next = once()?;
        best = if next.share > best.share { next } else { best };
    }
    Ok(best)
}

impl Contender for Looping {
    fn measure(&mut self) -> Result<Sample, Fault> {
        let pace = self.ground.pace;
        let passed = undisturbed(|| {
            self.ground.stop.check()?;
            pass(&mut self.loops, pace.warm_up, pace.window)
        })?;
        Ok(Sample {
            cost: passed.turn_ns,
            client_cost: None,
            rate_per_s: Some(passed.rate_per_s),
            busy_share: Some(passed.share),
            latency_ns: None,
            others: self.others.clone(),
        })
    }

    fn cpu_ns(&self) -> Result<Option<u64>, Fault> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::loops::turns::each;

    #[test]
    fn allocations_and_copies_are_told_for_a_turn() {
        let copied = Arc::new(AtomicU64::new(5));
        let copying = Arc::clone(&copied);
        let act = move || {
            drop(std::hint::black_box(Box::new(1_u64)));
            copying.fetch_add(3, Ordering::Relaxed);
        };
        let read = move || copied.load(Ordering::Relaxed);
        let others = count(&mut [each(act)], Some(Box::new(read)));
        assert!(others.is_empty() || (others[0] >= 1.0 && others[1] == 3.0), "{others:?}");
    }

    #[test]
    fn a_disturbed_pass_is_made_again_and_the_best_counts() {
        let mut shares = [0.5, 0.8, 0.99].into_iter();
        let once = || Ok(Passed { turn_ns: 1.0, rate_per_s: 1.0, share: shares.next().unwrap() });
        assert!(undisturbed(once).unwrap().share > 0.98);
        assert_eq!(shares.next(), None);
        let mut shares = [0.5, 0.9, 0.7, 0.6, 0.8, 1.0].into_iter();
        let once = || Ok(Passed { turn_ns: 1.0, rate_per_s: 1.0, share: shares.next().unwrap() });
        assert!((undisturbed(once).unwrap().share - 0.9).abs() < 1e-9);
    }
}
