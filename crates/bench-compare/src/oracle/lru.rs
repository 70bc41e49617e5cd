//! LRU: the key goes that was not asked for the longest.

use std::collections::{HashMap, VecDeque};

use foldhash::fast::RandomState;

use crate::oracle::policy::Policy;

#[derive(Debug)]
pub(crate) struct Lru {
    entry_count_max: usize,
    /// When each was asked for last.
    moments: HashMap<u64, u64, RandomState>,
    /// All askings in their order; one that was not a key's last counts no more.
    askings: VecDeque<(u64, u64)>,
    now: u64,
}

impl Lru {
    /// # Panics
    /// If there is room for nothing.
    pub(crate) fn with_room(entry_count_max: usize) -> Self {
        assert!(entry_count_max > 0, "a cache has room");
        let (moments, askings) = (HashMap::default(), VecDeque::new());
        Self { entry_count_max, moments, askings, now: 0 }
    }
}

impl Policy for Lru {
    fn ask(&mut self, key: u64) -> bool {
        self.now += 1;
        self.askings.push_back((key, self.now));
        let was_there = self.moments.insert(key, self.now).is_some();
        while self.moments.len() > self.entry_count_max {
            let Some((oldest, moment)) = self.askings.pop_front() else { break };
            if self.moments.get(&oldest) == Some(&moment) {
                self.moments.remove(&oldest);
            }
        }
        was_there
    }

    fn len(&self) -> usize {
        self.moments.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_goes_that_was_not_asked_for_the_longest() {
        let mut cache = Lru::with_room(2);
        assert_eq!(
            [1, 2, 1, 3, 1, 2].map(|key| cache.ask(key)),
            [false, false, true, false, true, false]
        );
        assert_eq!(cache.len(), 2);
    }

    #[test]
    fn a_loop_longer_than_the_cache_is_never_met() {
        let mut cache = Lru::with_room(9);
        assert!((0..10).cycle().take(100).all(|key| !cache.ask(key)));
    }
}
