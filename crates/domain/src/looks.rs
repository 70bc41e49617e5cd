//! Looks at the machine's memory are taken by the cores of a domain in turn, some ten a second, and acted on by its heap.
//!
//! ```text
//! a core that is awake    looks in the first pass after a look is due, if no other core was faster
//! a core that sleeps      the first of the domain wakes for a look half a second after the last one; no other does
//! ```
//!
//! Cost: a load a pass, and two wakes a second of an idle domain. A look is some ten microseconds; where memory is short, its core
//! may be busy with giving some back for ten milliseconds.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;

use levada_process::Tick;
use levada_shared::SharedHeap;

/// How long after a look the next is due.
const EVERY: Duration = Duration::from_millis(100);

/// How long after a look a core wakes for the next.
const ASLEEP_MAX: Duration = Duration::from_millis(500);

/// When the cores of a domain look.
#[derive(Debug)]
pub(crate) struct Looks {
    heap: SharedHeap,
    last_ns: AtomicU64,
}

impl Looks {
    /// The first is due at once.
    pub(crate) fn new(heap: SharedHeap) -> Self {
        Self { heap, last_ns: AtomicU64::new(0) }
    }

    /// Looks, if it is time and no other core does.
    pub(crate) fn look(&self, now: Tick) {
        let (now_ns, last_ns) = (now.as_nanos(), self.last_ns.load(Ordering::Relaxed));
        let is_due = now >= Tick::from_nanos(last_ns).after(EVERY);
        // Relaxed: it says who looks, and the look guards itself.
        if is_due
            && self
                .last_ns
                .compare_exchange(last_ns, now_ns, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        {
            self.heap.poll_pressure(Duration::from_nanos(now_ns));
        }
    }

    /// When the first core wakes to look, if nothing else wakes one.
    pub(crate) fn wake_at(&self) -> Tick {
        Tick::from_nanos(self.last_ns.load(Ordering::Relaxed)).after(ASLEEP_MAX)
    }
}
