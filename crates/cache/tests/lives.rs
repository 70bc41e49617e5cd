//! Lives end on the second, whoever looks, and nothing passes an end that was said to be the last; what is said of entries
//! that were put, moved, replaced and refused holds exactly.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use levada_cache::{
    Budget, Bytes, Cache, CacheOptions, Clock, How, Life, Mode, OptionError, Pile, Refused, Table,
    TableOptions,
};

struct World {
    cache: Cache,
    table: Table<u64, Bytes>,
    clock_ms: Arc<AtomicU64>,
}

impl World {
    fn new(options: TableOptions) -> Self {
        let clock_ms = Arc::new(AtomicU64::new(7_000));
        let clock = Clock::shared(Arc::clone(&clock_ms));
        let pile = Pile::builder("lives").limit_bytes(8 << 20).clock(clock).build();
        let cache = Cache::over(&pile.expect("a pile"), CacheOptions::limit(8 << 20));
        let cache = cache.expect("a cache");
        let table = cache.table("t", options).expect("a table");
        Self { cache, table, clock_ms }
    }

    fn pass_s(&self, seconds: u64) {
        self.clock_ms.fetch_add(seconds * 1000, Ordering::Relaxed);
    }

    fn put(&self, key: u64, how: How) {
        self.table.put(&key, b"value", how).expect("there is room");
    }

    fn has(&self, key: u64) -> bool {
        self.table.get(&self.cache.pin(), &key).is_some()
    }

    /// Lets upkeep remove what has expired, until so many are left: it does so for many at once, some time after the first
    /// of them has, and when nobody who was pinned before is any more.
    fn sweep_to(&self, count: u64) {
        for _ in 0..100_000 {
            if self.table.gauges().count == count {
                return;
            }
            self.pass_s(1);
            self.cache.tend(Budget::unbounded());
            std::thread::yield_now();
        }
        panic!("{} entries are left", self.table.gauges().count);
    }

    fn left_s(&self, key: u64) -> Option<u32> {
        let guard = self.cache.pin();
        self.table.peek(&guard, &key).expect("it is there").left_s()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.cache.validate();
        }
    }
}

fn secs(seconds: u32) -> How {
    How::default().life(Life::secs(seconds))
}

/// Defect 12 of the original. A life of ten seconds begins in the middle of one, and lasts at least that long: it is over with the eleventh.
#[test]
fn an_expired_entry_is_absent_from_its_second_on_swept_or_not() {
    let world = World::new(TableOptions::default());
    world.clock_ms.fetch_add(400, Ordering::Relaxed);
    world.put(1, secs(10));
    world.put(2, How::default());
    world.clock_ms.fetch_add(10_599, Ordering::Relaxed);
    assert!(world.has(1) && world.left_s(1) == Some(1));
    world.clock_ms.fetch_add(1, Ordering::Relaxed);
    assert!(!world.has(1) && !world.table.contains(&1) && world.table.size_of(&1).is_none());
    assert!(!world.table.touch(&1, Life::secs(9)) && !world.table.rejuvenate(&1));
    assert!(!world.table.remove(&1));
    assert_eq!(world.table.gauges().count, 2, "it was not swept yet");
    world.sweep_to(1);
    assert_eq!(world.table.gauges().swept, 1);
    assert!(world.has(2));
}

#[test]
fn lives_that_are_not_said_are_the_tables() {
    let world = World::new(TableOptions::default().max_age(30));
    world.put(1, How::default());
    world.put(2, secs(100));
    world.put(3, How::default().life(Life::FOREVER));
    assert_eq!([1, 2, 3].map(|key| world.left_s(key)), [Some(31), Some(101), None]);
    world.table.set_options(TableOptions::default().max_age(5)).unwrap();
    world.put(4, How::default());
    world.pass_s(6);
    assert_eq!([1, 2, 3, 4].map(|key| world.has(key)), [true, true, true, false]);
}

#[test]
fn no_new_life_passes_an_end_that_was_said_to_be_the_last() {
    let world = World::new(TableOptions::default().until().ages().max_age(20));
    world.put(1, How::default().until(50));
    world.put(2, How::default());
    for _ in 0..4 {
        world.pass_s(10);
        assert!(world.table.touch(&1, Life::secs(1000)) && world.table.rejuvenate(&1));
        assert!(world.table.touch(&1, Life::FOREVER) && world.table.touch(&2, Life::secs(1000)));
        assert!(world.left_s(1).unwrap() <= 51);
    }
    assert_eq!(world.left_s(1), Some(11));
    world.pass_s(11);
    assert!(!world.has(1) && world.has(2));
    world.put(1, How::default().until(5).life(Life::secs(500)));
    assert_eq!(world.left_s(1), Some(6));
    world.put(1, How::default());
    assert_eq!(world.left_s(1), Some(21), "a new value has no end of the one before");
}

#[test]
fn an_idle_life_is_renewed_by_a_hit_once_a_sixteenth_of_it_has_passed() {
    let world = World::new(TableOptions::default().idle(160));
    for key in [1, 2] {
        world.put(key, How::default());
    }
    assert_eq!(world.left_s(1), Some(161));
    let renewed = |world: &World| world.table.gauges().rejuvenates_hit;
    world.pass_s(10);
    assert!(world.has(1));
    assert_eq!((world.left_s(1), renewed(&world)), (Some(151), 0), "too early to write anything");
    world.pass_s(1);
    assert!(world.table.contains(&1));
    assert_eq!(renewed(&world), 0, "who only asks whether it is there leaves no trace");
    assert!(world.has(1));
    assert_eq!((world.left_s(1), renewed(&world)), (Some(161), 1));
    for _ in 0..10 {
        world.pass_s(100);
        assert!(world.has(1), "it is asked for again and again");
    }
    assert!(!world.has(2), "nobody asked for it");
    world.pass_s(161);
    assert!(!world.has(1));
}

#[test]
fn an_idle_life_does_not_pass_the_longest() {
    let world = World::new(TableOptions::default().until().idle(60));
    world.put(1, How::default().until(100));
    for _ in 0..5 {
        world.pass_s(20);
        assert!(world.has(1));
    }
    world.pass_s(1);
    assert!(!world.has(1));
}

/// Defect 13 of the original: its filter knew no age of entries that had no maximal one.
#[test]
fn the_age_filter_works_on_entries_of_any_life() {
    let world = World::new(TableOptions::default().ages());
    world.put(1, How::default());
    world.put(2, secs(100));
    world.pass_s(10);
    let guard = world.cache.pin();
    for key in [1, 2] {
        assert!(world.table.get_if(&guard, &key, 10).is_none(), "it is too old");
        let hit = world.table.get_if(&guard, &key, 11).expect("it is young enough");
        assert_eq!(hit.age_s(), Some(10));
        assert!(world.table.contains(&key), "an older one stays");
    }
    drop(guard);
    assert!(world.table.rejuvenate(&1) && world.table.rejuvenate(&2));
    let guard = world.cache.pin();
    assert!(world.table.get_if(&guard, &1, 1).is_some());
    assert_eq!([1, 2].map(|key| world.left_s(key)), [None, Some(101)]);
    let gauges = world.table.gauges();
    assert_eq!(gauges.rejuvenates_hit, 2);
}

#[test]
fn what_has_expired_goes_before_what_lives_when_its_turn_comes() {
    let world = World::new(TableOptions::default());
    world.put(0, secs(10));
    let one_bytes = world.table.size_of(&0).unwrap().charged_bytes;
    let world = World::new(TableOptions::default().limit_bytes(100 * one_bytes));
    for key in 0..50 {
        world.put(key, secs(10));
    }
    for key in 50..95 {
        world.put(key, secs(1000));
    }
    // All of them are asked for often enough to be kept.
    for key in (0..95).chain(0..95).chain(0..95) {
        assert!(world.has(key));
    }
    world.pass_s(11);
    for key in 100..150 {
        world.put(key, secs(1000));
    }
    assert!((50..95).all(|key| world.has(key)), "those that live have stayed");
    let gauges = world.table.gauges();
    assert!(gauges.expired_found > 40, "{}", gauges.expired_found);
    assert_eq!(gauges.evicted_quota + gauges.evicted_capacity, 0);
}

/// Defect 14 of the original. Keys of the same shard, bins and tag, of which a record tells one from another, come about by so many.
#[test]
fn an_expired_entry_takes_no_other_with_it() {
    let world = World::new(TableOptions::default().durable());
    for key in 0..40_000 {
        world.put(key, if key % 2 == 0 { secs(10) } else { How::default() });
    }
    world.pass_s(11);
    assert!((0..40_000).all(|key| world.has(key) == (key % 2 == 1)));
    world.sweep_to(20_000);
    for key in 0..40_000 {
        assert_eq!(world.has(key), key % 2 == 1, "{key}");
    }
    assert_eq!(world.table.gauges().count, 20_000);
}

/// Defect 15 of the original: a key that had been moved was found once more after its removal.
#[test]
fn a_key_that_was_put_moved_put_again_and_removed_is_absent() {
    let world = World::new(TableOptions::default().durable());
    for key in 0..10_000 {
        world.put(key, How::default());
    }
    let has_grown = world.table.gauges().grown;
    assert!(has_grown > 100, "{has_grown}");
    for key in 0..10_000 {
        world.table.put(&key, b"another", How::default()).unwrap();
    }
    for key in (0..10_000).step_by(3) {
        assert!(world.table.remove(&key));
        assert!(!world.has(key) && !world.table.remove(&key));
    }
    // Records are moved together.
    world.cache.pile().compact(Budget::unbounded());
    while world.cache.tend(Budget::unbounded()).can_more {}
    assert!(world.table.gauges().shrunk > 0 || world.table.gauges().cleaned_moved > 0);
    for key in 0..10_000 {
        assert_eq!(world.has(key), key % 3 > 0, "{key}");
    }
}

/// Defect 16 of the original: tables lost entries as they were resized, in one of their modes.
#[test]
fn growing_and_shrinking_lose_no_entry_in_either_mode() {
    for mode in [Mode::Cache, Mode::Durable] {
        let world = World::new(TableOptions { mode, ..TableOptions::default() });
        for key in 0..20_000 {
            world.put(key, How::default());
        }
        assert!((0..20_000).all(|key| world.has(key)));
        for key in 1_000..20_000 {
            assert!(world.table.remove(&key));
        }
        while world.cache.tend(Budget::unbounded()).can_more {}
        let gauges = world.table.gauges();
        assert!(gauges.grown > 1000 && gauges.shrunk > 1000, "{} {}", gauges.grown, gauges.shrunk);
        assert!((0..1_000).all(|key| world.has(key)));
        assert_eq!(gauges.count, 1_000);
    }
}

/// Defect 17 of the original, in four parts.
#[test]
fn a_new_value_has_the_new_age_life_and_level() {
    let world = World::new(TableOptions::default().ages());
    world.put(1, secs(100).level(6));
    world.pass_s(20);
    world.put(1, secs(30).level(2));
    let guard = world.cache.pin();
    let hit = world.table.get(&guard, &1).unwrap();
    assert_eq!((hit.age_s(), hit.left_s(), hit.level()), (Some(0), Some(31), 2));
    drop(guard);
    world.put(1, How::default());
    let guard = world.cache.pin();
    let hit = world.table.get(&guard, &1).unwrap();
    assert_eq!((hit.age_s(), hit.left_s(), hit.level()), (Some(0), None, 3));
    drop(guard);
    let levels = world.table.gauges().levels.map(|level| level.count);
    assert_eq!(levels, [0, 0, 0, 1, 0, 0, 0, 0]);
}

#[test]
fn asking_whether_and_how_large_counts_hits_and_misses() {
    let world = World::new(TableOptions::default());
    world.put(1, How::default());
    assert!(world.table.contains(&1) && !world.table.contains(&2));
    assert!(world.table.size_of(&1).is_some() && world.table.size_of(&2).is_none());
    let gauges = world.table.gauges();
    assert_eq!((gauges.gets_hit, gauges.gets_miss), (2, 2));
}

#[test]
fn settings_that_are_refused_change_nothing() {
    let world = World::new(TableOptions::default().limit_bytes(1 << 20).max_age(50));
    let before = world.table.gauges();
    let wrong = TableOptions::default().limit_bytes(1 << 10).max_age(5);
    for (wrong, error) in [
        (wrong.level(8), OptionError::Level(8)),
        (wrong.reserve_bytes(1 << 11), OptionError::BelowReserve),
        (TableOptions { load_high: 0.99, ..wrong }, OptionError::Load(0.99)),
    ] {
        assert_eq!(world.table.set_options(wrong), Err(error));
    }
    let reserve_bytes = 8 << 20;
    let too_much = TableOptions::default().max_age(5).reserve_bytes(reserve_bytes);
    let refused = world.table.set_options(too_much);
    assert!(matches!(refused, Err(OptionError::Reserves { .. })), "{refused:?}");
    assert!(matches!(world.cache.set_limit(1), Err(OptionError::Limit { .. })));
    assert_eq!(world.cache.limit_bytes(), 8 << 20);
    assert_eq!(world.table.gauges(), before);
    world.put(1, How::default());
    assert_eq!(world.left_s(1), Some(51));
    let refused = world.table.put(&1, &vec![0; 2 << 20], secs(7));
    assert!(matches!(refused, Err(Refused::TooLarge { .. })), "{refused:?}");
    assert_eq!(world.left_s(1), Some(51), "the old value stays as it was");
}
