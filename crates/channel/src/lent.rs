//! Lent blocks are the buffers into which the kernel receives: it holds them only while they are empty.
//!
//! ```text
//! small    4 KiB, for every connection        urgent   a few more of them, for those that must answer while small is dry
//! bulk    64 KiB, for who sends much: lent when the first such connection moves in
//! ```
//! A block that a completion names is the program's, filled; a fresh one is lent in its place at the next pass. The
//! number lent is a target that falls when the heap refuses and rises again when it gives: a limit becomes a pause.
#![expect(
    unsafe_code,
    reason = "lends memory to the kernel, and takes its word for how much of it was filled"
)]

use core::mem::ManuallyDrop;

use levada_ring::{BlockId, Driver, Errno, Group, WriteSpan};
use levada_shared::{Account, ExclusiveBuf};

/// The length of a block of the groups `small` and `urgent`.
pub(crate) const SMALL_BYTES: usize = 4096;

/// The length of a block of the group `bulk`.
pub(crate) const BULK_BYTES: usize = 64 << 10;

/// The group that every socket begins with.
pub(crate) const SMALL: Group = Group(0);

/// The group of those that must answer while `small` is dry.
pub(crate) const URGENT: Group = Group(1);

/// The group of those that send much.
pub(crate) const BULK: Group = Group(2);

const URGENT_BLOCKS: u16 = 16;
const BULK_BLOCKS: u16 = 64;

/// The groups of a channel.
#[derive(Debug)]
pub(crate) struct Lent {
    groups: [Blocks; 3],
    account: Account,
}

/// The blocks of a group.
///
/// # Invariants
/// 1. A block in `lent` was provided to the driver and named by no completion since; nobody touches it here.
#[derive(Debug)]
struct Blocks {
    group: Group,
    block_bytes: usize,
    lent: Vec<Option<ManuallyDrop<ExclusiveBuf>>>,
    free: Vec<u16>,
    refusals: u64,
    /// The account or the heap refused the last block that was wanted.
    is_short: bool,
}

impl Lent {
    /// Opens the group `small`; nothing is lent yet. The others are opened at their first use.
    pub(crate) fn open(
        driver: &mut dyn Driver,
        small_blocks: u16,
        account: &Account,
    ) -> Result<Self, Errno> {
        let small = Blocks::open(driver, SMALL, SMALL_BYTES, small_blocks)?;
        let urgent = Blocks::none(URGENT, SMALL_BYTES);
        let bulk = Blocks::none(BULK, BULK_BYTES);
        Ok(Self { groups: [small, urgent, bulk], account: account.clone() })
    }

    fn group(&self, group: Group) -> &Blocks {
        &self.groups[usize::from(group.0)]
    }

    /// Lends as many blocks as are missing; fewer where the account or the heap refuses.
    #[inline]
    pub(crate) fn refill(&mut self, driver: &mut dyn Driver) {
        for blocks in &mut self.groups {
            blocks.refill(driver, &self.account);
        }
    }

    /// Makes sure that the group has blocks. Says whether any are lent.
    pub(crate) fn has(&mut self, group: Group, driver: &mut dyn Driver) -> bool {
        let blocks = &mut self.groups[usize::from(group.0)];
        if blocks.lent.is_empty() {
            let count = if group == BULK { BULK_BLOCKS } else { URGENT_BLOCKS };
            let Ok(opened) = Blocks::open(driver, group, blocks.block_bytes, count) else {
                return false;
            };
            *blocks = opened;
            blocks.refill(driver, &self.account);
        }
        blocks.lent_count() > 0
    }

    /// Takes the block that a completion named, with `bytes` in it. A name that was not lent is no block of ours.
    #[inline]
    pub(crate) fn take(
        &mut self,
        group: Group,
        block: BlockId,
        bytes: u32,
    ) -> Option<ExclusiveBuf> {
        self.groups[usize::from(group.0)].take(block, bytes)
    }

    /// How many blocks are with the kernel.
    pub(crate) fn lent_count(&self) -> usize {
        self.groups.iter().map(Blocks::lent_count).sum()
    }

    /// How many sockets of that group can go on: none, until a quarter of its blocks are lent again.
    pub(crate) fn resumable_count(&self, group: Group) -> usize {
        let blocks = self.group(group);
        let lent_count = blocks.lent_count();
        // Of fewer than there should be, any will do: waiting for a quarter might be for ever.
        if blocks.is_short || lent_count * 4 >= blocks.lent.len() { lent_count } else { 0 }
    }

    /// Whether blocks were refused: nothing tells when there is room for them again.
    pub(crate) fn is_short(&self) -> bool {
        self.groups.iter().any(|blocks| blocks.is_short)
    }

    /// How often a block was wanted and refused.
    pub(crate) fn refusals(&self) -> u64 {
        self.groups.iter().map(|blocks| blocks.refusals).sum()
    }

    /// Takes all blocks back from a driver that has gone and was quiet; otherwise they stay the kernel's, for ever.
    pub(crate) fn reclaim(&mut self) {
        for lent in self.groups.iter_mut().flat_map(|blocks| &mut blocks.lent) {
            if let Some(block) = lent.take() {
                drop(ManuallyDrop::into_inner(block));
            }
        }
    }
}

impl Blocks {
    fn none(group: Group, block_bytes: usize) -> Self {
        Self {
            group,
            block_bytes,
            lent: Vec::new(),
            free: Vec::new(),
            refusals: 0,
            is_short: false,
        }
    }

    fn open(
        driver: &mut dyn Driver,
        group: Group,
        block_bytes: usize,
        count: u16,
    ) -> Result<Self, Errno> {
        driver.open_group(group, count)?;
        let lent = (0..count).map(|_| None).collect();
        Ok(Self { lent, free: (0..count).rev().collect(), ..Self::none(group, block_bytes) })
    }

    #[inline]
    fn refill(&mut self, driver: &mut dyn Driver, account: &Account) {
        while let Some(index) = self.free.pop() {
            let Ok(mut block) = account.buf(self.block_bytes) else {
                self.free.push(index);
                self.refusals += 1;
                self.is_short = true;
                return;
            };
            let span = WriteSpan::of(block.spare_mut());
            // SAFETY: the block is kept untouched in `lent` until a completion names it (invariant 1).
            unsafe { driver.provide(self.group, BlockId(index), span) };
            self.lent[usize::from(index)] = Some(ManuallyDrop::new(block));
        }
        self.is_short = false;
    }

    #[inline]
    fn take(&mut self, block: BlockId, bytes: u32) -> Option<ExclusiveBuf> {
        let lent = self.lent.get_mut(usize::from(block.0))?.take()?;
        self.free.push(block.0);
        let mut buffer = ManuallyDrop::into_inner(lent);
        // SAFETY: the driver reports how much it wrote from the start of the span (its contract).
        unsafe { buffer.add_filled(bytes as usize) };
        Some(buffer)
    }

    fn lent_count(&self) -> usize {
        self.lent.len() - self.free.len()
    }
}
