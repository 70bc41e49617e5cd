//! `pile`: what it costs to put, get, replace and delete values, beside boxes, maps, slot maps, servers and bare loops.
//!
//! A further act is a file in `stores/`, and a line in the list below.

use crate::comparisons::served_case::served;
use crate::comparisons::store_case::{Work, case, working};
use crate::frame::comparison::{Bar, Case, Comparison, Entrant, Ground, Yardstick};
use crate::frame::fault::Fault;
use crate::frame::manner::Manner;
use crate::rivals::key_value::Tongue;
use crate::rivals::stores::{BARE, BARE_SMALL, BOXES, FAST_MAPS, Keeping, MAPS, SLOTS};
use crate::stores::slot_map_store::VALUE_BYTES;
use crate::stores::store_work::Act;

const BARE_LOOP: Yardstick = Yardstick::Floor;
const BOX: Yardstick = Yardstick::Rival("Box");
const MAP: Yardstick = Yardstick::Rival("HashMap");
const FAST_MAP: Yardstick = Yardstick::Rival("foldhash");
const REDIS: Yardstick = Yardstick::Rival("Redis");
const MEMCACHED: Yardstick = Yardstick::Rival("memcached");

pub(crate) const COMPARISON: Comparison = Comparison {
    name: "pile",
    manner: Manner::Loops,
    title: "pile: time to put, get, follow, replace and delete small values",
    unit: "ns",
    rate_unit: "turns/s",
    other_units: &[],
    yardsticks: &[BARE_LOOP, BOX, MAP, FAST_MAP, REDIS, MEMCACHED],
    notes: &[
        "Each entrant is an OS process of its own on core 0, with all its values in it before the first round; they take turns.",
        "HashMap is HashMap<u64, Box<[u8]>> with the standard hasher; the same with foldhash, which no stranger's keys should meet, stands beside it. slotmap and sharded-slab hold [u8; 64] in their own arrays, their best case.",
        "The bare loop has slots of one length in mapped memory, compares a header of 8 B for each get, and does nothing else: the least that a store could do.",
        "glibc and mimalloc keep what is given back, and take huge pages: MALLOC_TRIM_THRESHOLD_=4294967296, MALLOC_MMAP_THRESHOLD_=33554432, GLIBC_TUNABLES=glibc.malloc.hugetlb=1, MIMALLOC_PURGE_DELAY=-1, MIMALLOC_ALLOW_LARGE_OS_PAGES=1. Of several settings of a rival the best is the yardstick.",
        "A put goes into memory that was filled and emptied before; emptying is not timed. Gets, replacements and deletions are in an order that has none, and a reader looks at the first 8 B of a value.",
        "Together is by get_many, 256 at a time; the bare loop asks for its slots 16 ahead. A hop follows the handle that a value holds, on one circle through all of them.",
        "A get beside a server is CPU time on core 0: ours in the process that asks, Redis (GET by GET, and MGET) and memcached (-t 1) over a Unix socket with 100 keys on their way at once; what the asking side spends is not counted.",
    ],
    cases,
};

/// How many values a case has, where their number is not what it is about.
const MANY: u64 = 1_000_000;

/// So many that 64 B values with their headers take 140 MB.
const BEYOND_CACHES: u64 = 2_000_000;

const LENGTHS: [(usize, &str, u64); 5] = [
    (32, "32 B", MANY),
    (64, "64 B", MANY),
    (256, "256 B", MANY),
    (1024, "1024 B", 400_000),
    (4096, "4096 B", 100_000),
];

const COUNTS: [(u64, &str); 4] = [
    (10_000, "10^4 values"),
    (100_000, "10^5 values"),
    (1_000_000, "10^6 values"),
    (10_000_000, "10^7 values"),
];

fn cases(ground: &Ground) -> Result<Vec<Case>, Fault> {
    let is_quick = ground.pace.is_quick();
    let lengths = if is_quick { &LENGTHS[..3] } else { &LENGTHS };
    let mut all: Vec<Case> = lengths.iter().map(|length| put(ground, *length)).collect();
    all.push(get(ground, "hot, 64 B", 1_000));
    all.push(get(ground, "140 MB of 64 B", BEYOND_CACHES));
    let large =
        if is_quick { (5_000_000, "0.36 GB of 64 B") } else { (50_000_000, "3.6 GB of 64 B") };
    all.push(together(ground, large));
    all.push(hop(ground, (1_400_000, "0.1 GB of 64 B")));
    if !is_quick {
        all.push(hop(ground, large));
    }
    all.push(delete(ground));
    all.push(beside_servers(ground));
    if let Some(round_count) = ground.pace.sweep_round_count {
        let counts = COUNTS.into_iter().map(|count| get_of_so_many(ground, count, round_count));
        all.extend(counts);
    }
    Ok(all)
}

fn rows<const N: usize>(ground: &Ground, keeping: [&[Keeping]; N], work: Work) -> Vec<Entrant> {
    keeping.concat().into_iter().map(|one| working(ground, one, work)).collect()
}

/// Those whose values have one length only where they have it.
fn slots(value_bytes: usize) -> &'static [Keeping] {
    if value_bytes == VALUE_BYTES { &SLOTS } else { &[] }
}

fn put(ground: &Ground, (value_bytes, point, count): (usize, &str, u64)) -> Case {
    let work = Work { act: Act::Put, value_bytes, count };
    let keeping = [&BOXES[..], &MAPS, &FAST_MAPS, slots(value_bytes), &[BARE]];
    let bars = match value_bytes {
        32 => vec![bar(BOX, 0.45, 0.30), bar(MAP, 0.15, 0.08)],
        64 => vec![bar(BOX, 0.50, 0.35), bar(MAP, 0.15, 0.08)],
        256 => vec![bar(BOX, 0.30, 0.20), bar(MAP, 0.15, 0.08)],
        _ => Vec::new(),
    };
    case(("put, 1 thread", point), ground.pace.round_count, rows(ground, keeping, work), bars)
}

fn get(ground: &Ground, point: &str, count: u64) -> Case {
    let work = Work { act: Act::Get, value_bytes: VALUE_BYTES, count };
    let keeping = [&MAPS[..], &FAST_MAPS, &SLOTS, &[BARE]];
    let bars = if count == BEYOND_CACHES {
        vec![bar(BARE_LOOP, 1.5, 1.25), bar(MAP, 0.8, 0.65)]
    } else {
        vec![bar(MAP, 0.7, 0.5)]
    };
    case(("get, 1 thread", point), ground.pace.round_count, rows(ground, keeping, work), bars)
}

fn together(ground: &Ground, (count, point): (u64, &str)) -> Case {
    let work = Work { act: Act::GetTogether, value_bytes: VALUE_BYTES, count };
    let entrants = rows(ground, [&[BARE, BARE_SMALL]], work);
    let bars = vec![bar(BARE_LOOP, 1.3, 1.15)];
    case(("get together", point), ground.pace.round_count, entrants, bars)
}

fn hop(ground: &Ground, (count, point): (u64, &str)) -> Case {
    let work = Work { act: Act::Hop, value_bytes: VALUE_BYTES, count };
    let entrants = rows(ground, [&[BARE, BARE_SMALL]], work);
    let bars = vec![bar(BARE_LOOP, 1.25, 1.1)];
    case(("hop", point), ground.pace.round_count, entrants, bars)
}

fn delete(ground: &Ground) -> Case {
    let work = Work { act: Act::Delete, value_bytes: VALUE_BYTES, count: MANY };
    let entrants = rows(ground, [&MAPS, &FAST_MAPS, &SLOTS], work);
    let bars = vec![bar(MAP, 0.3, 0.15)];
    case(("delete and replace", "delete, 64 B"), ground.pace.round_count, entrants, bars)
}

fn beside_servers(ground: &Ground) -> Case {
    let entrants = vec![
        served(ground, "Redis, GET", "Redis", Tongue::Redis),
        served(ground, "Redis, MGET", "Redis", Tongue::RedisMany),
        served(ground, "memcached", "memcached", Tongue::Memcached),
    ];
    let bars = vec![bar(REDIS, 0.15, 0.08), bar(MEMCACHED, 0.15, 0.08)];
    case(("CPU time of a get beside a server", "64 B"), ground.pace.round_count, entrants, bars)
}

fn get_of_so_many(ground: &Ground, (count, point): (u64, &str), round_count: usize) -> Case {
    let work = Work { act: Act::Get, value_bytes: VALUE_BYTES, count };
    let keeping = [&MAPS[..], &FAST_MAPS, &SLOTS, &[BARE, BARE_SMALL]];
    case(("get as values grow, 64 B", point), round_count, rows(ground, keeping, work), Vec::new())
}

const fn bar(against: Yardstick, first: f64, goal: f64) -> Bar {
    Bar { against, first: Some(first), goal: Some(goal) }
}
