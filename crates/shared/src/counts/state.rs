//! A block's state says how many grants keep its bytes, in one word that only compare-and-swap may change.
//!
//! `state 64 = strong grants 24 | soft grants 24 | STOLEN 1 | NO_UPGRADE 1 | spare 14`
//!
//! Whoever wins a transition does the work that belongs to it: the one who takes the last strong grant away sets
//! STOLEN in the same step, and frees. Soft grants are counted by soft references; until a heap makes some, that
//! field stays zero and every rule here already reads it.

use crate::sync::{AtomicU64, Ordering};

const STRONG_ONE: u64 = 1;
const STRONG_MASK: u64 = (1 << 24) - 1;
const SOFT_MASK: u64 = STRONG_MASK << 24;
const STOLEN: u64 = 1 << 48;
const NO_UPGRADE: u64 = 1 << 49;

/// The word. See the drawing above.
#[derive(Debug)]
pub(crate) struct State(AtomicU64);

/// What a leaving grant left behind.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Left {
    /// Other grants keep the bytes.
    Kept,
    /// It was the last: the bytes belong to the caller, who frees them.
    Freed,
}

impl State {
    /// A block that nothing holds.
    pub(crate) fn free() -> Self {
        Self(AtomicU64::new(STOLEN))
    }

    /// Begins a life with one strong grant. Only for the arena that just took the block from a free list: nobody
    /// else knows the block, and the handle that is made next carries this store to others.
    pub(crate) fn begin(&self) {
        self.0.store(STRONG_ONE, Ordering::Relaxed);
    }

    /// Adds a strong grant. The caller holds a handle, so there is at least one already.
    pub(crate) fn join(&self) {
        // AcqRel by the rule of the word: the chain of its changes stays one chain.
        let before = self.change(|state| state + STRONG_ONE);
        assert!(before & STRONG_MASK > 0, "only a holder shares a block");
        assert!(before & STRONG_MASK < STRONG_MASK / 2, "a block has fewer than 2^23 grants");
    }

    /// Takes a strong grant away; the last one, where nothing soft keeps the block, frees it in the same step.
    pub(crate) fn leave(&self) -> Left {
        let before = self.change(|state| {
            let after = state - STRONG_ONE;
            if after & STRONG_MASK == 0 && !is_kept_softly(after) { after | STOLEN } else { after }
        });
        debug_assert!(before & STRONG_MASK > 0, "a grant is left once for each time it was joined");
        let after = before - STRONG_ONE;
        if after & STRONG_MASK == 0 && !is_kept_softly(after) { Left::Freed } else { Left::Kept }
    }

    /// Says that what the block holds is out of date: from now on no reference becomes a new holder.
    pub(crate) fn retire(&self) {
        self.change(|state| state | NO_UPGRADE);
    }

    /// Whether the block was retired. A holder may go on reading it; a cache must not hand it out anew.
    pub(crate) fn is_retired(&self) -> bool {
        // Acquire: who sees the flag sees also what its setter did before.
        self.0.load(Ordering::Acquire) & NO_UPGRADE != 0
    }

    /// How many accounts hold the block, exact at quiet moments.
    pub(crate) fn strong_grants(&self) -> u64 {
        self.0.load(Ordering::Relaxed) & STRONG_MASK
    }

    fn change(&self, next: impl Fn(u64) -> u64) -> u64 {
        let mut seen = self.0.load(Ordering::Relaxed);
        loop {
            match self.0.compare_exchange_weak(
                seen,
                next(seen),
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(before) => return before,
                Err(now) => seen = now,
            }
        }
    }
}

fn is_kept_softly(state: u64) -> bool {
    state & SOFT_MASK != 0 && state & NO_UPGRADE == 0
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_last_grant_to_leave_frees_and_no_other() {
        let state = State::free();
        state.begin();
        state.join();
        assert_eq!(state.leave(), Left::Kept);
        assert_eq!(state.leave(), Left::Freed);
        assert_eq!(state.0.load(Ordering::Relaxed), STOLEN);
    }

    #[test]
    fn a_soft_grant_keeps_the_block_until_it_is_retired() {
        let kept = State(AtomicU64::new(STRONG_ONE | 1 << 24));
        assert_eq!(kept.leave(), Left::Kept);
        let retired = State(AtomicU64::new(STRONG_ONE | 1 << 24));
        retired.retire();
        assert!(retired.is_retired());
        assert_eq!(retired.leave(), Left::Freed);
    }

    #[test]
    fn a_new_life_forgets_that_the_last_one_was_retired() {
        let state = State::free();
        state.begin();
        state.retire();
        assert_eq!(state.leave(), Left::Freed);
        state.begin();
        assert!(!state.is_retired());
    }
}
