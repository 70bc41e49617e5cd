//! A sum is what all together may have of a limit; who draws from it never goes beyond, whoever else draws at once.

use crate::sync::{AtomicU64, Ordering};

/// Bytes that are drawn, of a limit that the caller knows.
#[derive(Debug, Default)]
pub(crate) struct Sum(AtomicU64);

impl Sum {
    /// Draws so many bytes, if there are no more than `most` then.
    pub(crate) fn draw(&self, bytes: u64, most: u64) -> bool {
        let more = |drawn: u64| drawn.checked_add(bytes).filter(|&sum| sum <= most);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    pub(crate) fn give(&self, bytes: u64) {
        let before = self.0.fetch_sub(bytes, Ordering::Relaxed);
        debug_assert!(before >= bytes, "no more is given than was drawn");
    }

    pub(crate) fn drawn(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
