//! A shared heap is reserved memory from which accounts get blocks, and to which blocks return by themselves.
//!
//! Allocate: own arena (its core takes the lock uncontended): free block → blocks that others gave back → fresh chunk →
//! fresh slab → other arenas, if their lock is free → full. Free: the own arena if its lock is free at once, else a push
//! on the owner's remote list; a stopped core needs no hand-over, since whoever allocates drains that list.
//! Cost: a block taken and dropped is two uncontended locks and some ten writes, and no system call when warm; a kept
//! one of 64 KiB and more is a system call when dropped, and a fault for each page when filled.
#![expect(
    unsafe_code,
    reason = "keeps a heap alive for handles that outlive it; all of it is in `raw` below"
)]

use std::collections::HashMap;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use levada_pages::{PAGE_BYTES_MIN, ReserveError};

use crate::copied::{Copied, CopyCounters};
use crate::counts::accounts::Accounts;
use crate::counts::around::{Around, Shelved};
use crate::counts::grant::{AccountNumber, Grant};
use crate::counts::grant_pointer::GrantPointer;
use crate::counts::holding::{self, By, Held, Refusal};
use crate::counts::ledger::{AccountLine, GrantIndex, Purse, Refused};
use crate::counts::lines::{Block, LineTable, Pair, PairIndex};
use crate::counts::shelf::Blocks;
use crate::limit::{Full, Limit};
use crate::lock::Lock;
use crate::memory::arena::{Life, Stock, Supply};
use crate::memory::class::{Class, SLAB_BYTES};
use crate::memory::home::home;
use crate::memory::orphans;
use crate::memory::remote::Remote;
use crate::memory::slab::Slabs;
use crate::options::{OpenError, Options};
use crate::report::{AccountReport, Gauges};
use crate::sync::{AtomicU32, AtomicU64, Ordering};
use crate::tags::Tags;

mod ceiling;
mod lending;
mod portions;
pub(crate) mod prepaid;
mod pressure;
pub(crate) mod relief;
pub(crate) mod retention;

use ceiling::Ceiling;
use portions::Prepaid;

/// A handle to a heap; clones name the same heap.
#[derive(Clone, Debug)]
pub struct SharedHeap {
    owner: Arc<raw::Owner>,
}

/// A heap behind its handles.
#[derive(Debug)]
pub(crate) struct Heap {
    slabs: Slabs,
    pairs: LineTable<Pair>,
    grants: LineTable<Grant<Block>>,
    arenas: Box<[Arena]>,
    accounts: Accounts,
    default_account: AccountNumber,
    tags: Tags,
    ceiling: Ceiling,
    /// What is charged to accounts and not yet known for what.
    set_aside_bytes: AtomicU64,
    /// The time of the last look at the machine's memory, by whose clock blocks are born.
    clock_s: AtomicU32,
}

/// One core's part, on lines of its own.
#[derive(Debug)]
#[repr(align(128))]
struct Arena {
    stock: Lock<Stock>,
    remote: Remote,
    shelf: Shelved,
    prepaid: Prepaid,
    frees_remote: AtomicU64,
    full: AtomicU64,
    copied: CopyCounters,
    /// By what for.
    steals: [AtomicU64; 3],
    stolen_bytes: AtomicU64,
}

impl SharedHeap {
    /// Reserves the addresses of a heap. Memory is taken as blocks need it, and given out again when they return.
    ///
    /// # Errors
    /// [`OpenError`] where the options cannot hold or the OS refuses.
    pub fn new(options: Options) -> Result<Self, OpenError> {
        options.check()?;
        let heap = Heap::new(options).map_err(OpenError::Refused)?;
        Ok(Self { owner: raw::Owner::keep(heap) })
    }

    pub(crate) fn heap(&self) -> &Heap {
        self.owner.heap()
    }

    /// What the heap holds now.
    #[must_use]
    pub fn gauges(&self) -> Gauges {
        self.heap().gauges()
    }

    /// All accounts, in the order in which they were opened.
    #[must_use]
    pub fn accounts(&self) -> Vec<AccountReport> {
        let heap = self.heap();
        let report = |(number, line): (AccountNumber, &AccountLine)| {
            if !line.has_handles() {
                heap.take_prepaid_back(number);
            }
            let charged_bytes = heap.charged_bytes(number);
            (!line.is_unused()).then(|| AccountReport::of(line, charged_bytes))
        };
        heap.accounts.all().filter_map(report).collect()
    }

    /// Walks the whole heap and says whether its parts agree. For tests at quiet moments: it takes every lock.
    ///
    /// # Panics
    /// Where they do not, and when another thread uses the heap meanwhile: the sentence says which.
    pub fn validate(&self) {
        self.heap().validate();
    }

    /// Adds to the count of copied payload bytes; for crates that copy by a named act of their own.
    pub fn count_copy(&self, bytes: usize) {
        self.heap().count_copy(Copied::Buffer, bytes);
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.owner, &other.owner)
    }
}

impl Blocks for Heap {
    fn block(&self, index: PairIndex) -> &Block {
        &self.pairs.line(index.0).block
    }
}

impl Around for Heap {
    fn account(&self, number: AccountNumber) -> &AccountLine {
        self.accounts.line(number)
    }

    fn make_line(&self) -> Option<GrantIndex> {
        let mut taken = Vec::with_capacity(1);
        self.grants.take(1, &mut taken, |_| Grant::unbound());
        taken.pop().map(GrantIndex)
    }

    fn line(&self, index: GrantIndex) -> &Grant<Block> {
        self.grants.line(index.0)
    }

    fn give_line(&self, index: GrantIndex) {
        self.grants.give([index.0]);
    }

    fn shelf(&self, block: &Block) -> &Shelved {
        &self.arenas[usize::from(block.arena())].shelf
    }

    fn free(&self, block: &Block) {
        let lent = self.lender_of(block);
        self.give(block);
        if let Some(lent) = lent {
            lent.end(); // with no lock held, and no need of the heap
        }
    }

    fn charge(&self, number: AccountNumber, bytes: u64) -> Result<(), Refused> {
        self.charge_exactly(number, bytes)
    }

    fn free_private(&self, number: AccountNumber, block: &Block) {
        let lent = self.lender_of(block);
        self.give_private(number, block);
        if let Some(lent) = lent {
            lent.end();
        }
    }

    fn forget(&self, block: &Block) {
        if !block.drop_weak_but_last() {
            // The lock decides who is the last, and whether the heap may go.
            let arena = &self.arenas[usize::from(block.arena())];
            arena.stock.lock().forget(self.supply(), block);
        }
    }
}

impl Heap {
    /// Gives a block to its arena. The heap may be gone when it returns.
    fn give(&self, block: &Block) {
        let arena = &self.arenas[usize::from(block.arena())];
        if core::ptr::eq(arena, self.own_arena())
            && let Some(mut stock) = arena.stock.try_lock()
        {
            stock.give(self.supply(), block);
            return;
        }
        arena.frees_remote.fetch_add(1, Ordering::Relaxed);
        arena.remote.push(block); // the last touch: from here on the heap may go
    }

    /// As `give`, for a block that was `number`'s alone, with what it cost.
    #[inline]
    fn give_private(&self, number: AccountNumber, block: &Block) {
        let (arena, own) = (&self.arenas[usize::from(block.arena())], self.own_arena());
        let bytes = u64::from(block.capacity_bytes());
        let Some(mut stock) = own.stock.try_lock() else {
            self.account(number).uncharge(bytes);
            arena.frees_remote.fetch_add(1, Ordering::Relaxed);
            return arena.remote.push(block);
        };
        self.repay(own, number, bytes);
        if core::ptr::eq(arena, own) {
            stock.give(self.supply(), block);
        } else {
            stock.count_remote();
            // The last touch but for opening the lock: an heap that ends takes all of them.
            arena.remote.push(block);
        }
    }

    fn new(options: Options) -> Result<Self, ReserveError> {
        let slab_count = u32::try_from(options.bytes_max / SLAB_BYTES as u64).unwrap_or(u32::MAX);
        // The shortest blocks decide how many lines there may be; they are addresses until used.
        let blocks_max = u64::from(slab_count) * (SLAB_BYTES as u64 / 64);
        // (The interpreter allocates them for real, and runs small tests.)
        let blocks_max = if cfg!(miri) { blocks_max.min(4096) } else { blocks_max };
        let line_count = u32::try_from(blocks_max + 1).unwrap_or(u32::MAX);
        let arenas = (0..options.arenas).map(|index| Arena {
            stock: Lock::new(Stock::new(u8::try_from(index).expect("at most 255 arenas"))),
            remote: Remote::new(),
            shelf: Shelved::new(),
            prepaid: Prepaid::default(),
            frees_remote: AtomicU64::new(0),
            full: AtomicU64::new(0),
            copied: CopyCounters::default(),
            steals: Default::default(),
            stolen_bytes: AtomicU64::new(0),
        });
        let accounts = Accounts::new();
        Ok(Self {
            pairs: LineTable::new(line_count)?,
            grants: LineTable::new(line_count)?,
            slabs: Slabs::new(slab_count)?, // last: it does without what addresses do not suffice for
            arenas: arenas.collect(),
            default_account: accounts.open("default", u64::MAX, |_| {}).expect("the first"),
            accounts,
            tags: Tags::new(),
            ceiling: Ceiling::of(options, slab_count),
            set_aside_bytes: AtomicU64::new(0),
            clock_s: AtomicU32::new(0),
        })
    }

    fn supply(&self) -> Supply<'_> {
        let owner = core::ptr::from_ref(self).cast_mut().cast();
        Supply { slabs: &self.slabs, pairs: &self.pairs, owner }
    }

    fn own_arena(&self) -> &Arena {
        &self.arenas[home() % self.arenas.len()]
    }

    pub(crate) fn count_copy(&self, copied: Copied, bytes: usize) {
        self.own_arena().copied.count(copied, bytes);
    }

    pub(crate) fn default_account(&self) -> AccountNumber {
        self.default_account
    }

    pub(crate) fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// A block of at least `bytes`, charged to `account`; its home grant has one handle.
    pub(crate) fn allocate(
        &self,
        bytes: usize,
        account: AccountNumber,
        life: Life,
        tag: u32,
    ) -> Result<GrantPointer, Full<()>> {
        let Some(capacity_bytes) = capacity_of(bytes) else {
            return Err(self.full(Limit::Heap));
        };
        let index = self.take(capacity_bytes, life, account)?;
        let pair = self.pairs.line(index.0);
        pair.block.begin(tag, self.clock_s.load(Ordering::Relaxed));
        pair.home.begin(account);
        Ok(GrantPointer::home(&pair.home))
    }

    fn full(&self, limit: Limit) -> Full<()> {
        self.own_arena().full.fetch_add(1, Ordering::Relaxed);
        let (_, taken) = self.slabs.committed_and_taken_bytes();
        Full { limit, room_bytes: self.slabs.reserved_bytes() - taken, value: () }
    }

    /// A block that is paid for.
    #[inline]
    fn take(
        &self,
        capacity_bytes: u32,
        life: Life,
        account: AccountNumber,
    ) -> Result<PairIndex, Full<()>> {
        let arena = self.own_arena();
        let class = Class::holding(capacity_bytes as usize);
        let life = life.of(capacity_bytes, &self.slabs);
        let mut stock = arena.stock.lock();
        if !self.pay(arena, account, u64::from(capacity_bytes)) {
            drop(stock);
            self.charge_exactly(account, u64::from(capacity_bytes)).map_err(Full::of_account)?;
            stock = arena.stock.lock();
        }
        if let Some(class) = class {
            let supply = self.supply();
            let taken = stock.take_free(supply, class, life);
            let taken = taken.or_else(|| {
                self.drain(arena, &mut stock);
                stock.take_free(supply, class, life)
            });
            if let Some(pair) = taken {
                return Ok(pair);
            }
        }
        drop(stock);
        self.take_more(class, capacity_bytes, life).ok_or_else(|| {
            self.account(account).uncharge(u64::from(capacity_bytes));
            self.full(Limit::Heap)
        })
    }

    /// A block from memory that nobody uses.
    fn take_anywhere(
        &self,
        class: Option<Class>,
        capacity_bytes: u32,
        life: Life,
    ) -> Option<PairIndex> {
        let arena = self.own_arena();
        let mut stock = arena.stock.lock();
        self.drain(arena, &mut stock);
        let taken = take_any(&mut stock, self.supply(), class, capacity_bytes, life);
        drop(stock);
        taken.or_else(|| self.take_elsewhere(class, capacity_bytes, life))
    }

    /// The heap has no slab left: what the other arenas have free, or keep empty, may still do.
    #[cold]
    fn take_elsewhere(
        &self,
        class: Option<Class>,
        capacity_bytes: u32,
        life: Life,
    ) -> Option<PairIndex> {
        let supply = self.supply();
        for arena in &self.arenas {
            let Some(mut stock) = arena.stock.try_lock() else { continue };
            self.drain(arena, &mut stock);
            if let Some(pair) = class.and_then(|class| stock.take_free(supply, class, life)) {
                return Some(pair);
            }
            stock.give_empty_slabs(supply);
        }
        // What they gave back is the heap's again.
        let mut stock = self.own_arena().stock.lock();
        let taken = take_any(&mut stock, supply, class, capacity_bytes, life);
        drop(stock);
        // And what they could not give, since it lies beside blocks that are out, can still be cut there.
        taken.or_else(|| {
            self.arenas.iter().find_map(|arena| {
                let mut stock = arena.stock.try_lock()?;
                stock.take_fresh(supply, class?, life)
            })
        })
    }

    /// The file that an address lies in, and where.
    pub(crate) fn in_file(&self, address: *const u8) -> Option<(BorrowedFd<'_>, u64)> {
        self.slabs.in_file(address).map(|(file, offset)| (file, offset as u64))
    }

    fn drain(&self, arena: &Arena, stock: &mut Stock) {
        let mut next = arena.remote.take_all();
        while let Some(index) = next.some() {
            let block = &self.pairs.line(index.0).block;
            next = block.next();
            stock.give(self.supply(), block);
        }
    }

    fn pair_of(&self, block: &Block) -> &Pair {
        self.pairs.line(block.index().0)
    }

    fn pointer_to(&self, pair: &Pair, held: Held) -> GrantPointer {
        match held {
            Held::Home => GrantPointer::home(&pair.home),
            Held::Further(index) => GrantPointer::further(self.grants.pointer(index.0)),
        }
    }

    /// One more handle of `number` on a block of which the caller has a handle, or a reference.
    pub(crate) fn hold(
        &self,
        number: AccountNumber,
        block: &Block,
        purse: &mut impl Purse,
        by: By,
    ) -> Result<GrantPointer, Refusal> {
        let pair = self.pair_of(block);
        let held = holding::hold(self, number, pair, purse, by)?;
        Ok(self.pointer_to(pair, held))
    }

    /// Makes the caller's handle another account's, if it is the only way to the block.
    pub(crate) fn rename(
        &self,
        from: AccountNumber,
        to: AccountNumber,
        block: &Block,
        purse: &mut impl Purse,
    ) -> Result<bool, Refusal> {
        holding::rename((self.account(from), from), to, self.pair_of(block), purse)
    }

    fn gauges(&self) -> Gauges {
        let mut gauges = Gauges {
            reserved_bytes: self.slabs.reserved_bytes(),
            orphan_bytes: orphans::bytes(),
            soft_ceiling_bytes: self.ceiling.bytes(),
            set_aside_bytes: self.set_aside_bytes.load(Ordering::Relaxed),
            ..Gauges::default()
        };
        (gauges.committed_bytes, gauges.slab_bytes) = self.slabs.committed_and_taken_bytes();
        let (made, free) = self.pairs.counts();
        (gauges.lines, gauges.lines_free) = (u64::from(made), u64::from(free));
        for arena in &self.arenas {
            let mut stock = arena.stock.lock();
            self.drain(arena, &mut stock);
            let (blocks, bytes) = stock.live();
            gauges.used_blocks += blocks;
            gauges.used_bytes += bytes;
            let (blocks, bytes) = stock.lent();
            gauges.lent_blocks += blocks;
            gauges.lent_bytes += bytes;
            gauges.lost_bytes += stock.lost_bytes();
            let (taken, given_elsewhere) = stock.counts();
            gauges.allocs += taken;
            gauges.frees_remote += given_elsewhere + arena.frees_remote.load(Ordering::Relaxed);
            gauges.soft_bytes += arena.shelf.soft_bytes();
            gauges.soft_blocks += arena.shelf.lock().count() as u64;
            gauges.lines_nameless += stock.nameless_lines();
            let [allocation, watermark, pressure] = &arena.steals;
            gauges.steals_for_allocation += allocation.load(Ordering::Relaxed);
            gauges.steals_for_watermark += watermark.load(Ordering::Relaxed);
            gauges.steals_for_pressure += pressure.load(Ordering::Relaxed);
            gauges.stolen_bytes += arena.stolen_bytes.load(Ordering::Relaxed);
            gauges.full += arena.full.load(Ordering::Relaxed);
            arena.copied.add_to(&mut gauges.copied);
        }
        gauges.bytes_copied = gauges.copied.sum();
        gauges
    }

    fn validate(&self) {
        let mut lent = (0, 0);
        for arena in &self.arenas {
            let mut stock = arena.stock.lock();
            self.drain(arena, &mut stock);
            stock.validate(self.supply());
            let (blocks, bytes) = stock.lent();
            lent = (lent.0 + blocks, lent.1 + bytes);
        }
        self.validate_lent(lent);
        let (committed, taken) = self.slabs.committed_and_taken_bytes();
        assert!(taken <= committed, "what is taken was committed");
        self.validate_charges();
        let blocks = || self.pairs.all().map(|pair| &pair.block);
        let soft_only = blocks().filter(|block| block.state.is_soft_only());
        let soft: u64 = soft_only.map(|block| u64::from(block.capacity_bytes())).sum();
        assert_eq!(self.soft_bytes(), soft, "the soft pool has what only soft references keep");
        let is_named = |block: &&Block| block.state.soft_grants() > 0 && !block.state.is_stolen();
        let mut shelved_count = 0;
        for arena in &self.arenas {
            let shelf = arena.shelf.lock();
            shelf.validate(self);
            shelved_count += shelf.count();
        }
        assert_eq!(shelved_count, blocks().filter(is_named).count(), "what is soft is on a shelf");
    }

    fn validate_charges(&self) {
        let mut held_bytes: HashMap<u32, u64> = HashMap::new();
        let mut strong_lines: HashMap<PairIndex, u64> = HashMap::new();
        let homes = self.pairs.all().map(|pair| &pair.home);
        for (number, address) in homes.chain(self.grants.all()).filter_map(Grant::strong) {
            let pair = self.pairs.line_at(address).expect("a grant is on a block of its heap");
            *held_bytes.entry(number.0).or_default() += u64::from(pair.block.capacity_bytes());
            *strong_lines.entry(pair.block.index()).or_default() += 1;
        }
        for pair in self.pairs.all() {
            let lines = strong_lines.get(&pair.block.index()).copied().unwrap_or(0);
            let grants = pair.block.state.strong_grants();
            assert_eq!(grants, lines, "a strong grant is a line with strong handles");
        }
        let mut charged: u64 = 0;
        for (number, _) in self.accounts.all() {
            let held_bytes = held_bytes.get(&number.0).copied().unwrap_or(0);
            let charged_bytes = self.charged_bytes(number);
            assert!(charged_bytes >= held_bytes, "an account pays for what it holds");
            charged += charged_bytes;
        }
        assert_eq!(
            charged,
            held_bytes.values().sum::<u64>() + self.set_aside_bytes.load(Ordering::Relaxed),
            "every byte is charged to exactly the accounts that hold it"
        );
    }

    /// The bytes of blocks that are still out, and how many lines lent blocks have and references still name: with either
    /// the heap must stay, and so it does.
    fn orphaned_bytes_and_lines(&self) -> (u64, u64) {
        // All at once: a holder may take a block from one arena and give one back to another meanwhile, without a handle
        // of the heap.
        let mut stocks: Vec<_> = self.arenas.iter().map(|arena| arena.stock.lock()).collect();
        let mut orphaned = (0, 0);
        for (arena, stock) in self.arenas.iter().zip(&mut stocks) {
            self.drain(arena, stock);
            orphaned.0 += stock.live().1;
            orphaned.1 += stock.nameless_lines() + stock.lent().0;
        }
        orphaned
    }

    /// The bytes that only soft references keep.
    pub(crate) fn soft_bytes(&self) -> u64 {
        self.arenas.iter().map(|arena| arena.shelf.soft_bytes()).sum()
    }

    pub(crate) fn tags(&self) -> &Tags {
        &self.tags
    }

    pub(crate) fn set_aside_bytes(&self) -> &AtomicU64 {
        &self.set_aside_bytes
    }
}

/// A block from what the arena has, from a fresh chunk, or from fresh slabs.
fn take_any(
    stock: &mut Stock,
    supply: Supply<'_>,
    class: Option<Class>,
    capacity_bytes: u32,
    life: Life,
) -> Option<PairIndex> {
    match class {
        Some(class) => {
            stock.take_free(supply, class, life).or_else(|| stock.take_fresh(supply, class, life))
        }
        None => stock.take_run(supply, capacity_bytes, life),
    }
}

/// The length of the block that holds `bytes`; `None` from 4 GiB on.
fn capacity_of(bytes: usize) -> Option<u32> {
    match Class::holding(bytes) {
        Some(class) => Some(class.block_bytes()),
        None => u32::try_from(bytes.checked_next_multiple_of(PAGE_BYTES_MIN)?).ok(),
    }
}

mod raw {
    use core::mem::ManuallyDrop;
    use core::ptr::NonNull;
    use std::sync::Arc;

    use super::Heap;
    use crate::counts::lines::Block;
    use crate::memory::orphans;

    /// Keeps a heap at one address, and for ever if blocks of it are out when its last handle goes.
    ///
    /// # Invariants
    /// 1. `heap` does not move, and is freed only when none of its blocks is out and no reference names lines of it.
    /// 2. Every line's owner is the heap whose table it stands in.
    #[derive(Debug)]
    pub(crate) struct Owner {
        heap: ManuallyDrop<Box<Heap>>,
    }

    impl Owner {
        pub(super) fn keep(heap: Heap) -> Arc<Self> {
            Arc::new(Self { heap: ManuallyDrop::new(Box::new(heap)) })
        }

        pub(super) fn heap(&self) -> &Heap {
            &self.heap
        }
    }

    impl Drop for Owner {
        fn drop(&mut self) {
            let (orphaned_bytes, named_lines) = self.heap.orphaned_bytes_and_lines();
            if orphaned_bytes > 0 || named_lines > 0 {
                orphans::add(orphaned_bytes);
                return; // invariant 1: the handles and references that are out still read it
            }
            // SAFETY: dropped once, here; no block is out, and who gave the last one back was done with the heap
            // before the lock or the list showed it (the end of `free`).
            unsafe { ManuallyDrop::drop(&mut self.heap) };
        }
    }

    /// The heap that a block with a handle or a reference belongs to.
    pub(crate) fn heap_of(block: &Block) -> &Heap {
        let owner = NonNull::new(block.owner().cast::<Heap>()).expect("a line names its heap");
        // SAFETY: invariants 2 and 1: a block with a handle is out, and references are counted by its lines.
        unsafe { owner.as_ref() }
    }
}

pub(crate) use raw::heap_of;
