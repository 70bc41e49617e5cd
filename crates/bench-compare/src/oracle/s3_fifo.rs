//! S3-FIFO, as its paper has it (Yang and others, SOSP 2023), and an exact ghost.
//!
//! ```text
//! new ──► small (10 %) ──asked for twice or more──► main (90 %) ──asked for: minus one──► main again
//!              └──► ghost, as many keys as main ──asked for again──► main     └──► out
//! ```

use std::collections::{HashMap, VecDeque};

use foldhash::fast::RandomState;

use crate::oracle::policy::Policy;

/// A key's frequency rises no higher.
const FREQUENCY_MAX: u8 = 3;

/// From this frequency on a key goes from small to main.
const PROMOTED_FROM: u8 = 2;

#[derive(Debug)]
pub(crate) struct S3Fifo {
    entry_count_max: usize,
    small_count_from: usize,
    frequencies: HashMap<u64, u8, RandomState>,
    small: VecDeque<u64>,
    main: VecDeque<u64>,
    ghost: Ghost,
}

impl S3Fifo {
    /// # Panics
    /// If there is room for nothing.
    pub(crate) fn with_room(entry_count_max: usize) -> Self {
        assert!(entry_count_max > 0, "a cache has room");
        let small_count_from = (entry_count_max / 10).max(1);
        Self {
            entry_count_max,
            small_count_from,
            frequencies: HashMap::default(),
            small: VecDeque::new(),
            main: VecDeque::new(),
            ghost: Ghost::with_room(entry_count_max - small_count_from),
        }
    }

    fn evict(&mut self) {
        loop {
            let is_small_due = self.small.len() >= self.small_count_from || self.main.is_empty();
            let queue = if is_small_due { &mut self.small } else { &mut self.main };
            let Some(key) = queue.pop_front() else { return };
            let frequency = self.frequencies.get_mut(&key).expect("what is queued is there");
            if is_small_due && *frequency >= PROMOTED_FROM {
                *frequency = 0;
                self.main.push_back(key);
            } else if !is_small_due && *frequency > 0 {
                *frequency -= 1;
                self.main.push_back(key);
            } else {
                self.frequencies.remove(&key);
                if is_small_due {
                    self.ghost.remember(key);
                }
                return;
            }
        }
    }
}

impl Policy for S3Fifo {
    fn ask(&mut self, key: u64) -> bool {
        if let Some(frequency) = self.frequencies.get_mut(&key) {
            *frequency = (*frequency + 1).min(FREQUENCY_MAX);
            return true;
        }
        if self.frequencies.len() == self.entry_count_max {
            self.evict();
        }
        let queue = if self.ghost.forget(key) { &mut self.main } else { &mut self.small };
        queue.push_back(key);
        self.frequencies.insert(key, 0);
        false
    }

    fn len(&self) -> usize {
        self.frequencies.len()
    }
}

/// The keys that went last.
#[derive(Debug)]
struct Ghost {
    key_count_max: usize,
    /// By the number under which each went.
    numbers: HashMap<u64, u64, RandomState>,
    /// In the order in which they went; one whose number is another's now counts no more.
    order: VecDeque<(u64, u64)>,
    next_number: u64,
}

impl Ghost {
    fn with_room(key_count_max: usize) -> Self {
        let (numbers, order) = (HashMap::default(), VecDeque::new());
        Self { key_count_max, numbers, order, next_number: 0 }
    }

    fn remember(&mut self, key: u64) {
        self.numbers.insert(key, self.next_number);
        self.order.push_back((key, self.next_number));
        self.next_number += 1;
        while self.numbers.len() > self.key_count_max {
            let Some((oldest, number)) = self.order.pop_front() else { return };
            if self.numbers.get(&oldest) == Some(&number) {
                self.numbers.remove(&oldest);
            }
        }
    }

    /// Whether it was known.
    fn forget(&mut self, key: u64) -> bool {
        self.numbers.remove(&key).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(room: usize, keys: impl IntoIterator<Item = u64>) -> S3Fifo {
        let mut cache = S3Fifo::with_room(room);
        keys.into_iter().for_each(|key| {
            cache.ask(key);
        });
        cache
    }

    #[test]
    fn a_key_that_came_once_goes_from_small_to_the_ghost_and_comes_back_into_main() {
        let mut cache = of(10, 0..11);
        assert!(cache.ghost.numbers.contains_key(&0) && cache.len() == 10);
        assert!(!cache.ask(0), "the ghost knows a key and has no value");
        assert_eq!(cache.main, [0]);
        assert!(cache.ghost.numbers.contains_key(&1) && !cache.ghost.numbers.contains_key(&0));
    }

    #[test]
    fn a_key_that_was_asked_for_twice_more_goes_to_main_and_one_that_was_once_does_not() {
        let mut cache = of(10, (0..10).chain([0, 0, 1]));
        assert!(!cache.ask(10));
        assert_eq!(cache.main, [0]);
        assert_eq!(cache.frequencies.get(&0), Some(&0), "it begins anew");
        assert!(!cache.frequencies.contains_key(&1), "the next one went in its stead");
    }

    #[test]
    fn main_is_walked_again_and_each_time_a_frequency_falls() {
        // Small is under its tenth: main pays.
        let mut cache = of(20, 0..1);
        cache.small.clear();
        cache.frequencies.clear();
        for key in 0..19 {
            cache.main.push_back(key);
            cache.frequencies.insert(key, u8::from(key != 2));
        }
        cache.small.push_back(19);
        cache.frequencies.insert(19, 0);
        assert!(!cache.ask(20));
        assert!(!cache.frequencies.contains_key(&2), "the first that nobody asked for");
        assert_eq!((cache.frequencies[&0], cache.frequencies[&1]), (0, 0));
        assert!(cache.main.ends_with_0_and_1());
        assert!(!cache.ghost.numbers.contains_key(&2), "main leaves nothing in the ghost");
    }

    trait EndsWith {
        fn ends_with_0_and_1(&self) -> bool;
    }

    impl EndsWith for VecDeque<u64> {
        fn ends_with_0_and_1(&self) -> bool {
            self.iter().rev().take(2).eq(&[1, 0])
        }
    }

    #[test]
    fn the_ghost_knows_as_many_keys_as_main_has_room_for() {
        let cache = of(10, 0..1_000);
        let mut known: Vec<_> = cache.ghost.numbers.keys().copied().collect();
        known.sort_unstable();
        assert_eq!(known, (981..990).collect::<Vec<_>>());
    }

    #[test]
    fn a_frequency_stops_at_three() {
        let cache = of(10, [7; 9]);
        assert_eq!(cache.frequencies[&7], FREQUENCY_MAX);
    }

    #[test]
    fn a_scan_does_not_drive_out_what_is_asked_for() {
        let mut cache = of(100, (0..50).cycle().take(500));
        assert!((1_000..2_000).all(|key| !cache.ask(key)));
        assert!((0..50).all(|key| cache.ask(key)));
    }
}
