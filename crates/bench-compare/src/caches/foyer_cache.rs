//! foyer's cache in memory: shards under a lock each, and a policy of one's choice; it knows no lives.

use std::marker::PhantomData;

use foldhash::fast::RandomState;
use foyer_memory::{
    Cache, CacheBuilder, CacheProperties, EvictionConfig, LfuConfig, LruConfig, S3FifoConfig,
};

use crate::caches::keyed_cache::{KeyedCache, Room, Shared};

/// One of its policies, as it is set by default.
pub(crate) trait Choice: Send + Sync + 'static {
    fn config() -> EvictionConfig;
}

#[derive(Debug)]
pub(crate) struct ByS3Fifo;
#[derive(Debug)]
pub(crate) struct ByLru;
#[derive(Debug)]
pub(crate) struct ByLfu;

impl Choice for ByS3Fifo {
    fn config() -> EvictionConfig {
        S3FifoConfig::default().into()
    }
}

impl Choice for ByLru {
    fn config() -> EvictionConfig {
        LruConfig::default().into()
    }
}

impl Choice for ByLfu {
    fn config() -> EvictionConfig {
        LfuConfig::default().into()
    }
}

pub(crate) struct FoyerCache<C> {
    cache: Cache<u64, Shared, RandomState, CacheProperties>,
    choice: PhantomData<C>,
}

impl<C: Choice> KeyedCache for FoyerCache<C> {
    fn with_room(room: Room) -> Self {
        // Its own default for more than one thread.
        let shard_count = if room.thread_count == 1 { 1 } else { 8 };
        let cache = CacheBuilder::new(room.entry_count)
            .with_shards(shard_count)
            .with_eviction_config(C::config())
            .with_hash_builder(RandomState::default())
            .build();
        Self { cache, choice: PhantomData }
    }

    #[inline]
    fn get(&self, key: u64, see: &mut impl FnMut(&[u8])) -> bool {
        let entry = self.cache.get(&key);
        entry.map(|entry| see(entry.value())).is_some()
    }

    #[inline]
    fn put(&self, key: u64, value: &[u8]) {
        drop(self.cache.insert(key, value.into()));
    }

    fn get_or_put(&self, key: u64, load: &dyn Fn() -> Box<[u8]>, see: &mut impl FnMut(&[u8])) {
        // Its way for many who ask at once is for futures alone.
        if !self.get(key, see) {
            let entry = self.cache.insert(key, load().into());
            see(entry.value());
        }
    }

    fn entry_count(&self) -> usize {
        self.cache.entries()
    }
}
