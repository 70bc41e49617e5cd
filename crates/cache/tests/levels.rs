//! No put evicts who is dearer.
//!
//! Alone in its OS process: a reader of another test would let the pile run short, and what is evicted for that goes span by span.

#![expect(clippy::cast_possible_truncation, reason = "numbers of a test are small")]

use levada_cache::{Bytes, Cache, CacheOptions, How, Pile, Refused, TableOptions};

fn cache(limit_bytes: u64) -> Cache {
    let pile = Pile::builder("levels").limit_bytes(limit_bytes).build().expect("a pile");
    Cache::over(&pile, CacheOptions::limit(limit_bytes)).expect("a cache")
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

/// How many entries of each level all tables hold.
fn levels(cache: &Cache) -> [u64; 8] {
    let mut counts = [0; 8];
    for table in cache.gauges().tables {
        for (count, level) in counts.iter_mut().zip(table.levels) {
            *count += level.count;
        }
    }
    counts
}

#[test]
fn no_put_evicts_who_is_dearer() {
    let cache = cache(2 << 20);
    let one = cache.table::<u64, Bytes>("one", TableOptions::default()).unwrap();
    let other = cache.table::<u64, Bytes>("other", TableOptions::default().weight(3)).unwrap();
    let mut random = Random(3);
    let mut before = levels(&cache);
    let mut refused = 0;
    for key in 0..12_000u64 {
        let level = random.below(8) as u8;
        let table = if random.below(2) == 0 { &one } else { &other };
        let bytes = [60, 200, 700][random.below(3) as usize];
        let put = table.put(&key, &vec![1; bytes], How::default().level(level));
        let now = levels(&cache);
        let dearer = usize::from(level) + 1..8;
        for dearer in dearer {
            assert_eq!(now[dearer], before[dearer], "a put of level {level} took one of {dearer}");
        }
        match put {
            Ok(_) => {}
            Err(Refused::NoVictim | Refused::High) => {
                refused += 1;
            }
            Err(other) => panic!("{other}"),
        }
        before = now;
    }
    assert!(refused > 0, "at times nobody could give way");
    let now = levels(&cache);
    // Each level was put as often; what is left of three cheap ones depends on what came last, and on where keys fall.
    assert!(now[..3].iter().sum::<u64>() < now[7] / 2, "the cheap ones went first: {now:?}");
    cache.validate();
}
