//! Lent blocks are the buffers into which the kernel receives: it holds them only while they are empty.
//!
//! A block that a completion names is the program's, filled; a fresh one is lent in its place at the next pass. The
//! number lent is a target that falls when the heap refuses and rises again when it gives: a limit becomes a pause.
#![expect(
    unsafe_code,
    reason = "lends memory to the kernel, and takes its word for how much of it was filled"
)]

use core::mem::ManuallyDrop;

use levada_ring::{BlockId, Driver, Errno, Group, WriteSpan};
use levada_shared::{Account, ExclusiveBuf};

/// The length of a lent block.
pub(crate) const BLOCK_BYTES: usize = 4096;

/// The group that every socket receives into.
pub(crate) const SMALL: Group = Group(0);

/// The blocks of a group.
///
/// # Invariants
/// 1. A block in `lent` was provided to the driver and named by no completion since; nobody touches it here.
#[derive(Debug)]
pub(crate) struct LentBlocks {
    lent: Vec<Option<ManuallyDrop<ExclusiveBuf>>>,
    free: Vec<u16>,
    refusals: u64,
}

impl LentBlocks {
    /// Opens the group for `count` blocks; none is lent yet.
    pub(crate) fn open(driver: &mut dyn Driver, count: u16) -> Result<Self, Errno> {
        driver.open_group(SMALL, count)?;
        let free = (0..count).rev().collect();
        Ok(Self { lent: (0..count).map(|_| None).collect(), free, refusals: 0 })
    }

    /// Lends as many blocks as are missing; fewer where the account or the heap refuses.
    pub(crate) fn refill(&mut self, driver: &mut dyn Driver, account: &Account) {
        while let Some(index) = self.free.pop() {
            let Ok(mut block) = account.buf(BLOCK_BYTES) else {
                self.free.push(index);
                self.refusals += 1;
                return;
            };
            let span = WriteSpan::of(block.spare_mut());
            // SAFETY: the block is kept untouched in `lent` until a completion names it (invariant 1).
            unsafe { driver.provide(SMALL, BlockId(index), span) };
            self.lent[usize::from(index)] = Some(ManuallyDrop::new(block));
        }
    }

    /// Takes the block that a completion named, with `bytes` in it. A name that was not lent is no block of ours.
    pub(crate) fn take(&mut self, block: BlockId, bytes: u32) -> Option<ExclusiveBuf> {
        let lent = self.lent.get_mut(usize::from(block.0))?.take()?;
        self.free.push(block.0);
        let mut buffer = ManuallyDrop::into_inner(lent);
        // SAFETY: the driver reports how much it wrote from the start of the span (its contract).
        unsafe { buffer.add_filled(bytes as usize) };
        Some(buffer)
    }

    /// How many blocks are with the kernel.
    pub(crate) fn lent_count(&self) -> usize {
        self.lent.len() - self.free.len()
    }

    /// Whether so many came back that paused sockets can go on: a quarter of the group.
    pub(crate) fn can_resume(&self) -> bool {
        self.lent_count() > 0 && self.lent_count() * 4 >= self.lent.len()
    }

    /// How often a block was wanted and refused.
    pub(crate) fn refusals(&self) -> u64 {
        self.refusals
    }

    /// Takes all blocks back from a driver that has gone and was quiet; otherwise they stay the kernel's, for ever.
    pub(crate) fn reclaim(&mut self) {
        for lent in &mut self.lent {
            if let Some(block) = lent.take() {
                drop(ManuallyDrop::into_inner(block));
            }
        }
    }
}
