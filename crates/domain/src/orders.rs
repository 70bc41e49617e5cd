//! Orders are what a domain's owner tells its cores: to go on, to stop by a moment, to leave.

use std::sync::atomic::{AtomicU64, Ordering};

use levada_channel::CoreWaker;
use levada_process::Tick;

/// One core's orders: the moment by which its processes have to have ended.
#[derive(Debug)]
pub(crate) struct Orders {
    /// Zero: nobody has asked it to stop.
    stop_by_ns: AtomicU64,
}

impl Orders {
    pub(crate) fn new() -> Self {
        Self { stop_by_ns: AtomicU64::new(0) }
    }

    /// Tells the core to stop, and to end by force at `by` what has not ended until then. A later call may only hasten it.
    pub(crate) fn stop(&self, by: Tick, waker: &CoreWaker) {
        let by_ns = by.as_nanos().max(1);
        let hasten = |known: u64| (known == 0 || by_ns < known).then_some(by_ns);
        // Relaxed: the order carries nothing but itself, and the wake that follows brings the core to look.
        if self.stop_by_ns.fetch_update(Ordering::Relaxed, Ordering::Relaxed, hasten).is_ok() {
            waker.wake();
        }
    }

    /// The moment by which to have stopped, once told.
    pub(crate) fn stop_by(&self) -> Option<Tick> {
        let by_ns = self.stop_by_ns.load(Ordering::Relaxed);
        (by_ns > 0).then(|| Tick::from_nanos(by_ns))
    }
}
