//! A keep is a keeper's end of the pile: it puts, reads and deletes the keeper's own records, which are named by their places.
//!
//! A place has no generation: the keeper is told of every move, and unlinks a record before it deletes it, so what its
//! references lead to is there. No pointer reaches these records, and no scan shows them.
//!
//! Cost: as for other records. Where a pile has had several keepers, a read also looks whose the span is.

use core::fmt;
use core::mem::MaybeUninit;
use std::sync::Arc;

use levada_shared::{Account, SharedData};

use crate::error::{Full, Gone};
use crate::naming::birth::Birth;
use crate::naming::header::{Header, Kind};
use crate::naming::life::Life;
use crate::naming::pointer::{Place, Pointer};
use crate::naming::version::{Present, Version};
use crate::pile::Pile;
use crate::places::class::Class;
use crate::places::segment::{Memory, Slot, split};
use crate::places::span::{SpanIndex, SpanStanding};
use crate::reading::guard::Guard;
use crate::reading::hold::HoldError;
use crate::store::Store;
use crate::sync::{Ordering, fence};
use crate::threads::epoch::Pinned;
use crate::upkeep::keeper::{KEEPERS_MAX, Keeper, Kept, KeptRecord};
use crate::writing::reserve::{Invalid, Reserved};

/// A keeper's records. When this is dropped they end, one after another.
pub struct Keep {
    pile: Pile,
    kept: Arc<Kept>,
}

impl Pile {
    /// Begins to keep records for `keeper`, in spans of its own.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use levada_pile::{Keeper, KeptRecord, Life, Pile, Place, Verdict, Why};
    ///
    /// struct Nailed; // keeps places in variables, so they may not change
    /// impl Keeper for Nailed {
    ///     fn verdict(&self, _: KeptRecord<'_>) -> Verdict { Verdict::Stay }
    ///     fn moved(&self, _: KeptRecord<'_>, _: Place) -> bool { false }
    ///     fn dropped(&self, _: KeptRecord<'_>, _: Why) -> bool { false }
    /// }
    ///
    /// let pile = Pile::builder("p").limit_bytes(1 << 20).build()?;
    /// let keep = pile.keeper(Arc::new(Nailed))?;
    /// let place = keep.put(b"kept", Life::FOREVER)?;
    /// assert_eq!(keep.at(&pile.pin(), place).map(|record| record.bytes.len()), Some(4));
    /// assert!(keep.delete(place));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Full::Keepers`], [`Full::Closed`].
    pub fn keeper(&self, keeper: Arc<dyn Keeper>) -> Result<Keep, Full> {
        let store = &self.store;
        if store.is_closed() {
            return Err(Full::Closed);
        }
        let kept = store.keepers.add(keeper, store.settings.is_small);
        let kept = kept.ok_or(Full::Keepers { most: KEEPERS_MAX as u64 })?;
        Ok(Keep { pile: self.clone(), kept })
    }
}

impl Keep {
    /// Puts a record: one copy. Nobody finds it before the keeper lets its place be known.
    ///
    /// # Errors
    /// [`Full`], and nothing has changed.
    pub fn put(&self, bytes: &[u8], life: Life) -> Result<Place, Full> {
        let birth = Birth::of(Kind::Bytes, life);
        self.pile.store.put_from(&self.kept.pool, birth, bytes).map(Pointer::place)
    }

    /// As [`Keep::put`], if that needs nothing of the kernel.
    #[must_use]
    pub fn try_put(&self, bytes: &[u8], life: Life) -> Option<Place> {
        let store = &self.pile.store;
        let length = store.length(bytes.len()).ok()?;
        let birth = Birth::of(Kind::Bytes, life);
        store.put_once_from(&self.kept.pool, birth, bytes, length, false).map(Pointer::place)
    }

    /// Room for `room_bytes` of a record that is written in its place.
    ///
    /// # Errors
    /// [`Full`], as for a put of so many bytes.
    pub fn reserve(&self, room_bytes: usize, life: Life) -> Result<KeptRoom<'_>, Full> {
        let birth = Birth::of(Kind::Bytes, life);
        self.pile.reserve_from(&self.kept.pool, room_bytes, birth).map(KeptRoom)
    }

    /// The record at a place that was read from the keeper's references under this guard. `None` if its life is over, or it
    /// is not there any more: then look whether the reference leads elsewhere by now.
    #[inline]
    #[must_use]
    pub fn at<'g>(&'g self, guard: &'g Guard<'_>, at: Place) -> Option<KeptRecord<'g>> {
        guard.count();
        let store = &self.pile.store;
        let (slot, header) = store.find_kept(self.kept.number, at, &guard.pinned)?;
        store.kept_record(at, slot, header, &guard.pinned)
    }

    /// As [`Keep::at`], as data that may outlive guard, record and keep.
    ///
    /// # Errors
    /// [`HoldError`]; [`Gone::Stale`] where [`Keep::at`] says `None`.
    pub fn hold(
        &self,
        guard: &Guard<'_>,
        at: Place,
        account: &Account,
    ) -> Result<SharedData, HoldError> {
        guard.count();
        let store = &self.pile.store;
        let found = store.find_kept(self.kept.number, at, &guard.pinned);
        let (slot, header) = found.ok_or(Gone::Stale)?;
        let record = store.kept_record(at, slot, header, &guard.pinned).ok_or(Gone::Stale)?;
        let of = Pointer::new(at, header.generation());
        let seen = Present { bytes: record.bytes, version: Version(of.to_bits()) };
        let held = self.pile.hold_found(of, seen, account, &guard.pinned);
        held.unwrap_or(Err(Gone::Stale.into()))
    }

    /// Deletes a record, which the keeper has unlinked. `false` if there is none at that place.
    #[expect(clippy::must_use_candidate, reason = "the deleting is the act")]
    pub fn delete(&self, at: Place) -> bool {
        let pinned = Pinned::new();
        let store = &self.pile.store;
        store
            .find_kept(self.kept.number, at, &pinned)
            .is_some_and(|(slot, header)| store.end(at, slot, header, &pinned))
    }

    /// Lets a record's life begin anew. `false` if it was put without a life, its life is over, or it is not at that place:
    /// then look whether the reference leads elsewhere by now.
    #[expect(clippy::must_use_candidate, reason = "the new life is the act")]
    pub fn rejuvenate(&self, at: Place, life: Life) -> bool {
        let pinned = Pinned::new();
        let store = &self.pile.store;
        let Some((slot, header)) = store.find_kept(self.kept.number, at, &pinned) else {
            return false;
        };
        if !header.has_expiry() || store.has_expired(slot) {
            return false;
        }
        let expiry_s = life.expiry_s(|| store.seconds.now_s()).unwrap_or(u32::MAX);
        slot.expiry().store(expiry_s, Ordering::Relaxed);
        // Who moves it ends the record here first and then reads its expiry once more: one of both sees the other.
        fence(Ordering::SeqCst);
        Header(slot.header().load(Ordering::Relaxed)).is_live()
    }
}

impl fmt::Debug for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keep").field("pile", &self.pile.name()).finish_non_exhaustive()
    }
}

impl Drop for Keep {
    fn drop(&mut self) {
        let store = &self.pile.store;
        // Before the walk: who moves a record sees this, or the walk sees the copy.
        self.kept.end();
        for span in (0..store.spans.supply.spans_opened()).map(SpanIndex) {
            store.end_kept_of(span, self.kept.number);
        }
        for arena in self.kept.pool.arenas() {
            arena.give_up(&store.spans);
            store.with_arena(|own| own.counts.take_over(&arena.counts));
        }
        store.keepers.remove(self.kept.number);
    }
}

/// Room for a keeper's record. Dropping it gives the room back.
#[derive(Debug)]
pub struct KeptRoom<'k>(Reserved<'k>);

impl KeptRoom<'_> {
    /// Copies `bytes` in behind what is written.
    ///
    /// # Errors
    /// [`Full`] if they do not fit; nothing was written then.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Full> {
        self.0.write(bytes)
    }

    /// What was written.
    #[must_use]
    pub fn written(&self) -> &[u8] {
        self.0.written()
    }

    /// The room behind what is written, as memory that may hold anything.
    pub fn spare_mut(&mut self) -> &mut [MaybeUninit<u8>] {
        self.0.spare_mut()
    }

    /// Makes the first `length_bytes` of what was written the record.
    ///
    /// # Errors
    /// [`Invalid`]; the room went back then.
    pub fn commit(self, length_bytes: usize) -> Result<Place, Invalid> {
        self.0.commit(length_bytes).map(Pointer::place)
    }
}

impl Store {
    /// A keeper's live record.
    #[inline]
    pub(crate) fn find_kept<'m>(
        &'m self,
        keeper: u16,
        at: Place,
        _pinned: &'m Pinned,
    ) -> Option<(Slot<'m>, Header)> {
        let (slot, _) = self.spans.memory.slot(at)?;
        // Acquire: with the header comes the payload.
        let header = Header(slot.header().load(Ordering::Acquire));
        let is_its = header.is_live()
            && header.is_kept()
            && (!self.keepers.are_several() || self.spans.keeper_of(split(at).0, slot) == keeper);
        is_its.then_some((slot, header))
    }

    /// What a keeper is shown of a live record; `None` if its life is over.
    #[inline]
    pub(crate) fn kept_record<'m>(
        &'m self,
        place: Place,
        slot: Slot<'m>,
        header: Header,
        pinned: &'m Pinned,
    ) -> Option<KeptRecord<'m>> {
        let left_s = match header.has_expiry() {
            false => None,
            true => {
                let expiry_s = slot.expiry().load(Ordering::Relaxed);
                Some(expiry_s.checked_sub(self.seconds.now_s()).filter(|&left_s| left_s > 0)?)
            }
        };
        Some(KeptRecord { place, bytes: slot.bytes(header, pinned), left_s })
    }

    /// Ends what a keeper has in a span.
    fn end_kept_of(self: &Arc<Self>, span: SpanIndex, keeper: u16) {
        let pinned = Pinned::new();
        let class = self.spans.memory.class(span);
        let is_inherited = self.spans.memory.line(span).standing() == SpanStanding::Inherited;
        if class == Class::NONE || class == Class::TAIL || is_inherited {
            return; // what an earlier life left is no keeper's of this one
        }
        for index in 0..class.shape().slots {
            let place = Memory::place(span, class, index);
            if let Some((slot, header)) = self.find_kept(keeper, place, &pinned) {
                self.end(place, slot, header, &pinned);
            }
        }
    }
}
