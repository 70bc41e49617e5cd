//! The supply has the spans that nobody uses, and makes new ones under the limit.
//!
//! ```text
//!           commit                    take                       emptied            two epochs
//! addresses ──────► clean | bare ◄──────────► in use (a class) ──────────► retiring ──────────► dirty ──► clean (zeroed)
//!                           ▲  no memory behind it                                                  └───► bare (given back)
//! ```
//! Memory comes in groups of 2 MiB, by huge pages, each counted whole. Where the limit is near, or small, or a part of a
//! group was given back, the spans of a group come and go one by one, in small pages.

use std::collections::VecDeque;

use crate::kept::folder::ROWS_BYTES;
use crate::lock::Lock;
use crate::places::class::{Class, PAGE_BYTES, SPAN_BYTES};
use crate::places::limit::Limit;
use crate::places::segment::{GROUP_SPANS, Memory, SEGMENT_SPANS};
use crate::places::span::{SpanIndex, SpanStanding};
use crate::threads::epoch::Epoch;
use crate::upkeep::budget::Spending;

/// What the rows of pages take for a group.
const ROWS_OF_GROUP_BYTES: u64 = GROUP_SPANS as u64 * ROWS_BYTES[2];
const GROUP_BYTES: u64 = GROUP_SPANS as u64 * SPAN_BYTES as u64;
const GROUPS: u32 = SEGMENT_SPANS / GROUP_SPANS;
const WORDS: usize = SEGMENT_SPANS as usize / 64;

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

#[derive(Debug, Default)]
struct Spare {
    segments: Vec<Segment>,
    /// No segment before this one has a span that can be taken.
    first_with_spans: usize,
    /// The first group that was never committed.
    fresh_group: u32,
    /// Groups of which all memory was given back, or that were passed over.
    whole_groups: Vec<Whole>,
    /// Spans that are waiting until nobody sees them, oldest first.
    retiring: VecDeque<(Epoch, SpanIndex)>,
    clean: u32,
    dirty: u32,
    bare: u32,
    spent: u32,
    huge_groups: u32,
    reclassed: u64,
    commits: u64,
}

/// The spare spans of one segment, as bits.
#[derive(Debug)]
struct Segment {
    clean: [u64; WORDS],
    dirty: [u64; WORDS],
    bare: [u64; WORDS],
    huge: [u64; GROUPS as usize / 64],
    spare: u32,
}

impl Segment {
    const NONE: Self = Self {
        clean: [0; WORDS],
        dirty: [0; WORDS],
        bare: [0; WORDS],
        huge: [0; GROUPS as usize / 64],
        spare: 0,
    };
}

/// A group that may be committed anew, and whether its rows in the tables were counted.
#[derive(Clone, Copy, Debug)]
struct Whole {
    group: u32,
    is_fresh: bool,
}

/// How a span stands that was taken from the supply.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Found {
    Clean,
    Dirty,
    Bare,
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
                if line.held.load(crate::sync::Ordering::Acquire) > 0 {
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
            line.absent.store(0, crate::sync::Ordering::Relaxed);
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
        memory.line(span).absent.fetch_or(pages, crate::sync::Ordering::Release);
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

    /// Whether a span is spare, and whether it has memory then. At a quiet moment.
    pub(crate) fn is_spare(&self, span: SpanIndex) -> Option<bool> {
        let spare = self.spare.lock();
        let segment = spare.segments.get((span.0 / SEGMENT_SPANS) as usize)?;
        let part = Part::of(segment, span.0 % SEGMENT_SPANS / GROUP_SPANS);
        let at = span.0 % GROUP_SPANS;
        let maps = [part.clean, part.dirty, part.bare].map(|bits| bits >> at & 1);
        assert!(maps.iter().sum::<u32>() <= 1, "a spare span is in one map");
        part.found(at).map(|found| found != Found::Bare)
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
            segments: count(spare.segments.len()),
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

fn bit(span: u32) -> (usize, u64) {
    let at = span % SEGMENT_SPANS;
    (at as usize / 64, 1 << (at % 64))
}

impl Spare {
    fn segment(&mut self, span: SpanIndex) -> &mut Segment {
        let index = (span.0 / SEGMENT_SPANS) as usize;
        while self.segments.len() <= index {
            self.segments.push(Segment::NONE);
        }
        &mut self.segments[index]
    }

    fn count(&mut self, found: Found) -> &mut u32 {
        match found {
            Found::Clean => &mut self.clean,
            Found::Dirty => &mut self.dirty,
            Found::Bare => &mut self.bare,
        }
    }

    fn put(&mut self, span: SpanIndex, found: Found) {
        let (word, bit) = bit(span.0);
        let segment = self.segment(span);
        segment.map(found)[word] |= bit;
        segment.spare += 1;
        *self.count(found) += 1;
        self.first_with_spans = self.first_with_spans.min((span.0 / SEGMENT_SPANS) as usize);
    }

    fn remove(&mut self, span: SpanIndex, found: Found) {
        let (word, bit) = bit(span.0);
        let segment = self.segment(span);
        segment.map(found)[word] &= !bit;
        segment.spare -= 1;
        *self.count(found) -= 1;
    }

    /// The lowest span that has memory, zeroed ones first.
    fn take_backed(&mut self) -> Option<(SpanIndex, Found)> {
        for found in [Found::Clean, Found::Dirty] {
            if *self.count(found) > 0
                && let Some(span) = self.lowest(found)
            {
                self.remove(span, found);
                return Some((span, found));
            }
        }
        None
    }

    fn take_one(&mut self, limit: &Limit) -> Option<(SpanIndex, Found)> {
        if let Some(backed) = self.take_backed() {
            return Some(backed);
        }
        if self.bare == 0 || !limit.take(u64::from(SPAN_BYTES)) {
            return None;
        }
        let span = self.lowest(Found::Bare)?;
        self.remove(span, Found::Bare);
        Some((span, Found::Bare))
    }

    fn lowest(&mut self, found: Found) -> Option<SpanIndex> {
        let mut is_first = true;
        for index in self.first_with_spans..self.segments.len() {
            let segment = &mut self.segments[index];
            if segment.spare == 0 {
                if is_first {
                    self.first_with_spans = index + 1;
                }
                continue;
            }
            is_first = false;
            if let Some(at) = lowest_bit(segment.map(found)) {
                let index = u32::try_from(index).expect("fewer than 2^15 segments");
                return Some(SpanIndex(index * SEGMENT_SPANS + at));
            }
        }
        None
    }

    /// The highest span that has memory: what lies low is used first, so what lies high can go.
    fn take_backed_last(&mut self) -> Option<SpanIndex> {
        for index in (0..self.segments.len()).rev() {
            for found in [Found::Dirty, Found::Clean] {
                let highest = highest_bit(self.segments[index].map(found));
                if let Some(at) = highest {
                    let index = u32::try_from(index).expect("fewer than 2^15 segments");
                    let span = SpanIndex(index * SEGMENT_SPANS + at);
                    self.remove(span, found);
                    return Some(span);
                }
            }
        }
        None
    }

    /// A group none of whose spans is in use and some of which have memory: its number, how many have, and whether they
    /// are backed by a huge page. All its spans leave the supply.
    fn take_whole_group(&mut self) -> Option<(u32, u32, bool)> {
        for index in (0..self.segments.len()).rev() {
            for group in (0..GROUPS).rev() {
                let segment = &mut self.segments[index];
                let part = Part::of(segment, group);
                if part.spare() != u32::MAX || part.bare == u32::MAX {
                    continue;
                }
                let is_huge = segment.is_huge(group);
                let index = u32::try_from(index).expect("fewer than 2^15 segments");
                let first = index * SEGMENT_SPANS + group * GROUP_SPANS;
                for at in 0..GROUP_SPANS {
                    let found = part.found(at).expect("each is spare");
                    self.remove(SpanIndex(first + at), found);
                }
                if is_huge {
                    self.end_huge(SpanIndex(first));
                }
                let backed_spans = GROUP_SPANS - part.bare.count_ones();
                return Some((first / GROUP_SPANS, backed_spans, is_huge));
            }
        }
        None
    }

    fn end_huge(&mut self, first: SpanIndex) -> bool {
        let group = first.0 % SEGMENT_SPANS / GROUP_SPANS;
        let segment = self.segment(first);
        let was_huge = segment.is_huge(group);
        if was_huge {
            segment.huge[group as usize / 64] &= !(1 << (group % 64));
            self.huge_groups -= 1;
        }
        was_huge
    }

    fn take_run(&mut self, limit: &Limit, spans: u32) -> Option<SpanIndex> {
        for index in 0..self.segments.len() {
            if self.segments[index].spare < spans {
                continue;
            }
            let Some(at) = self.segments[index].run_of(spans) else { continue };
            let first =
                u32::try_from(index).expect("fewer than 2^15 segments") * SEGMENT_SPANS + at;
            let founds: Vec<Found> = (at..at + spans)
                .map(|at| self.segments[index].found(at).expect("the run is spare"))
                .collect();
            let bare = founds.iter().filter(|&&found| found == Found::Bare).count() as u64;
            if !limit.take(bare * u64::from(SPAN_BYTES)) {
                return None;
            }
            for (span, found) in (first..).zip(founds) {
                self.remove(SpanIndex(span), found);
            }
            return Some(SpanIndex(first));
        }
        None
    }

    /// A group to be committed: one that was given back, else a fresh one.
    fn next_group(&mut self, group_count: u32) -> Option<(u32, bool)> {
        if let Some(Whole { group, is_fresh }) = self.whole_groups.pop() {
            return Some((group, is_fresh));
        }
        let group = self.fresh_group;
        if group == group_count {
            return None;
        }
        self.fresh_group += 1;
        Some((group, true))
    }

    fn return_group(&mut self, group: u32, is_fresh: bool) {
        if is_fresh && group + 1 == self.fresh_group {
            self.fresh_group = group;
        } else {
            self.whole_groups.push(Whole { group, is_fresh });
        }
    }

    /// Fresh groups one behind the other in one segment; what is left of the segment before stays for others.
    fn fresh_groups(&mut self, groups: u32, group_count: u32) -> Option<u32> {
        let left = GROUPS - self.fresh_group % GROUPS;
        let skipped = if left < groups { left } else { 0 };
        let first = self.fresh_group + skipped;
        if first + groups > group_count {
            return None;
        }
        for group in self.fresh_group..first {
            self.whole_groups.push(Whole { group, is_fresh: true });
        }
        self.fresh_group = first + groups;
        Some(first)
    }

    fn add_group(&mut self, group: u32, found: Found, is_huge: bool) {
        self.commits += 1;
        let first = group * GROUP_SPANS;
        for span in first..first + GROUP_SPANS {
            self.put(SpanIndex(span), found);
        }
        if is_huge {
            let at = group % GROUPS;
            self.segment(SpanIndex(first)).huge[at as usize / 64] |= 1 << (at % 64);
            self.huge_groups += 1;
        }
    }
}

/// The bits of one group.
#[derive(Clone, Copy)]
struct Part {
    clean: u32,
    dirty: u32,
    bare: u32,
}

impl Part {
    fn of(segment: &Segment, group: u32) -> Self {
        let half = |words: &[u64; WORDS]| {
            let word = words[group as usize / 2];
            #[expect(clippy::cast_possible_truncation, reason = "the half that is meant")]
            let half = (word >> (group % 2 * 32)) as u32;
            half
        };
        Self { clean: half(&segment.clean), dirty: half(&segment.dirty), bare: half(&segment.bare) }
    }

    fn spare(self) -> u32 {
        self.clean | self.dirty | self.bare
    }

    fn found(self, at: u32) -> Option<Found> {
        let is_in = |bits: u32| bits >> at & 1 != 0;
        [(self.clean, Found::Clean), (self.dirty, Found::Dirty), (self.bare, Found::Bare)]
            .into_iter()
            .find_map(|(bits, found)| is_in(bits).then_some(found))
    }
}

impl Segment {
    fn map(&mut self, found: Found) -> &mut [u64; WORDS] {
        match found {
            Found::Clean => &mut self.clean,
            Found::Dirty => &mut self.dirty,
            Found::Bare => &mut self.bare,
        }
    }

    fn is_huge(&self, group: u32) -> bool {
        self.huge[group as usize / 64] >> (group % 64) & 1 != 0
    }

    fn found(&self, at: u32) -> Option<Found> {
        Part::of(self, at / GROUP_SPANS).found(at % GROUP_SPANS)
    }

    /// Where `spans` spare spans lie one behind the other.
    fn run_of(&self, spans: u32) -> Option<u32> {
        let mut length = 0;
        for at in 0..SEGMENT_SPANS {
            length = if self.found(at).is_some() { length + 1 } else { 0 };
            if length == spans {
                return Some(at + 1 - spans);
            }
        }
        None
    }
}

fn lowest_bit(words: &[u64; WORDS]) -> Option<u32> {
    let (index, word) = words.iter().enumerate().find(|&(_, &word)| word != 0)?;
    Some(u32::try_from(index).expect("64 words") * 64 + word.trailing_zeros())
}

fn highest_bit(words: &[u64; WORDS]) -> Option<u32> {
    let (index, word) = words.iter().enumerate().rfind(|&(_, &word)| word != 0)?;
    Some(u32::try_from(index).expect("64 words") * 64 + 63 - word.leading_zeros())
}
