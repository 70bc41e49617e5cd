//! No instant sees more than a limit allows: of a table, of the cache, of the memory behind it, whatever comes at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use levada_cache::{
    Budget, Bytes, Cache, CacheOptions, Claim, Clock, How, KEY_BYTES_MAX, Life, Pile, Refused,
    Table, TableOptions,
};

const LIMIT_BYTES: u64 = 8 << 20;

fn cache(limit_bytes: u64) -> Cache {
    let pile = Pile::builder("limits").limit_bytes(limit_bytes).build().expect("a pile");
    Cache::over(&pile, CacheOptions::limit(limit_bytes)).expect("a cache")
}

fn ops() -> u64 {
    std::env::var("LEVADA_OPS").ok().and_then(|ops| ops.parse().ok()).unwrap_or(100_000)
}

struct Random(u64);

impl Random {
    fn below(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

/// One of the things that users of a table do.
fn step(cache: &Cache, table: &Table<u64, Bytes>, random: &mut Random) {
    let key = random.below(40_000);
    // Of few lengths: each has spans of its own, and the limit is that of few spans.
    let bytes = match random.below(50) {
        0 => 6000,
        other => [20, 100, 240][usize::try_from(other % 3).expect("one of three")],
    };
    let value = vec![7; bytes];
    let level = u8::try_from(random.below(8)).expect("eight");
    let mut how = How::default().level(level);
    if random.below(4) == 0 {
        how = how.life(Life::secs(100));
    }
    let is_expected = |refused: &Refused| matches!(refused, Refused::NoVictim | Refused::High);
    match random.below(10) {
        0..6 => {
            let put = table.put(&key, &value, how);
            assert!(put.as_ref().err().is_none_or(is_expected), "{put:?}");
        }
        6 => match table.claim(&cache.pin(), &key, value.len()) {
            Ok(Claim::Yours(ticket)) if random.below(2) == 0 => {
                let _put_or_refused = ticket.fill(&value, how);
            }
            Ok(_) => {}
            Err(refused) => assert!(is_expected(&refused), "{refused:?}"),
        },
        7 => {
            table.touch(&key, Life::secs(200));
        }
        8 => {
            let guard = cache.pin();
            let hit = table.get(&guard, &key);
            assert!(hit.is_none_or(|hit| hit.bytes().iter().all(|&byte| byte == 7)));
        }
        _ => {
            table.remove(&key);
        }
    }
}

/// What is over, as said when it is dropped, also by a panic.
struct Over<'o>(&'o AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn two_threads(cache: &Cache, tables: [&Table<u64, Bytes>; 2], each: &(dyn Fn(u64) + Sync)) {
    thread::scope(|scope| {
        for thread in 1..3u64 {
            scope.spawn(move || {
                let mut random = Random(thread << 40 | 0x1234_5678_9ABC);
                for done in 0..ops() / 2 {
                    let table = tables[usize::from(random.below(3) == 0)];
                    step(cache, table, &mut random);
                    each(done);
                }
            });
        }
    });
}

#[test]
fn what_is_charged_and_backed_is_within_every_limit_at_every_sample() {
    let cache = cache(LIMIT_BYTES);
    let table_bytes = 1 << 20;
    let limited = TableOptions::default().limit_bytes(table_bytes).renewable();
    let limited = cache.table::<u64, Bytes>("limited", limited).unwrap();
    let other = cache.table::<u64, Bytes>("other", TableOptions::default()).unwrap();
    two_threads(&cache, [&other, &limited], &|done| {
        assert!(cache.pile().backed_bytes() <= LIMIT_BYTES);
        if done % 8 == 0 {
            let gauges = limited.gauges();
            assert!(gauges.charged_bytes <= table_bytes, "{}", gauges.charged_bytes);
            assert!(gauges.reserved_bytes <= gauges.charged_bytes);
        }
        if done % 64 == 0 {
            let gauges = cache.gauges();
            assert!(gauges.charged_bytes <= LIMIT_BYTES, "{}", gauges.charged_bytes);
            assert!(gauges.pile.backed_bytes <= LIMIT_BYTES);
        }
        if done % 1024 == 0 {
            cache.tend(Budget::slice());
        }
    });
    cache.validate();
    let gauges = [limited.gauges(), other.gauges()];
    assert!(gauges[0].evicted_quota > 0, "the table was full");
    assert!(gauges[1].evicted_capacity > 0, "the cache was full");
    assert_eq!(gauges.map(|gauges| (gauges.reserved_bytes, gauges.loads_pending)), [(0, 0); 2]);
}

#[test]
fn a_limit_that_is_lowered_is_kept_once_upkeep_has_come_down_to_it() {
    let cache = cache(LIMIT_BYTES);
    let limited = TableOptions::default().limit_bytes(2 << 20);
    let table = cache.table::<u64, Bytes>("limited", limited).unwrap();
    let other = cache.table::<u64, Bytes>("other", TableOptions::default()).unwrap();
    let is_over = AtomicBool::new(false);
    let rounds = AtomicU64::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut round = 0;
            while !is_over.load(Ordering::Relaxed) || round < 8 {
                round += 1;
                let table_bytes = [2 << 20, 1 << 20, 200 << 10][round % 3];
                let cache_bytes = [LIMIT_BYTES, LIMIT_BYTES / 2][round % 2];
                table.set_options(limited.limit_bytes(table_bytes)).unwrap();
                let over_bytes = cache.set_limit(cache_bytes).unwrap();
                let before = [cache.gauges().charged_bytes, table.gauges().charged_bytes];
                assert!(over_bytes >= before[0].saturating_sub(cache_bytes));
                let now = [cache.gauges().charged_bytes, table.gauges().charged_bytes];
                assert!(now[0] <= before[0].max(cache_bytes), "nothing is added above a limit");
                assert!(now[1] <= before[1].max(table_bytes), "nothing is added above a limit");
                while cache.tend(Budget::slice()).over_bytes > 0 {}
                for _ in 0..50 {
                    let now = [cache.gauges().charged_bytes, table.gauges().charged_bytes];
                    assert!(now[0] <= cache_bytes && now[1] <= table_bytes, "{now:?}");
                }
            }
            rounds.store(round as u64, Ordering::Relaxed);
        });
        let _over = Over(&is_over);
        two_threads(&cache, [&other, &table], &|_| {});
    });
    assert!(rounds.into_inner() >= 8);
    cache.validate();
}

#[test]
fn memory_follows_a_limit_that_is_lowered() {
    let cache = cache(LIMIT_BYTES);
    let table = cache.table::<u64, Bytes>("t", TableOptions::default()).unwrap();
    for key in 0..40_000u64 {
        table.put(&key, &[7; 150], How::default()).unwrap();
    }
    cache.set_limit(LIMIT_BYTES / 4).unwrap();
    // Not while a reader of another test waits for its core: epochs are those of the OS process.
    for _ in 0..400 {
        while cache.tend(Budget::unbounded()).can_more {}
        if cache.pile().backed_bytes() <= LIMIT_BYTES / 4 {
            break;
        }
        thread::yield_now();
    }
    assert!(cache.pile().backed_bytes() <= LIMIT_BYTES / 4, "{}", cache.pile().backed_bytes());
    assert!(table.gauges().count > 2_500, "{}", table.gauges().count);
    cache.validate();
}

/// What the cache has drawn, as parts of its limit.
fn part(cache: &Cache) -> f64 {
    let gauges = cache.gauges();
    #[expect(clippy::cast_precision_loss, reason = "compared with parts of a limit")]
    let part = gauges.charged_bytes as f64 / gauges.limit_bytes as f64;
    part
}

#[test]
fn watermarks_refuse_the_cheapest_first_and_then_all() {
    // The pile has more room; and tables that small draw nothing ahead.
    let pile = Pile::builder("watermarks").limit_bytes(LIMIT_BYTES).build().expect("a pile");
    let cache = Cache::over(&pile, CacheOptions::limit(3 << 20)).expect("a cache");
    let options = TableOptions::default().limit_bytes(3 << 20);
    let kept = cache.table::<u64, Bytes>("kept", options.durable()).unwrap();
    let table = cache.table::<u64, Bytes>("t", options).unwrap();
    let value = [7; 200];
    let mut key = 0;
    let mut keep_up_to = |wanted: f64| {
        while part(&cache) < wanted {
            key += 1;
            kept.put(&key, &value, How::default()).expect("below the last watermark");
        }
    };
    keep_up_to(0.85);
    for key in 0..100 {
        table.put(&key, &value, How::default().level(0)).expect("below the low watermark");
    }
    for key in 0..100 {
        assert!(table.remove(&key));
    }
    keep_up_to(0.941);
    for key in 0..100 {
        let cheapest = table.put(&key, &value, How::default().level(0));
        assert_eq!(cheapest, Err(Refused::High), "above the high watermark");
    }
    for key in 0..10 {
        table.put(&key, &value, How::default().level(1)).expect("below the last watermark");
    }
    keep_up_to(0.9685);
    let refused = loop {
        key += 1;
        if let Err(refused) = kept.put(&key, &value, How::default()) {
            break refused;
        }
    };
    assert_eq!(refused, Refused::OutOfSpace);
    assert!(part(&cache) <= 0.97);
    for key in 0..10 {
        table.remove(&key);
    }
    loop {
        key += 1;
        if kept.put(&key, &value, How::default()).is_err() {
            break;
        }
    }
    for level in 1..8 {
        let dearer = table.put(&1, &value, How::default().level(level));
        assert_eq!(dearer, Err(Refused::NoVictim), "nobody can give way");
    }
    assert_eq!(table.put(&1, &value, How::default().level(0)), Err(Refused::High));
    assert!(table.gauges().refused[2] >= 100 && table.gauges().refused[1] == 7);
    // All that was kept is still there.
    let counted = kept.gauges();
    assert_eq!(counted.inserts, counted.count);
    cache.validate();
}

#[test]
fn a_durable_table_that_is_full_refuses_and_keeps_everything() {
    let cache = cache(LIMIT_BYTES);
    let options = TableOptions::default().durable().limit_bytes(1 << 20);
    let table = cache.table::<u64, Bytes>("t", options).unwrap();
    let mut kept = Vec::new();
    let mut random = Random(9);
    for key in 0..20_000u64 {
        let value = vec![key.to_le_bytes()[0]; usize::try_from(random.below(400)).unwrap()];
        match table.put(&key, &value, How::default().level(0)) {
            Ok(put) => {
                assert_eq!(put.evicted, 0);
                kept.push((key, value));
            }
            Err(refused) => assert_eq!(refused, Refused::OutOfSpace),
        }
    }
    let gauges = table.gauges();
    assert!(gauges.charged_bytes <= 1 << 20 && gauges.charged_bytes + 100 > 1 << 20);
    assert_eq!((gauges.count, gauges.refused[0]), (kept.len() as u64, 20_000 - kept.len() as u64));
    // A longer value is refused, and the old one stays; a shorter one is taken.
    let (key, value) = kept.first().unwrap();
    let refused = table.put(key, &[0; 5000], How::default());
    assert_eq!(refused, Err(Refused::OutOfSpace));
    table.set_options(options.limit_bytes(100 << 10)).unwrap();
    while cache.tend(Budget::unbounded()).can_more {}
    assert!(table.put(key, value, How::default()).is_ok(), "it takes no more than before");
    let guard = cache.pin();
    for (key, value) in &kept {
        assert_eq!(table.get(&guard, key).expect("it stays").bytes(), value);
    }
    drop(guard);
    cache.validate();
}

#[test]
fn room_that_was_drawn_for_a_put_is_not_given_back_before_it_is_used() {
    let clock_ms = Arc::new(AtomicU64::new(5_000));
    let clock = Clock::shared(Arc::clone(&clock_ms));
    let pile = Pile::builder("drawn").limit_bytes(32 << 20).clock(clock).build().expect("a pile");
    let cache = Cache::over(&pile, CacheOptions::limit(32 << 20)).expect("a cache");
    // So small a table draws each byte when it is wanted, and gives it back when it is free.
    let options = TableOptions::default().limit_bytes(3 << 20).max_age(10);
    let table = cache.table::<u64, Bytes>("t", options).expect("a table");
    for key in 0..4000u64 {
        // The index finds, growing for one, that the lives of others are over.
        if key.is_multiple_of(1000) {
            clock_ms.fetch_add(20_000, Ordering::Relaxed);
        }
        table.put(&key, &[7; 100], How::default()).unwrap();
    }
    assert!(table.gauges().expired_found > 0);
    cache.validate();
}

#[test]
fn a_refusal_says_whether_it_is_the_key_or_the_value_that_is_too_long() {
    let cache = cache(LIMIT_BYTES);
    let options = TableOptions::default().limit_bytes(10_000);
    let table = cache.table::<[u8], Bytes>("t", options).unwrap();
    table.put(&[1; KEY_BYTES_MAX], b"", How::default()).unwrap();
    let key = table.put(&[1; KEY_BYTES_MAX + 1], b"", How::default()).unwrap_err();
    assert_eq!(key, Refused::KeyTooLong { most_bytes: KEY_BYTES_MAX as u64 });
    assert_eq!(key.to_string(), "the key is too long: at most 1024 bytes");
    let value = table.put(b"key", &[1; 10_000], How::default()).unwrap_err();
    assert!(matches!(value, Refused::TooLarge { most_bytes: 9000..10_000 }), "{value:?}");
    assert!(value.to_string().starts_with("the value is too long"));
    let mut reserved = table.reserve(b"key", 100, How::default()).unwrap();
    reserved.write(&[1; 60]).unwrap();
    assert_eq!(reserved.write(&[1; 60]), Err(Refused::TooLarge { most_bytes: 40 }));
    let refused = table.gauges().refused;
    assert_eq!((refused[3], refused[8]), (1, 1));
}
