//! A shelf is an arena's list of blocks that soft references name, from the oldest to the newest, with a hand that steals.
//!
//! ```text
//! oldest ⇄ ... ⇄ hand ⇄ ... ⇄ newest        the hand goes towards the newest, then begins anew (SIEVE)
//!                 held by somebody: pass    used since it came by: clear, pass    else: steal
//! ```
//! A block joins when it gets its first soft grant and leaves with its last, or when its bytes go. All of that happens
//! under the shelf's lock, together with the step of the block's state that it belongs to.
//! Source: Zhang et al., SIEVE is simpler than LRU, NSDI 2024. Cost: 8 bytes in the block's line, no allocation.

use crate::counts::lines::{Block, PairIndex};
use crate::sync::Ordering;

/// How many blocks the hand passes, at most, for each that it steals.
const PASSES_PER_VICTIM: usize = 64;

/// Where blocks are found by their index.
pub(crate) trait Blocks {
    fn block(&self, index: PairIndex) -> &Block;
}

/// The list.
#[derive(Debug)]
pub(crate) struct Shelf {
    oldest: PairIndex,
    newest: PairIndex,
    hand: PairIndex,
    /// Where a walk that was interrupted goes on.
    walk: PairIndex,
    count: usize,
}

impl Shelf {
    pub(crate) fn new() -> Self {
        let none = PairIndex::NONE;
        Self { oldest: none, newest: none, hand: none, walk: none, count: 0 }
    }

    /// How many blocks there are.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Puts a block behind the newest.
    pub(crate) fn put(&mut self, blocks: &impl Blocks, block: &Block) {
        set(&block.older, self.newest);
        set(&block.newer, PairIndex::NONE);
        match self.newest.some() {
            Some(newest) => set(&blocks.block(newest).newer, block.index()),
            None => self.oldest = block.index(),
        }
        self.newest = block.index();
        self.count += 1;
    }

    /// Takes a block out.
    pub(crate) fn take(&mut self, blocks: &impl Blocks, block: &Block) {
        let (older, newer) = (get(&block.older), get(&block.newer));
        match older.some() {
            Some(older) => set(&blocks.block(older).newer, newer),
            None => self.oldest = newer,
        }
        match newer.some() {
            Some(newer) => set(&blocks.block(newer).older, older),
            None => self.newest = older,
        }
        for place in [&mut self.hand, &mut self.walk] {
            if *place == block.index() {
                *place = newer;
            }
        }
        self.count -= 1;
    }

    /// Moves the hand to the next victim and takes it out, stolen: its bytes are the caller's. `None` if the hand passed
    /// as many as it may; where it stands it goes on next time.
    pub(crate) fn steal<'a>(&mut self, blocks: &'a impl Blocks) -> Option<&'a Block> {
        for _ in 0..PASSES_PER_VICTIM.min(self.count * 2) {
            let here = self.hand.some().unwrap_or(self.oldest);
            let block = blocks.block(here);
            self.hand = get(&block.newer);
            // Whoever uses it meanwhile wins or loses in the state; the mark is a hint.
            if block.state.is_soft_only() && !block.take_used() && block.state.steal() {
                self.take(blocks, block);
                return Some(block);
            }
        }
        None
    }

    /// Steals this very block, if only soft references keep it, and takes it out.
    pub(crate) fn steal_this(&mut self, blocks: &impl Blocks, block: &Block) -> bool {
        let is_stolen = block.state.steal();
        if is_stolen {
            self.take(blocks, block);
        }
        is_stolen
    }

    /// Begins a walk where the hand is: what it would steal first comes first.
    pub(crate) fn begin_walk(&mut self) {
        self.walk = self.hand.some().unwrap_or(self.oldest);
    }

    /// Goes on with the walk over `count` blocks towards the newest. False at the end.
    pub(crate) fn walk(
        &mut self,
        blocks: &impl Blocks,
        count: usize,
        mut visit: impl FnMut(&Block),
    ) -> bool {
        for _ in 0..count {
            let Some(here) = self.walk.some() else { return false };
            let block = blocks.block(here);
            self.walk = get(&block.newer);
            visit(block);
        }
        self.walk != PairIndex::NONE
    }

    /// Compares links, count and states.
    ///
    /// # Panics
    /// Where they disagree: the sentence says which.
    pub(crate) fn validate(&self, blocks: &impl Blocks) {
        let (mut older, mut here, mut count) = (PairIndex::NONE, self.oldest, 0);
        while let Some(index) = here.some() {
            let block = blocks.block(index);
            assert_eq!(get(&block.older), older, "a block knows who stands before it");
            assert!(block.state.soft_grants() > 0, "who is on the shelf has a soft grant");
            assert!(!block.state.is_stolen(), "and its bytes");
            (older, here, count) = (index, get(&block.newer), count + 1);
        }
        assert_eq!((older, count), (self.newest, self.count), "the shelf ends with its newest");
    }
}

fn get(link: &crate::sync::AtomicU32) -> PairIndex {
    PairIndex(link.load(Ordering::Relaxed))
}

fn set(link: &crate::sync::AtomicU32, to: PairIndex) {
    link.store(to.0, Ordering::Relaxed);
}
