//! Counters of one arena: written by its owner without any exchange between cores, summed by whoever reads.

use crate::naming::header::Header;
use crate::sync::{AtomicU64, Ordering};

/// A number that one thread writes.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    /// Adds; for the owner.
    #[inline]
    pub(crate) fn add(&self, more: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What one arena's owner did.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct Counts {
    pub(crate) puts: Count,
    pub(crate) put_bytes: Count,
    pub(crate) deletes: Count,
    pub(crate) deleted_bytes: Count,
    pub(crate) refused_space: Count,
    pub(crate) refused_large: Count,
    pub(crate) rejuvenated: Count,
    pub(crate) updates: Count,
    pub(crate) compare_failed: Count,
    /// Of the deletes, those that time did.
    pub(crate) swept: Count,
    /// Of the puts and of the deletes, those that compaction did.
    pub(crate) moved: Count,
    pub(crate) moved_bytes: Count,
    pub(crate) encode_spills: Count,
}

impl Counts {
    /// Adds what another counted, who counts no more. For the owner of these.
    pub(crate) fn take_over(&self, other: &Self) {
        for (own, others) in [
            (&self.puts, &other.puts),
            (&self.put_bytes, &other.put_bytes),
            (&self.deletes, &other.deletes),
            (&self.deleted_bytes, &other.deleted_bytes),
        ] {
            own.add(others.get());
        }
    }

    /// A record was put, or the value behind one.
    #[inline]
    pub(crate) fn born(&self, length: u32, is_inner: bool) {
        self.puts.add(u64::from(!is_inner));
        self.put_bytes.add(u64::from(length));
    }

    /// A record died, or the value behind one.
    #[inline]
    pub(crate) fn died(&self, header: Header) {
        if !header.is_inner() {
            self.deletes.add(1);
        }
        if !header.is_forwarded() {
            self.deleted_bytes.add(u64::from(header.length()));
        }
    }
}
