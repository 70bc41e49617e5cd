//! `pile`: what it costs to put, get, replace and delete values, beside boxes, maps, slot maps, servers and bare loops.
//!
//! A further act is a file in `stores/`, and a line in the list below.

use crate::comparisons::fixed::fixed;
use crate::comparisons::served_case::served;
use crate::comparisons::store_case::{Costs, Work, case, filling, timing, working, working_on};
use crate::frame::comparison::{Bar, Case, Comparison, Entrant, Ground, Side, Yardstick};
use crate::frame::fault::Fault;
use crate::frame::manner::Manner;
use crate::loops::looping::{Prepared, entrant};
use crate::rivals::key_value::Tongue;
use crate::rivals::stores::{
    BARE, BARE_SMALL, BOXES, FAST_MAPS, Keeping, MAPS, OURS, OURS_BY_CELL, OURS_ROOMY, SLOTS,
};
use crate::stores::slot_map_store::VALUE_BYTES;
use crate::stores::store_work::Act;
use crate::stores::{lending, persons};

const BARE_LOOP: Yardstick = Yardstick::Floor;
const BOX: Yardstick = Yardstick::Rival("Box");
const MAP: Yardstick = Yardstick::Rival("HashMap");
const FAST_MAP: Yardstick = Yardstick::Rival("foldhash");
const REDIS: Yardstick = Yardstick::Rival("Redis");
const MEMCACHED: Yardstick = Yardstick::Rival("memcached");
const MI_BOX: Yardstick = Yardstick::Rival("Box by mimalloc");
const MI_MAP: Yardstick = Yardstick::Rival("HashMap by mimalloc");
const LIBRARY: Yardstick = Yardstick::Rival("the library itself");
const COPY: Yardstick = Yardstick::Rival("Bytes");
const ONE_THREAD: Yardstick = Yardstick::Rival("ours on 1 thread");
const QUIET: Yardstick = Yardstick::Rival("ours, quiet");
const TWELVE_SECONDS: Yardstick = Yardstick::Rival("12 s for 200 million");
const FIFTY_MICROSECONDS: Yardstick = Yardstick::Rival("50 µs");

pub(crate) const COMPARISON: Comparison = Comparison {
    name: "pile",
    manner: Manner::Stores,
    title: "pile: time to put, get, follow, replace and delete small values",
    unit: "ns",
    rate_unit: "turns/s",
    other_units: &["B/value"],
    yardsticks: &[
        BARE_LOOP,
        BOX,
        MI_BOX,
        MAP,
        MI_MAP,
        FAST_MAP,
        REDIS,
        MEMCACHED,
        COPY,
        LIBRARY,
        ONE_THREAD,
        QUIET,
        TWELVE_SECONDS,
        FIFTY_MICROSECONDS,
    ],
    notes: &[
        "HashMap is HashMap<u64, Box<[u8]>> with the standard hasher; the same with foldhash, which no stranger's keys should meet, stands beside it. slotmap and sharded-slab hold [u8; 64] in their own arrays, their best case.",
        "The bare loop has slots of one length in mapped memory, compares a header of 8 B for each get, and does nothing else: the least that a store could do.",
        "glibc and mimalloc keep what is given back, and take huge pages: MALLOC_TRIM_THRESHOLD_=4294967296, MALLOC_MMAP_THRESHOLD_=33554432, GLIBC_TUNABLES=glibc.malloc.hugetlb=1, MIMALLOC_PURGE_DELAY=-1, MIMALLOC_ALLOW_LARGE_OS_PAGES=1. Of several settings of a rival the best is the yardstick.",
        "A put goes into memory that was filled and emptied before; emptying is not timed. Gets, replacements and deletions are in an order that has none, and a reader looks at the first 8 B of a value.",
        "Together is by get_many, 256 at a time; the bare loop asks for its slots 16 ahead. A hop follows the handle that a value holds, on one circle through all of them.",
        "A get beside a server is CPU time on core 0: ours in the process that asks, Redis (GET by GET, and MGET) and memcached (-t 1) over a Unix socket with 100 keys on their way at once; what the asking side spends is not counted.",
        "On two threads ours is one pile, put into from both and read from both. Gets during churn are timed one by one while another thread deletes and puts values of 8 B to 2 KiB and tends and compacts the pile; the cost is the time that one get in ten thousand takes or exceeds, some 30 ns of reading the clock among it.",
        "A held value of 4 KiB is lent to an account of a shared heap where it lies, by one who announces himself as a reader for each; the others copy it, over glibc.",
        "A person is a number, two names of 22 and 13 letters, a year and three friends. Ours is put and deleted again, and read by one who announces himself each time; rkyv archives to a new buffer that is dropped, postcard writes to one that is used again.",
        "From nothing is a fresh OS process each time: the time of the whole divided by the number of values, first touch of memory included; a map has one owner, and fewer values.",
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
    let replaced = [
        ("replace, a cell, 64 B", OURS_BY_CELL, 1.5, 1.0),
        ("replace, room for two, 64 B", OURS_ROOMY, 1.2, 0.8),
        ("replace, forwarded, 64 B", OURS, 2.0, 1.5),
    ];
    all.extend(replaced.map(|one| replace(ground, one)));
    let acts = [("put, 64 B", Act::Put), ("get, 64 B", Act::Get)];
    all.extend(acts.map(|act| on_two_threads(ground, act)));
    all.push(hold(ground));
    all.extend(PERSONS.map(|way| person(ground, way)));
    all.push(in_churn(ground));
    all.push(beside_servers(ground));
    all.push(strings(ground));
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
    let keeping = [&[OURS][..], &BOXES, &MAPS, &FAST_MAPS, slots(value_bytes), &[BARE]];
    let box_bar = match value_bytes {
        32 => (0.45, 0.30),
        64 => (0.50, 0.35),
        _ => (0.30, 0.20),
    };
    let boxes = [BOX, MI_BOX].map(|against| bar(against, box_bar.0, box_bar.1));
    let bars = [&boxes[..], &maps(0.15, 0.08)].concat();
    let bars = if value_bytes <= 256 { bars } else { Vec::new() };
    case(("put, 1 thread", point), ground.pace.round_count, rows(ground, keeping, work), bars)
}

fn get(ground: &Ground, point: &str, count: u64) -> Case {
    let work = Work { act: Act::Get, value_bytes: VALUE_BYTES, count };
    let keeping = [&[OURS][..], &MAPS, &FAST_MAPS, &SLOTS, &[BARE]];
    let bars = if count == BEYOND_CACHES {
        [&[bar(BARE_LOOP, 1.5, 1.25)][..], &maps(0.8, 0.65)].concat()
    } else {
        maps(0.7, 0.5).to_vec()
    };
    case(("get, 1 thread", point), ground.pace.round_count, rows(ground, keeping, work), bars)
}

fn together(ground: &Ground, (count, point): (u64, &str)) -> Case {
    let work = Work { act: Act::GetTogether, value_bytes: VALUE_BYTES, count };
    let entrants = rows(ground, [&[OURS, BARE, BARE_SMALL]], work);
    let bars = vec![bar(BARE_LOOP, 1.3, 1.15)];
    case(("get together", point), ground.pace.round_count, entrants, bars)
}

fn hop(ground: &Ground, (count, point): (u64, &str)) -> Case {
    let work = Work { act: Act::Hop, value_bytes: VALUE_BYTES, count };
    let entrants = rows(ground, [&[OURS, BARE, BARE_SMALL]], work);
    let bars = vec![bar(BARE_LOOP, 1.25, 1.1)];
    case(("hop", point), ground.pace.round_count, entrants, bars)
}

fn delete(ground: &Ground) -> Case {
    let work = Work { act: Act::Delete, value_bytes: VALUE_BYTES, count: MANY };
    let entrants = rows(ground, [&[OURS][..], &MAPS, &FAST_MAPS, &SLOTS], work);
    let bars = maps(0.3, 0.15).to_vec();
    case(("delete and replace", "delete, 64 B"), ground.pace.round_count, entrants, bars)
}

fn replace(ground: &Ground, (point, ours, first, goal): (&str, Keeping, f64, f64)) -> Case {
    let work = Work { act: Act::Replace, value_bytes: VALUE_BYTES, count: MANY };
    let entrants = rows(ground, [&[ours][..], &MAPS, &FAST_MAPS], work);
    let bars = maps(first, goal).to_vec();
    case(("delete and replace", point), ground.pace.round_count, entrants, bars)
}

fn hold(ground: &Ground) -> Case {
    let entrants = vec![
        entrant(ground, "levada, held", Side::Ours, lending::hold_and_drop),
        entrant(ground, "levada, copied", Side::OursToo, lending::copy_to_account_and_drop),
        entrant(ground, "Bytes, copied", Side::Rival("Bytes"), lending::copy_to_bytes_and_drop),
    ];
    let bars = vec![bar(COPY, 0.8, 0.5)];
    case(("hold and drop", "4 KiB"), ground.pace.round_count, entrants, bars)
}

/// A value with a type: how each way is called, ours, the rival's, and the bars.
type Way = (&'static str, fn() -> Prepared, (&'static str, fn() -> Prepared), (f64, f64));

const PERSONS: [Way; 5] = [
    (
        "archived: put and delete",
        persons::put_archived,
        ("rkyv, to_bytes", persons::archive),
        (1.0, 0.8),
    ),
    (
        "archived: two fields",
        persons::read_in_pile,
        ("rkyv, access_unchecked", persons::read_in_buffer),
        (2.0, 1.5),
    ),
    ("archived: whole", persons::load_archived, ("a clone", persons::clone), (2.0, 1.5)),
    (
        "compact: put and delete",
        persons::put_compact,
        ("postcard, to_slice", persons::write_compact),
        (1.3, 1.1),
    ),
    (
        "compact: whole",
        persons::load_compact,
        ("postcard, from_bytes", persons::make_from_compact),
        (1.1, 1.05),
    ),
];

fn person(ground: &Ground, (point, ours, (name, theirs), (first, goal)): Way) -> Case {
    let entrants = vec![
        entrant(ground, "levada", Side::Ours, ours),
        entrant(ground, name, Side::Rival("the library itself"), theirs),
    ];
    let bars = vec![bar(LIBRARY, first, goal)];
    case(("a person", point), ground.pace.round_count, entrants, bars)
}

/// Ours on two threads, and on one: 1.7 times as much in all is 1.18 of the time for each.
fn on_two_threads(ground: &Ground, (point, act): (&str, Act)) -> Case {
    let work = Work { act, value_bytes: VALUE_BYTES, count: MANY };
    let alone = as_side(OURS, "levada, 1 thread", ONE_THREAD);
    let entrants = vec![working_on(ground, OURS, work, 2), working(ground, alone, work)];
    let bars = vec![bar(ONE_THREAD, 2.0 / 1.7, 2.0 / 1.8)];
    case(("2 threads", point), ground.pace.round_count, entrants, bars)
}

/// From nothing: 12 s for 200 million are 60 ns for each.
fn strings(ground: &Ground) -> Case {
    let is_quick = ground.pace.is_quick();
    let (count, point) =
        if is_quick { (10_000_000, "10 million") } else { (200_000_000, "200 million") };
    let few = (32, if is_quick { 2_000_000 } else { 20_000_000 });
    let mut entrants = vec![filling(ground, OURS, (32, count), (Costs::Time, 2))];
    let maps = [&MAPS[..], &FAST_MAPS].concat();
    entrants.extend(maps.into_iter().map(|one| filling(ground, one, few, (Costs::Time, 1))));
    entrants.push(fixed("12 s for 200 million", 60.0));
    let bars = vec![bar(TWELVE_SECONDS, 1.0, 10.0 / 12.0)];
    let round_count = if is_quick { 1 } else { 3 };
    case(("values of 32 B from nothing, 2 threads", point), round_count, entrants, bars)
}

fn in_churn(ground: &Ground) -> Case {
    let work = |act| Work { act, value_bytes: VALUE_BYTES, count: MANY };
    let quiet = as_side(OURS, "levada, quiet", QUIET);
    let entrants = vec![
        timing(ground, OURS, work(Act::GetInChurn)),
        timing(ground, quiet, work(Act::GetQuietly)),
        fixed("50 µs", 50_000.0),
    ];
    let bars = vec![Bar { against: FIFTY_MICROSECONDS, first: Some(1.0), goal: None }];
    case(("p99.99 of a get", "while others come and go"), SWEEP_ROUNDS, entrants, bars)
}

/// Where a round is long by itself.
const SWEEP_ROUNDS: usize = 11;

fn beside_servers(ground: &Ground) -> Case {
    let work = Work { act: Act::Get, value_bytes: VALUE_BYTES, count: MANY };
    let entrants = vec![
        working(ground, OURS, work),
        served(ground, "Redis, GET", "Redis", Tongue::Redis),
        served(ground, "Redis, MGET", "Redis", Tongue::RedisMany),
        served(ground, "memcached", "memcached", Tongue::Memcached),
    ];
    let bars = vec![bar(REDIS, 0.15, 0.08), bar(MEMCACHED, 0.15, 0.08)];
    case(("CPU time of a get beside a server", "64 B"), ground.pace.round_count, entrants, bars)
}

fn get_of_so_many(ground: &Ground, (count, point): (u64, &str), round_count: usize) -> Case {
    let work = Work { act: Act::Get, value_bytes: VALUE_BYTES, count };
    let keeping = [&[OURS][..], &MAPS, &FAST_MAPS, &SLOTS, &[BARE, BARE_SMALL]];
    case(("get as values grow, 64 B", point), round_count, rows(ground, keeping, work), Vec::new())
}

/// Ours as its own yardstick.
fn as_side((_, _, by, allocator): Keeping, name: &'static str, side: Yardstick) -> Keeping {
    (name, Side::Rival(side.name()), by, allocator)
}

/// The same bar against a map over either allocator.
fn maps(first: f64, goal: f64) -> [Bar; 2] {
    [MAP, MI_MAP].map(|against| bar(against, first, goal))
}

const fn bar(against: Yardstick, first: f64, goal: f64) -> Bar {
    Bar { against, first: Some(first), goal: Some(goal) }
}
