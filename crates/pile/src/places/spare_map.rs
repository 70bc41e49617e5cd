//! A map of one segment's spare spans: a bit for each span that nobody uses, by what is behind it.

use crate::places::segment::{GROUP_SPANS, SEGMENT_SPANS};

/// Groups of a segment.
pub(crate) const GROUPS: u32 = SEGMENT_SPANS / GROUP_SPANS;
const WORDS: usize = SEGMENT_SPANS as usize / 64;

/// What is behind a spare span.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Found {
    /// Memory that reads as zero.
    Clean,
    /// Memory with what its last records left.
    Dirty,
    /// No memory.
    Bare,
}

/// The spare spans of one segment, as bits, and which of its groups huge pages stand behind.
#[derive(Debug)]
pub(crate) struct SpareMap {
    clean: [u64; WORDS],
    dirty: [u64; WORDS],
    bare: [u64; WORDS],
    huge: [u64; GROUPS as usize / 64],
    /// How many are spare.
    pub(crate) spare: u32,
    /// How many of them have memory.
    pub(crate) backed: u32,
}

/// Spare spans one behind the other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Run {
    /// The first of them.
    pub(crate) at: u32,
    /// How many of them have no memory.
    pub(crate) bare: u32,
}

impl SpareMap {
    /// Of a segment without any.
    pub(crate) const NONE: Self = Self {
        clean: [0; WORDS],
        dirty: [0; WORDS],
        bare: [0; WORDS],
        huge: [0; GROUPS as usize / 64],
        spare: 0,
        backed: 0,
    };

    fn map(&mut self, found: Found) -> &mut [u64; WORDS] {
        match found {
            Found::Clean => &mut self.clean,
            Found::Dirty => &mut self.dirty,
            Found::Bare => &mut self.bare,
        }
    }

    /// Span `at` of the segment is spare.
    pub(crate) fn put(&mut self, at: u32, found: Found) {
        self.map(found)[at as usize / 64] |= 1 << (at % 64);
        self.spare += 1;
        self.backed += u32::from(found != Found::Bare);
    }

    /// It is spare no more.
    pub(crate) fn remove(&mut self, at: u32, found: Found) {
        self.map(found)[at as usize / 64] &= !(1 << (at % 64));
        self.spare -= 1;
        self.backed -= u32::from(found != Found::Bare);
    }

    /// What is behind a span, if it is spare.
    pub(crate) fn found(&self, at: u32) -> Option<Found> {
        self.group(at / GROUP_SPANS).found(at % GROUP_SPANS)
    }

    pub(crate) fn lowest(&mut self, found: Found) -> Option<u32> {
        let (index, word) = (0..).zip(self.map(found)).find(|(_, word)| **word != 0)?;
        Some(index * 64 + word.trailing_zeros())
    }

    pub(crate) fn highest(&mut self, found: Found) -> Option<u32> {
        let (index, word) =
            (0_u32..).zip(self.map(found)).filter(|(_, word)| **word != 0).last()?;
        Some(index * 64 + 63 - word.leading_zeros())
    }

    /// The lowest of the runs of `spans` spare spans that have the most memory behind them.
    pub(crate) fn run_of(&self, spans: u32) -> Option<Run> {
        let mut best: Option<Run> = None;
        let (mut length, mut bare) = (0, 0);
        let is_in = |words: &[u64; WORDS], at: u32| words[at as usize / 64] >> (at % 64) & 1;
        for at in 0..SEGMENT_SPANS {
            let word = at as usize / 64;
            let is_bare = is_in(&self.bare, at) != 0;
            if !is_bare && (self.clean[word] | self.dirty[word]) >> (at % 64) & 1 == 0 {
                (length, bare) = (0, 0);
                continue;
            }
            bare += u32::from(is_bare);
            length += 1;
            if length > spans {
                bare -= u32::from(is_in(&self.bare, at - spans) != 0);
                length = spans;
            }
            if length == spans && best.is_none_or(|best| bare < best.bare) {
                best = Some(Run { at: at + 1 - spans, bare });
                // No other has more.
                if bare == 0 || self.backed == 0 {
                    break;
                }
            }
        }
        best
    }

    /// The spare spans of a group.
    pub(crate) fn group(&self, group: u32) -> SpareGroup {
        let half = |words: &[u64; WORDS]| {
            let word = words[group as usize / 2];
            #[expect(clippy::cast_possible_truncation, reason = "the half that is meant")]
            let half = (word >> (group % 2 * 32)) as u32;
            half
        };
        SpareGroup { clean: half(&self.clean), dirty: half(&self.dirty), bare: half(&self.bare) }
    }

    pub(crate) fn is_huge(&self, group: u32) -> bool {
        self.huge[group as usize / 64] >> (group % 64) & 1 != 0
    }

    pub(crate) fn set_huge(&mut self, group: u32, is_huge: bool) {
        let (word, bit) = (&mut self.huge[group as usize / 64], 1 << (group % 64));
        *word = if is_huge { *word | bit } else { *word & !bit };
    }
}

/// The spare spans of one group, as bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SpareGroup {
    clean: u32,
    dirty: u32,
    bare: u32,
}

impl SpareGroup {
    /// Whether all its spans are spare, and some of them have memory.
    pub(crate) fn is_whole_and_backed(self) -> bool {
        (self.clean | self.dirty | self.bare) == u32::MAX && self.bare != u32::MAX
    }

    /// How many of its spare spans have memory.
    pub(crate) fn backed(self) -> u32 {
        (self.clean | self.dirty).count_ones()
    }

    /// What is behind span `at` of the group, if it is spare.
    pub(crate) fn found(self, at: u32) -> Option<Found> {
        let is_in = |bits: u32| bits >> at & 1 != 0;
        let maps =
            [(self.clean, Found::Clean), (self.dirty, Found::Dirty), (self.bare, Found::Bare)];
        let mut found = maps.into_iter().filter(|(bits, _)| is_in(*bits)).map(|(_, found)| found);
        let first = found.next();
        debug_assert!(found.next().is_none(), "a spare span is in one map");
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_found_where_it_was_put_and_nowhere_else() {
        let mut map = SpareMap::NONE;
        let put = [(0, Found::Bare), (31, Found::Clean), (32, Found::Dirty), (4095, Found::Clean)];
        for (at, found) in put {
            map.put(at, found);
        }
        for at in 0..SEGMENT_SPANS {
            let expected = put.iter().find(|(place, _)| *place == at).map(|(_, found)| *found);
            assert_eq!(map.found(at), expected);
        }
        assert_eq!((map.lowest(Found::Clean), map.highest(Found::Clean)), (Some(31), Some(4095)));
        assert_eq!((map.group(0).backed(), map.group(1).backed(), map.spare), (1, 1, 4));
        assert_eq!((map.run_of(2), map.run_of(3)), (Some(Run { at: 31, bare: 0 }), None));
        for (at, found) in put {
            map.remove(at, found);
        }
        assert_eq!((map.spare, map.lowest(Found::Bare)), (0, None));
    }

    #[test]
    fn the_run_with_the_most_memory_is_found_and_of_several_the_lowest() {
        let mut map = SpareMap::NONE;
        let mut best_of = |spans, put: &[(u32, Found)]| {
            for &(at, found) in put {
                map.put(at, found);
            }
            map.run_of(spans).map(|run| (run.at, run.bare))
        };
        use Found::{Bare, Clean, Dirty};
        assert_eq!(best_of(3, &[(10, Bare), (11, Bare), (12, Bare), (13, Bare)]), Some((10, 3)));
        assert_eq!(best_of(3, &[(62, Dirty), (63, Bare), (64, Clean)]), Some((62, 1)));
        assert_eq!(best_of(3, &[(14, Clean), (15, Dirty)]), Some((13, 1)));
        assert_eq!(best_of(3, &[(4094, Dirty), (4095, Dirty), (4093, Clean)]), Some((4093, 0)));
        assert_eq!((best_of(6, &[]), best_of(7, &[])), (Some((10, 4)), None));
    }

    #[test]
    fn a_group_is_whole_when_each_of_its_spans_is_spare_and_one_has_memory() {
        let mut map = SpareMap::NONE;
        for at in 32..64 {
            assert!(!map.group(1).is_whole_and_backed());
            map.put(at, Found::Bare);
        }
        assert!(!map.group(1).is_whole_and_backed());
        map.remove(40, Found::Bare);
        map.put(40, Found::Dirty);
        assert!(map.group(1).is_whole_and_backed() && !map.group(0).is_whole_and_backed());
        map.set_huge(1, true);
        assert!(map.is_huge(1) && !map.is_huge(0));
        map.set_huge(1, false);
        assert!(!map.is_huge(1));
    }
}
