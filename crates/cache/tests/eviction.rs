//! Who is evicted: as the plain form of S3-FIFO says where there is one queue of each kind, and never who is
//! within his reserve.

#![expect(clippy::cast_precision_loss, reason = "numbers of a test are small")]

use std::collections::{BTreeSet, HashMap, VecDeque};

use levada_cache::{Bytes, Cache, CacheOptions, How, Pile, Table, TableOptions};

/// What the values of the traces have.
const VALUE: [u8; 40] = [7; 40];

fn cache(limit_bytes: u64) -> Cache {
    let pile = Pile::builder("eviction").limit_bytes(limit_bytes).build().expect("a pile");
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

/// S3-FIFO over entries that count as one each, told in its plainest form.
struct Simulator {
    room: usize,
    ghosts: Ghosts,
    frequencies: HashMap<u64, u32>,
    small: VecDeque<u64>,
    main: VecDeque<u64>,
}

/// Who went from the small queue: the last so many, in a ring, whose places are not filled anew when one of them comes back.
struct Ghosts {
    ring: Vec<Option<u64>>,
    known: HashMap<u64, usize>,
    next: usize,
}

impl Ghosts {
    fn remember(&mut self, key: u64) {
        if let Some(forgotten) = self.ring[self.next].replace(key) {
            self.known.remove(&forgotten);
        }
        self.known.insert(key, self.next);
        self.next = (self.next + 1) % self.ring.len();
    }

    fn recall(&mut self, key: u64) -> bool {
        let place = self.known.remove(&key);
        if let Some(place) = place {
            self.ring[place] = None;
        }
        place.is_some()
    }
}

impl Simulator {
    fn new(room: usize, ghosts: usize) -> Self {
        let ghosts = Ghosts { ring: vec![None; ghosts], known: HashMap::new(), next: 0 };
        let (small, main) = (VecDeque::new(), VecDeque::new());
        Self { room, ghosts, frequencies: HashMap::new(), small, main }
    }

    /// Asks for a key, and puts it if it is not there. Whether it was.
    fn ask(&mut self, key: u64) -> bool {
        if let Some(frequency) = self.frequencies.get_mut(&key) {
            *frequency = (*frequency + 1).min(3);
            return true;
        }
        while self.frequencies.len() >= self.room {
            self.evict();
        }
        let queue = if self.ghosts.recall(key) { &mut self.main } else { &mut self.small };
        queue.push_back(key);
        self.frequencies.insert(key, 0);
        false
    }

    fn evict(&mut self) {
        let all = self.small.len() + self.main.len();
        if self.small.len() * 10 >= all || self.main.is_empty() {
            let key = self.small.pop_front().expect("somebody is there");
            if self.frequencies[&key] >= 2 {
                self.frequencies.insert(key, 0);
                self.main.push_back(key);
            } else {
                self.frequencies.remove(&key);
                self.ghosts.remember(key);
            }
            return;
        }
        let key = self.main.pop_front().expect("somebody is there");
        let frequency = self.frequencies.get_mut(&key).expect("it is in a queue");
        if *frequency > 0 {
            *frequency -= 1;
            self.main.push_back(key);
        } else {
            self.frequencies.remove(&key);
        }
    }

    fn keys(&self) -> BTreeSet<u64> {
        self.frequencies.keys().copied().collect()
    }
}

/// A table that has room for so many entries of the traces.
fn table_for(cache: &Cache, entries: usize, seed: u64) -> Table<u64, Bytes> {
    let asked = cache.table::<u64, Bytes>("asked", TableOptions::default()).expect("a table");
    let limit_bytes = entries as u64 * asked.charge_bytes(&0, VALUE.len());
    let options = TableOptions::default().limit_bytes(limit_bytes).seed(seed);
    cache.table(&format!("{entries} of {seed}"), options).expect("a table")
}

fn ask(cache: &Cache, table: &Table<u64, Bytes>, key: u64) -> bool {
    let is_hit = table.get(&cache.pin(), &key).is_some();
    if !is_hit {
        table.put(&key, &VALUE, How::default()).expect("others give way");
    }
    is_hit
}

/// Keys that are asked for the less often the higher they are.
fn zipf(keys: usize, skew: f64, requests: usize, random: &mut Random) -> Vec<u64> {
    let weights = (1..=keys).map(|rank| (rank as f64).powf(-skew));
    let sums: Vec<f64> = weights
        .scan(0.0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        })
        .collect();
    let whole = sums[keys - 1];
    let one = |_| {
        let at = random.below(1 << 40) as f64 / (1u64 << 40) as f64 * whole;
        sums.partition_point(|&sum| sum < at) as u64
    };
    (0..requests).map(one).collect()
}

fn traces() -> Vec<(&'static str, Vec<u64>)> {
    let mut random = Random(88_172_645_463_325_252);
    let requests = 25_000;
    let round_trips = (0..requests as u64).map(|at| at % 1100).collect();
    let hot = zipf(800, 0.6, requests, &mut random);
    let scans_beside_hot = (0..requests as u64)
        .zip(&hot)
        .map(|(at, &hot)| if at / 500 % 2 == 0 { hot } else { 1_000_000 + at % 20_000 })
        .collect();
    let seen_once = zipf(20_000, 0.7, requests, &mut random);
    let seen_once = (1_000_000..).zip(seen_once);
    let seen_once =
        seen_once.map(|(new, old)| if new % 10 < 3 { new } else { old }).collect::<Vec<_>>();
    vec![
        ("Zipf 1.0", zipf(20_000, 1.0, requests, &mut random)),
        ("a loop", round_trips),
        ("scans beside a hot set", scans_beside_hot),
        ("Zipf 0.7 and what is seen once", seen_once),
    ]
}

#[test]
fn the_hits_of_a_trace_are_within_three_in_a_thousand_those_of_a_plain_simulator() {
    let cache = cache(16 << 20);
    for entries in [300, 1000] {
        for (seed, (name, trace)) in (1..).zip(traces()) {
            let table = table_for(&cache, entries, seed);
            let mut simulator = Simulator::new(entries, entries * 9 / 10);
            let hits = trace.iter().filter(|&&key| ask(&cache, &table, key)).count();
            let simulated = trace.iter().filter(|&&key| simulator.ask(key)).count();
            let [ratio, expected] = [hits, simulated].map(|hits| hits as f64 / trace.len() as f64);
            assert!(
                ratio >= expected - 0.003,
                "{name}, {entries} entries: {ratio:.4} of the requests are hits, not {expected:.4}"
            );
            let gauges = table.gauges();
            assert!(gauges.charged_bytes <= gauges.limit_bytes.unwrap());
            table.clear();
        }
    }
    while cache.tend(levada_cache::Budget::unbounded()).can_more {}
    cache.validate();
}

/// With ghosts that fit into one bin there is no chance in it.
#[test]
fn a_small_table_holds_the_keys_of_the_simulator_after_each_request() {
    let cache = cache(16 << 20);
    for seed in 1..4 {
        let mut random = Random((seed << 32) | 0x9E37_79B9);
        let trace = zipf(100, 0.8, 1500, &mut random);
        let table = table_for(&cache, 30, seed);
        let mut simulator = Simulator::new(30, 31);
        for (at, key) in trace.into_iter().enumerate() {
            assert_eq!(ask(&cache, &table, key), simulator.ask(key), "seed {seed}, request {at}");
            let keys = simulator.keys();
            let present: BTreeSet<u64> = (0..100).filter(|key| table.contains(key)).collect();
            assert_eq!(present, keys, "seed {seed}, request {at}");
        }
    }
}

#[test]
fn no_put_takes_from_a_table_what_is_reserved_for_it() {
    let cache = cache(4 << 20);
    let reserve_bytes = 1 << 20;
    let options = TableOptions::default().reserve_bytes(reserve_bytes).level(1);
    let kept = cache.table::<u64, Bytes>("kept", options).unwrap();
    let other = cache.table::<u64, Bytes>("other", TableOptions::default().level(6)).unwrap();
    for key in 0..15_000u64 {
        kept.put(&key, &[1; 100], How::default()).unwrap();
    }
    let one_bytes = kept.charge_bytes(&0, 100);
    assert!(kept.gauges().charged_bytes > 3 * reserve_bytes / 2);
    for key in 0..30_000u64 {
        other.put(&key, &[2; 100], How::default()).unwrap();
        if key % 16 == 0 {
            // What its shards have drawn ahead is its own too.
            let gauges = kept.gauges();
            let drawn_bytes = gauges.charged_bytes + gauges.credit_bytes;
            assert!(drawn_bytes + one_bytes > reserve_bytes, "{drawn_bytes} B are left");
        }
    }
    let charged_bytes = kept.gauges().charged_bytes;
    assert!(charged_bytes < reserve_bytes + reserve_bytes / 8, "what is not reserved went");
    cache.validate();
}
