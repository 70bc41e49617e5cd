//! A grant is one account's counted hold on one block, shared by all handles of that account.
//!
//! `word 64 = account 22 | soft handles 16 | strong handles 26`, strong in the low bits: a clone is one add.
//!
//! Invariant C: a block's strong grants are at least its grants that have strong handles, and equal at quiet
//! moments. So counts rise first in the block's state, then in the word, and fall first in the word.

use core::ptr::NonNull;

use crate::sync::{AtomicPtr, AtomicU32, AtomicU64, Ordering, fence};

const STRONG_BITS: u32 = 26;
const STRONG_MASK: u64 = (1 << STRONG_BITS) - 1;
const HANDLES_MASK: u64 = (1 << (STRONG_BITS + 16)) - 1;
const ACCOUNT_SHIFT: u32 = 42;

/// Half of what the field can count: above it a clone is undone, long before the count could touch its neighbour.
const STRONG_MAX: u64 = 1 << (STRONG_BITS - 1);

/// An account's number in the heap's table of accounts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct AccountNumber(pub(crate) u32);

/// How many accounts the word has numbers for.
pub(crate) const ACCOUNT_COUNT_MAX: u32 = 1 << 22;

/// A line of 64 B: the word, and where the bytes are, so that a reader needs no other line.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Grant<B> {
    word: AtomicU64,
    /// The line of the block that is held; set when the line is bound, fixed while a handle lives.
    block: AtomicPtr<B>,
    /// The first byte of the block; likewise.
    base: AtomicPtr<u8>,
    /// The block's length; likewise.
    capacity_bytes: AtomicU32,
    /// Zero for a block's home; else the line's place in the table of further grants.
    index: AtomicU32,
}

impl<B> Grant<B> {
    /// A line that is bound to no block yet.
    pub(crate) fn unbound(index: u32) -> Self {
        Self {
            word: AtomicU64::new(0),
            block: AtomicPtr::new(core::ptr::null_mut()),
            base: AtomicPtr::new(core::ptr::null_mut()),
            capacity_bytes: AtomicU32::new(0),
            index: AtomicU32::new(index),
        }
    }

    /// Says which block the line is about. Only while no handle names the line: Relaxed is enough, because the
    /// handle that is made next carries these stores to whoever gets it.
    pub(crate) fn bind(&self, block: NonNull<B>, base: NonNull<u8>, capacity_bytes: u32) {
        self.block.store(block.as_ptr(), Ordering::Relaxed);
        self.base.store(base.as_ptr(), Ordering::Relaxed);
        self.capacity_bytes.store(capacity_bytes, Ordering::Relaxed);
    }

    pub(crate) fn block(&self) -> NonNull<B> {
        NonNull::new(self.block.load(Ordering::Relaxed)).expect("a line with handles is bound")
    }

    pub(crate) fn base(&self) -> *mut u8 {
        self.base.load(Ordering::Relaxed)
    }

    pub(crate) fn capacity_bytes(&self) -> u32 {
        self.capacity_bytes.load(Ordering::Relaxed)
    }

    /// Whether the line stands beside its block's own, not in the table of further grants.
    pub(crate) fn is_home(&self) -> bool {
        self.index.load(Ordering::Relaxed) == 0
    }

    /// Begins with one strong handle of `account`. Only for who just made the line's block or took a fresh line.
    pub(crate) fn begin(&self, account: AccountNumber) {
        self.word.store(word_of(account) | 1, Ordering::Relaxed);
    }

    /// Adds a strong handle beside the caller's own.
    ///
    /// # Panics
    /// Above 2^25 handles, undone: a loop that leaks handles ends its process, not the count.
    pub(crate) fn clone_handle(&self) {
        // Relaxed: the caller's handle keeps everything alive, and hands the new one on by its own means.
        let before = self.word.fetch_add(1, Ordering::Relaxed);
        if before & STRONG_MASK >= STRONG_MAX {
            self.word.fetch_sub(1, Ordering::Relaxed);
            panic!(
                "more than {STRONG_MAX} handles of one account on one block: handles are being leaked"
            );
        }
    }

    /// Takes a strong handle away. `Some` names the account whose grant ended with it: the caller then leaves the
    /// block's state and uncharges that account. It is read in this very step, since an empty home may be claimed
    /// by another account at once.
    pub(crate) fn drop_handle(&self) -> Option<AccountNumber> {
        // Release: all reads through this handle come before whoever frees the block.
        let before = self.word.fetch_sub(1, Ordering::Release);
        debug_assert!(before & STRONG_MASK > 0, "a handle is dropped once");
        if before & STRONG_MASK == 1 {
            // Acquire: and the last one sees that all others are done.
            fence(Ordering::Acquire);
            return Some(account_of(before));
        }
        None
    }

    /// Adds a handle if this is `account`'s grant and it still has one.
    pub(crate) fn join_existing(&self, account: AccountNumber) -> bool {
        let mut seen = self.word.load(Ordering::Relaxed);
        loop {
            let strong = seen & STRONG_MASK;
            if strong == 0 || strong >= STRONG_MAX || account_of(seen) != account {
                return false;
            }
            match self.word.compare_exchange_weak(
                seen,
                seen + 1,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => seen = now,
            }
        }
    }

    /// Makes an empty line `account`'s, with one handle. The state was raised before.
    pub(crate) fn claim_empty(&self, account: AccountNumber) -> bool {
        let seen = self.word.load(Ordering::Relaxed);
        seen & HANDLES_MASK == 0
            // Acquire: what the last holder did with the line comes before our life in it.
            && self.word.compare_exchange(seen, word_of(account) | 1, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Whether no handle of any kind names the line.
    pub(crate) fn is_empty(&self) -> bool {
        self.word.load(Ordering::Relaxed) & HANDLES_MASK == 0
    }

    /// How many strong handles there are, exact at quiet moments.
    #[cfg(all(test, not(loom)))]
    pub(crate) fn strong_handles(&self) -> u64 {
        self.word.load(Ordering::Relaxed) & STRONG_MASK
    }

    /// Whose grant this is.
    #[cfg(all(test, not(loom)))]
    pub(crate) fn account(&self) -> AccountNumber {
        account_of(self.word.load(Ordering::Relaxed))
    }
}

fn word_of(account: AccountNumber) -> u64 {
    u64::from(account.0) << ACCOUNT_SHIFT
}

fn account_of(word: u64) -> AccountNumber {
    AccountNumber((word >> ACCOUNT_SHIFT) as u32)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const _: () = assert!(size_of::<Grant<u64>>() == 64, "a grant is one line");

    #[test]
    fn the_last_handle_names_the_account_that_leaves() {
        let grant = Grant::<u64>::unbound(0);
        grant.begin(AccountNumber(ACCOUNT_COUNT_MAX - 1));
        grant.clone_handle();
        assert_eq!(grant.drop_handle(), None);
        assert_eq!(grant.drop_handle(), Some(AccountNumber(ACCOUNT_COUNT_MAX - 1)));
        assert!(grant.is_empty());
    }

    #[test]
    fn only_the_account_itself_joins_its_grant_and_only_while_it_lives() {
        let grant = Grant::<u64>::unbound(0);
        assert!(!grant.join_existing(AccountNumber(0)));
        grant.begin(AccountNumber(7));
        assert!(grant.join_existing(AccountNumber(7)));
        assert!(!grant.join_existing(AccountNumber(8)));
        assert!(!grant.claim_empty(AccountNumber(8)));
        grant.drop_handle();
        grant.drop_handle();
        assert!(grant.claim_empty(AccountNumber(8)));
        assert_eq!((grant.account(), grant.strong_handles()), (AccountNumber(8), 1));
    }

    #[test]
    #[should_panic(expected = "handles are being leaked")]
    fn a_loop_that_leaks_handles_panics_at_half_the_range() {
        let grant = Grant::<u64>::unbound(0);
        grant.begin(AccountNumber(1));
        grant.word.fetch_add(STRONG_MAX - 1, Ordering::Relaxed);
        grant.clone_handle();
    }
}
