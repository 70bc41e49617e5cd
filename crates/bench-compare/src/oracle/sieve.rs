//! SIEVE (Zhang and others, NSDI 2024): one queue, a mark for what was asked for, and a hand that walks from old to new.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::oracle::policy::Policy;

/// Behind the last.
const NOWHERE: usize = usize::MAX;

#[derive(Debug)]
struct Place {
    key: u64,
    was_asked: bool,
    newer: usize,
    older: usize,
}

#[derive(Debug)]
pub(crate) struct Sieve {
    entry_count_max: usize,
    indexes: HashMap<u64, usize, RandomState>,
    places: Vec<Place>,
    newest: usize,
    oldest: usize,
    hand: usize,
}

impl Sieve {
    /// # Panics
    /// If there is room for nothing.
    pub(crate) fn with_room(entry_count_max: usize) -> Self {
        assert!(entry_count_max > 0, "a cache has room");
        let (indexes, places) = (HashMap::default(), Vec::new());
        Self { entry_count_max, indexes, places, newest: NOWHERE, oldest: NOWHERE, hand: NOWHERE }
    }

    /// Gives the place that is free then.
    fn evict(&mut self) -> usize {
        let mut at = if self.hand == NOWHERE { self.oldest } else { self.hand };
        while self.places[at].was_asked {
            self.places[at].was_asked = false;
            let newer = self.places[at].newer;
            at = if newer == NOWHERE { self.oldest } else { newer };
        }
        let Place { key, newer, older, .. } = self.places[at];
        self.hand = newer;
        self.indexes.remove(&key);
        match self.places.get_mut(newer) {
            Some(place) => place.older = older,
            None => self.newest = older,
        }
        match self.places.get_mut(older) {
            Some(place) => place.newer = newer,
            None => self.oldest = newer,
        }
        at
    }
}

impl Policy for Sieve {
    fn ask(&mut self, key: u64) -> bool {
        if let Some(index) = self.indexes.get(&key) {
            self.places[*index].was_asked = true;
            return true;
        }
        let is_full = self.places.len() == self.entry_count_max;
        let index = if is_full { self.evict() } else { self.places.len() };
        let place = Place { key, was_asked: false, newer: NOWHERE, older: self.newest };
        if is_full {
            self.places[index] = place;
        } else {
            self.places.push(place);
        }
        match self.places.get_mut(self.newest) {
            Some(newest) => newest.newer = index,
            None => self.oldest = index,
        }
        self.newest = index;
        self.indexes.insert(key, index);
        false
    }

    fn len(&self) -> usize {
        self.indexes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hand_spares_whom_somebody_asked_for_and_goes_on_from_there() {
        let mut cache = Sieve::with_room(4);
        let hits = [0, 1, 2, 3, 0, 2].map(|key| cache.ask(key));
        assert_eq!(hits, [false, false, false, false, true, true]);
        assert!(!cache.ask(4), "0 is spared, 1 goes");
        assert!(!cache.ask(5), "2 is spared, 3 goes");
        assert_eq!([0, 2, 4, 5].map(|key| cache.indexes.contains_key(&key)), [true; 4]);
        assert!(!cache.ask(6), "the hand is at 4");
        assert!(!cache.indexes.contains_key(&4) && cache.len() == 4);
    }

    #[test]
    fn with_room_for_one_the_last_is_there() {
        let mut cache = Sieve::with_room(1);
        assert!([1, 2, 1, 3].iter().all(|key| !cache.ask(*key)));
        assert!(cache.ask(3) && cache.len() == 1);
    }

    #[test]
    fn a_plain_walk_through_a_list_agrees() {
        let mut cache = Sieve::with_room(7);
        let mut list: Vec<(u64, bool)> = Vec::new(); // from old to new
        let mut hand = 0;
        let mut dice = crate::stores::dice::Dice::from_seed(3);
        for _ in 0..5_000 {
            let key = dice.below(20);
            let found = list.iter_mut().find(|(other, _)| *other == key);
            let was_there = found.is_some();
            if let Some((_, was_asked)) = found {
                *was_asked = true;
            } else {
                if list.len() == 7 {
                    hand %= list.len();
                    while std::mem::take(&mut list[hand].1) {
                        hand = (hand + 1) % list.len();
                    }
                    list.remove(hand);
                    // Past the newest the hand begins again, and not at the one that comes now.
                    hand = if hand == list.len() { 0 } else { hand };
                }
                list.push((key, false));
            }
            assert_eq!(cache.ask(key), was_there);
        }
    }
}
