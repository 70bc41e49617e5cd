//! A hold makes a record's bytes `SharedData`: they may be sent, kept and shared for as long as anybody likes, whatever becomes
//! of the record.
//!
//! The slot itself is lent to the heap, so nothing is copied. While it is out, the header says *held*, and its place stands in
//! the table of its shard, with a weak reference by which the next hold finds the same loan. Who deletes a held record leaves
//! the slot to who ends the last loan: both look into the table under one lock, so exactly one of them lets it wait in limbo.
//!
//! Cost: two locks of a shard and a loan; the second hold of the same record one lock and an upgrade.
#![expect(unsafe_code, reason = "lends slots; in `lend` below")]

use core::fmt;
use core::ptr::NonNull;
use std::error::Error;
use std::sync::Arc;

use levada_shared::{Account, Lender, SharedData};

use crate::epoch::Pinned;
use crate::error::Gone;
use crate::guard::Guard;
use crate::header::Header;
use crate::pointer::{Place, Pointer};
use crate::present::present;
use crate::segment::split;
use crate::shard::Held;
use crate::store::Store;
use crate::sync::Ordering;

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
            if let Some(held) = self.pile.hold_found(of, present.bytes, account) {
                return held;
            }
        }
    }
}

/// What the table says of a slot that is to be lent.
enum Begun {
    /// It is lent already.
    Listed(SharedData),
    /// One more loan is counted, for the caller to make.
    Counted,
    /// Its record is not there any more.
    Over,
}

impl crate::pile::Pile {
    /// Holds the slot in which these bytes were found live under a guard; `None` if it is not any more.
    pub(crate) fn hold_found(
        &self,
        of: Pointer,
        bytes: &[u8],
        account: &Account,
    ) -> Option<Result<SharedData, HoldError>> {
        match self.begin_hold(of) {
            Begun::Listed(data) => Some(data.share_with(account).map_err(HoldError::Full)),
            Begun::Counted => Some(self.lend(of, bytes, account)),
            Begun::Over => None,
        }
    }

    fn begin_hold(&self, of: Pointer) -> Begun {
        let store = &self.store;
        let place = of.place();
        let mut shard = store.shard(place).lock();
        if let Some(held) = shard.held.get_mut(&place) {
            if let Some(data) = held.weak.as_ref().and_then(levada_shared::WeakRef::upgrade) {
                return Begun::Listed(data);
            }
            held.loans += 1;
            return Begun::Counted;
        }
        let Some((slot, _)) = store.spans.memory.slot(place) else { return Begun::Over };
        let header = slot.header();
        // Who kills the record after this sees that it is held, and comes to the table.
        let before = Header(header.fetch_or(Header::HELD, Ordering::AcqRel));
        if !before.is_live() || before.generation() != of.generation() {
            if !before.is_held() {
                header.fetch_and(!Header::HELD, Ordering::AcqRel);
            }
            return Begun::Over;
        }
        store.spans.hold(place);
        shard.held.insert(place, Held { weak: None, loans: 1, is_dead: false });
        Begun::Counted
    }

    /// Lends a slot that was counted as held.
    fn lend(&self, of: Pointer, bytes: &[u8], account: &Account) -> Result<SharedData, HoldError> {
        let lender = Arc::clone(&self.lender);
        // SAFETY: the record was live under the caller's guard, so its bytes are written; its slot is counted as held, so
        // they stay until `returned`: it is not freed, and its span is not used again (`end_hold`).
        let lent = unsafe { account.lend_data(lender, of.to_bits(), NonNull::from(bytes)) };
        match lent {
            Ok(data) => {
                let weak = (!data.is_empty()).then(|| data.weak());
                let former = {
                    let mut shard = self.store.shard(of.place()).lock();
                    shard
                        .held
                        .get_mut(&of.place())
                        .and_then(|held| core::mem::replace(&mut held.weak, weak))
                };
                drop(former);
                Ok(data)
            }
            Err(full) => {
                self.store.end_hold(of.place());
                Err(HoldError::Full(full))
            }
        }
    }
}

/// Hears from the heap when a loan has ended.
#[derive(Debug)]
pub(crate) struct Returns(pub(crate) Arc<Store>);

impl Lender for Returns {
    fn returned(&self, loan: u64) {
        if let Some(of) = Pointer::from_bits(loan) {
            self.0.end_hold(of.place());
        }
    }
}

impl Store {
    /// A loan of this slot has ended.
    fn end_hold(self: &Arc<Self>, place: Place) {
        let pinned = Pinned::new();
        let ended = {
            let mut shard = self.shard(place).lock();
            let Some(held) = shard.held.get_mut(&place) else { return };
            held.loans -= 1;
            if held.loans > 0 {
                return;
            }
            let (span, _) = split(place);
            if self.spans.leads_somewhere(span)
                && let Some((slot, _)) = self.spans.memory.slot(place)
            {
                slot.header().fetch_and(!Header::HELD, Ordering::AcqRel);
            }
            shard.held.remove(&place)
        };
        if let Some(held) = ended {
            // In a span that was purged, nothing waits: it is used again whole, when nobody holds it.
            if held.is_dead && self.spans.leads_somewhere(split(place).0) {
                self.bury(place);
            }
            self.spans.let_go(place);
        }
        drop(pinned);
    }
}
