//! moka: Window-TinyLFU behind a concurrent map, its upkeep put off to batches.

use std::time::Duration;

use foldhash::fast::RandomState;
use moka::sync::Cache;

use crate::caches::keyed_cache::{KeyedCache, LIFE_S, Room, Shared};

pub(crate) struct MokaCache(Cache<u64, Shared, RandomState>);

impl KeyedCache for MokaCache {
    fn with_room(room: Room) -> Self {
        let cache = Cache::builder()
            .max_capacity(room.entry_count as u64)
            .initial_capacity(room.entry_count)
            .time_to_live(Duration::from_secs(u64::from(LIFE_S)))
            .build_with_hasher(RandomState::default());
        Self(cache)
    }

    #[inline]
    fn get(&self, key: u64, see: &mut impl FnMut(&[u8])) -> bool {
        let value = self.0.get(&key);
        value.as_deref().map(see).is_some()
    }

    #[inline]
    fn put(&self, key: u64, value: &[u8]) {
        self.0.insert(key, value.into());
    }

    fn get_or_put(&self, key: u64, load: &dyn Fn() -> Box<[u8]>, see: &mut impl FnMut(&[u8])) {
        see(&self.0.get_with(key, || load().into()));
    }

    fn settle(&self) {
        self.0.run_pending_tasks();
    }

    fn entry_count(&self) -> usize {
        self.0.run_pending_tasks();
        usize::try_from(self.0.entry_count()).expect("a count of what is in memory")
    }
}
