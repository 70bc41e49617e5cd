//! `cache-memory`: what an entry takes beside its key and value, beside other caches and servers.

use crate::comparisons::cache_case::holding;
use crate::comparisons::fixed::fixed;
use crate::comparisons::served_case::served_memory;
use crate::comparisons::store_case::case;
use crate::frame::comparison::{Bar, Case, Comparison, Entrant, Ground, Yardstick};
use crate::frame::fault::Fault;
use crate::frame::manner::Manner;
use crate::rivals::caches::{FOYER, MAP, MAPS, MOKA, OURS, OURS_DIGITS, QUICK_CACHE, RIVALS};
use crate::rivals::key_value::Tongue;

const QUICK: Yardstick = Yardstick::Rival(QUICK_CACHE);
const FOYERS: Yardstick = Yardstick::Rival(FOYER);
const MOKAS: Yardstick = Yardstick::Rival(MOKA);
const MAP_OF_BOXES: Yardstick = Yardstick::Rival(MAP);
const REDIS: Yardstick = Yardstick::Rival("Redis");
const MEMCACHED: Yardstick = Yardstick::Rival("memcached");
const OVERHEAD: Yardstick = Yardstick::Rival("30 B");

pub(crate) const COMPARISON: Comparison = Comparison {
    name: "cache-memory",
    manner: Manner::Fills,
    title: "cache-memory: memory of an entry",
    unit: "B/entry",
    rate_unit: "",
    other_units: &[],
    yardsticks: &[QUICK, FOYERS, MOKAS, MAP_OF_BOXES, REDIS, MEMCACHED, OVERHEAD],
    notes: &[
        "A fresh OS process holds a million entries; the figure is what its resident memory grew by for each. Who lets go has been given two million keys by then, so that its queues and its memory of what went are what they become in time; a map has one million.",
        "Overhead is what is beyond the key, 8 B, and the value. Values of the rivals are Arc<[u8]>, whose counters and whose allocator's rounding count; so does the rounding of our slots. moka has a time to live and so have ours; the others know none.",
        "Of the servers an entry is a million of them, with keys of 10 B for Redis and of 16 B for memcached; ours is in the process that asks, in a table whose keys are of any length and whose entries have lives.",
        "Allocators are as they come, without huge pages.",
    ],
    cases,
};

const COUNT: usize = 1_000_000;

const KEY_BYTES: usize = 8;

fn cases(ground: &Ground) -> Result<Vec<Case>, Fault> {
    let lengths = [(56, "56 B"), (60, "60 B"), (64, "64 B")];
    let overheads = lengths.map(|length| overhead(ground, length));
    Ok(overheads.into_iter().chain([beside_servers(ground)]).collect())
}

const SHORT_BYTES: usize = 32;

fn beside_servers(ground: &Ground) -> Case {
    let values = (SHORT_BYTES, COUNT as u64);
    let entrants = vec![
        holding(ground, OURS_DIGITS, (SHORT_BYTES, COUNT), 0),
        served_memory(ground, "Redis", "Redis", Tongue::Redis, values),
        served_memory(ground, "memcached", "memcached", Tongue::Memcached, values),
    ];
    let bar = |against, first, goal| Bar { against, first: Some(first), goal: Some(goal) };
    let bars = vec![bar(REDIS, 0.72, 0.66), bar(MEMCACHED, 0.70, 0.66)];
    let name = ("an entry with its key of 16 B", "32 B");
    case(name, ground.pace.round_count, entrants, bars)
}

fn overhead(ground: &Ground, (value_bytes, point): (usize, &str)) -> Case {
    let beyond_bytes = KEY_BYTES + value_bytes;
    let all = [&[OURS][..], &RIVALS, &MAPS].concat();
    let mut entrants: Vec<Entrant> = all
        .into_iter()
        .map(|one| holding(ground, one, (value_bytes, COUNT), beyond_bytes))
        .collect();
    entrants.push(fixed("30 B", 30.0));
    let bars = vec![Bar { against: OVERHEAD, first: Some(1.0), goal: Some(28.5 / 30.0) }];
    case(("overhead of an entry, u64 key", point), ground.pace.round_count, entrants, bars)
}
