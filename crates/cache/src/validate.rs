//! Validating walks through everything that a cache knows, and compares what is written in more than one place.

use std::collections::HashMap;

use crate::cache::Cache;
use crate::index::entry::{Entry, Queue};
use crate::order::mark::Mark;
use crate::sync::Ordering;
use crate::table::body::Body;
use crate::table::held::Held;

impl Cache {
    /// Compares all that is known twice: for tests, and for who suspects something. Nobody may change the cache meanwhile.
    ///
    /// # Panics
    /// If something contradicts something else: that is our own mistake.
    pub fn validate(&self) {
        let drawn: u64 = self.bodies().iter().map(|body| body.validate()).sum();
        assert_eq!(self.ledger().sum.drawn(), drawn, "the cache has drawn what its tables have");
        self.pile().validate();
    }
}

impl Body {
    /// What its shards have drawn.
    fn validate(&self) -> u64 {
        let mut drawn = 0;
        for shard in 0..self.shard_count() {
            let guard = self.pile.pin();
            let held = self.hold(shard, &guard);
            held.validate();
            drawn += held.state.granted_bytes;
            held.finish();
        }
        assert_eq!(self.sum.drawn(), drawn, "a table has drawn what its shards have");
        drawn
    }
}

impl Held<'_> {
    fn validate(&self) {
        let state = &self.state;
        let mut lines: HashMap<(usize, Queue), (u64, u32)> = HashMap::new();
        let mut marks: HashMap<(usize, Queue, u32), u32> = HashMap::new();
        for (level, line_level) in state.levels.iter().enumerate() {
            for (queue, line) in
                [(Queue::Small, &line_level.small), (Queue::Main, &line_level.main)]
            {
                assert_eq!(
                    line.marks.iter().count(),
                    line.marks.len() as usize,
                    "marks are counted"
                );
                for mark in line.marks.iter() {
                    let Mark(bits) = mark;
                    *marks.entry((level, queue, bits)).or_default() += 1;
                }
            }
        }
        let mut entries = 0;
        let mut charged_bytes = state.reserved_bytes;
        for bin in 0..self.bins.count() {
            for (_, entry) in self.bins.entries(bin) {
                entries += 1;
                let cost = self.cost(entry.place());
                charged_bytes += cost;
                let key = (usize::from(entry.level()), entry.queue());
                let line = lines.entry(key).or_default();
                line.0 += cost;
                line.1 += 1;
                self.validate_entry(bin, entry, &marks);
            }
        }
        assert_eq!(state.entries, entries, "entries are counted");
        assert_eq!(state.charged_bytes, charged_bytes, "what is charged is what is there");
        assert!(state.charged_bytes <= state.granted_bytes, "drawn before it is charged");
        for (level, found) in state.levels.iter().enumerate() {
            for (queue, line) in [(Queue::Small, &found.small), (Queue::Main, &found.main)] {
                let (bytes, entries) = lines.get(&(level, queue)).copied().unwrap_or_default();
                assert_eq!((line.bytes, line.entries), (bytes, entries), "each queue's sum");
                assert!(line.marks.len() >= entries, "each entry has a mark");
            }
        }
    }

    fn validate_entry(&self, bin: u32, entry: Entry, marks: &HashMap<(usize, Queue, u32), u32>) {
        // Of one whose life is over nothing can be read any more.
        let Some(address) = self.body.address_at(self.guard(), entry.place()) else { return };
        assert_eq!(address.tag(), entry.tag(), "an entry has its key's tag");
        assert!(address.bins(self.bins.count()).contains(&bin), "an entry is in one of its bins");
        let Mark(bits) = Mark::new(address, entry.stamp());
        let mark = marks.get(&(usize::from(entry.level()), entry.queue(), bits));
        assert!(mark.is_some_and(|&count| count > 0), "an entry has its mark in its queue");
        if self.body.clears.load(Ordering::SeqCst) == self.body.drained.load(Ordering::SeqCst) {
            assert!(entry.is_of(self.era()), "no entry of before the last clearing is left");
        }
    }
}
