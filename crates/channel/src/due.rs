//! What is due stands in order of its moment: names of things that end, or may be taken back before.
//!
//! Cost: a push into a heap. A name that was taken back stays in it until its moment, or until most names there are such: then
//! they are swept out.

use core::cmp::Reverse;
use std::collections::BinaryHeap;

use levada_ring::Deadline;

use crate::table::Name;

/// Fewer dead names than this are left alone.
const DEAD_MAX: usize = 64;

/// Names by their moments.
#[derive(Debug, Default)]
pub(crate) struct Due {
    heap: BinaryHeap<Reverse<(Deadline, u32, u32)>>,
}

impl Due {
    pub(crate) fn push(&mut self, at: Deadline, name: Name) {
        self.heap.push(Reverse((at, name.index, name.generation.number())));
    }

    /// The earliest moment.
    #[inline]
    pub(crate) fn next(&self) -> Deadline {
        self.heap.peek().map_or(Deadline::NEVER, |Reverse((at, ..))| *at)
    }

    /// Takes out a name whose moment has come.
    #[inline]
    pub(crate) fn pop(&mut self, now: Deadline) -> Option<Name> {
        if self.next() > now {
            return None;
        }
        self.heap.pop().map(|Reverse((_, index, generation))| Name::numbered(index, generation))
    }

    /// Sweeps out names that are no more, if most are.
    pub(crate) fn sweep(&mut self, live_count: u32, is_live: impl Fn(Name) -> bool) {
        if self.heap.len() > DEAD_MAX.max(2 * live_count as usize) {
            self.heap.retain(|Reverse((_, index, generation))| {
                is_live(Name::numbered(*index, *generation))
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_in_the_order_of_their_moments_and_none_early() {
        let mut due = Due::default();
        for (index, ns) in [(1, 30), (2, 10), (3, 20)] {
            due.push(Deadline { ns }, Name::numbered(index, 0));
        }
        assert_eq!((due.next(), due.pop(Deadline { ns: 9 })), (Deadline { ns: 10 }, None));
        let popped: Vec<u32> =
            core::iter::from_fn(|| due.pop(Deadline { ns: 20 })).map(|name| name.index).collect();
        assert_eq!(popped, [2, 3]);
    }

    #[test]
    fn names_that_are_no_more_do_not_heap_up() {
        let mut due = Due::default();
        for index in 0..100_000 {
            due.push(Deadline { ns: u64::MAX - 1 }, Name::numbered(index, 0));
            due.sweep(1, |name| name.index == index);
        }
        assert!(due.heap.len() <= DEAD_MAX + 1, "{}", due.heap.len());
    }
}
