//! A ledger line is what the heap keeps of an account: its charge, its limit, and its grants on other accounts' blocks.
//!
//! ```text
//! line 256 = charged 64 (a line of its own: it changes with every block) | limit, names, counts | table of further grants
//! ```
//! The first account of a block finds its grant in the block's own lines. Every further one keeps a table from block
//! to grant under a lock that is held for one look-up.

use hashbrown::HashMap;

use crate::counts::lines::Block;
use crate::lock::Lock;
use crate::sync::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// One account's line.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct AccountLine {
    charged: Charged,
    limit_bytes: AtomicU64,
    is_closed: AtomicBool,
    /// Whether more may be charged than is needed yet: not to one that is to hold less.
    may_prepay: AtomicBool,
    /// How many handles of the account there are.
    handles: AtomicU32,
    /// What may bring charges later, soft grants and weak references: how many there ever were, and how many of them ended.
    references_begun: AtomicU64,
    references_ended: AtomicU64,
    refused: AtomicU64,
    peak_bytes: AtomicU64,
    name: Lock<Box<str>>,
    pub(crate) further: Lock<FurtherGrants>,
}

#[derive(Debug)]
#[repr(C, align(64))]
struct Charged(AtomicU64);

/// The grants of one account on blocks whose home is another's, by the block's line.
pub(crate) type FurtherGrants = HashMap<BlockAddress, GrantIndex, foldhash::fast::RandomState>;

/// A block's line, as a key.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct BlockAddress(usize);

impl BlockAddress {
    pub(crate) fn of(block: &Block) -> Self {
        Self(core::ptr::from_ref(block).addr())
    }
}

/// A further grant's line, by its index in the heap's table of grants.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct GrantIndex(pub(crate) u32);

/// How much more an account would have taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Refused {
    pub(crate) room_bytes: u64,
    pub(crate) is_closed: bool,
}

/// What a new grant is paid from.
pub(crate) trait Purse {
    fn pay(&mut self, bytes: u64) -> Result<(), Refused>;
    fn refund(&mut self, bytes: u64);
}

impl Purse for &AccountLine {
    fn pay(&mut self, bytes: u64) -> Result<(), Refused> {
        self.charge(bytes)
    }

    fn refund(&mut self, bytes: u64) {
        self.uncharge(bytes);
    }
}

impl AccountLine {
    pub(crate) fn new(name: &str, limit_bytes: u64) -> Self {
        let table = FurtherGrants::with_hasher(foldhash::fast::RandomState::default());
        Self {
            charged: Charged(AtomicU64::new(0)),
            limit_bytes: AtomicU64::new(limit_bytes),
            is_closed: AtomicBool::new(false),
            may_prepay: AtomicBool::new(true),
            handles: AtomicU32::new(0),
            references_begun: AtomicU64::new(0),
            references_ended: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            peak_bytes: AtomicU64::new(0),
            name: Lock::new(name.into()),
            further: Lock::new(table),
        }
    }

    /// Begins anew under another name; only for a line that is unused.
    pub(crate) fn reopen(&self, name: &str, limit_bytes: u64) {
        *self.name.lock() = name.into();
        self.refused.store(0, Ordering::Relaxed);
        self.peak_bytes.store(0, Ordering::Relaxed);
        self.is_closed.store(false, Ordering::Relaxed);
        self.may_prepay.store(true, Ordering::Relaxed);
        self.limit_bytes.store(limit_bytes, Ordering::Relaxed);
    }

    pub(crate) fn name(&self) -> String {
        self.name.lock().to_string()
    }

    pub(crate) fn charged_bytes(&self) -> u64 {
        self.charged.0.load(Ordering::Relaxed)
    }

    pub(crate) fn limit_bytes(&self) -> u64 {
        self.limit_bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn set_limit(&self, limit_bytes: u64) {
        let _until_set = self.name.lock(); // nobody closes meanwhile
        if !self.is_closed() {
            if limit_bytes < self.limit_bytes() {
                self.may_prepay.store(false, Ordering::Relaxed);
            }
            self.limit_bytes.store(limit_bytes, Ordering::Relaxed);
        }
    }

    /// How often it had no room.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// The most that it was seen to be charged with: by who asks now that it is `charged_bytes`, or was refused.
    pub(crate) fn peak_bytes(&self, charged_bytes: u64) -> u64 {
        self.peak_bytes.fetch_max(charged_bytes, Ordering::Relaxed).max(charged_bytes)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Relaxed)
    }

    /// Takes nothing on from now on.
    pub(crate) fn close(&self) {
        let _until_set = self.name.lock();
        self.may_prepay.store(false, Ordering::Relaxed);
        self.is_closed.store(true, Ordering::Relaxed);
        self.limit_bytes.store(0, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn may_prepay(&self) -> bool {
        self.may_prepay.load(Ordering::Relaxed)
    }

    pub(crate) fn add_handle(&self) {
        self.handles.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn has_handles(&self) -> bool {
        self.handles.load(Ordering::Relaxed) > 0
    }

    /// Takes a handle away; true if it was the last.
    pub(crate) fn drop_handle(&self) -> bool {
        self.handles.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// A soft grant or a weak reference of the account begins.
    pub(crate) fn begin_reference(&self) {
        self.references_begun.fetch_add(1, Ordering::Relaxed);
    }

    /// A soft grant or a weak reference of the account has ended: nothing comes of it any more.
    pub(crate) fn end_reference(&self) {
        self.references_ended.fetch_add(1, Ordering::Release);
    }

    /// Whether nobody has or may ever get a charge on the account again, so that its number can be another's.
    ///
    /// Without handles, a charge comes of a charge (a holder shares, or makes references) or of a reference. The counts of
    /// references only rise: if no more have begun after the look at the charge than had ended before it, there was none
    /// all the while. So when there was no charge either, there was nothing, and of nothing comes nothing.
    pub(crate) fn is_unused(&self) -> bool {
        if self.handles.load(Ordering::Acquire) > 0 {
            return false;
        }
        let ended = self.references_ended.load(Ordering::Acquire);
        let charged_bytes = self.charged.0.load(Ordering::Acquire);
        let begun = self.references_begun.load(Ordering::Acquire);
        ended == begun && charged_bytes == 0
    }

    /// Takes `bytes` on, or says what would still have fitted. A charge is a number about bytes, it guards none.
    pub(crate) fn charge(&self, bytes: u64) -> Result<(), Refused> {
        if self.try_charge(bytes) {
            return Ok(());
        }
        let charged_bytes = self.charged_bytes();
        Err(self.refuse(charged_bytes, self.limit_bytes().saturating_sub(charged_bytes)))
    }

    /// Takes `bytes` on if they fit; what does not is no refusal yet.
    pub(crate) fn try_charge(&self, bytes: u64) -> bool {
        let limit_bytes = self.limit_bytes();
        if limit_bytes == u64::MAX {
            self.charged.0.fetch_add(bytes, Ordering::Relaxed);
            return true;
        }
        let mut charged = self.charged_bytes();
        loop {
            if bytes > limit_bytes.saturating_sub(charged) {
                return false;
            }
            match self.charged.0.compare_exchange_weak(
                charged,
                charged + bytes,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => charged = now,
            }
        }
    }

    #[cold]
    fn refuse(&self, charged_bytes: u64, room_bytes: u64) -> Refused {
        self.refused.fetch_add(1, Ordering::Relaxed);
        self.peak_bytes.fetch_max(charged_bytes, Ordering::Relaxed);
        Refused { room_bytes, is_closed: self.is_closed() }
    }

    /// Ends with its heap. Loom fails where another thread may still use it, or did in a way that is not ordered before.
    #[cfg(all(test, loom))]
    pub(crate) fn end(&mut self) {
        self.charged.0.with_mut(|_| ());
        self.references_begun.with_mut(|_| ());
        self.references_ended.with_mut(|_| ());
    }

    pub(crate) fn uncharge(&self, bytes: u64) {
        // Release: who finds nothing charged finds also what came of the charge (`is_unused`).
        let before = self.charged.0.fetch_sub(bytes, Ordering::Release);
        debug_assert!(before >= bytes, "an account gives back what it took on");
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn an_account_takes_bytes_up_to_its_limit_and_says_what_room_is_left() {
        let account = AccountLine::new("tenant", 100);
        account.charge(70).unwrap();
        assert_eq!(account.charge(31), Err(Refused { room_bytes: 30, is_closed: false }));
        account.charge(30).unwrap();
        account.uncharge(50);
        assert_eq!(
            (account.charged_bytes(), account.limit_bytes(), account.name().as_str()),
            (50, 100, "tenant")
        );
        assert_eq!((account.refused(), account.peak_bytes(50)), (1, 70));
    }

    #[test]
    fn an_account_without_a_limit_never_refuses() {
        let account = AccountLine::new("all", u64::MAX);
        account.charge(u64::MAX / 2).unwrap();
        account.charge(u64::MAX / 2).unwrap();
    }

    #[test]
    fn a_closed_account_gives_back_and_takes_nothing() {
        let account = AccountLine::new("gone", u64::MAX);
        account.charge(64).unwrap();
        account.close();
        account.set_limit(100);
        assert_eq!(account.charge(1), Err(Refused { room_bytes: 0, is_closed: true }));
        assert!(!account.is_unused());
        account.uncharge(64);
        assert!(account.is_unused());
        account.reopen("next", 10);
        account.charge(10).unwrap();
        assert_eq!((account.name().as_str(), account.refused()), ("next", 0));
    }

    #[test]
    fn a_line_with_a_handle_a_charge_or_a_reference_is_in_use() {
        let account = AccountLine::new("used", u64::MAX);
        assert!(account.is_unused());
        account.add_handle();
        assert!(!account.is_unused() && account.drop_handle());
        account.begin_reference();
        assert!(!account.is_unused());
        account.end_reference();
        assert!(account.is_unused());
    }
}
