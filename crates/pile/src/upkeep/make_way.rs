//! Making way empties a run of neighbouring spans for a record that is longer than what is free in any one place.
//!
//! Deletions free room here and there, and compaction empties the spans that hold least, wherever they are. Neither makes a long
//! record's spans neighbours. So the run that holds least is chosen among all that are long enough, and the keepers whose
//! records are in it are asked to let them go. What pointers name stays, and no such run is chosen; nor is one, at the limit, of
//! spans without memory, which nobody holds anything in, and which nobody can be given.
//!
//! Cost: a walk over the lines of all spans, and a question for each record of the run.

use std::sync::Arc;

use crate::naming::header::Header;
use crate::pile::Pile;
use crate::places::class::{Class, PAGE_BYTES, SPAN_BYTES};
use crate::places::segment::{GROUP_SPANS, Memory, SEGMENT_SPANS};
use crate::places::span::{SpanIndex, SpanStanding};
use crate::places::spans::NOBODY;
use crate::store::Store;
use crate::sync::Ordering;
use crate::threads::epoch::Pinned;
use crate::upkeep::keeper::Why;

impl Pile {
    /// Lets keepers drop their records from the run of spans that holds least of all that are long enough for a record of so many
    /// bytes. How many records went: their room comes back once nobody reads them.
    ///
    /// For who was refused room for a long record though much is free.
    #[must_use]
    pub fn make_way(&self, record_bytes: usize) -> u64 {
        let spans = record_bytes.saturating_add(PAGE_BYTES as usize).div_ceil(SPAN_BYTES as usize);
        let Ok(spans) = u32::try_from(spans) else { return 0 };
        self.store.make_way(spans.min(SEGMENT_SPANS))
    }
}

impl Store {
    fn make_way(self: &Arc<Self>, spans: u32) -> u64 {
        let Some(first) = self.run_that_holds_least(spans) else { return 0 };
        (first..first + spans).map(|span| self.empty_for_another(SpanIndex(span))).sum()
    }

    /// The first span of the run; `None` if each holds something that stays.
    fn run_that_holds_least(&self, spans: u32) -> Option<u32> {
        let unbacked = Unbacked::of(self, spans);
        let opened = self.spans.supply.spans_opened();
        let mut best: Option<(u64, u32)> = None;
        // Of the run that ends with the span that is looked at: what it holds, and from where on all of it can go.
        let (mut held_bytes, mut from) = (0, 0);
        for span in 0..opened {
            let index = SpanIndex(span);
            if span.is_multiple_of(SEGMENT_SPANS) {
                (held_bytes, from) = (0, span);
            }
            let Some(bytes) = self.may_go(index, &unbacked) else {
                (held_bytes, from) = (0, span + 1);
                continue;
            };
            if span == from && self.spans.memory.class(index) == Class::TAIL {
                from = span + 1; // its record begins before the run
                continue;
            }
            held_bytes += bytes;
            while span + 1 - from > spans {
                held_bytes -= self.may_go(SpanIndex(from), &unbacked).unwrap_or(0).min(held_bytes);
                from += 1;
            }
            let begins_whole = self.spans.memory.class(SpanIndex(from)) != Class::TAIL;
            let is_run = span + 1 - from == spans && begins_whole;
            if is_run && best.is_none_or(|(least_bytes, _)| held_bytes < least_bytes) {
                best = Some((held_bytes, from));
            }
        }
        best.map(|(_, first)| first)
    }

    /// How many bytes keepers have in a span; `None` if something in it stays, records are just being put there, or it would
    /// need memory that the limit does not have.
    fn may_go(&self, span: SpanIndex, unbacked: &Unbacked) -> Option<u64> {
        let (class, line) = (self.spans.memory.class(span), self.spans.memory.line(span));
        let (standing, shape) = (line.standing(), class.shape());
        if matches!(standing, SpanStanding::Spent | SpanStanding::Inherited) {
            return None;
        }
        match class {
            Class::NONE => unbacked.may_be_used(self, span).then_some(0),
            Class::TAIL => Some(u64::from(SPAN_BYTES)),
            Class::PAGES => {
                let mut bytes = 0;
                for index in 0..shape.slots {
                    let header = self.spans.memory.slot_of(span, class, index).header();
                    let header = Header(header.load(Ordering::Relaxed));
                    if header.is_busy() || (header.is_live() && !header.is_kept()) {
                        return None;
                    }
                    bytes += if header.is_live() { u64::from(header.length()) } else { 0 };
                }
                Some(bytes)
            }
            _ if standing == SpanStanding::Owned => None,
            _ if line.keeper.load(Ordering::Relaxed) == NOBODY => None,
            _ => {
                let used = shape.slots.saturating_sub(line.vacancy().free);
                Some(u64::from(used) * u64::from(shape.slot_bytes))
            }
        }
    }

    /// Asks keepers to let go of what they have in a span. How many records went.
    fn empty_for_another(self: &Arc<Self>, span: SpanIndex) -> u64 {
        let class = self.spans.memory.class(span);
        if class == Class::NONE || class == Class::TAIL {
            return 0;
        }
        let mut dropped = 0;
        for index in 0..class.shape().slots {
            let pinned = Pinned::new();
            if self.spans.memory.class(span) != class {
                break; // it has been used for something else meanwhile
            }
            let slot = self.spans.memory.slot_of(span, class, index);
            let header = Header(slot.header().load(Ordering::Acquire));
            if !header.is_live() || !header.is_kept() {
                continue;
            }
            let place = Memory::place(span, class, index);
            let Some(kept) = self.keepers.of(self.spans.keeper_of(span, slot)) else { continue };
            let record = kept.show(place, slot, header, None, &pinned);
            if record.is_some_and(|record| kept.keeper.dropped(record, Why::Wanted)) {
                dropped += u64::from(self.end(place, slot, header, &pinned));
            }
        }
        dropped
    }
}

/// What is known of spans without memory.
struct Unbacked {
    /// Whether the limit has room for a run of them.
    has_room: bool,
    /// Groups that are to be committed before their spans are of use to anybody.
    given_back: Vec<u32>,
}

impl Unbacked {
    fn of(store: &Store, spans: u32) -> Self {
        let (supply, bytes) = (&store.spans.supply, u64::from(spans) * u64::from(SPAN_BYTES));
        let left_bytes = supply.limit.limit_bytes().saturating_sub(supply.limit.backed_bytes());
        Self { has_room: left_bytes >= bytes, given_back: supply.given_back() }
    }

    /// Whether a span that nobody uses may be a part of a run. One that waits until nobody sees it may.
    fn may_be_used(&self, store: &Store, span: SpanIndex) -> bool {
        match store.spans.supply.is_spare(span) {
            Some(has_memory) => has_memory || self.has_room,
            None => self.given_back.binary_search(&(span.0 / GROUP_SPANS)).is_err(),
        }
    }
}
