//! A grant is one account's counted hold on one block, shared by all handles of that account.
//!
//! `word 64 = account 22 | soft handles 16 | strong handles 26`, strong in the low bits: a clone is one add.
//!
//! Invariant C: a block's strong grants are at least its grants that have strong handles, and equal at quiet
//! moments; the same holds of soft ones. So counts rise first in the block's state, then in the word, and fall first in
//! the word.

use core::ptr::NonNull;

use crate::counts::loan::Lending;
use crate::sync::{AtomicPtr, AtomicU32, AtomicU64, Ordering, fence};

const STRONG_BITS: u32 = 26;
const STRONG_MASK: u64 = (1 << STRONG_BITS) - 1;
const SOFT_ONE: u64 = 1 << STRONG_BITS;
const SOFT_MASK: u64 = 0xFFFF << STRONG_BITS;
const HANDLES_MASK: u64 = STRONG_MASK | SOFT_MASK;
const ACCOUNT_SHIFT: u32 = 42;

/// Half of what the field can count: above it a clone is undone, long before the count could touch its neighbour.
const STRONG_MAX: u64 = 1 << (STRONG_BITS - 1);
const SOFT_MAX: u64 = SOFT_ONE << 15;

const LEAKED: &str = "more than 2^25 handles of one account on one block: handles are being leaked";

/// An account's number in the heap's table of accounts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct AccountNumber(pub(crate) u32);

/// A grant of one kind has ended: whose it was, and whether the line has no handle of the other kind either.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Ended {
    pub(crate) account: AccountNumber,
    pub(crate) is_empty: bool,
}

/// How many accounts the word has numbers for.
pub(crate) const ACCOUNT_COUNT_MAX: u32 = 1 << 22;

/// A line of 64 B: the word, and where the bytes are, so that a reader needs no other line; and who lent them.
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
    /// Whose the bytes are, if they are lent; in a home, and empty in any other line.
    pub(crate) lending: Lending,
}

impl<B> Grant<B> {
    /// A line that is bound to no block yet.
    pub(crate) fn unbound() -> Self {
        Self {
            word: AtomicU64::new(0),
            block: AtomicPtr::new(core::ptr::null_mut()),
            base: AtomicPtr::new(core::ptr::null_mut()),
            capacity_bytes: AtomicU32::new(0),
            lending: Lending::none(),
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
            panic!("{LEAKED}");
        }
    }

    /// Takes a strong handle away. `Some` names the account whose grant ended with it: the caller then leaves the
    /// block's state and uncharges that account. It is read in this very step, since an empty home may be claimed
    /// by another account at once.
    pub(crate) fn drop_handle(&self) -> Option<Ended> {
        // Release: all reads through this handle come before whoever frees the block.
        let before = self.word.fetch_sub(1, Ordering::Release);
        debug_assert!(before & STRONG_MASK > 0, "a handle is dropped once");
        if before & STRONG_MASK == 1 {
            // Acquire: and the last one sees that all others are done.
            fence(Ordering::Acquire);
            return Some(Ended { account: account_of(before), is_empty: before & SOFT_MASK == 0 });
        }
        None
    }

    /// Adds a handle if this is `account`'s grant and it still has one.
    ///
    /// # Panics
    /// Above 2^25 handles, before anything is counted.
    pub(crate) fn join_existing(&self, account: AccountNumber) -> bool {
        self.change(|word| {
            let strong = word & STRONG_MASK;
            let is_ours = strong > 0 && account_of(word) == account;
            assert!(!is_ours || strong < STRONG_MAX, "{LEAKED}");
            is_ours.then_some(word + 1)
        })
        .is_some()
    }

    /// Adds a handle if this is `account`'s grant and it has a handle of either kind, for who raised the state before.
    /// True if it had no strong one: what the state was raised by is this grant's now.
    pub(crate) fn revive(&self, account: AccountNumber) -> Option<bool> {
        let before = self.change(|word| {
            // No limit here: what was raised could not be taken back, and who comes so far found no strong handle.
            let is_ours = word & HANDLES_MASK > 0 && account_of(word) == account;
            is_ours.then_some(word + 1)
        })?;
        Some(before & STRONG_MASK == 0)
    }

    /// Adds a soft handle if there is one already, or else none at all: false then.
    ///
    /// # Panics
    /// Above 2^15 soft handles, before anything is counted.
    pub(crate) fn join_soft(&self) -> bool {
        self.change(|word| {
            assert!(
                word & SOFT_MASK < SOFT_MAX,
                "more than 2^15 soft references of one account to one block: they are being leaked"
            );
            (word & SOFT_MASK > 0).then_some(word + SOFT_ONE)
        })
        .is_some()
    }

    /// Adds a soft handle, for who raised the state before. True if it is the first.
    pub(crate) fn begin_soft(&self) -> bool {
        // No limit here: what was raised could not be taken back, and who comes so far found no soft handle.
        let before = self.change(|word| Some(word + SOFT_ONE));
        before.is_some_and(|before| before & SOFT_MASK == 0)
    }

    /// Takes a soft handle away. `Some` if the account's soft grant ended with it.
    pub(crate) fn drop_soft(&self) -> Option<Ended> {
        // Release and Acquire as with strong ones: what was done through it comes before whoever ends the grant.
        let before = self.word.fetch_sub(SOFT_ONE, Ordering::Release);
        debug_assert!(before & SOFT_MASK > 0, "a soft handle is dropped once");
        if before & SOFT_MASK == SOFT_ONE {
            fence(Ordering::Acquire);
            let is_empty = before & STRONG_MASK == 0;
            return Some(Ended { account: account_of(before), is_empty });
        }
        None
    }

    /// Whose grant this is: for who has a handle of it.
    pub(crate) fn account(&self) -> AccountNumber {
        account_of(self.word.load(Ordering::Relaxed))
    }

    /// Whose strong grant this is, if it is one now, and the address of the block's line.
    pub(crate) fn strong(&self) -> Option<(AccountNumber, usize)> {
        let word = self.word.load(Ordering::Relaxed);
        let block = self.block.load(Ordering::Relaxed);
        (word & STRONG_MASK > 0).then(|| (account_of(word), block.addr()))
    }

    /// Whose the one handle is that there is, if there is one only, and strong.
    #[inline]
    pub(crate) fn only_handle(&self) -> Option<AccountNumber> {
        // Acquire: the others' reads come before what is done now.
        let word = self.word.load(Ordering::Acquire);
        (word & HANDLES_MASK == 1).then(|| account_of(word))
    }

    /// Forgets the one handle; only for who has it, and knows that nobody else reaches the block.
    #[inline]
    pub(crate) fn clear(&self) {
        self.word.store(0, Ordering::Relaxed);
    }

    /// Whether `account` has one strong handle here, and there is no other of any kind.
    pub(crate) fn has_one_handle(&self, account: AccountNumber) -> bool {
        // Acquire: what the others left behind is seen by who looks for it now.
        self.word.load(Ordering::Acquire) == word_of(account) | 1
    }

    /// Makes the one strong handle that there is another account's. The caller has that handle, and knows that nobody
    /// else reaches the block.
    pub(crate) fn rename(&self, from: AccountNumber, to: AccountNumber) -> bool {
        let (before, after) = (word_of(from) | 1, word_of(to) | 1);
        self.word.compare_exchange(before, after, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    fn change(&self, next: impl Fn(u64) -> Option<u64>) -> Option<u64> {
        let mut seen = self.word.load(Ordering::Relaxed);
        loop {
            match self.word.compare_exchange_weak(
                seen,
                next(seen)?,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(before) => return Some(before),
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
        // Acquire: who gives the line to another comes after all that its last handle did.
        self.word.load(Ordering::Acquire) & HANDLES_MASK == 0
    }

    /// Ends with its heap. Loom fails where another thread may still use it, or did in a way that is not ordered before.
    #[cfg(all(test, loom))]
    pub(crate) fn end(&mut self) {
        self.word.with_mut(|_| ());
        self.block.with_mut(|_| ());
    }

    /// Counts handles that nobody has: so many strong ones, and soft ones. Negative numbers take them away.
    #[cfg(all(test, not(loom)))]
    pub(crate) fn leak(&self, strong: i64, soft: i64) {
        let leaked = strong + (soft << STRONG_BITS);
        self.word.fetch_add(leaked.cast_unsigned(), Ordering::Relaxed);
    }

    /// How many strong handles there are, exact at quiet moments.
    #[cfg(all(test, not(loom)))]
    pub(crate) fn strong_handles(&self) -> u64 {
        self.word.load(Ordering::Relaxed) & STRONG_MASK
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
        let grant = Grant::<u64>::unbound();
        grant.begin(AccountNumber(ACCOUNT_COUNT_MAX - 1));
        grant.clone_handle();
        assert_eq!(grant.drop_handle(), None);
        let account = AccountNumber(ACCOUNT_COUNT_MAX - 1);
        assert_eq!(grant.drop_handle(), Some(Ended { account, is_empty: true }));
        assert!(grant.is_empty());
    }

    #[test]
    fn only_the_account_itself_joins_its_grant_and_only_while_it_lives() {
        let grant = Grant::<u64>::unbound();
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
    fn a_grant_without_strong_handles_is_its_account_s_while_it_has_soft_ones() {
        let grant = Grant::<u64>::unbound();
        let account = AccountNumber(7);
        grant.begin(account);
        assert!(!grant.join_soft());
        assert!(grant.begin_soft() && grant.join_soft());
        assert_eq!(grant.drop_handle(), Some(Ended { account, is_empty: false }));
        assert!(!grant.join_existing(account) && !grant.claim_empty(AccountNumber(8)));
        assert_eq!(grant.revive(AccountNumber(8)), None);
        assert_eq!((grant.revive(account), grant.revive(account)), (Some(true), Some(false)));
        assert_eq!(grant.drop_soft(), None);
        assert_eq!(grant.drop_soft(), Some(Ended { account, is_empty: false }));
    }

    #[test]
    #[should_panic(expected = "are being leaked")]
    fn a_loop_that_leaks_soft_references_panics_at_half_the_range() {
        let grant = Grant::<u64>::unbound();
        grant.begin(AccountNumber(1));
        grant.word.fetch_add(SOFT_MAX, Ordering::Relaxed);
        grant.join_soft();
    }

    #[test]
    #[should_panic(expected = "handles are being leaked")]
    fn an_account_that_leaks_handles_by_holding_anew_panics_too() {
        let grant = Grant::<u64>::unbound();
        grant.begin(AccountNumber(1));
        grant.leak((1 << 25) - 1, 0);
        grant.join_existing(AccountNumber(1));
    }

    #[test]
    #[should_panic(expected = "handles are being leaked")]
    fn a_loop_that_leaks_handles_panics_at_half_the_range() {
        let grant = Grant::<u64>::unbound();
        grant.begin(AccountNumber(1));
        grant.word.fetch_add(STRONG_MAX - 1, Ordering::Relaxed);
        grant.clone_handle();
    }
}
