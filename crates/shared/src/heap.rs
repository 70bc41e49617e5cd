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

use core::ptr::NonNull;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use levada_pages::{PAGE_BYTES_MIN, ReserveError};

use crate::counts::accounts::Accounts;
use crate::counts::grant::{AccountNumber, Grant};
use crate::counts::holding::{self, Held, Lines};
use crate::counts::ledger::{AccountLine, GrantIndex, Refused};
use crate::counts::lines::{Block, LineTable, Pair, PairIndex};
use crate::limit::{Full, Limit};
use crate::memory::arena::{Life, Stock, Supply};
use crate::memory::class::{Class, SLAB_BYTES};
use crate::memory::home::home;
use crate::memory::orphans;
use crate::memory::remote::Remote;
use crate::memory::slab::Slabs;
use crate::options::{OpenError, Options};
use crate::report::{AccountReport, Gauges};
use crate::sync::{AtomicU64, Lock, Ordering};

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
}

/// One core's part, on lines of its own.
#[derive(Debug)]
#[repr(align(128))]
struct Arena {
    stock: Lock<Stock>,
    remote: Remote,
    allocs: AtomicU64,
    frees_remote: AtomicU64,
    full: AtomicU64,
    bytes_copied: AtomicU64,
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
        let report = |line: &AccountLine| AccountReport {
            name: line.name().to_owned(),
            charged_bytes: line.charged_bytes(),
            limit_bytes: line.limit_bytes(),
        };
        self.heap().accounts.all().map(report).collect()
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
        self.heap().count_copy(bytes);
    }
}

/// A pointer to the line of a grant, a block's home or a further one.
pub(crate) type GrantPointer = NonNull<Grant<Block>>;

impl Lines for LineTable<Grant<Block>> {
    fn make(&self) -> Option<GrantIndex> {
        let mut taken = Vec::with_capacity(1);
        self.take(1, &mut taken, Grant::unbound);
        taken.pop().map(GrantIndex)
    }

    fn line(&self, index: GrantIndex) -> &Grant<Block> {
        self.line(index.0)
    }

    fn give(&self, index: GrantIndex) {
        self.give([index.0]);
    }
}

impl Heap {
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
            allocs: AtomicU64::new(0),
            frees_remote: AtomicU64::new(0),
            full: AtomicU64::new(0),
            bytes_copied: AtomicU64::new(0),
        });
        Ok(Self {
            pairs: LineTable::new(line_count)?,
            grants: LineTable::new(line_count)?,
            slabs: Slabs::new(slab_count)?, // last: it does without what addresses do not suffice for
            arenas: arenas.collect(),
            accounts: Accounts::new(),
        })
    }

    fn supply(&self) -> Supply<'_> {
        let owner = core::ptr::from_ref(self).cast_mut().cast();
        Supply { slabs: &self.slabs, pairs: &self.pairs, owner }
    }

    fn own_arena(&self) -> &Arena {
        &self.arenas[home() % self.arenas.len()]
    }

    pub(crate) fn count_copy(&self, bytes: usize) {
        self.own_arena().bytes_copied.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn open_account(&self, name: &str, limit_bytes: u64) -> Option<AccountNumber> {
        self.accounts.open(name, limit_bytes)
    }

    pub(crate) fn account(&self, number: AccountNumber) -> &AccountLine {
        self.accounts.line(number)
    }

    /// A block of at least `bytes`, charged to `account`; its home grant has one handle.
    pub(crate) fn allocate(
        &self,
        bytes: usize,
        account: AccountNumber,
        life: Life,
    ) -> Result<GrantPointer, Full<()>> {
        let line = self.account(account);
        let Some(capacity_bytes) = capacity_of(bytes) else {
            return Err(self.full(Limit::Heap));
        };
        line.charge(u64::from(capacity_bytes)).map_err(|Refused { room_bytes }| Full {
            limit: Limit::Account,
            room_bytes,
            value: (),
        })?;
        let Some(index) = self.take(capacity_bytes, life) else {
            line.uncharge(u64::from(capacity_bytes));
            return Err(self.full(Limit::Heap));
        };
        let pair = self.pairs.line(index.0);
        pair.block.state.begin();
        pair.home.begin(account);
        Ok(GrantPointer::from(&pair.home))
    }

    fn full(&self, limit: Limit) -> Full<()> {
        self.own_arena().full.fetch_add(1, Ordering::Relaxed);
        let (_, taken) = self.slabs.committed_and_taken_bytes();
        Full { limit, room_bytes: self.slabs.reserved_bytes() - taken, value: () }
    }

    #[inline]
    fn take(&self, capacity_bytes: u32, life: Life) -> Option<PairIndex> {
        let arena = self.own_arena();
        arena.allocs.fetch_add(1, Ordering::Relaxed);
        let class = Class::holding(capacity_bytes as usize);
        let life = life.of(capacity_bytes, &self.slabs);
        let supply = self.supply();
        let mut stock = arena.stock.lock();
        if let Some(class) = class
            && let Some(pair) = stock.take_free(supply, class, life)
        {
            return Some(pair);
        }
        self.drain(arena, &mut stock);
        if let Some(pair) = take_any(&mut stock, supply, class, capacity_bytes, life) {
            return Some(pair);
        }
        drop(stock);
        self.take_elsewhere(class, capacity_bytes, life)
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
        take_any(&mut stock, supply, class, capacity_bytes, life)
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

    /// Takes back a block that nobody holds. The caller won the right to when its leaving the state freed it.
    pub(crate) fn free(&self, block: &Block) {
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

    /// One more handle of `number` on a block of which the caller has a handle.
    pub(crate) fn hold(
        &self,
        number: AccountNumber,
        block: &Block,
    ) -> Result<GrantPointer, Full<()>> {
        let pair = self.pairs.line(block.index().0);
        Ok(match holding::hold(self.account(number), number, pair, &self.grants)? {
            Held::Home => GrantPointer::from(&pair.home),
            Held::Further(index) => self.grants.pointer(index.0),
        })
    }

    /// The last handle of a grant has gone: leaves the state, uncharges, and frees what nobody holds.
    pub(crate) fn leave(&self, number: AccountNumber, is_home: bool, block: &Block) {
        let account = self.account(number);
        if !is_home {
            holding::remove_empty(account, block, &self.grants);
        }
        if holding::leave(account, block) {
            self.free(block);
        }
    }

    fn gauges(&self) -> Gauges {
        let mut gauges = Gauges {
            reserved_bytes: self.slabs.reserved_bytes(),
            orphan_bytes: orphans::bytes(),
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
            gauges.lost_bytes += stock.lost_bytes();
            gauges.allocs += arena.allocs.load(Ordering::Relaxed);
            gauges.frees_remote += arena.frees_remote.load(Ordering::Relaxed);
            gauges.full += arena.full.load(Ordering::Relaxed);
            gauges.bytes_copied += arena.bytes_copied.load(Ordering::Relaxed);
        }
        gauges
    }

    fn validate(&self) {
        for arena in &self.arenas {
            let mut stock = arena.stock.lock();
            self.drain(arena, &mut stock);
            stock.validate(self.supply());
        }
        let (committed, taken) = self.slabs.committed_and_taken_bytes();
        assert!(taken <= committed, "what is taken was committed");
        let held = self.pairs.all().map(|pair| &pair.block);
        let held: u64 =
            held.map(|block| block.state.strong_grants() * u64::from(block.capacity_bytes())).sum();
        let charged: u64 = self.accounts.all().map(AccountLine::charged_bytes).sum();
        assert_eq!(charged, held, "every byte is charged to exactly the accounts that hold it");
    }

    /// Whether blocks are still out; if so the heap must stay, and so it does.
    fn orphaned_bytes(&self) -> u64 {
        let mut orphaned = 0;
        for arena in &self.arenas {
            let mut stock = arena.stock.lock();
            self.drain(arena, &mut stock);
            orphaned += stock.live().1;
        }
        orphaned
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
    /// 1. `heap` does not move, and is freed only when none of its blocks is out.
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
            let orphaned_bytes = self.heap.orphaned_bytes();
            if orphaned_bytes > 0 {
                orphans::add(orphaned_bytes);
                return; // invariant 1: the handles that are out still read it
            }
            // SAFETY: dropped once, here; no block is out, and who gave the last one back was done with the heap
            // before the lock or the list showed it (the end of `free`).
            unsafe { ManuallyDrop::drop(&mut self.heap) };
        }
    }

    /// The heap that a block with a handle belongs to.
    pub(crate) fn heap_of(block: &Block) -> &Heap {
        let owner = NonNull::new(block.owner().cast::<Heap>()).expect("a line names its heap");
        // SAFETY: invariants 2 and 1: a block with a handle is out, so its heap lives.
        unsafe { owner.as_ref() }
    }
}

pub(crate) use raw::heap_of;
