//! A sweep ends the records of a span whose lives are over, so that their memory comes back though nobody asks for them.
//!
//! A record is swept in a second that all who were pinned before have heard of: whoever found it alive and gave it a new
//! life has said so by then, so a record that was rejuvenated stays.
//!
//! Cost: a header for each slot of a span; a span is looked at when a quarter of its shortest life has passed since the
//! first of its records ended.

use std::sync::Arc;

use crate::naming::header::Header;
use crate::naming::life::{Life, bucket_of};
use crate::naming::pointer::Place;
use crate::places::class::Class;
use crate::places::segment::{Memory, Slot, split};
use crate::places::span::SpanStanding;
use crate::store::Store;
use crate::sync::{Ordering, fence};
use crate::threads::epoch::Pinned;
use crate::upkeep::budget::Spending;
use crate::upkeep::due::{latest_s, slack_s};
use crate::upkeep::keeper::Why;
use crate::upkeep::sweeps::Part;

/// Slots between two looks at whether the span is still the same.
const STRETCH: u32 = 64;

impl Store {
    /// Sweeps what is due until the budget is spent. How many records it ended.
    pub(crate) fn sweep(self: &Arc<Self>, spending: &mut Spending) -> u64 {
        let settled_s = self.sweeps.settle(self.seconds.now_s());
        let mut swept = 0;
        while !spending.is_over() {
            let begun = self.sweeps.pop();
            let Some(mut part) = begun.or_else(|| self.next_due(settled_s)) else { break };
            let is_done = self.sweep_part(&mut part, settled_s, spending, &mut swept);
            if !is_done {
                self.sweeps.push(part);
            }
        }
        if swept > 0 {
            self.with_arena(|arena| arena.counts.swept.add(swept));
        }
        swept
    }

    fn next_due(&self, settled_s: u32) -> Option<Part> {
        let span = self.spans.due.pop(&self.spans.memory, settled_s)?;
        // Who shortens a life from here on either finds nothing agreed, or is seen when its slot is looked at.
        fence(Ordering::SeqCst);
        let class = self.spans.memory.class(span);
        Some(Part { span, class, next: 0, soonest_s: None })
    }

    /// Sees to it that a record is swept whose life was changed to end in this second. For who is pinned since he found it.
    pub(crate) fn note_expiry(&self, place: Place, expiry_s: u32) {
        if expiry_s == Life::NEVER_S {
            return;
        }
        let (span, _) = split(place);
        let line = self.spans.memory.line(span);
        let bucket = bucket_of(expiry_s.saturating_sub(self.seconds.now_s()));
        if bucket < line.shortest() {
            line.set_shortest(bucket);
        }
        let at_s = expiry_s.saturating_add(slack_s(line));
        let agreed_s = line.deadline_s.load(Ordering::Relaxed);
        if agreed_s == 0 || at_s < agreed_s {
            self.spans.due.agree(span, line, at_s);
        }
    }

    /// Goes on in a span. False if the budget ended before it.
    fn sweep_part(
        self: &Arc<Self>,
        part: &mut Part,
        settled_s: u32,
        spending: &mut Spending,
        swept: &mut u64,
    ) -> bool {
        let memory = &self.spans.memory;
        let slots = if part.class == Class::TAIL { 0 } else { part.class.shape().slots };
        while part.next < slots {
            let pinned = Pinned::new();
            // Emptied or purged meanwhile: then it is agreed anew when it is used.
            if memory.class(part.span) != part.class {
                return true;
            }
            let end = slots.min(part.next + STRETCH);
            while part.next < end {
                self.sweep_slot(part, settled_s, &pinned, swept);
                part.next += 1;
                if spending.step() {
                    return false;
                }
            }
        }
        let line = memory.line(part.span);
        let soonest_s = if line.standing() == SpanStanding::Owned && part.class.is_slots() {
            let latest_s = latest_s(line, settled_s);
            Some(
                part.soonest_s
                    .map_or(latest_s, |soonest_s| (soonest_s + slack_s(line)).min(latest_s)),
            )
        } else {
            part.soonest_s.map(|soonest_s| soonest_s.saturating_add(slack_s(line)))
        };
        if let Some(at_s) = soonest_s
            && memory.class(part.span) == part.class
        {
            self.spans.due.agree(part.span, line, at_s);
        }
        true
    }

    fn sweep_slot(
        self: &Arc<Self>,
        part: &mut Part,
        settled_s: u32,
        pinned: &Pinned,
        swept: &mut u64,
    ) {
        let slot = self.spans.memory.slot_of(part.span, part.class, part.next);
        let header = Header(slot.header().load(Ordering::Acquire));
        if !header.is_live() || !header.has_expiry() {
            return;
        }
        let expiry_s = slot.expiry().load(Ordering::Relaxed);
        if expiry_s == Life::NEVER_S {
            return;
        }
        if expiry_s > settled_s {
            part.soonest_s =
                Some(part.soonest_s.map_or(expiry_s, |soonest_s| soonest_s.min(expiry_s)));
            return;
        }
        let place = Memory::place(part.span, part.class, part.next);
        if header.is_kept() && !self.is_unlinked(place, slot, header, pinned) {
            return; // whoever unlinked it ends it
        }
        *swept += u64::from(self.end(place, slot, header, pinned));
    }

    /// Lets the keeper of an expired record unlink it. Whether he did.
    fn is_unlinked(&self, place: Place, slot: Slot<'_>, header: Header, pinned: &Pinned) -> bool {
        let Some(kept) = self.keepers.of(self.spans.keeper_of(split(place).0, slot)) else {
            return false; // its keep is being dropped, and ends it
        };
        let record = kept.show(place, slot, header, Some(0), pinned);
        record.is_some_and(|record| kept.keeper.dropped(record, Why::Expired))
    }
}
