//! How often a pointer led to nothing, by reason. Counted where it failed only.

use crate::error::Gone;
use crate::sync::{AtomicU64, Ordering};

/// Refusals by reason.
#[derive(Debug, Default)]
pub(crate) struct Refusals([AtomicU64; REASONS]);

const REASONS: usize = 8;

fn row(gone: Gone) -> usize {
    match gone {
        Gone::Stale => 0,
        Gone::Expired => 1,
        Gone::BadPointer => 2,
        Gone::WrongType => 3,
        Gone::OldSchema { .. } => 4,
        Gone::ForeignNode(_) => 5,
        Gone::Invalid => 6,
        Gone::Closed => 7,
    }
}

impl Refusals {
    pub(crate) fn count(&self, gone: Gone) {
        self.0[row(gone)].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn of(&self, gone: Gone) -> u64 {
        self.0[row(gone)].load(Ordering::Relaxed)
    }
}
