//! Raw frees are a list of cells that were freed on any thread, until the heap takes it; after the heap, a count of those still out.
//!
//! ```text
//! heap lives    head ─► cell [ next ] ─► cell [ next ] ─► null      a free is one push, the heap takes all with one swap
//! heap is gone  head = orphaned, left = n                           a free is one subtraction; who comes to zero gives all back
//! ```
//!
//! The list is only ever taken whole, so a push may compare the head with one that was taken and put back meanwhile: what it wrote
//! into its cell is true again.
#![expect(unsafe_code, reason = "links cells that their owners gave up")]

use core::ptr::NonNull;

use crate::sync::{AtomicPtr, AtomicU64, Ordering};

/// The head of the list when the heap is gone: no cell is at 1.
fn orphaned() -> *mut u8 {
    core::ptr::without_provenance_mut(1)
}

/// Cells that were freed, of one heap.
///
/// # Invariants
/// 1. A cell in the list belongs to it alone, has at least 16 bytes aligned to as many, and begins with the next, or null.
/// 2. `left_count` is written once, before the head becomes `orphaned`, and only then counted down.
#[derive(Debug)]
pub(crate) struct RawFrees {
    head: AtomicPtr<u8>,
    left_count: AtomicU64,
}

/// What a free came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Freed {
    /// The heap, or another free, will see to it.
    Listed,
    /// It was the last of a heap that is gone: nobody else touches the pages or the list any more.
    Last,
}

impl RawFrees {
    pub(crate) fn new() -> Self {
        Self { head: AtomicPtr::new(core::ptr::null_mut()), left_count: AtomicU64::new(0) }
    }

    /// Frees a cell. After this the list may be gone, unless it was the last.
    ///
    /// # Safety
    /// The cell was given out by the heap of this list, and is the caller's; it is not used after this.
    pub(crate) unsafe fn free(&self, cell: NonNull<u8>) -> Freed {
        // Acquire: pairs with `orphan`, whose count is read.
        let mut head = self.head.load(Ordering::Acquire);
        while head != orphaned() {
            // SAFETY: the cell is the caller's, and long enough (invariant 1).
            unsafe { cell.cast::<*mut u8>().write(head) };
            // Release: the heap sees the link, and what was done with the buffer, before it uses the cell again.
            let pushed = self.head.compare_exchange_weak(
                head,
                cell.as_ptr(),
                Ordering::Release,
                Ordering::Acquire,
            );
            match pushed {
                Ok(_) => return Freed::Listed,
                Err(now) => head = now,
            }
        }
        // AcqRel: whoever comes to zero gives back memory that the others used before they counted down.
        if self.left_count.fetch_sub(1, Ordering::AcqRel) == 1 {
            Freed::Last
        } else {
            Freed::Listed
        }
    }

    /// Whether there is something to take.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        // Relaxed: who finds it empty comes again.
        self.head.load(Ordering::Relaxed).is_null()
    }

    /// Takes all cells out, the last freed first.
    ///
    /// # Safety
    /// By the heap alone, which is not gone.
    pub(crate) unsafe fn take(&self) -> impl Iterator<Item = NonNull<u8>> + use<> {
        // Acquire: pairs with `free`.
        let mut next = self.head.swap(core::ptr::null_mut(), Ordering::Acquire);
        core::iter::from_fn(move || {
            let cell = NonNull::new(next)?;
            // SAFETY: invariant 1; nobody pushes onto what was taken.
            next = unsafe { cell.cast::<*mut u8>().read() };
            Some(cell)
        })
    }

    /// The heap goes, with `left_count` cells out that are not in the list. False if one came into it: it is to be taken first.
    ///
    /// After true, the heap touches neither the list nor the pages.
    pub(crate) fn orphan(&self, left_count: u64) -> bool {
        debug_assert!(left_count > 0, "without a buffer nobody would give the pages back");
        // Relaxed: published by the exchange (invariant 2).
        self.left_count.store(left_count, Ordering::Relaxed);
        // Release: who sees it sees the count, and the pages as the heap left them.
        self.head
            .compare_exchange(
                core::ptr::null_mut(),
                orphaned(),
                Ordering::Release,
                Ordering::Relaxed,
            )
            .is_ok()
    }
}
