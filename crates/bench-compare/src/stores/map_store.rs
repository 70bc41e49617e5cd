//! A hash map of boxes: what most programs keep many small values in.

use std::collections::HashMap;
use std::hash::BuildHasher;

use crate::stores::store::{Store, first_word};

/// The handle is a key; keys are counted up, and never come again.
#[derive(Debug, Default)]
pub(crate) struct MapStore<H> {
    map: HashMap<u64, Box<[u8]>, H>,
    next_key: u64,
}

impl<H: BuildHasher + Send + Sync> MapStore<H> {
    #[inline]
    fn value(&self, key: u64) -> &[u8] {
        self.map.get(&key).expect("it was put and not deleted")
    }
}

impl<H: BuildHasher + Send + Sync> Store for MapStore<H> {
    type Handle = u64;

    #[inline]
    fn put(&mut self, bytes: &[u8]) -> u64 {
        let key = self.next_key;
        self.next_key += 1;
        self.map.insert(key, bytes.into());
        key
    }

    #[inline]
    fn get_each(&self, handles: &[u64], see: &mut impl FnMut(&[u8])) {
        for handle in handles {
            see(self.value(*handle));
        }
    }

    fn hop(&self, from: u64, hop_count: u64) -> u64 {
        (0..hop_count).fold(from, |at, _| first_word(self.value(at)))
    }

    #[inline]
    fn replace(&mut self, handle: u64, bytes: &[u8]) -> u64 {
        let value = self.map.get_mut(&handle).expect("it was put and not deleted");
        *value = bytes.into();
        handle
    }

    #[inline]
    fn delete(&mut self, handle: u64) {
        self.map.remove(&handle).expect("it was put and not deleted");
    }

    fn clear(&mut self, _handles: &[u64]) {
        self.map.clear();
    }

    fn word_of(handle: u64) -> u64 {
        handle
    }
}
