//! What is spare: the spans that nobody uses, by segment, and the groups that are to be committed.

use std::collections::VecDeque;

use crate::places::class::SPAN_BYTES;
use crate::places::limit::Limit;
use crate::places::segment::{GROUP_SPANS, SEGMENT_SPANS};
use crate::places::span::SpanIndex;
use crate::places::spare_map::{Found, GROUPS, Run, SpareMap};
use crate::threads::epoch::Epoch;

/// The spans that nobody uses, and the groups that are not committed. For who has the lock of the supply.
#[derive(Debug, Default)]
pub(crate) struct Spare {
    maps: Vec<SpareMap>,
    /// No segment before this one has a span that can be taken.
    first_with_spans: usize,
    /// The first group that was never committed.
    pub(crate) fresh_group: u32,
    /// Groups of which all memory was given back, or that were passed over.
    pub(crate) whole_groups: Vec<Whole>,
    /// Spans that are waiting until nobody sees them, oldest first.
    pub(crate) retiring: VecDeque<(Epoch, SpanIndex)>,
    pub(crate) clean: u32,
    pub(crate) dirty: u32,
    pub(crate) bare: u32,
    pub(crate) spent: u32,
    pub(crate) huge_groups: u32,
    pub(crate) reclassed: u64,
    pub(crate) commits: u64,
}

/// A group that may be committed anew, and whether its rows in the tables were counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Whole {
    pub(crate) group: u32,
    pub(crate) is_fresh: bool,
}

impl Spare {
    fn map(&mut self, span: SpanIndex) -> &mut SpareMap {
        let index = (span.0 / SEGMENT_SPANS) as usize;
        while self.maps.len() <= index {
            self.maps.push(SpareMap::NONE);
        }
        &mut self.maps[index]
    }

    /// How many segments have been opened.
    pub(crate) fn segments(&self) -> usize {
        self.maps.len()
    }

    /// What is behind a span, if it is spare.
    pub(crate) fn found(&self, span: SpanIndex) -> Option<Found> {
        self.maps.get((span.0 / SEGMENT_SPANS) as usize)?.found(span.0 % SEGMENT_SPANS)
    }

    fn count(&mut self, found: Found) -> &mut u32 {
        match found {
            Found::Clean => &mut self.clean,
            Found::Dirty => &mut self.dirty,
            Found::Bare => &mut self.bare,
        }
    }

    /// A span is spare.
    pub(crate) fn put(&mut self, span: SpanIndex, found: Found) {
        self.map(span).put(span.0 % SEGMENT_SPANS, found);
        *self.count(found) += 1;
        self.first_with_spans = self.first_with_spans.min((span.0 / SEGMENT_SPANS) as usize);
    }

    fn remove(&mut self, span: SpanIndex, found: Found) {
        self.map(span).remove(span.0 % SEGMENT_SPANS, found);
        *self.count(found) -= 1;
    }

    /// The lowest span that has memory, zeroed ones first.
    pub(crate) fn take_backed(&mut self) -> Option<(SpanIndex, Found)> {
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

    /// A span with memory, or one that may have some under the limit.
    pub(crate) fn take_one(&mut self, limit: &Limit) -> Option<(SpanIndex, Found)> {
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
        for index in self.first_with_spans..self.maps.len() {
            let map = &mut self.maps[index];
            if map.spare == 0 {
                if is_first {
                    self.first_with_spans = index + 1;
                }
                continue;
            }
            is_first = false;
            if let Some(at) = map.lowest(found) {
                let index = u32::try_from(index).expect("fewer than 2^15 segments");
                return Some(SpanIndex(index * SEGMENT_SPANS + at));
            }
        }
        None
    }

    /// The highest span that has memory: what lies low is used first, so what lies high can go.
    pub(crate) fn take_backed_last(&mut self) -> Option<SpanIndex> {
        for index in (0..self.maps.len()).rev() {
            for found in [Found::Dirty, Found::Clean] {
                if let Some(at) = self.maps[index].highest(found) {
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
    pub(crate) fn take_whole_group(&mut self) -> Option<(u32, u32, bool)> {
        for index in (0..self.maps.len()).rev() {
            for group in (0..GROUPS).rev() {
                let spare = self.maps[index].group(group);
                if !spare.is_whole_and_backed() {
                    continue;
                }
                let is_huge = self.maps[index].is_huge(group);
                let index = u32::try_from(index).expect("fewer than 2^15 segments");
                let first = index * SEGMENT_SPANS + group * GROUP_SPANS;
                for at in 0..GROUP_SPANS {
                    let found = spare.found(at).expect("each is spare");
                    self.remove(SpanIndex(first + at), found);
                }
                if is_huge {
                    self.end_huge(SpanIndex(first));
                }
                return Some((first / GROUP_SPANS, spare.backed(), is_huge));
            }
        }
        None
    }

    /// The group that begins with this span is had in small pages from now on. Whether it was in a huge one.
    pub(crate) fn end_huge(&mut self, first: SpanIndex) -> bool {
        let group = first.0 % SEGMENT_SPANS / GROUP_SPANS;
        let map = self.map(first);
        let was_huge = map.is_huge(group);
        map.set_huge(group, false);
        self.huge_groups -= u32::from(was_huge);
        was_huge
    }

    /// Spare spans one behind the other, those without memory under the limit; as few of those as can be.
    pub(crate) fn take_run(&mut self, limit: &Limit, spans: u32) -> Option<SpanIndex> {
        let mut best: Option<(usize, Run)> = None;
        for (index, map) in self.maps.iter().enumerate() {
            // One with less memory than a run that was found has none that is better.
            let is_better = |(_, best): (usize, Run)| map.backed > spans - best.bare;
            if map.spare < spans || !best.is_none_or(is_better) {
                continue;
            }
            let Some(run) = map.run_of(spans) else { continue };
            if best.is_none_or(|(_, best)| run.bare < best.bare) {
                best = Some((index, run));
            }
            if run.bare == 0 {
                break;
            }
        }
        let (index, run) = best?;
        if !limit.take(u64::from(run.bare) * u64::from(SPAN_BYTES)) {
            return None;
        }
        let index = u32::try_from(index).expect("fewer than 2^15 segments");
        let first = index * SEGMENT_SPANS + run.at;
        for span in first..first + spans {
            let span = SpanIndex(span);
            let found = self.found(span).expect("the run is spare");
            self.remove(span, found);
        }
        Some(SpanIndex(first))
    }

    /// A group to be committed: one that was given back, else a fresh one.
    pub(crate) fn next_group(&mut self, group_count: u32) -> Option<(u32, bool)> {
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

    /// A group could not be committed.
    pub(crate) fn return_group(&mut self, group: u32, is_fresh: bool) {
        if is_fresh && group + 1 == self.fresh_group {
            self.fresh_group = group;
        } else {
            self.whole_groups.push(Whole { group, is_fresh });
        }
    }

    /// Fresh groups one behind the other in one segment; what is left of the segment before stays for others.
    pub(crate) fn fresh_groups(&mut self, groups: u32, group_count: u32) -> Option<u32> {
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

    /// A group was committed: its spans are spare.
    pub(crate) fn add_group(&mut self, group: u32, found: Found, is_huge: bool) {
        self.commits += 1;
        let first = group * GROUP_SPANS;
        for span in first..first + GROUP_SPANS {
            self.put(SpanIndex(span), found);
        }
        if is_huge {
            self.map(SpanIndex(first)).set_huge(group % GROUPS, true);
            self.huge_groups += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_has_memory_is_taken_before_one_that_has_none() {
        let mut spare = Spare::default();
        let backed = 2 * SEGMENT_SPANS + 7;
        for span in 0..8 {
            spare.put(SpanIndex(span), Found::Bare);
        }
        for (span, found) in (backed..).zip([Found::Dirty, Found::Clean, Found::Dirty]) {
            spare.put(SpanIndex(span), found);
        }
        let full = Limit::new(0);
        assert_eq!(spare.take_run(&full, 3), Some(SpanIndex(backed)), "it needs no more memory");
        assert_eq!((spare.clean, spare.dirty, spare.bare), (0, 0, 8));
        assert_eq!(spare.take_run(&full, 3), None);
        let limit = Limit::new(5 * u64::from(SPAN_BYTES));
        assert_eq!(spare.take_run(&limit, 5), Some(SpanIndex(0)));
        assert_eq!((spare.bare, spare.take_run(&limit, 1)), (3, None));
    }
}
