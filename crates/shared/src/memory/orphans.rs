//! Orphans are blocks that someone still holds after the last handle of their heap went: their heap stays for ever.

use std::sync::atomic::{AtomicU64, Ordering};

static BYTES: AtomicU64 = AtomicU64::new(0);

/// Counts the blocks of a heap that stays.
pub(crate) fn add(bytes: u64) {
    BYTES.fetch_add(bytes, Ordering::Relaxed);
}

/// How many bytes were orphaned in this OS process.
pub(crate) fn bytes() -> u64 {
    BYTES.load(Ordering::Relaxed)
}
