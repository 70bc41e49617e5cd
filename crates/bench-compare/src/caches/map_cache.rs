//! A hash map of boxes behind a lock: what a program has that lets nothing go.

#![expect(clippy::disallowed_types, reason = "the lock of the rival, held for one look")]

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::caches::keyed_cache::{KeyedCache, Room};

#[derive(Debug, Default)]
pub(crate) struct MapCache(Mutex<HashMap<u64, Box<[u8]>>>);

impl MapCache {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Box<[u8]>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeyedCache for MapCache {
    fn with_room(_room: Room) -> Self {
        Self::default()
    }

    fn get(&self, key: u64, see: &mut impl FnMut(&[u8])) -> bool {
        self.lock().get(&key).map(|value| see(value)).is_some()
    }

    fn put(&self, key: u64, value: &[u8]) {
        self.lock().insert(key, value.into());
    }

    fn get_or_put(&self, key: u64, load: &dyn Fn() -> Box<[u8]>, see: &mut impl FnMut(&[u8])) {
        see(self.lock().entry(key).or_insert_with(load));
    }

    fn entry_count(&self) -> usize {
        self.lock().len()
    }
}
