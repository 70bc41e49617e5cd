//! A table agrees, step by step, with a map that has a clock; where entries may be evicted, it differs by those alone.

#![expect(clippy::cast_possible_truncation, reason = "numbers of a test are small")]

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use levada_cache::{
    Budget, Bytes, Cache, CacheOptions, Clock, How, Life, Pile, Refused, Stored, Table,
    TableOptions,
};

/// What the model knows of an entry.
#[derive(Clone, Debug)]
struct Known {
    value: Vec<u8>,
    /// From this second on it is absent.
    end_s: Option<u64>,
    put_s: u64,
    life_s: Option<u64>,
    level: u8,
    note: u32,
}

struct World {
    cache: Cache,
    table: Table<[u8], Bytes>,
    known: HashMap<Vec<u8>, Known>,
    clock_ms: Arc<AtomicU64>,
    random: u64,
    /// Whether entries may be missing that nobody removed.
    may_evict: bool,
    missing: u64,
}

impl World {
    fn new(options: TableOptions, limit_bytes: u64, seed: u64) -> Self {
        let clock_ms = Arc::new(AtomicU64::new(5_000));
        let clock = Clock::shared(Arc::clone(&clock_ms));
        let pile =
            Pile::builder("model").limit_bytes(limit_bytes).clock(clock).build().expect("a pile");
        let cache = Cache::over(&pile, CacheOptions::limit(limit_bytes)).expect("a cache");
        let table = cache.table("model", options).expect("a table");
        let may_evict = options.mode == levada_cache::Mode::Cache;
        Self { cache, table, known: HashMap::new(), clock_ms, random: seed, may_evict, missing: 0 }
    }

    fn random(&mut self, below: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % below
    }

    /// Seconds as the pile counts them.
    fn now_s(&self) -> u64 {
        u64::from(self.cache.pile().now_s())
    }

    fn key(&mut self, keys: u64) -> Vec<u8> {
        let number = self.random(keys);
        let long = if number.is_multiple_of(50) { 200 } else { number as usize % 7 };
        [&number.to_le_bytes()[..], &vec![b'k'; long]].concat()
    }

    fn value(&mut self) -> Vec<u8> {
        let length = match self.random(20) {
            0 => self.random(5000),
            1 => 0,
            _ => self.random(120),
        };
        let first = self.random(256);
        (0..length).map(|at| (at + first) as u8).collect()
    }

    /// What the model says is there now.
    fn present(&mut self, key: &[u8]) -> Option<Known> {
        let now_s = self.now_s();
        self.known
            .retain(|known, entry| known != key || entry.end_s.is_none_or(|end_s| now_s < end_s));
        self.known.get(key).cloned()
    }

    fn compare(&mut self, key: &[u8]) {
        let expected = self.present(key);
        let now_s = self.now_s();
        let guard = self.cache.pin();
        let hit = self.table.get(&guard, key);
        match (&expected, hit) {
            (None, None) => {}
            (Some(known), Some(hit)) => {
                assert_eq!(hit.bytes(), known.value);
                assert_eq!((hit.level(), hit.note(0)), (known.level, known.note));
                assert_eq!(hit.left_s().map(u64::from), known.end_s.map(|end_s| end_s - now_s));
                assert_eq!(hit.age_s().map(u64::from), Some(now_s - known.put_s));
            }
            (Some(_), None) if self.may_evict => {
                self.missing += 1;
                self.known.remove(key);
            }
            (expected, hit) => panic!("{expected:?} was expected, and there is {hit:?}"),
        }
    }

    fn how(&mut self) -> (How, u8, Option<u64>) {
        let level = self.random(8) as u8;
        let life_s = (self.random(3) == 0).then(|| 1 + self.random(30));
        let mut how = How::default().level(level);
        if let Some(life_s) = life_s {
            how = how.life(Life::secs(life_s as u32));
        }
        let level = if self.may_evict { level.max(1) } else { level };
        (how.level(level), level, life_s)
    }

    fn put_known(&mut self, key: &[u8], value: &[u8], level: u8, life_s: Option<u64>, note: u32) {
        let now_s = self.now_s();
        let end_s = life_s.map(|life_s| now_s + life_s + 1);
        let value = value.to_vec();
        self.known.insert(key.to_vec(), Known { value, end_s, put_s: now_s, life_s, level, note });
    }

    fn step(&mut self, keys: u64) {
        let key = self.key(keys);
        match self.random(100) {
            0..40 => self.compare(&key),
            40..60 => {
                let value = self.value();
                let (how, level, life_s) = self.how();
                let note = self.random(1000) as u32;
                match self.table.put(&key, &value, how.notes([note, 0])) {
                    Ok(_) => self.put_known(&key, &value, level, life_s, note),
                    Err(Refused::OutOfSpace) if !self.may_evict => {}
                    Err(Refused::NoVictim) if self.may_evict => {}
                    Err(refused) => panic!("{refused}"),
                }
            }
            60..66 => {
                self.compare(&key);
                let value = self.value();
                let (how, level, life_s) = self.how();
                let is_there = self.present(&key).is_some();
                let adds = self.random(2) == 0;
                let stored = match adds {
                    true => self.table.add(&key, &value, how),
                    false => self.table.replace(&key, &value, how),
                };
                match stored {
                    Ok(Stored::Stored(_)) => {
                        assert_ne!(adds, is_there);
                        self.put_known(&key, &value, level, life_s, 0);
                    }
                    Ok(other) => {
                        assert_eq!(other, if adds { Stored::Exists } else { Stored::Absent });
                        assert!(adds == is_there || self.may_evict);
                    }
                    Err(_) => {}
                }
            }
            66..74 => {
                let was_there = self.present(&key).is_some();
                assert!(self.table.remove(&key) == was_there || (self.may_evict && was_there));
                self.known.remove(&key);
            }
            74..80 => {
                let life_s = 1 + self.random(30);
                let is_touched = self.table.touch(&key, Life::secs(life_s as u32));
                let now_s = self.now_s();
                match self.present(&key) {
                    Some(_) if is_touched => {
                        let known = self.known.get_mut(&key).expect("it is present");
                        known.end_s = Some(now_s + life_s + 1);
                        known.life_s = Some(now_s - known.put_s + life_s);
                    }
                    Some(_) => assert!(self.may_evict, "an entry that is there is touched"),
                    None => assert!(!is_touched),
                }
                if !is_touched {
                    self.known.remove(&key);
                }
            }
            80..84 => {
                let is_renewed = self.table.rejuvenate(&key);
                let now_s = self.now_s();
                match self.present(&key) {
                    Some(_) if is_renewed => {
                        let known = self.known.get_mut(&key).expect("it is present");
                        known.put_s = now_s;
                        known.end_s = known.life_s.map(|life_s| now_s + life_s + 1);
                    }
                    Some(_) => assert!(self.may_evict, "an entry that is there is renewed"),
                    None => assert!(!is_renewed),
                }
                if !is_renewed {
                    self.known.remove(&key);
                }
            }
            84..88 => {
                let by = self.random(100) as u32;
                let noted = self.table.note(&key, 0, &mut |note| note.wrapping_add(by));
                match (self.present(&key), noted) {
                    (Some(known), Some(before)) => {
                        assert_eq!(before, known.note);
                        self.known.get_mut(&key).expect("it is present").note =
                            before.wrapping_add(by);
                    }
                    (Some(_), None) => assert!(self.may_evict),
                    (None, noted) => assert_eq!(noted, None),
                }
                if noted.is_none() {
                    self.known.remove(&key);
                }
            }
            88..92 => {
                let seen = self.table.get(&self.cache.pin(), &key).map(|hit| hit.version());
                let value = self.value();
                let other = self.random(4) == 0;
                if other {
                    self.table.remove(&key);
                }
                if let Some(seen) = seen {
                    let stored =
                        self.table.compare_put(&key, seen, &value, How::default().level(3));
                    match stored {
                        Ok(Stored::Stored(_)) => {
                            assert!(!other);
                            self.put_known(&key, &value, 3, None, 0);
                        }
                        Ok(_) => assert!(other || self.may_evict),
                        Err(_) => {}
                    }
                }
                if other {
                    self.known.remove(&key);
                }
            }
            92..98 => {
                let by = self.random(1500);
                self.clock_ms.fetch_add(by, Ordering::Relaxed);
            }
            98 => {
                self.cache.tend(Budget::slice());
            }
            _ => {
                if self.random(40) == 0 {
                    self.table.clear();
                    self.known.clear();
                } else {
                    self.cache.pile().compact(Budget::slice());
                }
            }
        }
    }
}

fn ops(default: u64) -> u64 {
    std::env::var("LEVADA_OPS").ok().and_then(|ops| ops.parse().ok()).unwrap_or(default)
}

fn seed() -> u64 {
    let seed = std::env::var("LEVADA_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(7u64);
    seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1
}

#[test]
fn a_durable_table_agrees_with_a_map() {
    let options = TableOptions::default().durable().ages().notes(1);
    let mut world = World::new(options, 16 << 20, seed());
    for step in 0..ops(60_000) {
        world.step(3000);
        if step % 5_000 == 0 {
            world.cache.validate();
        }
    }
    let keys: Vec<Vec<u8>> = world.known.keys().cloned().collect();
    for key in keys {
        world.compare(&key);
    }
    world.cache.validate();
    assert_eq!(world.missing, 0);
    assert!(world.table.gauges().count > 100);
}

#[test]
fn a_cache_differs_from_a_map_by_what_was_evicted_alone() {
    let options = TableOptions::default().ages().notes(1);
    let mut world = World::new(options, 1 << 20, seed());
    for step in 0..ops(60_000) {
        world.step(30_000);
        if step % 5_000 == 0 {
            world.cache.validate();
        }
        if step % 16 == 0 {
            let gauges = world.cache.gauges();
            assert!(gauges.charged_bytes <= gauges.limit_bytes);
            assert!(gauges.pile.backed_bytes <= gauges.limit_bytes);
        }
    }
    world.cache.validate();
    assert!(world.missing > 100, "something was evicted: {}", world.missing);
}
