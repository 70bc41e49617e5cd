//! A limit that was lowered far is come down to by the upkeep; a put that comes before it pays for itself, and for no more.

use levada_cache::{Budget, Bytes, Cache, CacheOptions, How, Pile, Table, TableOptions};

const VALUE: [u8; 100] = [7; 100];

fn full_table(limit_bytes: u64) -> (Cache, Table<u64, Bytes>, TableOptions) {
    let pile = Pile::builder("lowered").limit_bytes(32 << 20).build().expect("a pile");
    let cache = Cache::over(&pile, CacheOptions::limit(32 << 20)).expect("a cache");
    let options = TableOptions::default().limit_bytes(limit_bytes);
    let table = cache.table::<u64, Bytes>("t", options).expect("a table");
    let mut key = 0;
    while table.gauges().evicted_quota == 0 {
        for _ in 0..100 {
            key += 1;
            table.put(&key, &VALUE, How::default()).expect("others give way");
        }
    }
    (cache, table, options)
}

fn evicted(table: &Table<u64, Bytes>) -> u64 {
    let gauges = table.gauges();
    gauges.evicted_quota + gauges.evicted_capacity
}

/// Puts some new keys and expects that each takes the place of few others.
fn puts_pay_for_themselves(cache: &Cache, table: &Table<u64, Bytes>) {
    let charged_bytes = cache.gauges().charged_bytes;
    for key in 0..200u64 {
        let before = evicted(table);
        let put = table.put(&(1 << 40 | key), &VALUE, How::default()).expect("others give way");
        let went = evicted(table) - before;
        assert!(went <= 2 && u64::from(put.evicted) == went, "{went} went for one");
    }
    let now_bytes = cache.gauges().charged_bytes;
    assert!(now_bytes <= charged_bytes, "{now_bytes}: nothing is added above a limit");
    cache.validate();
}

#[test]
fn a_put_after_a_tables_limit_was_lowered_evicts_few_and_upkeep_the_rest() {
    // The first draws each byte when it is wanted, the second a little ahead.
    for limit_bytes in [2 << 20, 8 << 20] {
        let (cache, table, options) = full_table(limit_bytes);
        table.set_options(options.limit_bytes(limit_bytes / 16)).unwrap();
        puts_pay_for_themselves(&cache, &table);
        assert!(table.gauges().charged_bytes > limit_bytes / 2);
        while cache.tend(Budget::slice()).over_bytes > 0 {}
        assert!(table.gauges().charged_bytes <= limit_bytes / 16);
        table.put(&1, &VALUE, How::default()).unwrap();
        cache.validate();
    }
}

#[test]
fn a_put_after_the_caches_limit_was_lowered_evicts_few_and_upkeep_the_rest() {
    for limit_bytes in [3 << 20, 8 << 20] {
        let (cache, table, _) = full_table(limit_bytes);
        cache.set_limit(1 << 20).unwrap();
        puts_pay_for_themselves(&cache, &table);
        while cache.tend(Budget::slice()).over_bytes > 0 {}
        assert!(cache.gauges().charged_bytes <= 1 << 20);
        cache.validate();
    }
}
