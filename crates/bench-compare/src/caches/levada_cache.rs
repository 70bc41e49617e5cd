//! Ours: a table of a cache over a pile, each entry with a life.

use std::convert::Infallible;
use std::marker::PhantomData;

use levada_cache::{
    Budget, Bytes, Cache, CacheOptions, How, Key, Pile, Refused, Table, TableOptions,
};

use crate::caches::keyed_cache::{KeyedCache, LIFE_S, Room};

/// How a key is written.
pub(crate) trait Writing: Send + Sync + 'static {
    type Key: Key + ?Sized;

    fn with<R>(key: u64, act: impl FnOnce(&Self::Key) -> R) -> R;
}

/// As it is.
#[derive(Debug)]
pub(crate) struct Number;

/// As 16 digits, in a table whose keys are of any length.
#[derive(Debug)]
pub(crate) struct Digits;

impl Writing for Number {
    type Key = u64;

    #[inline]
    fn with<R>(key: u64, act: impl FnOnce(&u64) -> R) -> R {
        act(&key)
    }
}

impl Writing for Digits {
    type Key = [u8];

    fn with<R>(key: u64, act: impl FnOnce(&[u8]) -> R) -> R {
        act(format!("{key:016}").as_bytes())
    }
}

/// A pile has at least this limit, and at least twice what its table may take: a table's own limit is the one that is measured.
const PILE_BYTES_MIN: u64 = 64 << 20;

pub(crate) struct LevadaCache<W: Writing> {
    cache: Cache,
    table: Table<W::Key, Bytes>,
    value_bytes: usize,
    writing: PhantomData<W>,
}

impl<W: Writing> LevadaCache<W> {
    /// With a pile of its own, and a table that takes so many entries.
    fn with_limits(room: Room) -> Result<Self, Box<dyn std::error::Error>> {
        let options = TableOptions::default().max_age(LIFE_S);
        // What an entry is charged a table says, so one is made that is asked for that and no more.
        let small = Pile::builder("charges").limit_bytes(PILE_BYTES_MIN).build()?;
        let small = Cache::over(&small, CacheOptions::limit(PILE_BYTES_MIN))?;
        let asked = small.table::<W::Key, Bytes>("charges", options)?;
        let charge_bytes = W::with(0, |key| asked.charge_bytes(key, room.value_bytes));
        let limit_bytes = charge_bytes * room.entry_count as u64;
        let pile_bytes = PILE_BYTES_MIN.max(limit_bytes * 2);
        let pile = Pile::builder("entries").limit_bytes(pile_bytes).build()?;
        let cache = Cache::over(&pile, CacheOptions::limit(pile_bytes))?;
        let table = cache.table("entries", options.limit_bytes(limit_bytes))?;
        Ok(Self { cache, table, value_bytes: room.value_bytes, writing: PhantomData })
    }
}

impl<W: Writing> KeyedCache for LevadaCache<W> {
    fn with_room(room: Room) -> Self {
        Self::with_limits(room).expect("the addresses can be had, and the options are right")
    }

    #[inline]
    fn get(&self, key: u64, see: &mut impl FnMut(&[u8])) -> bool {
        let guard = self.cache.pin();
        W::with(key, |key| self.table.get(&guard, key).map(|hit| see(hit.bytes())).is_some())
    }

    #[inline]
    fn put(&self, key: u64, value: &[u8]) {
        match W::with(key, |key| self.table.put(key, value, How::default())) {
            // Too many keys share its bins: it is not kept, and the next who asks for it misses.
            Ok(_) | Err(Refused::Crowded) => {}
            Err(other) => panic!("the table's limit is far below the cache's: {other}"),
        }
    }

    fn get_each(&self, keys: &[u64], see: &mut impl FnMut(&[u8])) {
        let guard = self.cache.pin();
        for key in keys {
            W::with(*key, |key| {
                let hit = self.table.get(&guard, key);
                see(hit.expect("what was put is there").bytes());
            });
        }
    }

    fn get_or_put(&self, key: u64, load: &dyn Fn() -> Box<[u8]>, see: &mut impl FnMut(&[u8])) {
        let load = || Ok::<_, Infallible>((load().into_vec(), How::default()));
        let room_bytes = self.value_bytes;
        let loaded = W::with(key, |key| self.table.get_or_put(key, room_bytes, load));
        see(&loaded.expect("there is room").value);
    }

    fn tend(&self) {
        while self.cache.tend(Budget::slice()).can_more {}
    }

    fn entry_count(&self) -> usize {
        usize::try_from(self.table.gauges().count).expect("a count of what is in memory")
    }
}
