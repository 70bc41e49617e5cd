//! A keep is a keeper's end of the pile: it puts, reads and deletes the keeper's own records, which are named by their places.
//!
//! A place has no generation: the keeper is told of every move, and unlinks a record before it deletes it, so what its
//! references lead to is there. No pointer reaches these records, and no scan shows them.
//!
//! Cost: as for other records. Where a pile has had several keepers, a read also looks whose the span is.

use core::fmt;
use std::sync::Arc;

use levada_shared::{Account, Lender, SharedData};

use crate::error::{Full, Gone};
use crate::naming::birth::Birth;
use crate::naming::header::{Header, Kind};
use crate::naming::life::Life;
use crate::naming::pointer::{Place, Pointer};
use crate::naming::version::{Present, Version};
use crate::pile::Pile;
use crate::places::class::{Class, PAGE_BYTES, SPAN_BYTES};
use crate::places::segment::{Memory, Slot, split};
use crate::places::span::{SpanIndex, SpanStanding};
use crate::reading::guard::Guard;
use crate::reading::hold::{HoldError, Returns};
use crate::store::Store;
use crate::sync::{Ordering, fence};
use crate::threads::epoch::Pinned;
use crate::upkeep::form::Form;
use crate::upkeep::keeper::{KEEPERS_MAX, Keeper, Kept, KeptRecord};

/// A keeper's records. When this is dropped they end, one after another.
pub struct Keep {
    pub(crate) pile: Pile,
    pub(crate) kept: Arc<Kept>,
    /// Hears of rooms that were lent and not committed. It is the keep's own, so that none is committed to another.
    pub(crate) lender: Arc<dyn Lender>,
}

impl Pile {
    /// Begins to keep records of this form for `keeper`, in spans of its own.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::Ordering::Relaxed;
    /// use levada_pile::{Form, Keeper, KeptRecord, Life, Pile, Verdict, Why};
    ///
    /// struct Nailed; // keeps places in variables, so they may not change
    /// impl Keeper for Nailed {
    ///     fn verdict(&self, _: KeptRecord<'_>) -> Verdict { Verdict::Stay }
    ///     fn moved(&self, _: KeptRecord<'_>, _: KeptRecord<'_>) -> bool { false }
    ///     fn dropped(&self, _: KeptRecord<'_>, _: Why) -> bool { false }
    /// }
    ///
    /// let pile = Pile::builder("p").limit_bytes(1 << 20).build()?;
    /// let keep = pile.keeper(Arc::new(Nailed), Form { has_expiry: false, words: 1 })?;
    /// let place = keep.put(&[7], &[b"kept ", b"bytes"], Life::FOREVER)?; // one behind the other
    /// let guard = pile.pin();
    /// let record = keep.at(&guard, place).expect("it is there");
    /// record.words[0].fetch_add(1, Relaxed); //                             changes where it is
    /// assert_eq!((record.words[0].load(Relaxed), record.bytes), (8, &b"kept bytes"[..]));
    /// drop(guard);
    /// assert!(keep.delete(place));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Full::Keepers`], [`Full::Closed`].
    ///
    /// # Panics
    /// If the form has more than [`Form::WORDS_MAX`] words.
    pub fn keeper(&self, keeper: Arc<dyn Keeper>, form: Form) -> Result<Keep, Full> {
        self.keep(keeper, form, None)
    }

    /// As `keeper`, of records that are read as this kind.
    pub(crate) fn keep(
        &self,
        keeper: Arc<dyn Keeper>,
        form: Form,
        typed: Option<Kind>,
    ) -> Result<Keep, Full> {
        assert!(form.words <= Form::WORDS_MAX, "a record has at most four words");
        let store = &self.store;
        if store.is_closed() {
            return Err(Full::Closed);
        }
        let kept = store.keepers.add(keeper, form, typed, store.settings.is_small);
        let kept = kept.ok_or(Full::Keepers { most: KEEPERS_MAX as u64 })?;
        let lender = Arc::new(Returns(Arc::clone(store)));
        Ok(Keep { pile: self.clone(), kept, lender })
    }
}

impl Keep {
    /// Puts a record with these words and the bytes of all parts, one behind the other: one copy, straight into its slot. Nobody
    /// finds it before the keeper lets its place be known.
    ///
    /// # Errors
    /// [`Full`], and nothing has changed.
    ///
    /// # Panics
    /// If the words are not as many as the form says, or this is the keep of a [`crate::TypedKeep`], whose records are its
    /// codec's.
    pub fn put(&self, words: &[u32], parts: &[&[u8]], life: Life) -> Result<Place, Full> {
        self.assert_untyped();
        self.put_parts(words, parts, life)
    }

    /// As `put`, of any keep.
    pub(crate) fn put_parts(
        &self,
        words: &[u32],
        parts: &[&[u8]],
        life: Life,
    ) -> Result<Place, Full> {
        let store = &self.pile.store;
        let length = store.length(self.payload_bytes(words, parts))?;
        let once = || self.put_payload(words, parts, length, life, true);
        once()
            .or_else(|| store.reclaimed(&self.kept.pool, once))
            .ok_or_else(|| store.out_of_space(self.birth(life), length))
    }

    /// As [`Keep::put`], if that needs nothing of the kernel.
    ///
    /// # Panics
    /// As [`Keep::put`].
    #[must_use]
    pub fn try_put(&self, words: &[u32], parts: &[&[u8]], life: Life) -> Option<Place> {
        self.assert_untyped();
        let length = self.pile.store.length(self.payload_bytes(words, parts)).ok()?;
        self.put_payload(words, parts, length, life, false)
    }

    /// As [`Keep::put`], if there is room at once: memory may be had from the kernel for it, and nothing is looked for that
    /// could be freed, and nobody waited for.
    ///
    /// # Panics
    /// As [`Keep::put`].
    #[must_use]
    pub fn put_once(&self, words: &[u32], parts: &[&[u8]], life: Life) -> Option<Place> {
        self.assert_untyped();
        self.put_parts_once(words, parts, life)
    }

    /// As `put_once`, of any keep.
    pub(crate) fn put_parts_once(
        &self,
        words: &[u32],
        parts: &[&[u8]],
        life: Life,
    ) -> Option<Place> {
        let length = self.pile.store.length(self.payload_bytes(words, parts)).ok()?;
        self.put_payload(words, parts, length, life, true)
    }

    fn payload_bytes(&self, words: &[u32], parts: &[&[u8]]) -> usize {
        self.assert_words(words);
        parts.iter().fold(size_of_val(words), |bytes, part| bytes.saturating_add(part.len()))
    }

    pub(crate) fn assert_untyped(&self) {
        assert!(self.kept.typed.is_none(), "a typed keep puts values, by its codec");
    }

    pub(crate) fn assert_words(&self, words: &[u32]) {
        let wanted = usize::from(self.kept.form.words);
        assert!(words.len() == wanted, "a record has the words of its form");
    }

    #[inline]
    fn put_payload(
        &self,
        words: &[u32],
        parts: &[&[u8]],
        length: u32,
        life: Life,
        may_commit: bool,
    ) -> Option<Place> {
        let form = self.kept.form;
        let fill = |slot: Slot<'_>, ext_bytes| {
            for (word, &value) in slot.words(ext_bytes, form.words).iter().zip(words) {
                word.store(value, Ordering::Relaxed);
            }
            let mut offset = form.words_bytes();
            for part in parts {
                slot.write(ext_bytes, offset, part);
                offset += u32::try_from(part.len()).expect("all parts together fit");
            }
        };
        let (store, pool) = (&self.pile.store, &self.kept.pool);
        store.put_filled(pool, self.birth(life), length, may_commit, fill).map(Pointer::place)
    }

    #[inline]
    pub(crate) fn birth(&self, life: Life) -> Birth {
        let has_expiry = self.kept.form.has_expiry;
        let is_aligned = self.kept.typed == Some(Kind::Archived);
        Birth { has_expiry, is_aligned, ..Birth::of(Kind::Bytes, life) }
    }

    /// The bytes of the slot, or of the pages, that a record with so many bytes and this life takes.
    #[must_use]
    pub fn footprint_bytes(&self, length_bytes: usize, life: Life) -> u64 {
        let form = self.kept.form;
        let ext_bytes = Kind::Bytes.ext_bytes(form.has_expiry || life != Life::FOREVER);
        let payload_bytes = (length_bytes as u64).saturating_add(u64::from(form.words_bytes()));
        let all_bytes = payload_bytes.saturating_add(8 + u64::from(ext_bytes));
        let unit_bytes =
            if payload_bytes > u64::from(SPAN_BYTES) { SPAN_BYTES } else { PAGE_BYTES };
        match u32::try_from(all_bytes).ok().and_then(Class::holding) {
            Some(class) if self.birth(life).is_aligned => {
                u64::from(class.aligned().shape().slot_bytes)
            }
            Some(class) => u64::from(class.shape().slot_bytes),
            None => {
                payload_bytes.checked_next_multiple_of(u64::from(unit_bytes)).unwrap_or(u64::MAX)
            }
        }
    }

    /// The bytes of the slot or of the pages of a record; zero if there is none at that place.
    #[must_use]
    pub fn slot_bytes(&self, at: Place) -> u64 {
        let pinned = Pinned::new();
        let store = &self.pile.store;
        let found = store.find_kept(self.kept.number, at, &pinned);
        found.map_or(0, |_| store.spans.slot_bytes(at))
    }

    /// Asks the processor for the first line of a record that is about to be read. Any place may be named.
    #[inline]
    pub fn prefetch(&self, at: Place) {
        self.pile.store.spans.memory.prefetch(at);
    }

    /// The record at a place that was read from the keeper's references under this guard. `None` if its life is over, or it
    /// is not there any more: then look whether the reference leads elsewhere by now.
    #[inline]
    #[must_use]
    pub fn at<'g>(&'g self, guard: &'g Guard<'_>, at: Place) -> Option<KeptRecord<'g>> {
        guard.count();
        let store = &self.pile.store;
        let (slot, header) = store.find_kept(self.kept.number, at, &guard.pinned)?;
        store.kept_record(&self.kept, at, slot, header, &guard.pinned)
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
        let record = store.kept_record(&self.kept, at, slot, header, &guard.pinned);
        let record = record.ok_or(Gone::Stale)?;
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

    /// Lets a record's life begin anew, of any length, also for ever. `false` if it has no room for an expiry (it was put
    /// without a life, and its form has none), its life is over, or it is not at that place: then look whether the reference
    /// leads elsewhere by now.
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
        let expiry_s = life.expiry_s(|| store.seconds.now_s()).unwrap_or(Life::NEVER_S);
        slot.expiry().store(expiry_s, Ordering::Relaxed);
        // Who moves it ends the record here first and then reads its expiry once more: one of both sees the other. So it is
        // with who sweeps.
        fence(Ordering::SeqCst);
        store.note_expiry(at, expiry_s);
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
        self.give_back_beside(self.kept.beside_bytes.swap(0, Ordering::Relaxed));
        store.keepers.remove(self.kept.number);
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
            && (!self.keepers.are_several() || self.is_of(keeper, at, slot, header));
        is_its.then_some((slot, header))
    }

    /// Whether a kept record is this keeper's: another may have put it, or one of an earlier life.
    #[inline]
    fn is_of(&self, keeper: u16, at: Place, slot: Slot<'_>, header: Header) -> bool {
        let (span, _) = split(at);
        let is_inherited = self.spans.memory.line(span).standing() == SpanStanding::Inherited;
        !is_inherited
            && self.spans.keeper_of(span, slot) == keeper
            // Looked through in between, it is free.
            && slot.header().load(Ordering::Relaxed) & !Header::HELD == header.0 & !Header::HELD
    }

    /// What a keeper is shown of a live record; `None` if its life is over.
    #[inline]
    pub(crate) fn kept_record<'m>(
        &'m self,
        kept: &'m Kept,
        place: Place,
        slot: Slot<'m>,
        header: Header,
        pinned: &'m Pinned,
    ) -> Option<KeptRecord<'m>> {
        let left_s = match header.has_expiry() {
            false => None,
            true => match slot.expiry().load(Ordering::Relaxed) {
                Life::NEVER_S => None,
                expiry_s => {
                    let left_s = expiry_s.checked_sub(self.seconds.now_s());
                    Some(left_s.filter(|&left_s| left_s > 0)?)
                }
            },
        };
        kept.show(place, slot, header, left_s, pinned)
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
