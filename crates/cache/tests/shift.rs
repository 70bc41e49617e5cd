//! A cache that is full of short values takes long ones, and the other way round.

use levada_cache::{Budget, Bytes, Cache, CacheOptions, How, Pile, Table, TableOptions};

fn full_of(value_bytes: usize) -> (Cache, Table<u64, Bytes>) {
    let pile = Pile::builder("shift").limit_bytes(12 << 20).build().expect("a pile");
    let cache = Cache::over(&pile, CacheOptions::limit(12 << 20)).expect("a cache");
    let table = cache.table::<u64, Bytes>("t", TableOptions::default()).expect("a table");
    let mut key = 0;
    while table.gauges().evicted_capacity == 0 {
        for _ in 0..(100_000 / value_bytes).clamp(2, 1000) {
            key += 1;
            table.put(&key, &vec![1; value_bytes], How::default()).expect("others give way");
        }
    }
    (cache, table)
}

fn shift(before_bytes: usize, after_bytes: usize, puts: u64, is_tended: bool) {
    let (cache, table) = full_of(before_bytes);
    let mut refused = 0;
    for key in 0..puts {
        let put = table.put(&(key + (1 << 40)), &vec![2; after_bytes], How::default());
        refused += u32::from(put.is_err());
        if is_tended && key % 8 == 0 {
            cache.tend(Budget::slice());
        }
        if key % 8 == 0 {
            let gauges = cache.gauges();
            assert!(gauges.charged_bytes <= gauges.limit_bytes);
            assert!(gauges.pile.backed_bytes <= gauges.limit_bytes);
        }
    }
    cache.validate();
    let guard = cache.pin();
    assert!(table.get(&guard, &(puts - 1 + (1 << 40))).is_some());
    assert_eq!(refused, 0, "{before_bytes} to {after_bytes}, {is_tended}");
}

#[test]
fn long_and_short_values_find_room_among_one_another() {
    shift(100, 1024, 300, false);
    shift(100, 10_000, 200, false);
    shift(100, 100_000, 60, false);
    shift(100, 1 << 20, 15, false);
    shift(100, 1 << 20, 15, true);
    shift(1 << 20, 100, 2000, false);
    shift(10_000, 100, 2000, false);
    shift(1024, 10_000, 200, true);
}
