//! What counting needs of the heap around it, so that a model checker can stand in for the heap.

use crate::counts::grant::{AccountNumber, Grant};
use crate::counts::ledger::{AccountLine, GrantIndex, Refused};
use crate::counts::lines::Block;
use crate::counts::shelf::{Blocks, Shelf};
use crate::lock::{Guard, Lock};
use crate::sync::{AtomicU64, Ordering};

/// A heap, as those see it who come to blocks and leave them.
pub(crate) trait Around: Blocks + Sized {
    fn account(&self, number: AccountNumber) -> &AccountLine;

    /// Charges an account for a hold.
    fn charge(&self, number: AccountNumber, bytes: u64) -> Result<(), Refused> {
        self.account(number).charge(bytes)
    }

    /// Takes back the bytes of a block that nobody holds and that was `number`'s alone, and what they cost.
    fn free_private(&self, number: AccountNumber, block: &Block) {
        self.account(number).uncharge(u64::from(block.capacity_bytes()));
        self.free(block);
    }

    /// A line for a further grant; `None` where memory for it is refused.
    fn make_line(&self) -> Option<GrantIndex>;
    fn line(&self, index: GrantIndex) -> &Grant<Block>;
    fn give_line(&self, index: GrantIndex);

    /// The shelf that the block would stand on.
    fn shelf(&self, block: &Block) -> &Shelved;

    /// Takes back the bytes of a block that nobody holds. The heap may be gone when it returns.
    fn free(&self, block: &Block);

    /// One that knew the lines of a block does no more: a reference, or a grant on bytes that went before it. The heap may
    /// be gone when it returns.
    fn forget(&self, block: &Block);
}

/// A shelf behind its lock, and what of its blocks only soft grants keep.
#[derive(Debug)]
pub(crate) struct Shelved {
    shelf: Lock<Shelf>,
    /// May be below zero for a moment, where who upgrades is faster than who left; so it wraps.
    soft_bytes: AtomicU64,
}

impl Shelved {
    pub(crate) fn new() -> Self {
        Self { shelf: Lock::new(Shelf::new()), soft_bytes: AtomicU64::new(0) }
    }

    pub(crate) fn lock(&self) -> Guard<'_, Shelf> {
        self.shelf.lock()
    }

    /// The bytes of blocks that only soft grants keep; exact at quiet moments.
    pub(crate) fn soft_bytes(&self) -> u64 {
        let bytes = self.soft_bytes.load(Ordering::Relaxed);
        if bytes > u64::MAX / 2 { 0 } else { bytes }
    }

    /// Ends with its heap. Loom fails where another thread may still use it, or did in a way that is not ordered before.
    #[cfg(all(test, loom))]
    pub(crate) fn end(&mut self) {
        self.soft_bytes.with_mut(|_| ());
    }

    pub(crate) fn became_soft_only(&self, block: &Block) {
        self.soft_bytes.fetch_add(u64::from(block.capacity_bytes()), Ordering::Relaxed);
    }

    pub(crate) fn no_longer_soft_only(&self, block: &Block) {
        self.soft_bytes.fetch_sub(u64::from(block.capacity_bytes()), Ordering::Relaxed);
    }
}
