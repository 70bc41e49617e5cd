//! The limit of a pile: bytes are counted before memory is touched, so that no instant exceeds it.

use crate::sync::{AtomicU64, Ordering};

/// How much memory a pile may have, and has.
#[derive(Debug)]
pub(crate) struct Limit {
    limit_bytes: AtomicU64,
    backed_bytes: AtomicU64,
}

impl Limit {
    pub(crate) fn new(limit_bytes: u64) -> Self {
        Self { limit_bytes: AtomicU64::new(limit_bytes), backed_bytes: AtomicU64::new(0) }
    }

    pub(crate) fn limit_bytes(&self) -> u64 {
        self.limit_bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn backed_bytes(&self) -> u64 {
        self.backed_bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self, limit_bytes: u64) {
        self.limit_bytes.store(limit_bytes, Ordering::Relaxed);
    }

    /// Counts `bytes` if they fit under the limit.
    pub(crate) fn take(&self, bytes: u64) -> bool {
        let limit_bytes = self.limit_bytes();
        // Relaxed: it guards no memory but a number.
        let counted =
            self.backed_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |backed_bytes| {
                let more = backed_bytes.checked_add(bytes)?;
                (more <= limit_bytes).then_some(more)
            });
        counted.is_ok()
    }

    /// Counts what is there already, be it over the limit.
    pub(crate) fn count(&self, bytes: u64) {
        self.backed_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn give(&self, bytes: u64) {
        let before = self.backed_bytes.fetch_sub(bytes, Ordering::Relaxed);
        debug_assert!(before >= bytes, "only what was counted is given back");
    }

    /// How much more than the limit there is, after it was lowered.
    pub(crate) fn over_bytes(&self) -> u64 {
        self.backed_bytes().saturating_sub(self.limit_bytes())
    }
}
