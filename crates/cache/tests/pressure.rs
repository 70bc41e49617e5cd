//! When the machine is short of memory a cache goes down to what is left to it, by whole spans, and comes back when it is quiet.

use levada_cache::{Budget, Bytes, Cache, CacheOptions, How, Pile, Pressure, Table, TableOptions};
use levada_shared::{Options, SharedHeap};

const LIMIT_BYTES: u64 = 8 << 20;

fn cache() -> Cache {
    let pile = Pile::builder("pressure").limit_bytes(LIMIT_BYTES).build().expect("a pile");
    Cache::over(&pile, CacheOptions::limit(LIMIT_BYTES)).expect("a cache")
}

fn fill(table: &Table<u64, Bytes>, keys: core::ops::Range<u64>, bytes: usize) {
    for key in keys {
        // A reader of another test that waits for its core keeps room from coming back for a while.
        let is_put = (0..200).any(|_| table.put(&key, &value(key, bytes), How::default()).is_ok());
        assert!(is_put, "others give way");
    }
}

fn value(key: u64, bytes: usize) -> Vec<u8> {
    key.to_le_bytes().into_iter().cycle().take(bytes).collect()
}

fn tend(cache: &Cache) {
    // What is moved or evicted in one call comes back with the next ones, and not while a reader of another test waits for its
    // core: epochs are those of the OS process.
    for round in 0..400 {
        while cache.tend(Budget::unbounded()).can_more {}
        let is_below = cache.pile().backed_bytes() <= cache.gauges().effective_bytes;
        if round >= 3 && is_below {
            break;
        }
    }
}

#[test]
fn each_signal_leaves_its_part_of_the_limit() {
    let cache = cache();
    let effective = |signal| cache.pressure(signal).effective_bytes;
    assert_eq!(effective(Pressure::Unchanged), LIMIT_BYTES);
    assert_eq!(effective(Pressure::Quiet), LIMIT_BYTES);
    assert_eq!(effective(Pressure::Low), LIMIT_BYTES / 8 * 7);
    assert_eq!(effective(Pressure::Critical), LIMIT_BYTES / 16 * 7);
    assert_eq!(effective(Pressure::Unchanged), LIMIT_BYTES / 16 * 7);
    assert_eq!(effective(Pressure::Quiet), LIMIT_BYTES / 16 * 7 + LIMIT_BYTES / 20);
    for _ in 0..10 {
        effective(Pressure::Critical);
    }
    assert_eq!(effective(Pressure::Critical), LIMIT_BYTES / 8, "keep_min is left");
    let windows = (1..100).find(|_| effective(Pressure::Quiet) == LIMIT_BYTES);
    assert_eq!(windows, Some(18), "a twentieth comes back with each quiet window");
}

#[test]
fn tight_memory_lets_nothing_more_come_than_is_there() {
    let cache = cache();
    let table = cache.table::<u64, Bytes>("t", TableOptions::default()).unwrap();
    fill(&table, 0..40_000, 100);
    let relief = cache.pressure(Pressure::Tight);
    assert_eq!(relief.effective_bytes, cache.pile().backed_bytes().min(LIMIT_BYTES));
    assert_eq!(relief.over_bytes, 0);
}

#[test]
fn after_a_signal_upkeep_brings_memory_under_what_is_left() {
    for signal in [Pressure::Low, Pressure::Critical] {
        let cache = cache();
        let table = cache.table::<u64, Bytes>("t", TableOptions::default()).unwrap();
        fill(&table, 0..70_000, 100);
        let before = cache.pile().backed_bytes();
        assert!(before > LIMIT_BYTES / 10 * 9, "{before}");
        let relief = cache.pressure(signal);
        assert!(relief.over_bytes > 0);
        tend(&cache);
        let backed = cache.pile().backed_bytes();
        assert!(backed <= relief.effective_bytes, "{signal:?}: {backed} B are backed");
        let gauges = cache.gauges();
        assert!(gauges.charged_bytes <= gauges.effective_bytes);
        assert!(table.gauges().evicted_pressure > 0);
        cache.validate();
        // Puts go on under what is left, and no further.
        fill(&table, 200_000..215_000, 100);
        assert!(cache.gauges().charged_bytes <= relief.effective_bytes);
        for _ in 0..20 {
            cache.pressure(Pressure::Quiet);
        }
        fill(&table, 300_000..370_000, 100);
        assert!(cache.gauges().charged_bytes > LIMIT_BYTES / 10 * 9, "all of it is back");
        cache.validate();
    }
}

#[test]
fn held_values_stay_whole_while_all_around_them_goes() {
    let cache = cache();
    let table = cache.table::<u64, Bytes>("t", TableOptions::default()).unwrap();
    fill(&table, 0..6_000, 1000);
    let heap = SharedHeap::new(Options::default()).unwrap();
    let account = heap.default_account();
    let guard = cache.pin();
    let held: Vec<_> = (0..6_000u64)
        .step_by(100)
        .map(|key| (key, table.get(&guard, &key).expect("it is there").hold(&account).unwrap()))
        .collect();
    drop(guard);
    for _ in 0..4 {
        cache.pressure(Pressure::Critical);
        tend(&cache);
    }
    assert!(table.gauges().count < 4_000);
    fill(&table, 10_000..11_000, 1000);
    for (key, data) in &held {
        assert_eq!(data.to_vec(), value(*key, 1000), "{key}");
    }
    drop(held);
    tend(&cache);
    assert!(cache.pile().backed_bytes() <= cache.gauges().effective_bytes);
    cache.validate();
}

#[test]
fn durable_entries_all_stay() {
    let cache = cache();
    let table = cache.table::<u64, Bytes>("t", TableOptions::default()).unwrap();
    let kept = cache.table::<u64, Bytes>("kept", TableOptions::default().durable()).unwrap();
    for key in 0..15_000 {
        kept.put(&key, &value(key, 150), How::default().level(0)).unwrap();
        table.put(&key, &value(key, 150), How::default().level(7)).unwrap();
    }
    for _ in 0..6 {
        cache.pressure(Pressure::Critical);
        tend(&cache);
    }
    let guard = cache.pin();
    for key in 0..15_000 {
        let hit = kept.get(&guard, &key).expect("it never gives way");
        assert_eq!(hit.bytes(), value(key, 150));
    }
    assert!(table.gauges().count < 8_000);
    drop(guard);
    let gauges = cache.gauges();
    assert!(gauges.effective_bytes >= kept.gauges().charged_bytes);
    cache.validate();
}

#[test]
fn large_values_that_went_leave_no_memory_behind() {
    let pile = Pile::builder("large").limit_bytes(64 << 20).build().expect("a pile");
    let cache = Cache::over(&pile, CacheOptions::limit(64 << 20)).expect("a cache");
    let table = cache.table::<u64, Bytes>("t", TableOptions::default()).unwrap();
    let empty = pile.backed_bytes();
    fill(&table, 0..40, 2 << 20);
    assert!(pile.backed_bytes() > 40 << 20);
    let relief = cache.pressure(Pressure::Critical);
    tend(&cache);
    assert!(pile.backed_bytes() <= relief.effective_bytes);
    table.clear();
    tend(&cache);
    assert!(pile.backed_bytes() < empty + (4 << 20), "{} B", pile.backed_bytes());
    cache.validate();
}
