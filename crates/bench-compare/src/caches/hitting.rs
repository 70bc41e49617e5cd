//! Hitting: keys that are there are asked for in an order that has none; on the side, some values are put anew.

use std::hint::black_box;
use std::sync::Arc;

use crate::caches::keyed_cache::{KeyedCache, Room};
use crate::loops::turns::Loop;
use crate::stores::dice::Dice;
use crate::stores::store::first_word;

/// How many are asked for in a call: a reader of ours announces itself once for each.
const AT_ONCE: usize = 64;

/// What is asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Asking {
    /// Gets in calls of many.
    Gets,
    /// Each get by itself.
    LoneGets,
    /// Nine gets, each by itself, and a put of a key that is there.
    GetsAndPuts,
}

struct Hitting<C> {
    cache: Arc<C>,
    keys: Arc<[u64]>,
    value: Vec<u8>,
    asking: Asking,
    at: usize,
}

/// Fills a cache that has room for twice as many, and makes a loop for each thread.
pub(crate) fn hitting<C: KeyedCache>(asking: Asking, room: Room) -> Vec<Box<dyn Loop>> {
    let cache = C::with_room(Room { entry_count: room.entry_count * 2, ..room });
    let value = vec![7; room.value_bytes];
    let mut keys: Vec<u64> = (0..room.entry_count as u64).collect();
    for key in &keys {
        cache.put(*key, &value);
    }
    cache.settle();
    keys.retain(|key| cache.get(*key, &mut |_| ()));
    Dice::from_seed(room.entry_count as u64).shuffle(&mut keys);
    let (cache, keys): (_, Arc<[u64]>) = (Arc::new(cache), keys.into());
    let one = |thread_index| -> Box<dyn Loop> {
        let at = keys.len() / room.thread_count * thread_index; // each in a part of its own
        let (cache, keys) = (Arc::clone(&cache), Arc::clone(&keys));
        Box::new(Hitting { cache, keys, value: value.clone(), asking, at })
    };
    (0..room.thread_count).map(one).collect()
}

impl<C: KeyedCache> Loop for Hitting<C> {
    fn run(&mut self, count: u64) {
        let mut left = usize::try_from(count).expect("a batch fits");
        let (mut sum, mut seen) = (0_u64, 0_u64);
        let mut see = |bytes: &[u8]| {
            sum = sum.wrapping_add(first_word(bytes));
            seen += 1;
        };
        while left > 0 {
            let end = self.keys.len().min(self.at + left.min(AT_ONCE));
            let some = &self.keys[self.at..end];
            match self.asking {
                Asking::Gets => self.cache.get_each(some, &mut see),
                Asking::LoneGets => some.iter().for_each(|key| {
                    self.cache.get(*key, &mut see);
                }),
                Asking::GetsAndPuts => {
                    for (index, key) in some.iter().enumerate() {
                        if index % 10 == 9 {
                            self.cache.put(*key, &self.value);
                        } else {
                            self.cache.get(*key, &mut see);
                        }
                    }
                }
            }
            left -= some.len();
            self.at = if end == self.keys.len() { 0 } else { end };
        }
        let value = u64::from_le_bytes([7; 8]);
        assert_eq!(sum, value.wrapping_mul(seen), "every value is what was put in");
        assert!(self.asking == Asking::GetsAndPuts || seen == count, "every key is there");
        black_box(sum);
    }
}
