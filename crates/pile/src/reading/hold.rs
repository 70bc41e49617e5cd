//! A hold makes a record's bytes `SharedData`: they may be sent, kept and shared for as long as anybody likes, whatever becomes
//! of the record.
//!
//! The slot itself is lent to the heap, so nothing is copied. While it is out, the header says *held*, and its place stands in
//! the table of its shard, with a weak reference by which the next hold finds the same loan. Who deletes a held record leaves
//! the slot to who ends the last loan: both look into the table under one lock, so exactly one of them lets it wait in limbo.
//!
//! Cost: a lock to hold and one to let go, a loan and a weak reference; the second hold of the same record is an upgrade.
#![expect(unsafe_code, reason = "lends slots; in `held` below")]

use core::fmt;
use core::ptr::NonNull;
use std::error::Error;
use std::sync::Arc;

use levada_shared::{Account, Lender, SharedData};

use crate::error::Gone;
use crate::naming::change;
use crate::naming::header::{Header, Kind};
use crate::naming::pointer::{Place, Pointer};
use crate::naming::version::Present;
use crate::pile::Pile;
use crate::places::segment::split;
use crate::reading::guard::Guard;
use crate::reading::present::present;
use crate::reading::shard::Loans;
use crate::store::Store;
use crate::sync::Ordering;
use crate::threads::epoch::Pinned;
use crate::writing::roomy;

/// Why a record is not held.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum HoldError {
    /// There is no such record.
    Gone(Gone),
    /// The account may not be charged for it, or the heap can count no more loans.
    Full(levada_shared::Full<()>),
}

impl From<Gone> for HoldError {
    fn from(gone: Gone) -> Self {
        Self::Gone(gone)
    }
}

impl fmt::Display for HoldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone(gone) => gone.fmt(f),
            Self::Full(full) => full.fmt(f),
        }
    }
}

impl Error for HoldError {}

impl Guard<'_> {
    /// A record's bytes, of any kind, as data that may outlive guard, record and pile. They are charged to the account, for
    /// their length; nothing is copied.
    ///
    /// ```
    /// # use levada_pile::{Life, Pile};
    /// # use levada_shared::SharedHeap;
    /// let heap = SharedHeap::new(Default::default())?;
    /// let account = heap.account("reader", 1 << 20)?;
    /// let pile = Pile::builder("p").limit_bytes(1 << 20).build()?;
    /// let at = pile.put(b"kept", Life::FOREVER)?;
    /// let data = pile.pin().hold(at, &account)?;
    /// pile.delete(at)?;
    /// assert_eq!(data, b"kept"[..]);
    /// assert_eq!(account.charged_bytes(), 4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`HoldError`]; nothing is charged then.
    pub fn hold(&self, at: Pointer, account: &Account) -> Result<SharedData, HoldError> {
        self.count();
        let store = &self.pile.store;
        loop {
            let (slot, header) = store.find(at, &self.pinned)?;
            let present = present(store, slot, header, at, &self.pinned)?;
            // The slot that the bytes are in: the record's, or that of its value.
            let of = Pointer::from_bits(present.version.0)
                .filter(|of| of.generation().0 > 0)
                .unwrap_or(at);
            // Updated or deleted meanwhile: the next look says which.
            if let Some(held) = self.pile.hold_found(of, present, account, &self.pinned) {
                return held;
            }
        }
    }
}

/// What came of an attempt to lend a slot.
enum Held {
    /// It is lent from now on.
    New(SharedData),
    /// It is lent already, to an account.
    Listed(SharedData),
    Full(levada_shared::Full<()>),
    /// Its record is not there any more.
    Over,
}

impl Pile {
    /// Holds the slot in which these bytes were found live under a guard; `None` if they are not there any more.
    pub(crate) fn hold_found(
        &self,
        of: Pointer,
        seen: Present<'_>,
        account: &Account,
        pinned: &Pinned,
    ) -> Option<Result<SharedData, HoldError>> {
        if seen.bytes.is_empty() {
            return Some(Ok(SharedData::new()));
        }
        match self.held(of, seen, account, pinned) {
            Held::New(data) => Some(Ok(data)),
            Held::Listed(data) => Some(data.share_with(account).map_err(HoldError::Full)),
            Held::Full(full) => Some(Err(HoldError::Full(full))),
            Held::Over => None,
        }
    }

    /// Lends a slot whose bytes the caller reads under his guard. All under the lock of its shard: the heap calls `returned`
    /// for none but this loan's like, and never from inside of lending.
    fn held(&self, of: Pointer, seen: Present<'_>, account: &Account, pinned: &Pinned) -> Held {
        let store = &self.store;
        let place = of.place();
        store.look_through(place);
        let mut shard = store.shard(place).lock();
        let Some((slot, _)) = store.spans.memory.slot(place) else { return Held::Over };
        // Halves turn under this lock, and not while they are held: so what is listed, or is to be, is the current one.
        let now = Header(slot.header().load(Ordering::Acquire));
        if now.kind() == Kind::Roomy && roomy::present(slot, now, pinned).version != seen.version {
            return Held::Over;
        }
        let listed = shard.held.get_mut(&place);
        if let Some(data) = listed.as_ref().and_then(|loans| loans.weak.upgrade()) {
            return Held::Listed(data);
        }
        let is_listed = listed.is_some();
        if !is_listed && !store.begin_hold(of) {
            return Held::Over;
        }
        let lender = Arc::clone(&self.lender);
        // SAFETY: the record was live under the caller's guard, so its bytes are written. Its header says held, and its place
        // is listed before the lock is opened: so they stay until `returned`; the slot is not freed, nor its span used again.
        let lent = unsafe { account.lend_data(lender, of.to_bits(), NonNull::from(seen.bytes)) };
        let data = match lent {
            Ok(data) => data,
            Err(full) => {
                if !is_listed {
                    store.unmark_held(place);
                    store.end_hold(place, false);
                }
                return Held::Full(full);
            }
        };
        let weak = data.weak();
        match listed {
            // The former loan is just ending.
            Some(loans) => {
                loans.weak = weak;
                loans.loans += 1;
            }
            None => {
                shard.held.insert(place, Loans { weak, loans: 1, is_dead: false });
            }
        }
        Held::New(data)
    }
}

/// Hears from the heap when a loan has ended.
#[derive(Debug)]
pub(crate) struct Returns(pub(crate) Arc<Store>);

impl Lender for Returns {
    fn returned(&self, loan: u64) {
        let Some(of) = Pointer::from_bits(loan) else { return };
        let (store, place) = (&self.0, of.place());
        let _pinned = Pinned::new();
        let mut shard = store.shard(place).lock();
        if shard.reserved.remove(&place).is_some() {
            drop(shard);
            store.give_up(place); // dropped without `commit_buf`
            return;
        }
        let Some(loans) = shard.held.get_mut(&place) else { return };
        loans.loans -= 1;
        if loans.loans > 0 {
            return;
        }
        let ended = shard.held.remove(&place);
        store.unmark_held(place);
        // What it knows of the loan is the heap's: let go of outside of the lock. So is what may ask the kernel for an epoch.
        drop(shard);
        store.end_hold(place, ended.as_ref().is_some_and(|loans| loans.is_dead));
        drop(ended);
    }
}

impl Store {
    /// Says that a slot is lent. False if its record is not there any more. Under the lock of its shard.
    fn begin_hold(&self, of: Pointer) -> bool {
        let place = of.place();
        let Some((slot, _)) = self.spans.memory.slot(place) else { return false };
        if !change::mark_held(slot.header(), of) {
            return false;
        }
        self.spans.hold(place);
        true
    }

    /// Says that a slot is lent no more. Under the lock of its shard.
    fn unmark_held(&self, place: Place) {
        if let Some((slot, _)) = self.spans.memory.slot(place) {
            change::unmark_held(slot.header());
        }
    }

    /// Ends a hold; and lets the slot wait whose record died meanwhile. By then nobody else knows of it.
    fn end_hold(self: &Arc<Self>, place: Place, is_dead: bool) {
        // In a span that was purged, nothing waits: it is used again whole, when nobody holds it.
        if is_dead && self.spans.leads_somewhere(split(place).0) {
            self.bury(place);
        }
        self.spans.let_go(place);
    }
}
