//! Long records lie in whole pages: what has up to 16 of them shares a span with others, what has more has spans of its own.
//!
//! A span of pages says in two masks which pages are used, and which of them are a record's first. All of it is under one
//! lock: a record of 13 KB and more is copied for longer than that is held.

use crate::naming::generation::Generation;
use crate::naming::header::Header;
use crate::naming::pointer::Place;
use crate::places::class::{Class, PAGE_BYTES, SPAN_BYTES};
use crate::places::page_spans::PAGES;
use crate::places::segment::{Memory, SEGMENT_SPANS, split};
use crate::places::span::{SpanIndex, SpanStanding};
use crate::places::spans::Spans;
use crate::sync::Ordering;
use crate::upkeep::due::latest_s;

/// The longest record: a segment but for one span.
pub(crate) const PAYLOAD_BYTES_MAX: u32 = (SEGMENT_SPANS - 1) * SPAN_BYTES;

/// How many pages hold a payload.
fn pages_of(payload_bytes: u32) -> u32 {
    payload_bytes.div_ceil(PAGE_BYTES).max(1)
}

/// Takes and frees; all of it under the lock of the spans of pages.
impl Spans {
    /// Pages for a payload that no slot holds: the place of the first, and the generation of the record that is to come.
    /// `None` at the limit.
    pub(crate) fn take_pages(&self, payload_bytes: u32) -> Option<(Place, Generation)> {
        let pages = pages_of(payload_bytes);
        if pages > PAGES {
            return self.take_spans(pages.div_ceil(PAGES));
        }
        if let Some(found) = self.take_beside(pages) {
            return Some(found);
        }
        let span = self.supply.take(&self.memory)?;
        let mut open = self.pages.lock();
        self.begin_pages(span, 1);
        let used = u16::MAX >> (PAGES - pages);
        let line = self.memory.line(span);
        line.pages_used.store(used, Ordering::Relaxed);
        let named = self.name(span, 0);
        open.file(span, used, line);
        Some(named)
    }

    /// Pages of a span that others have some of.
    fn take_beside(&self, pages: u32) -> Option<(Place, Generation)> {
        let mut open = self.pages.lock();
        let span = open.with_stretch(pages)?;
        let line = self.memory.line(span);
        let used = line.pages_used.load(Ordering::Relaxed);
        let (first, mask) = fit(used, pages).expect("they are filed by what fits");
        open.unfile(span, used);
        // In this order: a mount that finds the first page marked and not used drops the mark; the other way round, the pages
        // would be those of the record before.
        line.pages_first.fetch_or(1 << first, Ordering::Relaxed);
        line.pages_used.store(used | mask, Ordering::Release);
        let named = self.name(span, first);
        open.file(span, used | mask, line);
        Some(named)
    }

    /// A record with a life of this bucket is to lie in a span of pages.
    pub(crate) fn note_life(&self, span: SpanIndex, bucket: u8, now_s: u32) {
        // Under the lock: several threads put into one span of pages.
        let _open = self.pages.lock();
        let line = self.memory.line(span);
        if bucket < line.shortest() {
            line.set_shortest(bucket);
        }
        self.due.agree(span, line, latest_s(line, now_s));
    }

    fn take_spans(&self, count: u32) -> Option<(Place, Generation)> {
        let first = self.supply.take_run(&self.memory, count)?;
        let _open = self.pages.lock();
        for tail in (first.0 + 1..first.0 + count).map(SpanIndex) {
            self.memory.line(tail).begin(Class::TAIL, 0, SpanStanding::Owned);
            self.memory.set_class(tail, Class::TAIL);
        }
        self.begin_pages(first, count);
        Some(self.name(first, 0))
    }

    fn begin_pages(&self, span: SpanIndex, count: u32) {
        self.memory.zero_pages(span);
        let line = self.memory.line(span);
        line.begin(Class::PAGES, 0, SpanStanding::Owned);
        line.spans_of_run.store(count, Ordering::Relaxed);
        line.pages_used.store(u16::MAX, Ordering::Relaxed);
        line.pages_first.store(1, Ordering::Relaxed);
        self.memory.set_class(span, Class::PAGES);
    }

    /// Names the record that is to lie from this page on. Under the lock: several threads put into one span of pages.
    fn name(&self, span: SpanIndex, page: u32) -> (Place, Generation) {
        let (line, slot) = (self.memory.line(span), self.memory.slot_of(span, Class::PAGES, page));
        let former = Header(slot.header().load(Ordering::Relaxed)).generation().max(line.low());
        let generation = former.next().expect("a span without generations is not offered");
        line.raise_top(generation);
        slot.header().store(Header::busy(generation).0, Ordering::Relaxed);
        (Memory::place(span, Class::PAGES, page), generation)
    }

    /// Slots and pages may be used again. What is needed to free each is asked for first, so that the processor waits for all
    /// of it at once; neighbours that were deleted one behind the other are freed together.
    pub(crate) fn free_all(&self, places: &[Place]) {
        for &place in places {
            self.memory.prefetch_bookkeeping(place);
        }
        let mut left = places;
        while let Some(&place) = left.first() {
            let freed = self.free_neighbours(left).unwrap_or_else(|| {
                self.free(place);
                1
            });
            left = &left[freed..];
        }
    }

    /// Frees the first of these slots and those behind it in the list whose bits are in the same word. How many; `None` if the
    /// first is to be freed by itself.
    fn free_neighbours(&self, places: &[Place]) -> Option<usize> {
        let (span, _) = split(*places.first()?);
        let class = self.memory.class(span);
        if !class.is_slots() {
            return None;
        }
        let (mut bits, mut word, mut count) = (0_u64, None, 0);
        for &place in places {
            let (other, offset) = split(place);
            let index = class.shape().slot_at(offset).filter(|_| other == span);
            let Some(index) = index.filter(|index| *word.get_or_insert(index / 64) == index / 64)
            else {
                break;
            };
            if !self.empty_slot(span, class, index) {
                break;
            }
            bits |= 1 << (index % 64);
            count += 1;
        }
        self.add_free(span, class, word.filter(|_| count > 0)?, bits);
        Some(count)
    }

    /// A slot or pages may be used again: no reader sees their record any more. For the one whose limbo has ended it.
    pub(crate) fn free(&self, place: Place) {
        let (span, offset) = split(place);
        let class = self.memory.class(span);
        let Some(index) = class.shape().slot_at(offset) else {
            return; // purged meanwhile: the span is freed whole
        };
        if class == Class::PAGES {
            self.free_pages(span, index);
        } else {
            self.free_slot(span, class, index);
        }
    }

    fn free_pages(&self, span: SpanIndex, first: u32) {
        let mut open = self.pages.lock();
        if self.memory.class(span) != Class::PAGES {
            return; // purged meanwhile
        }
        let line = self.memory.line(span);
        let word = self.memory.slot_of(span, Class::PAGES, first).header();
        let freed = Header(word.load(Ordering::Relaxed)).freed();
        word.store(freed.0, Ordering::Release);
        let firsts = line.pages_first.load(Ordering::Relaxed);
        let used = line.pages_used.load(Ordering::Relaxed);
        open.unfile(span, used);
        let left = used & !run_mask(used, firsts, first);
        line.pages_used.store(left, Ordering::Relaxed);
        line.pages_first.store(firsts & !(1 << first), Ordering::Release);
        if left != 0 {
            open.file(span, left, line);
            return;
        }
        self.retire(span);
    }

    /// Lets `is_record` see the first page of each record in an inherited span of pages, once.
    pub(crate) fn take_in_pages(
        &self,
        span: SpanIndex,
        now_s: u32,
        mut is_record: impl FnMut(u32) -> bool,
    ) {
        let mut open = self.pages.lock();
        let line = self.memory.line(span);
        if line.standing() != SpanStanding::Inherited || self.memory.class(span) != Class::PAGES {
            return; // another was faster, or it was purged
        }
        let used = line.pages_used.load(Ordering::Relaxed);
        let firsts = line.pages_first.load(Ordering::Relaxed);
        let (mut kept, mut kept_firsts) = (0, 0);
        for first in 0..PAGES {
            // All pages are asked, for their headers to be free where no record is.
            if is_record(first) && firsts >> first & 1 != 0 {
                kept |= run_mask(used, firsts, first);
                kept_firsts |= 1 << first;
            }
        }
        line.pages_used.store(kept, Ordering::Relaxed);
        line.pages_first.store(kept_firsts, Ordering::Relaxed);
        self.take_over(span, line, SpanStanding::Owned, now_s);
        if kept == 0 {
            self.retire(span);
        } else {
            open.file(span, kept, line);
        }
    }

    /// Bytes of the slot or the pages of a record.
    pub(crate) fn slot_bytes(&self, place: Place) -> u64 {
        let (span, offset) = split(place);
        let class = self.memory.class(span);
        if class != Class::PAGES {
            return u64::from(class.shape().slot_bytes);
        }
        let _open = self.pages.lock();
        let line = self.memory.line(span);
        let used = line.pages_used.load(Ordering::Relaxed);
        let firsts = line.pages_first.load(Ordering::Relaxed);
        let pages = run_mask(used, firsts, offset / PAGE_BYTES).count_ones() * PAGE_BYTES;
        let tails = (line.spans_of_run.load(Ordering::Relaxed) - 1) * SPAN_BYTES;
        u64::from(pages + tails)
    }
}

/// The first page of the lowest free stretch that is long enough, and its pages as bits.
fn fit(used: u16, pages: u32) -> Option<(u32, u16)> {
    let mask = u16::MAX >> (PAGES - pages);
    (0..=PAGES - pages)
        .find_map(|first| (used & (mask << first) == 0).then_some((first, mask << first)))
}

/// The pages of the record that begins at page `first`: all used ones up to the next first one.
pub(crate) fn run_mask(used: u16, firsts: u16, first: u32) -> u16 {
    let mut mask = 1 << first;
    for page in first + 1..PAGES {
        let bit = 1 << page;
        if used & bit == 0 || firsts & bit != 0 {
            break;
        }
        mask |= bit;
    }
    mask
}
