//! To look through a span that an earlier life of the pile left: from its headers come its bitmap and what is known of its use.
//!
//! Nothing in such a span changes before that: whoever is to change a header there looks through the span first, so all that
//! is found busy, dead or held is so since the earlier life, in which the OS process ended, and belongs to nobody. A value
//! behind a record says whose it is; if that record does not lead to it, it was put or left in the moment of the end.
//!
//! Cost: some 10 microseconds for a span, once; to read a record needs none of it.

use std::sync::Arc;

use crate::naming::header::{Header, Kind};
use crate::naming::pointer::{Place, Pointer};
use crate::places::class::Class;
use crate::places::segment::{Memory, Slot, split};
use crate::places::span::{SpanIndex, SpanStanding, Vacancy};
use crate::store::Store;
use crate::sync::Ordering;
use crate::threads::epoch::Pinned;
use crate::upkeep::budget::Spending;
use crate::writing::roomy;

/// How many spans are looked through before what they had free is tried.
const PORTION: u32 = 256;

/// How many are looked through with each round of upkeep: some 100 microseconds.
const SPANS_OF_SLICE: u32 = 8;

/// What was found in a span.
#[derive(Default)]
struct Finds {
    records: u64,
    used_bytes: u64,
    /// Values to which no record leads.
    orphans: Vec<Place>,
}

impl Store {
    /// Sees to it that the span of a place may be changed.
    #[inline]
    pub(crate) fn look_through(self: &Arc<Self>, place: Place) {
        if self.spans.inherited.load(Ordering::Relaxed) != 0 {
            self.look_through_span(split(place).0);
        }
    }

    /// Looks through the next spans, `most` at most. How many there were.
    pub(crate) fn look_through_some(self: &Arc<Self>, most: u32) -> u32 {
        let spans = self.spans.supply.spans_opened();
        let mut looked = 0;
        while looked < most && self.spans.inherited.load(Ordering::Relaxed) != 0 {
            let span = SpanIndex(self.inherited.cursor.fetch_add(1, Ordering::Relaxed));
            if span.0 >= spans {
                self.inherited.cursor.store(spans, Ordering::Relaxed);
                break;
            }
            looked += u32::from(self.look_through_span(span));
        }
        if self.spans.inherited.load(Ordering::Relaxed) == 0 {
            self.forwards.settle();
        }
        looked
    }

    /// Looks through spans for a part of the budget, so that the rest of the upkeep has some too.
    pub(crate) fn look_through_within(self: &Arc<Self>, spending: &mut Spending) {
        let most = if spending.is_unbounded() { u32::MAX } else { SPANS_OF_SLICE };
        self.look_through_some(most);
    }

    /// Makes room as `reclaim` does, and by a part of what an earlier life left. Whether it may be worth another try after the
    /// next.
    pub(crate) fn reclaim_more(self: &Arc<Self>) -> bool {
        let looked = self.look_through_some(PORTION);
        self.reclaim();
        looked > 0
    }

    #[cold]
    fn look_through_span(self: &Arc<Self>, span: SpanIndex) -> bool {
        let memory = &self.spans.memory;
        let class = memory.class(span);
        if class == Class::NONE || memory.line(span).standing() != SpanStanding::Inherited {
            return false;
        }
        // Pinned: what was marked dead is in limbo before a purge can have given its span to others.
        let pinned = Pinned::new();
        let (mut finds, now_s) = (Finds::default(), self.seconds.now_s());
        if class == Class::PAGES {
            self.spans.take_in_pages(span, now_s, |page| {
                let slot = memory.slot_of(span, class, page);
                self.is_record(slot, Memory::place(span, class, page), &mut finds)
            });
        } else {
            self.spans.take_in(span, class, now_s, || self.look_at_slots(span, class, &mut finds));
        }
        self.inherited.records.fetch_add(finds.records, Ordering::Relaxed);
        self.inherited.used_bytes.fetch_add(finds.used_bytes, Ordering::Relaxed);
        // After the locks: to bury may be to free what others left.
        for orphan in finds.orphans {
            self.bury(orphan);
        }
        drop(pinned);
        true
    }

    fn look_at_slots(&self, span: SpanIndex, class: Class, finds: &mut Finds) -> Vacancy {
        let (memory, shape) = (&self.spans.memory, class.shape());
        let mut vacancy = Vacancy { free: 0, spent: 0 };
        for index in 0..shape.bitmap_words() {
            let mut bits = shape.bits_of_word(index);
            let mut left = bits;
            while left != 0 {
                let bit = left.trailing_zeros();
                left &= left - 1;
                let slot = memory.slot_of(span, class, index * 64 + bit);
                if self.is_record(slot, Memory::place(span, class, index * 64 + bit), finds) {
                    bits &= !(1 << bit);
                } else if is_spent(slot) {
                    bits &= !(1 << bit);
                    vacancy.spent += 1;
                }
            }
            vacancy.free += bits.count_ones();
            memory.bitmap_word(span, class, index).store(bits, Ordering::Relaxed);
        }
        vacancy
    }

    /// Whether the slot is not free, once what was left in it is as if nobody had been at it.
    fn is_record(&self, slot: Slot<'_>, place: Place, finds: &mut Finds) -> bool {
        let header = Header(slot.header().load(Ordering::Relaxed));
        // What a keeper kept has nobody any more who knows where it is.
        if !header.is_live() || header.is_kept() || !fits(slot, header) {
            slot.header().store(header.freed().0, Ordering::Relaxed);
            return false;
        }
        let at = Pointer::new(place, header.generation());
        if header.is_inner() && !self.is_led_to(slot, header, at) {
            // A thread of this life may have read it before its record changed: it waits like any other.
            slot.header().store(header.let_go().dead().0, Ordering::Release);
            finds.orphans.push(place);
            return true;
        }
        if header.is_held() {
            slot.header().store(header.let_go().0, Ordering::Release);
        }
        if header.kind() == Kind::Roomy {
            roomy::begin_anew(slot, header);
        }
        finds.records += u64::from(!header.is_inner());
        if header.is_forwarded() {
            self.forwards.name(header.length());
        } else {
            finds.used_bytes += u64::from(header.length());
        }
        true
    }

    /// Whether the record that this value says it is of leads to it.
    fn is_led_to(&self, slot: Slot<'_>, header: Header, at: Pointer) -> bool {
        let owner = slot.owner(header.ext_bytes(), header.length()).load(Ordering::Relaxed);
        let Some(owner) = Pointer::from_bits(owner) else { return false };
        let Some((slot, _)) = self.spans.memory.slot(owner.place()) else { return false };
        let header = Header(slot.header().load(Ordering::Acquire));
        if !header.is_of(owner) {
            return false;
        }
        let target = if header.is_forwarded() {
            &self.forwards.at(header.length()).target
        } else if header.kind() == Kind::Cell {
            slot.word(header.ext_bytes(), 0)
        } else {
            return false;
        };
        target.load(Ordering::Acquire) == at.to_bits()
    }
}

/// Whether the slot has had its last generation.
fn is_spent(slot: Slot<'_>) -> bool {
    Header(slot.header().load(Ordering::Relaxed)).generation().next().is_none()
}

/// Whether a record as this header tells it lies in the slot.
fn fits(slot: Slot<'_>, header: Header) -> bool {
    let owner_bytes = if header.is_inner() { 15 } else { 0 };
    header.is_forwarded() || header.length() + owner_bytes <= slot.room_bytes(header.ext_bytes())
}

/// What a kill between two steps leaves, made by hand: no test kills in just that moment.
#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::naming::birth::Birth;
    use crate::naming::life::Life;
    use crate::pile::Pile;

    fn mounted(folder: &Path) -> Pile {
        Pile::builder("left").limit_bytes(4 << 20).folder(folder).build().unwrap()
    }

    /// Leaves a pile with what `leave` does to it, and looks through it in its next life.
    fn after(leave: impl Fn(&Pile)) -> (Pile, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let pile = mounted(folder.path());
        leave(&pile);
        drop(pile);
        let pile = mounted(folder.path());
        while pile.gauges().inherited_spans + u32::try_from(pile.gauges().limbo_slots).unwrap() > 0
        {
            pile.tend(crate::upkeep::budget::Budget::unbounded());
        }
        pile.validate();
        (pile, folder)
    }

    fn slot(pile: &Pile, at: Pointer) -> Slot<'_> {
        pile.store.spans.memory.slot(at.place()).unwrap().0
    }

    #[test]
    fn a_value_to_which_no_record_leads_is_freed() {
        for length in [30, 20_000, 200_000] {
            let (pile, _folder) = after(|pile| {
                let (plain, cell) = (
                    pile.put(b"1", Life::FOREVER).unwrap(),
                    pile.put_cell(b"2", Life::FOREVER).unwrap(),
                );
                let gone = pile.put(b"3", Life::FOREVER).unwrap();
                pile.update(plain, b"elsewhere").unwrap();
                pile.delete(gone).unwrap();
                for owner in [plain, cell, gone] {
                    let birth = Birth::inner(Kind::Bytes, 0, owner);
                    pile.store.put(birth, &vec![7; length]).unwrap();
                }
            });
            let gauges = pile.gauges();
            // The word and the value of the cell, and the bytes that are elsewhere.
            assert_eq!((gauges.records, gauges.used_bytes), (2, 8 + 1 + 9));
        }
    }

    #[test]
    fn what_was_busy_or_dead_or_held_is_free_or_held_by_nobody() {
        let (pile, _folder) = after(|pile| {
            let put = [0, 20_000, 200_000]
                .map(|length| [(); 3].map(|()| pile.put(&vec![7; length], Life::FOREVER).unwrap()));
            for [busy, dead, held] in put {
                let change = |at: Pointer, to: fn(Header) -> Header| {
                    let word = slot(pile, at).header();
                    word.store(to(Header(word.load(Ordering::Relaxed))).0, Ordering::Relaxed);
                };
                change(busy, |header| Header::busy(header.generation()));
                change(dead, Header::dead);
                change(held, |header| Header(header.0 | Header::HELD));
            }
        });
        assert_eq!(pile.gauges().records, 3);
    }

    #[test]
    fn turns_of_an_earlier_life_keep_no_half_from_being_written() {
        let (pile, _folder) = after(|pile| {
            let at = pile.put_roomy(b"old", 10, Life::FOREVER).unwrap();
            let word = slot(pile, at).word(0, 0);
            word.fetch_add(1 << 40, Ordering::Relaxed); // many epochs later
        });
        let mut found = None;
        pile.scan(crate::reading::scan::Cursor::START, 1 << 20, &mut |at, _| found = Some(at));
        pile.update(found.unwrap(), b"new").unwrap();
        assert_eq!(pile.gauges().forwards, 0);
        assert_eq!(pile.pin().get(found.unwrap()), Ok(&b"new"[..]));
    }

    #[test]
    fn marks_of_pages_that_were_about_to_be_taken_are_dropped() {
        let (pile, _folder) = after(|pile| {
            let at = pile.put(&[7; 20_000], Life::FOREVER).unwrap();
            let line = pile.store.spans.memory.line(split(at.place()).0);
            line.pages_first.fetch_or(1 << 9, Ordering::Relaxed);
        });
        pile.put(&[8; 40_000], Life::FOREVER).unwrap();
        pile.validate();
    }

    #[test]
    fn further_spans_without_their_record_are_spare() {
        let (pile, _folder) = after(|pile| {
            let at = pile.put(&[7; 200_000], Life::FOREVER).unwrap();
            pile.store.spans.memory.set_class(split(at.place()).0, Class::NONE);
        });
        assert_eq!(pile.gauges().spans, []);
    }
}
