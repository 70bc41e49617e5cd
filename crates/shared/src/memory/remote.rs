//! A remote list takes blocks back from threads that do not hold their arena's lock.
//!
//! Anyone may push; only all of it is ever taken, in one step, by who holds the arena's lock. Nobody takes a single
//! element, so none can be taken and pushed again between another's look and its step.

use crate::counts::lines::{Block, PairIndex};
use crate::sync::{AtomicU32, Ordering};

/// A list of free blocks through their lines.
#[derive(Debug)]
pub(crate) struct Remote {
    head: AtomicU32,
}

impl Remote {
    pub(crate) fn new() -> Self {
        Self { head: AtomicU32::new(PairIndex::NONE.0) }
    }

    /// Puts a block on the list. It was the last thing the caller had to do with the heap.
    pub(crate) fn push(&self, block: &Block) {
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            block.set_next(PairIndex(head));
            // Release: the drainer sees the link, and all that the freeing thread did with the bytes.
            match self.head.compare_exchange_weak(
                head,
                block.index().0,
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }

    /// Takes all there is; the caller walks the list from the first.
    pub(crate) fn take_all(&self) -> PairIndex {
        if self.head.load(Ordering::Relaxed) == PairIndex::NONE.0 {
            return PairIndex::NONE;
        }
        // Acquire: pairs with every push of the list, because each push continues the release of the one before.
        PairIndex(self.head.swap(PairIndex::NONE.0, Ordering::Acquire))
    }
}
