//! quick_cache: Clock-PRO in shards of one array each; it knows no lives.

use std::convert::Infallible;

use foldhash::fast::RandomState;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{OptionsBuilder, UnitWeighter};

use crate::caches::keyed_cache::{KeyedCache, Room, Shared};

pub(crate) struct QuickCache(
    Cache<u64, Shared, UnitWeighter, RandomState, DefaultLifecycle<u64, Shared>>,
);

impl KeyedCache for QuickCache {
    fn with_room(room: Room) -> Self {
        let mut options = OptionsBuilder::new();
        options.estimated_items_capacity(room.entry_count).weight_capacity(room.entry_count as u64);
        if room.thread_count == 1 {
            options.shards(1);
        }
        let options = options.build().expect("both figures are there");
        let (hashes, lives) = (RandomState::default(), DefaultLifecycle::default());
        Self(Cache::with_options(options, UnitWeighter, hashes, lives))
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
        let loaded = self.0.get_or_insert_with::<u64, Infallible>(&key, || Ok(load().into()));
        match loaded {
            Ok(value) => see(&value),
            Err(never) => match never {},
        }
    }

    fn entry_count(&self) -> usize {
        self.0.len()
    }
}
