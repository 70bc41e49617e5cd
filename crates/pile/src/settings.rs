//! The settings of a pile: what its owner chose, and what of it can be changed while it runs.

use core::ops::{RangeFrom, RangeInclusive};

use crate::error::OpenError;
use crate::places::spans::Prefer;
use crate::sync::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// Under this limit all threads share one arena, and memory comes span by span.
pub(crate) const SMALL_BYTES: u64 = 64 << 20;

/// What a pile was told.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) is_small: bool,
    prefers_speed: AtomicBool,
    are_timed: AtomicBool,
    commit_ahead_bytes: AtomicU64,
    tend_slice_us: AtomicU32,
    guard_warn_ms: AtomicU32,
}

/// How long a slice of upkeep is, unless it was set; and within what it can be.
pub(crate) const TEND_SLICE_US: u32 = 200;
const TEND_SLICES_US: RangeInclusive<u32> = 20..=10_000;
/// How long a guard lasts before it is told, unless it was set; and from what on.
pub(crate) const GUARD_WARN_MS: u32 = 1000;
const GUARD_WARNS_MS: RangeFrom<u32> = 10..;

/// The smallest limit.
const LIMIT_BYTES_MIN: u64 = 1 << 20;

/// The settings that can be changed while a pile runs, to be checked together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Live {
    pub(crate) limit_bytes: u64,
    pub(crate) commit_ahead_bytes: Option<u64>,
    pub(crate) tend_slice_us: u32,
    pub(crate) guard_warn_ms: u32,
}

impl Live {
    /// Whether each is within its bounds.
    pub(crate) fn check(self) -> Result<(), OpenError> {
        let refuse = |key, bounds| Err(OpenError::Setting { key, bounds });
        if self.limit_bytes < LIMIT_BYTES_MIN {
            return refuse("limit", "at least 1 MiB");
        }
        if self.commit_ahead_bytes.is_some_and(|bytes| bytes > self.limit_bytes / 8) {
            return refuse("commit_ahead", "at most an eighth of the limit");
        }
        if !TEND_SLICES_US.contains(&self.tend_slice_us) {
            return refuse("tend_slice", "from 20 us to 10 ms");
        }
        if !GUARD_WARNS_MS.contains(&self.guard_warn_ms) {
            return refuse("guard_warn", "at least 10 ms");
        }
        Ok(())
    }
}

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

    pub(crate) fn commit_ahead_bytes(&self) -> u64 {
        self.commit_ahead_bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn set_commit_ahead_bytes(&self, bytes: u64) {
        self.commit_ahead_bytes.store(bytes, Ordering::Relaxed);
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
