//! The index grows and shrinks by the bin, loses nothing meanwhile, and is not led astray by chosen keys.

use std::collections::HashSet;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};

use foldhash::quality::FixedState;
use levada_cache::{
    Budget, Bytes, Cache, CacheOptions, Cursor, How, Pile, Refused, Table, TableOptions,
};

fn table(limit_bytes: u64, options: TableOptions) -> (Cache, Table<u64, Bytes>) {
    let pile = Pile::builder("index").limit_bytes(limit_bytes).build().expect("a pile");
    let cache = Cache::over(&pile, CacheOptions::limit(limit_bytes)).expect("a cache");
    let table = cache.table("t", options).expect("a table");
    (cache, table)
}

#[test]
fn a_table_that_grows_keeps_its_load_and_every_key() {
    let (cache, table) = table(256 << 20, TableOptions::default().durable());
    for key in 0..40_000u64 {
        let before = table.gauges_if(key).map(|gauges| gauges.grown);
        table.put(&key, &key.to_le_bytes(), How::default()).unwrap();
        if let Some(before) = before {
            assert!(table.gauges().grown - before <= 9, "few bins are split for one key");
        }
    }
    let gauges = table.gauges();
    assert!(gauges.load > 0.80 && gauges.load <= 0.86, "{}", gauges.load);
    let guard = cache.pin();
    for key in 0..40_000u64 {
        assert_eq!(table.get(&guard, &key).map(|hit| hit.bytes()), Some(&key.to_le_bytes()[..]));
    }
    drop(guard);
    cache.validate();
    for key in 0..36_000u64 {
        assert!(table.remove(&key));
    }
    while cache.tend(Budget::slice()).can_more {}
    assert!(table.gauges().capacity < 15_000, "{}", table.gauges().capacity);
    assert!(table.gauges().stale_marks < 10_000);
    let guard = cache.pin();
    for key in 36_000..40_000u64 {
        assert!(table.get(&guard, &key).is_some());
    }
    drop(guard);
    cache.validate();
}

trait Now {
    fn gauges_if(&self, key: u64) -> Option<levada_cache::TableGauges>;
}

impl Now for Table<u64, Bytes> {
    /// The gauges, now and then.
    fn gauges_if(&self, key: u64) -> Option<levada_cache::TableGauges> {
        key.is_multiple_of(997).then(|| self.gauges())
    }
}

/// Says so when it is dropped, also by a panic.
struct Over<'o>(&'o AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn readers_miss_no_key_while_the_index_grows_and_shrinks() {
    let (cache, table) = table(64 << 20, TableOptions::default().durable());
    for key in 0..1000u64 {
        table.put(&key, b"there", How::default()).unwrap();
    }
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for reader in 0..2u64 {
            let (cache, table, is_over) = (&cache, &table, &is_over);
            scope.spawn(move || {
                let mut key = reader;
                while !is_over.load(Ordering::Relaxed) {
                    let guard = cache.pin();
                    for _ in 0..50 {
                        key = (key + 7) % 1000;
                        assert!(table.get(&guard, &key).is_some(), "{key} is there throughout");
                    }
                }
            });
        }
        let _over = Over(&is_over);
        for _ in 0..4 {
            for key in 1000..15_000u64 {
                table.put(&key, b"comes and goes", How::default()).unwrap();
            }
            for key in 1000..15_000u64 {
                table.remove(&key);
            }
            while cache.tend(Budget::slice()).can_more {}
        }
    });
    cache.validate();
    assert!(table.gauges().shrunk > 1000);
}

#[test]
fn a_scan_sees_each_key_that_is_there_throughout() {
    let (_cache, table) = table(64 << 20, TableOptions::default().durable());
    for key in 0..5000u64 {
        table.put(&key, b"stays", How::default()).unwrap();
    }
    let mut seen = HashSet::new();
    let mut from = Some(Cursor::START);
    let mut coming = 1_000_000u64;
    while let Some(cursor) = from {
        from = table.scan(cursor, 100, &mut |key, hit| {
            if hit.bytes() == b"stays" {
                seen.insert(u64::from_le_bytes(key.try_into().unwrap()));
            }
        });
        for _ in 0..20 {
            coming += 1;
            table.put(&coming, b"comes", How::default()).unwrap();
            table.put(&(coming % 5000), b"stays", How::default()).unwrap();
        }
    }
    assert_eq!(seen.len(), 5000);
}

const SEED: u64 = 42;

/// Keys that a table with that seed finds in the same shard, the same one of 64 bins, and a quarter of all tags.
fn chosen() -> impl Iterator<Item = u64> {
    // What a table does with a known seed: the low 29 bits of the hash are the address.
    let state = FixedState::with_seed(SEED);
    let address = move |key: u64| {
        let mut hasher = state.build_hasher();
        hasher.write(&key.to_le_bytes());
        hasher.finish()
    };
    let wanted = address(0);
    let same = 0x3F | 0x3 << 17 | 0xF << 60;
    (1..).filter(move |&key| (address(key) ^ wanted) & same == 0)
}

#[test]
fn keys_that_were_chosen_to_share_their_bins_are_refused_and_the_index_does_not_grow() {
    let (cache, table) = table(64 << 20, TableOptions::default().durable().seed(SEED));
    let mut refused = 0;
    for key in chosen().take(3000) {
        match table.put(&key, b"x", How::default()) {
            Ok(_) => {}
            Err(Refused::Crowded) => refused += 1,
            Err(other) => panic!("{other}"),
        }
    }
    cache.validate();
    let gauges = table.gauges();
    assert!(refused > 2000, "{refused}");
    assert!(gauges.capacity <= 16 * 64 * 7 + 64, "{}", gauges.capacity);
    assert_eq!(gauges.refused[4], refused);
}

#[test]
fn a_table_that_may_evict_takes_a_key_that_is_crowded_in_the_place_of_another() {
    let (cache, table) = table(64 << 20, TableOptions::default().seed(SEED));
    for key in chosen().take(3000) {
        table.put(&key, b"x", How::default()).unwrap();
        assert!(table.contains(&key));
    }
    let dear = TableOptions::default().seed(SEED);
    let dear = cache.table::<u64, Bytes>("dear", dear).unwrap();
    let mut refused = 0;
    for key in chosen().take(3000) {
        dear.put(&key, b"x", How::default().level(5)).unwrap();
    }
    for key in chosen().skip(3000).take(100) {
        refused +=
            u32::from(dear.put(&key, b"x", How::default().level(2)) == Err(Refused::Crowded));
    }
    assert!(refused > 90, "{refused}: nobody dearer goes");
    assert!(table.gauges().capacity <= 16 * 64 * 7 + 64, "{}", table.gauges().capacity);
    cache.validate();
}

#[test]
fn a_table_that_is_cleared_is_empty_at_once_and_its_memory_follows() {
    let (cache, table) = table(64 << 20, TableOptions::default());
    for round in 0..20u64 {
        for key in 0..5000u64 {
            table.put(&key, &[7; 200], How::default()).unwrap();
        }
        table.clear();
        let guard = cache.pin();
        assert!((0..5000u64).all(|key| table.get(&guard, &key).is_none()));
        drop(guard);
        table.put(&round, b"after", How::default()).unwrap();
        assert!(table.contains(&round));
        if round % 3 == 0 {
            while cache.tend(Budget::slice()).can_more {}
            assert_eq!(table.gauges().count, 1);
            cache.validate();
        }
    }
    cache.clear_all();
    while cache.tend(Budget::slice()).can_more {}
    assert_eq!((table.gauges().count, table.gauges().charged_bytes), (0, 0));
}
