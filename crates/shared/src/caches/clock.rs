//! A clock keeps what was used since its hand last came by, and lets the rest go to make room (second chance).
//!
//! Entries stand in a ring that the hand goes round: one that was used is passed over once and counts as unused from
//! there on; one that was not goes. Cost: a hit is a look-up and a write of one bit; an insert moves the hand over at
//! most all entries, and as many as it frees on average.

use core::hash::{BuildHasher, Hash};

use foldhash::fast::RandomState;
use hashbrown::{Equivalent, HashTable};

/// Entries by key, of at most so many bytes and so many entries.
#[derive(Debug)]
pub(crate) struct Clock<K, V> {
    /// Places in the ring, by the hash of their keys.
    table: HashTable<usize>,
    hasher: RandomState,
    ring: Vec<Option<Entry<K, V>>>,
    free: Vec<usize>,
    hand: usize,
    broom: usize,
    bytes: u64,
    bytes_max: u64,
    entries_max: usize,
}

#[derive(Debug)]
struct Entry<K, V> {
    key: K,
    value: V,
    bytes: u64,
    is_used: bool,
}

/// What was found.
#[derive(Debug, PartialEq)]
pub(crate) struct Hit<'a, V> {
    pub(crate) value: &'a mut V,
    pub(crate) place: usize,
    pub(crate) was_used: bool,
}

impl<K: Hash + Eq, V> Clock<K, V> {
    pub(crate) fn new(bytes_max: u64, entries_max: usize) -> Self {
        Self {
            table: HashTable::new(),
            hasher: RandomState::default(),
            ring: Vec::new(),
            free: Vec::new(),
            hand: 0,
            broom: 0,
            bytes: 0,
            bytes_max,
            entries_max,
        }
    }

    fn place_of<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> Option<usize> {
        let is_it = |place: &usize| {
            self.ring[*place].as_ref().is_some_and(|entry| key.equivalent(&entry.key))
        };
        self.table.find(self.hasher.hash_one(key), is_it).copied()
    }

    /// The value of `key`, which counts as used; its place, and whether it was used before.
    #[inline]
    pub(crate) fn get<Q: Hash + Equivalent<K> + ?Sized>(&mut self, key: &Q) -> Option<Hit<'_, V>> {
        let place = self.place_of(key)?;
        let entry = self.ring[place].as_mut()?;
        let was_used = core::mem::replace(&mut entry.is_used, true);
        Some(Hit { value: &mut entry.value, place, was_used })
    }

    /// The value at a place, which may be another than the one that was found there before.
    pub(crate) fn at(&mut self, place: usize) -> Option<&mut V> {
        self.ring.get_mut(place)?.as_mut().map(|entry| &mut entry.value)
    }

    /// The value of `key`, without any consequence.
    pub(crate) fn peek<Q: Hash + Equivalent<K> + ?Sized>(&mut self, key: &Q) -> Option<&mut V> {
        let place = self.place_of(key)?;
        self.ring[place].as_mut().map(|entry| &mut entry.value)
    }

    /// Puts a value in, in place of one of the same key, and lets others go until it fits. A value that is longer than
    /// all the room is not taken. What went is given to `gone`.
    pub(crate) fn insert(&mut self, key: K, value: V, bytes: u64, mut gone: impl FnMut(K, V)) {
        if let Some((key, value)) = self.remove(&key) {
            gone(key, value);
        }
        if bytes > self.bytes_max || self.entries_max == 0 {
            gone(key, value);
            return;
        }
        self.make_room(bytes, 1, &mut gone);
        let hash = self.hasher.hash_one(&key);
        let entry = Some(Entry { key, value, bytes, is_used: false });
        let place = match self.free.pop() {
            Some(place) => {
                self.ring[place] = entry;
                place
            }
            None => {
                self.ring.push(entry);
                self.ring.len() - 1
            }
        };
        let (ring, hasher) = (&self.ring, &self.hasher);
        let hash_at =
            |place: &usize| ring[*place].as_ref().map_or(0, |entry| hasher.hash_one(&entry.key));
        self.table.insert_unique(hash, place, hash_at);
        self.bytes += bytes;
    }

    /// Lets entries go until `bytes` and `entries` more fit.
    fn make_room(&mut self, bytes: u64, entries: usize, mut gone: impl FnMut(K, V)) {
        while !self.table.is_empty()
            && (self.bytes + bytes > self.bytes_max
                || self.table.len() + entries > self.entries_max)
        {
            if let Some((key, value)) = self.evict_next() {
                gone(key, value);
            }
        }
    }

    /// Lets go of the next entries that the other hand comes by, if they are dead: so that what nobody asks for any more
    /// goes too.
    pub(crate) fn sweep(&mut self, count: usize, is_dead: impl Fn(&V) -> bool) {
        for _ in 0..count.min(self.ring.len()) {
            self.broom = if self.broom + 1 >= self.ring.len() { 0 } else { self.broom + 1 };
            if self.ring[self.broom].as_ref().is_some_and(|entry| is_dead(&entry.value)) {
                self.take(self.broom);
            }
        }
    }

    /// Moves the hand one entry on.
    fn evict_next(&mut self) -> Option<(K, V)> {
        self.hand = if self.hand + 1 >= self.ring.len() { 0 } else { self.hand + 1 };
        let entry = self.ring[self.hand].as_mut()?;
        if core::mem::take(&mut entry.is_used) {
            return None;
        }
        self.take(self.hand)
    }

    fn take(&mut self, place: usize) -> Option<(K, V)> {
        let hash = self.hasher.hash_one(&self.ring[place].as_ref()?.key);
        if let Ok(found) = self.table.find_entry(hash, |other| *other == place) {
            found.remove();
        }
        let entry = self.ring[place].take()?;
        self.free.push(place);
        self.bytes -= entry.bytes;
        Some((entry.key, entry.value))
    }

    pub(crate) fn remove<Q: Hash + Equivalent<K> + ?Sized>(&mut self, key: &Q) -> Option<(K, V)> {
        self.take(self.place_of(key)?)
    }

    /// Takes all entries out.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = V> {
        self.table.clear();
        self.free.clear();
        self.bytes = 0;
        (self.hand, self.broom) = (0, 0);
        core::mem::take(&mut self.ring).into_iter().flatten().map(|entry| entry.value)
    }

    #[cfg(all(test, not(loom)))]
    pub(super) fn places(&self) -> usize {
        self.ring.len()
    }

    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Compares the table, the ring and the counts.
    ///
    /// # Panics
    /// Where they disagree.
    #[cfg(all(test, not(loom)))]
    pub(super) fn validate(&self) {
        let entries = self
            .ring
            .iter()
            .enumerate()
            .filter_map(|(place, entry)| Some((place, entry.as_ref()?)));
        let mut bytes = 0;
        let mut count = 0;
        for (place, entry) in entries {
            assert_eq!(self.place_of(&entry.key), Some(place), "the table knows each place");
            bytes += entry.bytes;
            count += 1;
        }
        assert_eq!((bytes, count), (self.bytes, self.table.len()), "counts are those of the ring");
        assert_eq!(count + self.free.len(), self.ring.len(), "a place is taken or free");
        assert!(self.bytes <= self.bytes_max && count <= self.entries_max, "no limit is passed");
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::{Strategy, any, prop, prop_oneof, proptest};

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Insert(u8, u64),
        Get(u8),
        Remove(u8),
        SweepBelow(u32),
        Drain,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            6 => (any::<u8>(), 0_u64..40).prop_map(|(key, bytes)| Step::Insert(key % 40, bytes)),
            6 => any::<u8>().prop_map(|key| Step::Get(key % 40)),
            2 => any::<u8>().prop_map(|key| Step::Remove(key % 40)),
            1 => (0_u32..200).prop_map(Step::SweepBelow),
            1 => proptest::prelude::Just(Step::Drain),
        ];
        prop::collection::vec(step, 0..200)
    }

    proptest! {
        #[test]
        fn a_cache_agrees_with_a_map_from_which_it_takes_what_it_gives_out(steps in steps()) {
            let mut cache = Clock::new(100, 12);
            let mut model: BTreeMap<u8, u32> = BTreeMap::new();
            for (value, step) in (0_u32..).zip(steps) {
                match step {
                    Step::Insert(key, bytes) => {
                        model.insert(key, value);
                        cache.insert(key, value, bytes, |_, gone| model.retain(|_, kept| *kept != gone));
                    }
                    Step::Get(key) => assert_eq!(cache.get(&key).map(|hit| *hit.value), model.get(&key).copied()),
                    Step::Remove(key) => assert_eq!(cache.remove(&key).map(|(_, value)| value), model.remove(&key)),
                    Step::SweepBelow(least) => {
                        model.retain(|_, kept| *kept >= least);
                        cache.sweep(cache.ring.len(), |kept| *kept < least);
                    }
                    Step::Drain => {
                        let mut all: Vec<u32> = cache.drain().collect();
                        all.sort_unstable();
                        let mut expected: Vec<u32> = std::mem::take(&mut model).into_values().collect();
                        expected.sort_unstable();
                        assert_eq!(all, expected);
                    }
                }
                cache.validate();
                assert_eq!(cache.len(), model.len());
            }
        }
    }

    #[test]
    fn what_was_used_stays_and_what_was_not_goes() {
        let mut cache = Clock::new(u64::MAX, 4);
        (0..4).for_each(|key| cache.insert(key, key, 1, |_, _| unreachable!("there is room")));
        let was_used = |cache: &mut Clock<u32, u32>, key| cache.get(&key).map(|hit| hit.was_used);
        assert_eq!((was_used(&mut cache, 0), was_used(&mut cache, 0)), (Some(false), Some(true)));
        assert_eq!(was_used(&mut cache, 2), Some(false));
        assert_eq!(cache.peek(&1), Some(&mut 1));
        let mut gone = Vec::new();
        cache.insert(4, 4, 1, |_, value| gone.push(value));
        cache.insert(5, 5, 1, |_, value| gone.push(value));
        assert_eq!(gone, [1, 3]);
    }

    #[test]
    fn a_value_longer_than_all_the_room_is_given_back() {
        let mut cache = Clock::new(10, 4);
        cache.insert("kept", 1, 10, |_, _| unreachable!("there is room"));
        let mut gone = Vec::new();
        cache.insert("long", 2, 11, |_, value| gone.push(value));
        assert_eq!((gone, cache.len()), (vec![2], 1));
    }
}
