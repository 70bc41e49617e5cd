//! Copies of payload are made by name, and counted by it.

use crate::sync::{AtomicU64, Ordering};

/// What bytes were copied for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Copied {
    /// Written into a buffer, or counted by another crate for a named act of its own.
    Buffer,
    /// Taken into the heap from a slice.
    CopyFrom,
    /// Several pieces made one.
    Contiguous,
    /// A small view taken out of large blocks.
    Compact,
}

/// How many bytes were copied, by what for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(missing_docs, reason = "each name is the method that copies")]
#[non_exhaustive]
pub struct CopiedBytes {
    pub write: u64,
    pub copy_from: u64,
    pub copy_contiguous: u64,
    pub compact_if: u64,
}

/// The counters of one arena.
#[derive(Debug, Default)]
pub(crate) struct CopyCounters([AtomicU64; 4]);

impl CopyCounters {
    pub(crate) fn count(&self, copied: Copied, bytes: usize) {
        self.0[copied as usize].fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Adds what was counted here.
    pub(crate) fn add_to(&self, sum: &mut CopiedBytes) {
        let of = |copied: Copied| self.0[copied as usize].load(Ordering::Relaxed);
        sum.write += of(Copied::Buffer);
        sum.copy_from += of(Copied::CopyFrom);
        sum.copy_contiguous += of(Copied::Contiguous);
        sum.compact_if += of(Copied::Compact);
    }
}

impl CopiedBytes {
    /// All of them.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.write + self.copy_from + self.copy_contiguous + self.compact_if
    }
}
