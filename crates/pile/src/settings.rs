//! The settings of a pile: what its owner chose, and what of it can be changed while it runs.

use core::ops::{RangeFrom, RangeInclusive};

use crate::spans::Prefer;
use crate::sync::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// Under this limit all threads share one arena, and memory comes span by span.
pub(crate) const SMALL_BYTES: u64 = 64 << 20;

/// What a pile was told.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) is_small: bool,
    prefers_speed: AtomicBool,
    are_timed: AtomicBool,
    pub(crate) commit_ahead_bytes: AtomicU64,
    tend_slice_us: AtomicU32,
    guard_warn_ms: AtomicU32,
}

/// How long a slice of upkeep is, unless it was set; and within what it can be.
pub(crate) const TEND_SLICE_US: u32 = 200;
pub(crate) const TEND_SLICES_US: RangeInclusive<u32> = 20..=10_000;
/// How long a guard lasts before it is told, unless it was set; and from what on.
pub(crate) const GUARD_WARN_MS: u32 = 1000;
pub(crate) const GUARD_WARNS_MS: RangeFrom<u32> = 10..;

impl Settings {
    pub(crate) fn new(is_small: bool) -> Self {
        Self {
            is_small,
            prefers_speed: AtomicBool::new(false),
            are_timed: AtomicBool::new(true),
            commit_ahead_bytes: AtomicU64::new(if is_small { 0 } else { 2 << 20 }),
            tend_slice_us: AtomicU32::new(TEND_SLICE_US),
            guard_warn_ms: AtomicU32::new(GUARD_WARN_MS),
        }
    }

    pub(crate) fn tend_slice_us(&self) -> u32 {
        self.tend_slice_us.load(Ordering::Relaxed)
    }

    pub(crate) fn set_tend_slice_us(&self, microseconds: u32) {
        self.tend_slice_us.store(microseconds, Ordering::Relaxed);
    }

    pub(crate) fn guard_warn_ms(&self) -> u64 {
        u64::from(self.guard_warn_ms.load(Ordering::Relaxed))
    }

    pub(crate) fn set_guard_warn_ms(&self, milliseconds: u32) {
        self.guard_warn_ms.store(milliseconds, Ordering::Relaxed);
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
