//! The supply has the spans that nobody uses, and makes new ones under the limit.
//!
//! ```text
//!           commit                    take                       emptied            two epochs
//! addresses ──────► clean | bare ◄──────────► in use (a class) ──────────► retiring ──────────► dirty ──► clean (zeroed)
//!                           ▲  no memory behind it                                                  └───► bare (given back)
//! ```
//! Memory comes in groups of 2 MiB, by huge pages, each counted whole. Where the limit is near, or small, or a part of a
//! group was given back, the spans of a group come and go one by one, in small pages.

use crate::kept::folder::ROWS_BYTES;
use crate::lock::Lock;
use crate::places::class::{Class, PAGE_BYTES, SPAN_BYTES};
use crate::places::limit::Limit;
use crate::places::segment::{GROUP_SPANS, Memory};
use crate::places::span::{SpanIndex, SpanStanding};
use crate::places::spare::{Spare, Whole};
use crate::places::spare_map::{Found, GROUPS};
use crate::sync::Ordering;
use crate::threads::epoch::Epoch;
use crate::upkeep::budget::Spending;

/// What the rows of pages take for a group.
const ROWS_OF_GROUP_BYTES: u64 = GROUP_SPANS as u64 * ROWS_BYTES[2];
const GROUP_BYTES: u64 = GROUP_SPANS as u64 * SPAN_BYTES as u64;

/// What a page of the tables costs, which is touched with the first span that has a row there.
const TABLE_PAGE_BYTES: u64 = 4096;
/// How many groups' lines are on a page.
const GROUPS_OF_LINE_PAGE: u32 = 2;

/// The spans that nobody uses.
#[derive(Debug)]
pub(crate) struct Supply {
    pub(crate) limit: Limit,
    wants_huge: bool,
    /// Whether groups are had whole, where the limit allows it.
    wants_whole: bool,
    /// What the rows of pages take in each group: room on the disk, in a pile that is kept.
    rows_bytes: u64,
    group_count: u32,
    spare: Lock<Spare>,
}

/// What the supply has.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Stock {
    pub(crate) segments: u32,
    pub(crate) spare: u32,
    pub(crate) bare: u32,
    pub(crate) retiring: u32,
    pub(crate) spent: u32,
    pub(crate) huge_bytes: u64,
    /// How often a span that was used came back, and how often memory was had from the kernel.
    pub(crate) reclassed: u64,
    pub(crate) commits: u64,
}

impl Supply {
    /// A supply of all spans that `memory` has addresses for.
    pub(crate) fn new(
        memory: &Memory,
        limit_bytes: u64,
        wants_huge: bool,
        wants_whole: bool,
    ) -> Self {
        let is_kept = memory.folder().is_some();
        Self {
            limit: Limit::new(limit_bytes),
            wants_huge,
            wants_whole,
            rows_bytes: if is_kept { ROWS_OF_GROUP_BYTES } else { 0 },
            group_count: memory.span_count() / GROUP_SPANS,
            spare: Lock::new(Spare::default()),
        }
    }

    /// A span whose bytes are all zero, for the caller alone. `None` at the limit.
    pub(crate) fn take(&self, memory: &Memory) -> Option<SpanIndex> {
        loop {
            let found = self.spare.lock().take_one(&self.limit);
            match found {
                Some((span, Found::Clean)) => return Some(span),
                Some((span, Found::Bare)) => {
                    if memory.allocate(span, 1).is_ok() {
                        return Some(span);
                    }
                    self.spare.lock().put(span, Found::Bare);
                    self.limit.give(u64::from(SPAN_BYTES));
                    return None;
                }
                Some((span, Found::Dirty)) => {
                    memory.zero(span);
                    return Some(span);
                }
                None => {
                    if !self.commit(memory) {
                        return None;
                    }
                }
            }
        }
    }

    /// A span whose bytes are all zero and that needs nothing of the kernel. `None` where none is ready.
    pub(crate) fn try_take(&self, memory: &Memory) -> Option<SpanIndex> {
        let (span, found) = self.spare.lock().take_backed()?;
        if found == Found::Dirty {
            memory.zero(span);
        }
        Some(span)
    }

    /// Spans that lie one behind the other, for one long record; they hold what they held. `None` at the limit.
    pub(crate) fn take_run(&self, memory: &Memory, spans: u32) -> Option<SpanIndex> {
        loop {
            let found = self.spare.lock().take_run(&self.limit, spans);
            if let Some(first) = found {
                if memory.allocate(first, spans).is_ok() {
                    return Some(first);
                }
                self.put_bare(memory, first, spans);
                return None;
            }
            if !self.commit_run(memory, spans) {
                return None;
            }
        }
    }

    /// The disk is full: what was taken becomes spare once more, without room there.
    fn put_bare(&self, memory: &Memory, first: SpanIndex, spans: u32) {
        memory.give_back(first, spans);
        let mut spare = self.spare.lock();
        for span in first.0..first.0 + spans {
            spare.put(SpanIndex(span), Found::Bare);
        }
        self.limit.give(u64::from(spans) * u64::from(SPAN_BYTES));
    }

    /// Commits a group ahead of its use. False where the limit does not allow it, or has no room for less.
    fn commit(&self, memory: &Memory) -> bool {
        let Some((group, is_fresh)) = self.spare.lock().next_group(self.group_count) else {
            return false;
        };
        let is_whole = self.wants_whole && self.limit.take(GROUP_BYTES);
        let is_huge = is_whole && self.wants_huge;
        // Otherwise the spans are counted as they are taken: there must be room for one.
        let is_small = !is_whole && self.limit.take(u64::from(SPAN_BYTES));
        if is_small {
            self.limit.give(u64::from(SPAN_BYTES));
        }
        let tables_bytes = if is_fresh { self.table_bytes(group) } else { 0 };
        let is_counted = (is_whole || is_small) && self.limit.take(tables_bytes);
        let first = SpanIndex(group * GROUP_SPANS);
        let is_committed = is_counted
            && memory.commit_group(first, is_huge).is_ok()
            && (!is_whole || memory.allocate(first, GROUP_SPANS).is_ok());
        if is_committed {
            if is_huge {
                memory.populate_group(first);
            }
            let found = if is_whole { Found::Clean } else { Found::Bare };
            self.spare.lock().add_group(group, found, is_huge);
            return true;
        }
        if is_whole {
            self.limit.give(GROUP_BYTES);
        }
        if is_counted {
            self.limit.give(tables_bytes);
        }
        self.spare.lock().return_group(group, is_fresh);
        false
    }

    /// Commits groups that lie one behind the other in one segment.
    fn commit_run(&self, memory: &Memory, spans: u32) -> bool {
        let room_bytes = self.limit.limit_bytes().saturating_sub(self.limit.backed_bytes());
        if room_bytes < u64::from(spans) * u64::from(SPAN_BYTES) {
            return false;
        }
        let groups = spans.div_ceil(GROUP_SPANS);
        let Some(first_group) = self.spare.lock().fresh_groups(groups, self.group_count) else {
            return false;
        };
        for group in first_group..first_group + groups {
            let tables_bytes = self.table_bytes(group);
            let is_counted = self.limit.take(tables_bytes);
            // In small pages: what is behind the record stays without memory.
            if !is_counted || memory.commit_group(SpanIndex(group * GROUP_SPANS), false).is_err() {
                if is_counted {
                    self.limit.give(tables_bytes);
                }
                let mut spare = self.spare.lock();
                for left in group..first_group + groups {
                    spare.whole_groups.push(Whole { group: left, is_fresh: true });
                }
                return false;
            }
            self.spare.lock().add_group(group, Found::Bare, false);
        }
        true
    }

    /// A span whose class is none now comes back when nobody sees it any more.
    pub(crate) fn retire(&self, memory: &Memory, span: SpanIndex) {
        debug_assert!(memory.class(span) == Class::NONE, "nobody finds a way in");
        self.spare.lock().retiring.push_back((Epoch::sealed(), span));
    }

    /// Takes in what retired two epochs ago, at most `most` spans. How many came.
    pub(crate) fn ripen(&self, memory: &Memory, most: u32) -> u32 {
        let mut ripe = 0;
        let mut without_use = Vec::new();
        {
            let mut spare = self.spare.lock();
            let mut left = spare.retiring.len();
            while ripe < most && left > 0 {
                left -= 1;
                let Some(&(epoch, span)) = spare.retiring.front() else { break };
                if !epoch.is_over() {
                    break;
                }
                spare.retiring.pop_front();
                let line = memory.line(span);
                if line.held.load(Ordering::Acquire) > 0 {
                    spare.retiring.push_back((epoch, span));
                    continue;
                }
                // The further spans of a long record come with its first, which alone is counted as held.
                for part in line.parts(span) {
                    ripe += 1;
                    spare.reclassed += 1;
                    let line = memory.line(part);
                    let is_usable = line.raise_low();
                    if is_usable && line.absent_bytes() == 0 {
                        line.set_standing(SpanStanding::Spare);
                        spare.put(part, Found::Dirty);
                    } else {
                        spare.spent += u32::from(!is_usable);
                        without_use.push((part, is_usable));
                    }
                }
            }
        }
        // Spent ones, and those of which a part was given back: the rest follows.
        for (span, is_usable) in without_use {
            let line = memory.line(span);
            self.make_small(memory, span);
            memory.give_back(span, 1);
            self.limit.give(u64::from(SPAN_BYTES) - line.absent_bytes());
            line.absent.store(0, Ordering::Relaxed);
            if is_usable {
                line.set_standing(SpanStanding::Spare);
                self.spare.lock().put(span, Found::Bare);
            } else {
                line.set_standing(SpanStanding::Spent);
            }
        }
        ripe
    }

    /// Gives pages of a span in use back, which nobody reads or writes. The bytes given back.
    pub(crate) fn give_back_pages(&self, memory: &Memory, span: SpanIndex, pages: u16) -> u64 {
        self.make_small(memory, span);
        memory.give_back_pages(span, pages);
        let bytes = u64::from(pages.count_ones()) * u64::from(PAGE_BYTES);
        // Release: who finds the span without use sees what of it is not counted any more.
        memory.line(span).absent.fetch_or(pages, Ordering::Release);
        self.limit.give(bytes);
        bytes
    }

    /// Gives memory of spare spans back until only `keep` of them have any, at most `most` spans. The bytes given back.
    pub(crate) fn give_back(&self, memory: &Memory, keep: u32, most: u32) -> u64 {
        let mut given_bytes = 0;
        let mut given = 0;
        while given < most {
            let whole = {
                let mut spare = self.spare.lock();
                if spare.clean + spare.dirty < keep.saturating_add(GROUP_SPANS) {
                    None
                } else {
                    spare.take_whole_group()
                }
            };
            let Some((group, backed_spans, is_huge)) = whole else { break };
            memory.give_back(SpanIndex(group * GROUP_SPANS), GROUP_SPANS);
            let bytes =
                if is_huge { GROUP_BYTES } else { u64::from(backed_spans) * u64::from(SPAN_BYTES) };
            self.limit.give(bytes);
            self.spare.lock().whole_groups.push(Whole { group, is_fresh: false });
            given_bytes += bytes;
            given += GROUP_SPANS;
        }
        while given < most {
            let found = {
                let mut spare = self.spare.lock();
                if spare.clean + spare.dirty <= keep { None } else { spare.take_backed_last() }
            };
            let Some(span) = found else { break };
            self.make_small(memory, span);
            memory.give_back(span, 1);
            self.limit.give(u64::from(SPAN_BYTES));
            self.spare.lock().put(span, Found::Bare);
            given_bytes += u64::from(SPAN_BYTES);
            given += 1;
        }
        given_bytes
    }

    /// The group of a span comes and goes by spans from now on.
    fn make_small(&self, memory: &Memory, span: SpanIndex) {
        let first = SpanIndex(span.0 / GROUP_SPANS * GROUP_SPANS);
        if self.spare.lock().end_huge(first) {
            // What is mapped stays mapped; only what is touched anew comes in small pages. A refusal means that the kernel
            // has no huge pages.
            let _advised: bool = memory.commit_group(first, false).is_ok();
        }
    }

    /// Commits until `bytes` of memory are ready to be taken, or the budget is spent.
    pub(crate) fn commit_ahead(&self, memory: &Memory, bytes: u64, spending: &mut Spending) {
        let wanted = u32::try_from(bytes / u64::from(SPAN_BYTES)).unwrap_or(u32::MAX);
        let is_ready = || {
            let stock = self.stock();
            stock.spare - stock.bare >= wanted || !self.limit_allows_group()
        };
        while self.wants_whole && !is_ready() && !spending.is_over() && self.commit(memory) {}
    }

    /// What the tables take more for this group: lines and classes whose pages no group before had touched.
    pub(crate) fn table_bytes(&self, group: u32) -> u64 {
        let lines = u64::from(group.is_multiple_of(GROUPS_OF_LINE_PAGE)) * TABLE_PAGE_BYTES;
        let classes = u64::from(group.is_multiple_of(GROUPS)) * TABLE_PAGE_BYTES;
        lines + classes + self.rows_bytes
    }

    /// Takes over a group of an earlier life, after all groups before it; `is_used` says which of its spans have a class.
    /// Those that do not have no room on the disk.
    pub(crate) fn inherit(&self, memory: &Memory, group: u32, is_used: impl Fn(SpanIndex) -> bool) {
        let mut spare = self.spare.lock();
        // Passed over by that life: as fresh as those that are to come.
        for passed in spare.fresh_group..group {
            spare.whole_groups.push(Whole { group: passed, is_fresh: true });
        }
        spare.fresh_group = group + 1;
        let mut used_spans = 0;
        for span in (group * GROUP_SPANS..(group + 1) * GROUP_SPANS).map(SpanIndex) {
            if is_used(span) {
                used_spans += 1;
            } else if memory.line(span).raise_low() {
                memory.line(span).set_standing(SpanStanding::Spare);
                spare.put(span, Found::Bare);
            } else {
                memory.line(span).set_standing(SpanStanding::Spent);
                spare.spent += 1;
            }
        }
        self.limit.count(self.table_bytes(group) + used_spans * u64::from(SPAN_BYTES));
    }

    fn limit_allows_group(&self) -> bool {
        self.limit.backed_bytes() + GROUP_BYTES + 2 * TABLE_PAGE_BYTES <= self.limit.limit_bytes()
    }

    /// Whether a span is spare, and whether it has memory then; at a quiet moment it stays so.
    pub(crate) fn is_spare(&self, span: SpanIndex) -> Option<bool> {
        let spare = self.spare.lock();
        spare.found(span).map(|found| found != Found::Bare)
    }

    /// The groups without memory and spare spans, in order.
    pub(crate) fn given_back(&self) -> Vec<u32> {
        let spare = self.spare.lock();
        let mut groups: Vec<u32> = spare.whole_groups.iter().map(|whole| whole.group).collect();
        groups.sort_unstable();
        groups
    }

    /// Whether the group of a span has no memory and no spare spans, and whether its rows in the tables are counted then.
    pub(crate) fn is_given_back(&self, span: SpanIndex) -> Option<bool> {
        let spare = self.spare.lock();
        let whole = spare.whole_groups.iter().find(|whole| whole.group == span.0 / GROUP_SPANS);
        whole.map(|whole| !whole.is_fresh)
    }

    /// Whether a span waits until nobody sees it, with or without others of one record.
    pub(crate) fn retiring(&self) -> Vec<SpanIndex> {
        self.spare.lock().retiring.iter().map(|&(_, span)| span).collect()
    }

    /// The spans that have been given out or are spare: no other was ever used.
    pub(crate) fn spans_opened(&self) -> u32 {
        self.spare.lock().fresh_group * GROUP_SPANS
    }

    pub(crate) fn stock(&self) -> Stock {
        let spare = self.spare.lock();
        let count = |spans: usize| u32::try_from(spans).unwrap_or(u32::MAX);
        Stock {
            segments: count(spare.segments()),
            spare: spare.clean + spare.dirty + spare.bare,
            bare: spare.bare,
            retiring: count(spare.retiring.len()),
            spent: spare.spent,
            huge_bytes: u64::from(spare.huge_groups) * GROUP_BYTES,
            reclassed: spare.reclassed,
            commits: spare.commits,
        }
    }
}
