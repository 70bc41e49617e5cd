//! The settings of a pile: what its owner chose, and what of it can be changed while it runs.

use crate::spans::Prefer;
use crate::sync::{AtomicBool, AtomicU64, Ordering};

/// Under this limit all threads share one arena, and memory comes span by span.
pub(crate) const SMALL_BYTES: u64 = 64 << 20;

/// What a pile was told.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) is_small: bool,
    prefers_speed: AtomicBool,
    are_timed: AtomicBool,
    pub(crate) commit_ahead_bytes: AtomicU64,
}

impl Settings {
    pub(crate) fn new(is_small: bool) -> Self {
        Self {
            is_small,
            prefers_speed: AtomicBool::new(false),
            are_timed: AtomicBool::new(true),
            commit_ahead_bytes: AtomicU64::new(if is_small { 0 } else { 2 << 20 }),
        }
    }

    /// Whether one in 1,024 operations is timed.
    pub(crate) fn are_timed(&self) -> bool {
        self.are_timed.load(Ordering::Relaxed)
    }

    pub(crate) fn set_timed(&self, are_timed: bool) {
        self.are_timed.store(are_timed, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn prefer(&self) -> Prefer {
        if self.prefers_speed.load(Ordering::Relaxed) { Prefer::Speed } else { Prefer::Space }
    }

    pub(crate) fn set_prefer(&self, prefer: Prefer) {
        self.prefers_speed.store(prefer == Prefer::Speed, Ordering::Relaxed);
    }
}
