//! A block's state says how many grants keep its bytes, in one word that only compare-and-swap may change.
//!
//! `state 64 = strong grants 24 | soft grants 24 | STOLEN 1 | NO_UPGRADE 1 | SHELVED 1 | KNOWN 1 | LENT 1 | spare 11`
//!
//! ```text
//! (strong, soft)   (1, 0) ──join_soft──► (1, 1) ──leave──► (0, 1) soft only ──join_upgrade──► (1, 1)
//!                    │ leave                                   │ steal, retire, leave_soft
//!                    ▼                                         ▼
//!                  STOLEN: the bytes are freed by who set it, and nobody holds the block again
//! ```
//! Whoever wins a transition does the work that belongs to it: free the bytes, count the soft pool, mind the shelf.
//! SHELVED says that the block had a soft grant in this life: from then on its last steps are made under its shelf's lock.
//! KNOWN says that it was shared with an account, or weakly referred to, in this life. A block with neither is reached
//! through the handles of its home and by nobody else, however long ago: whoever has the only one is alone with it.
//! LENT says that the bytes are another's: soft grants do not keep them, as if it were retired, but references find them
//! for as long as strong ones do.

use crate::sync::{AtomicU64, Ordering};

const STRONG_ONE: u64 = 1;
const STRONG_MASK: u64 = (1 << 24) - 1;
const SOFT_ONE: u64 = 1 << 24;
const SOFT_MASK: u64 = STRONG_MASK << 24;
const STOLEN: u64 = 1 << 48;
const NO_UPGRADE: u64 = 1 << 49;
const SHELVED: u64 = 1 << 50;
const KNOWN: u64 = 1 << 51;
const LENT: u64 = 1 << 52;

/// Half of what a field can count.
const GRANTS_MAX: u64 = STRONG_MASK / 2;

/// The word. See the drawing above.
#[derive(Debug)]
pub(crate) struct State(AtomicU64);

/// What a grant that ended left behind.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Left {
    /// Other strong grants keep the bytes, or they went long ago and other soft grants still name them.
    Kept,
    /// Only soft grants keep the bytes now.
    SoftOnly,
    /// The bytes belong to the caller, who frees them. With `is_last`, no grant of either kind is left.
    Freed { is_last: bool },
    /// The bytes went long ago; this was the last grant that still named them.
    Nameless,
}

/// Why a reference found nothing to hold.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Dead {
    /// Its last holder went, or its memory was needed.
    Stolen,
    /// It was said to be out of date.
    Retired,
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

    /// As `begin`, for a block whose bytes are lent.
    pub(crate) fn begin_lent(&self) {
        self.0.store(STRONG_ONE | LENT, Ordering::Relaxed);
    }

    /// Whether the bytes are lent, and still there.
    pub(crate) fn is_lent(&self) -> bool {
        self.0.load(Ordering::Relaxed) & (LENT | STOLEN) == LENT
    }

    /// Adds a strong grant. The caller holds a handle, so there is at least one already.
    pub(crate) fn join(&self) {
        // AcqRel by the rule of the word: the chain of its changes stays one chain.
        let before = self.change(|state| Some((state + STRONG_ONE) | KNOWN)).expect("always");
        assert!(before & STRONG_MASK > 0, "only a holder shares a block");
        assert!(before & STRONG_MASK < GRANTS_MAX, "a block has fewer than 2^23 grants");
    }

    /// Adds a strong grant for a reference, if the bytes are there and not out of date. True if only soft grants kept
    /// them until now.
    pub(crate) fn join_upgrade(&self) -> Result<bool, Dead> {
        let step = |state: u64| (dead(state).is_none()).then_some(state + STRONG_ONE);
        match self.change(step) {
            Ok(before) => Ok(before & STRONG_MASK == 0),
            Err(state) => Err(dead(state).expect("the only reason")),
        }
    }

    /// Adds a soft grant; the caller has a handle or a soft reference. True if it is the first there is now: the block
    /// goes on the shelf, whose lock the caller holds.
    pub(crate) fn join_soft(&self) -> bool {
        let before = self.change(|state| Some((state + SOFT_ONE) | SHELVED)).expect("always");
        assert!(before & SOFT_MASK < GRANTS_MAX << 24, "a block has fewer than 2^23 soft grants");
        before & SOFT_MASK == 0
    }

    /// Takes a strong grant away, unless that is a step for who has the shelf's lock; `None` then.
    pub(crate) fn leave_unshelved(&self) -> Option<Left> {
        let step = |state: u64| {
            let is_free_of_shelf = state & SHELVED == 0 || state & STRONG_MASK > STRONG_ONE;
            is_free_of_shelf.then(|| without_strong(state))
        };
        self.change(step).ok().map(left_by_strong)
    }

    /// Takes a strong grant away; the last one, where nothing soft keeps the block, frees it in the same step. The caller
    /// has the shelf's lock.
    pub(crate) fn leave(&self) -> Left {
        left_by_strong(self.change(|state| Some(without_strong(state))).expect("always"))
    }

    /// Takes a soft grant away. The caller has the shelf's lock, takes the block from the shelf if no soft grant is left,
    /// and from the soft pool if it is freed.
    pub(crate) fn leave_soft(&self) -> Left {
        let before = self.change(|state| Some(without_soft(state))).expect("always");
        debug_assert!(
            before & SOFT_MASK > 0,
            "a soft grant is left once for each time it was joined"
        );
        let after = without_soft(before);
        let is_last = after & (STRONG_MASK | SOFT_MASK) == 0;
        match (before & STOLEN != 0, after & STOLEN != 0) {
            (true, _) if is_last => Left::Nameless,
            (false, true) => Left::Freed { is_last },
            (false, false) if after & STRONG_MASK == 0 => Left::SoftOnly,
            _ => Left::Kept,
        }
    }

    /// Takes the bytes away from soft grants, if nothing else keeps them. True gives them to the caller, who has the
    /// shelf's lock.
    pub(crate) fn steal(&self) -> bool {
        self.change(|state| is_soft_only(state).then_some(state | STOLEN)).is_ok()
    }

    /// Says that what the block holds is out of date: from now on no reference becomes a new holder. True if only soft
    /// grants kept it: the bytes are the caller's, who has the shelf's lock if the block is shelved.
    pub(crate) fn retire(&self) -> bool {
        let step = |state: u64| {
            let stolen = if is_soft_only(state) { STOLEN } else { 0 };
            Some(state | NO_UPGRADE | stolen)
        };
        is_soft_only(self.change(step).expect("always"))
    }

    /// Whether the block was retired. A holder may go on reading it; a cache must not hand it out anew.
    pub(crate) fn is_retired(&self) -> bool {
        // Acquire: who sees the flag sees also what its setter did before.
        self.0.load(Ordering::Acquire) & NO_UPGRADE != 0
    }

    /// Why a reference that is upgraded now finds nothing, if that is so.
    pub(crate) fn dead(&self) -> Option<Dead> {
        dead(self.0.load(Ordering::Acquire))
    }

    /// Says that a weak reference is made. The caller has a handle, or another weak reference.
    pub(crate) fn know(&self) {
        // Relaxed: the flag never falls in a life, and who acts on its absence is alone (`is_private`).
        if self.0.load(Ordering::Relaxed) & KNOWN == 0 {
            let _before: Result<u64, u64> = self.change(|state| Some(state | KNOWN));
        }
    }

    /// Whether nobody ever reached the block but through handles of its home; for who then has the only one. That must
    /// be looked at before this: a reference could become a handle, and a handle a reference, between two looks the other
    /// way round, and be met by neither. What flags were raised through handles that went before, is seen then.
    pub(crate) fn is_private(&self) -> bool {
        self.0.load(Ordering::Acquire) & !(NO_UPGRADE | LENT) == STRONG_ONE
    }

    /// Ends a life that nobody can look at.
    pub(crate) fn end_private(&self) {
        self.0.store(STOLEN, Ordering::Relaxed);
    }

    /// Whether the bytes have gone.
    pub(crate) fn is_stolen(&self) -> bool {
        self.0.load(Ordering::Relaxed) & STOLEN != 0
    }

    /// How many accounts hold the block, exact at quiet moments.
    pub(crate) fn strong_grants(&self) -> u64 {
        self.0.load(Ordering::Relaxed) & STRONG_MASK
    }

    /// How many accounts hold it softly, exact at quiet moments.
    pub(crate) fn soft_grants(&self) -> u64 {
        (self.0.load(Ordering::Relaxed) & SOFT_MASK) / SOFT_ONE
    }

    /// Whether only soft grants keep the bytes: exact at quiet moments, and under the shelf's lock a hint.
    pub(crate) fn is_soft_only(&self) -> bool {
        is_soft_only(self.0.load(Ordering::Relaxed))
    }

    /// Ends with its heap. Loom fails where another thread may still use it, or did in a way that is not ordered before.
    #[cfg(all(test, loom))]
    pub(crate) fn end(&mut self) {
        self.0.with_mut(|_| ());
    }

    /// Changes the word by `next`, which may be asked several times; the word before, or the one that `next` refused.
    fn change(&self, next: impl Fn(u64) -> Option<u64>) -> Result<u64, u64> {
        // Acquire, also where nothing changes: a refusal is an answer too.
        let mut seen = self.0.load(Ordering::Acquire);
        loop {
            let after = next(seen).ok_or(seen)?;
            match self.0.compare_exchange_weak(seen, after, Ordering::AcqRel, Ordering::Acquire) {
                Ok(before) => return Ok(before),
                Err(now) => seen = now,
            }
        }
    }
}

fn dead(state: u64) -> Option<Dead> {
    if state & NO_UPGRADE != 0 {
        Some(Dead::Retired)
    } else {
        (state & STOLEN != 0).then_some(Dead::Stolen)
    }
}

fn is_soft_only(state: u64) -> bool {
    state & STRONG_MASK == 0 && state & SOFT_MASK != 0 && state & (STOLEN | NO_UPGRADE | LENT) == 0
}

fn without_strong(state: u64) -> u64 {
    let after = state - STRONG_ONE;
    let is_kept = after & STRONG_MASK != 0 || is_soft_only(after);
    if is_kept { after } else { after | STOLEN }
}

fn without_soft(state: u64) -> u64 {
    let after = state - SOFT_ONE;
    if after & (STRONG_MASK | SOFT_MASK) == 0 { after | STOLEN } else { after }
}

fn left_by_strong(before: u64) -> Left {
    debug_assert!(before & STRONG_MASK > 0, "a grant is left once for each time it was joined");
    let after = without_strong(before);
    if after & STOLEN != 0 {
        Left::Freed { is_last: after & SOFT_MASK == 0 }
    } else if after & STRONG_MASK == 0 {
        Left::SoftOnly
    } else {
        Left::Kept
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn begun() -> State {
        let state = State::free();
        state.begin();
        state
    }

    #[test]
    fn the_last_grant_to_leave_frees_and_no_other() {
        let state = begun();
        state.join();
        assert_eq!(state.leave_unshelved(), Some(Left::Kept));
        assert_eq!(state.leave_unshelved(), Some(Left::Freed { is_last: true }));
        assert!(state.is_stolen() && state.strong_grants() == 0);
    }

    #[test]
    fn a_soft_grant_keeps_the_block_until_the_last_of_its_kind_goes() {
        let state = begun();
        assert!(state.join_soft() && !state.join_soft());
        assert_eq!(state.leave_unshelved(), None, "that step is for who has the shelf");
        assert_eq!(state.leave(), Left::SoftOnly);
        assert_eq!(state.join_upgrade(), Ok(true));
        assert_eq!(state.join_upgrade(), Ok(false));
        assert_eq!(state.leave_unshelved(), Some(Left::Kept));
        assert_eq!(state.leave(), Left::SoftOnly);
        assert_eq!(state.leave_soft(), Left::SoftOnly);
        assert_eq!(state.leave_soft(), Left::Freed { is_last: true });
        assert_eq!(state.join_upgrade(), Err(Dead::Stolen));
    }

    #[test]
    fn only_what_soft_grants_alone_keep_is_stolen() {
        let state = begun();
        assert!(!state.steal());
        state.join_soft();
        assert!(!state.steal());
        assert_eq!(state.leave(), Left::SoftOnly);
        assert!(state.steal() && !state.steal());
        assert_eq!(state.join_upgrade(), Err(Dead::Stolen));
        assert_eq!(state.leave_soft(), Left::Nameless);
    }

    #[test]
    fn what_is_retired_is_kept_by_strong_grants_only() {
        let state = begun();
        state.join_soft();
        assert!(!state.retire() && state.is_retired());
        assert_eq!(state.join_upgrade(), Err(Dead::Retired));
        assert_eq!(state.leave(), Left::Freed { is_last: false });
        assert_eq!(state.leave_soft(), Left::Nameless);
        let soft_only = begun();
        soft_only.join_soft();
        assert_eq!(soft_only.leave(), Left::SoftOnly);
        assert!(soft_only.retire() && !soft_only.retire());
    }

    #[test]
    fn what_is_lent_is_kept_by_strong_grants_only_and_found_until_they_go() {
        let state = State::free();
        state.begin_lent();
        assert!(state.is_private() && state.is_lent());
        state.join_soft();
        assert_eq!(state.join_upgrade(), Ok(false));
        assert_eq!((state.leave(), state.steal()), (Left::Kept, false));
        assert_eq!(state.leave(), Left::Freed { is_last: false });
        assert_eq!(state.join_upgrade(), Err(Dead::Stolen));
        assert!(!state.retire() && !state.is_lent());
        assert_eq!(state.leave_soft(), Left::Nameless);
    }

    #[test]
    fn a_new_life_forgets_the_last_one() {
        let state = begun();
        state.retire();
        assert_eq!(state.leave_unshelved(), Some(Left::Freed { is_last: true }));
        state.begin();
        assert!(!state.is_retired() && state.is_private());
    }
}
