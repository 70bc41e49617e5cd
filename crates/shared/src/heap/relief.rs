//! Relief is memory that is got back from soft references: block by block in the order of their use, or slab by slab.
//!
//! A block that is stolen is free for the next allocation of its kind. For anything else, another class or the OS, whole
//! slabs are needed: so the oldest blocks are tallied by slab, and the slabs that hold nothing else are emptied, those
//! least used first.

use std::collections::HashMap;

use super::{Heap, SharedHeap};
use crate::counts::around::{Around, Shelved};
use crate::counts::leaving;
use crate::counts::lines::{Block, Cut, PairIndex};
use crate::counts::shelf::Blocks;
use crate::memory::arena::{Life, run_slabs};
use crate::memory::class::{Class, SLAB_BYTES};
use crate::sync::Ordering;

/// How many blocks are stolen at a time for an allocation, and how often, before whole slabs are emptied.
const VICTIMS: usize = 32;
const TRIES: usize = 4;

/// How many blocks of a shelf are tallied, from its hand on: some milliseconds at most.
const TALLIED_MAX: usize = 1 << 16;

/// How many blocks are walked for each time the shelf's lock is held.
const WALKED_AT_ONCE: usize = 256;

/// What was got back.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Relief {
    /// Blocks whose bytes were taken from soft references.
    pub blocks: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Slabs of 2 MiB that the OS got.
    pub slabs_returned: u64,
}

/// What blocks are stolen for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum For {
    Allocation,
    Watermark,
    Pressure,
}

/// What a slab holds of blocks that could be stolen.
#[derive(Debug, Default)]
struct Tally {
    blocks: Vec<PairIndex>,
    bytes: u64,
    used: usize,
    /// The slabs of a run: it lies in no chunk.
    run_slabs: u32,
}

impl Relief {
    fn add(&mut self, other: Self) {
        self.blocks += other.blocks;
        self.bytes += other.bytes;
        self.slabs_returned += other.slabs_returned;
    }
}

impl SharedHeap {
    /// Takes at least `want_bytes` from soft references, if they keep so much, and returns to the OS what slabs became
    /// empty.
    pub fn steal(&self, want_bytes: u64) -> Relief {
        let mut relief = self.heap().steal_bytes(want_bytes, For::Pressure);
        relief.slabs_returned = self.release_slabs(0) / SLAB_BYTES as u64;
        relief
    }

    /// Returns the memory of slabs that hold nothing to the OS, but for `keep_bytes` of it. How much that was.
    pub fn release_slabs(&self, keep_bytes: u64) -> u64 {
        self.heap().give_empty_slabs();
        self.heap().slabs.release(keep_bytes)
    }
}

impl Heap {
    /// The arena has no free block of the kind at hand.
    #[cold]
    pub(super) fn take_more(
        &self,
        class: Option<Class>,
        capacity_bytes: u32,
        life: Life,
    ) -> Option<PairIndex> {
        if let Some(purpose) = self.should_steal_first() {
            self.steal_by_hand(&self.own_arena().shelf, VICTIMS, purpose);
        }
        self.take_anywhere(class, capacity_bytes, life)
            .or_else(|| self.take_by_stealing(class, capacity_bytes, life))
    }

    /// A block where there is none: from what soft references keep. `None` only when they keep nothing any more.
    #[cold]
    fn take_by_stealing(
        &self,
        class: Option<Class>,
        capacity_bytes: u32,
        life: Life,
    ) -> Option<PairIndex> {
        if life != Life::Brief && class.is_some() {
            for _ in 0..TRIES {
                if self.steal_by_hand(&self.own_arena().shelf, VICTIMS, For::Allocation).blocks == 0
                {
                    break;
                }
                let taken = self.take_anywhere(class, capacity_bytes, life);
                if taken.is_some() {
                    return taken;
                }
            }
        }
        let want_bytes = u64::from(run_slabs(capacity_bytes)) * SLAB_BYTES as u64;
        if self.empty_slabs(want_bytes, For::Allocation).blocks > 0 {
            let taken = self.take_anywhere(class, capacity_bytes, life);
            if taken.is_some() {
                return taken;
            }
        }
        loop {
            let mut stolen_blocks = 0;
            for arena in &self.arenas {
                stolen_blocks +=
                    self.steal_by_hand(&arena.shelf, WALKED_AT_ONCE, For::Allocation).blocks;
            }
            let taken = self.take_anywhere(class, capacity_bytes, life);
            if taken.is_some() || stolen_blocks == 0 {
                return taken;
            }
        }
    }

    /// Takes so many bytes from soft references, whole slabs first.
    pub(super) fn steal_bytes(&self, want_bytes: u64, purpose: For) -> Relief {
        let mut relief = self.empty_slabs(want_bytes, purpose);
        while relief.bytes < want_bytes {
            let mut stolen = Relief::default();
            for arena in &self.arenas {
                if relief.bytes + stolen.bytes < want_bytes {
                    stolen.add(self.steal_by_hand(&arena.shelf, VICTIMS, purpose));
                }
            }
            relief.add(stolen);
            if stolen.blocks == 0 {
                break;
            }
        }
        relief
    }

    /// Takes up to `count` blocks of a shelf in the order of their use.
    pub(super) fn steal_by_hand(&self, shelved: &Shelved, count: usize, purpose: For) -> Relief {
        let mut relief = Relief::default();
        let mut misses = 0;
        // Twice round: the first time some are passed because they were used.
        let misses_max = shelved.lock().count() / VICTIMS + 2;
        while relief.blocks < count as u64 && misses < misses_max {
            match leaving::steal(self, shelved, |shelf, heap| shelf.steal(heap)) {
                Some(block) => self.recycle(block, purpose, &mut relief),
                None => misses += 1,
            }
        }
        relief
    }

    /// Empties slabs that hold nothing but what can be stolen, until `want_bytes` of slabs are empty.
    pub(super) fn empty_slabs(&self, want_bytes: u64, purpose: For) -> Relief {
        let mut relief = Relief::default();
        if want_bytes == 0 || self.soft_bytes() == 0 {
            return relief;
        }
        let mut slabs = self.tally();
        slabs.sort_unstable_by_key(|slab| (slab.used, slab.bytes));
        let mut emptied_bytes = 0;
        for slab in slabs {
            if emptied_bytes >= want_bytes {
                break;
            }
            emptied_bytes += u64::from(slab.run_slabs.max(1)) * SLAB_BYTES as u64;
            for index in slab.blocks {
                let block = self.block(index);
                let stolen = leaving::steal(self, self.shelf(block), |shelf, heap| {
                    shelf.steal_this(heap, block).then_some(block)
                });
                if let Some(block) = stolen {
                    self.recycle(block, purpose, &mut relief);
                }
            }
        }
        self.give_empty_slabs();
        relief
    }

    /// The slabs that hold nothing but what can be stolen, as far as the shelves were walked.
    fn tally(&self) -> Vec<Tally> {
        let mut tallies: HashMap<u32, Tally, foldhash::fast::RandomState> = HashMap::default();
        for arena in &self.arenas {
            arena.shelf.lock().begin_walk();
            for _ in 0..TALLIED_MAX / WALKED_AT_ONCE {
                let goes_on = arena.shelf.lock().walk(self, WALKED_AT_ONCE, |block| {
                    if block.state.is_soft_only() {
                        let slab = self.slabs.slab_of(block.base());
                        tallies.entry(slab).or_default().count(block);
                    }
                });
                if !goes_on {
                    break;
                }
            }
        }
        for arena in &self.arenas {
            for (slab, live_bytes) in arena.stock.lock().live_by_slab() {
                if tallies.get(&slab).is_some_and(|tally| tally.bytes != live_bytes) {
                    tallies.remove(&slab);
                }
            }
        }
        tallies.into_values().collect()
    }

    /// Makes the bytes of a stolen block free.
    fn recycle(&self, block: &Block, purpose: For, relief: &mut Relief) {
        relief.blocks += 1;
        relief.bytes += u64::from(block.capacity_bytes());
        let counters = &self.own_arena().steals[purpose as usize];
        counters.fetch_add(1, Ordering::Relaxed);
        self.own_arena()
            .stolen_bytes
            .fetch_add(u64::from(block.capacity_bytes()), Ordering::Relaxed);
        self.free(block);
    }

    /// Gives slabs without a live block back to the heap, from all arenas.
    pub(super) fn give_empty_slabs(&self) {
        for arena in &self.arenas {
            let mut stock = arena.stock.lock();
            self.drain(arena, &mut stock);
            stock.give_empty_slabs(self.supply());
        }
    }
}

impl Tally {
    fn count(&mut self, block: &Block) {
        self.blocks.push(block.index());
        self.bytes += u64::from(block.capacity_bytes());
        self.used += usize::from(block.is_used());
        if let Cut::Run { .. } = block.cut() {
            self.run_slabs = run_slabs(block.capacity_bytes());
        }
    }
}
