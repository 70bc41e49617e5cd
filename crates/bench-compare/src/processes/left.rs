//! What is left to do is a number that who handles a message lowers; at zero a run is over.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A count down, shared by processes that run on one core, one at a time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Left(Arc<AtomicU64>);

impl Left {
    pub(crate) fn set(&self, count: u64) {
        self.0.store(count, Ordering::Relaxed);
    }

    /// One less; true if that was the last. A load and a store: nobody else lowers it meanwhile.
    #[inline]
    pub(crate) fn lower(&self) -> bool {
        let left = self.0.load(Ordering::Relaxed) - 1;
        self.0.store(left, Ordering::Relaxed);
        left == 0
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }
}
