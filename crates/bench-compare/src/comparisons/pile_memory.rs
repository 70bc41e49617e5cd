//! `pile-memory`: what a small value takes with its handle or key, beside maps, slot maps and servers.

use crate::comparisons::fixed::fixed;
use crate::comparisons::served_case::served_memory;
use crate::comparisons::store_case::{Costs, Work, board, case, filling};
use crate::frame::comparison::{Bar, Case, Comparison, Entrant, Ground, Yardstick};
use crate::frame::fault::Fault;
use crate::frame::manner::Manner;
use crate::rivals::key_value::Tongue;
use crate::rivals::stores::{BOXES, FAST_MAPS, Keeping, MAPS, OURS, SLOTS};
use crate::stores::slot_map_store::VALUE_BYTES;
use crate::stores::store_work::Act;

const MAP: Yardstick = Yardstick::Rival("HashMap");
const BOX: Yardstick = Yardstick::Rival("Box");
const MI_BOX: Yardstick = Yardstick::Rival("Box by mimalloc");
const BOARD: Yardstick = Yardstick::Rival("1.5 of the data");
const REDIS: Yardstick = Yardstick::Rival("Redis");
const MEMCACHED: Yardstick = Yardstick::Rival("memcached");

pub(crate) const COMPARISON: Comparison = Comparison {
    name: "pile-memory",
    manner: Manner::Fills,
    title: "pile-memory: memory of a small value with its handle or key",
    unit: "B/value",
    rate_unit: "",
    other_units: &["resident of data"],
    yardsticks: &[MAP, REDIS, MEMCACHED, BOX, MI_BOX, BOARD],
    notes: &[
        "A fresh OS process takes the values and holds them; the figure is what its resident memory grew by for each, and 8 B for the handle where the store does not keep it itself. A map counts its key, a server its key: 10 B for Redis, 16 B for memcached.",
        "Allocators are as they come, without huge pages. The number of values is not that at which a map has just grown or is about to.",
        "Of a checkerboard every third value stays, of lengths from 8 B to 2 KiB, the short ones more often; then as many bytes are put again in values half as long. Nobody has moved a value: the pointers stay what they are.",
    ],
    cases,
};

/// Between two growths of a map, which doubles at 7/8 of a power of two.
const COUNT: u64 = 1_300_000;

fn cases(ground: &Ground) -> Result<Vec<Case>, Fault> {
    let lengths = [(32, "32 B"), (64, "64 B"), (100, "100 B"), (256, "256 B"), (1024, "1024 B")];
    let wanted = if ground.pace.is_quick() { 2 } else { lengths.len() };
    let cases = lengths.into_iter().take(wanted).map(|length| of_length(ground, length));
    let boards = [("two of three deleted", Act::Thin), ("as many bytes put again", Act::Refill)];
    Ok(cases.chain(boards.map(|one| laid_out(ground, one))).collect())
}

/// Values up to this length are laid out, short ones more often than long.
const LONGEST_BYTES: usize = 2_048;

fn laid_out(ground: &Ground, (point, act): (&str, Act)) -> Case {
    let count = if ground.pace.is_quick() { 64 << 20 } else { 512 << 20 };
    let work = Work { act, value_bytes: LONGEST_BYTES, count };
    let keeping = [&[OURS][..], &BOXES].concat();
    let mut entrants: Vec<Entrant> =
        keeping.into_iter().map(|one| board(ground, one, work)).collect();
    entrants.push(fixed("1.5 of the data", 1.5));
    let bars = vec![
        Bar { against: BOARD, first: Some(1.0), goal: Some(1.3 / 1.5) },
        Bar { against: BOX, first: None, goal: Some(1.0) },
        Bar { against: MI_BOX, first: None, goal: Some(1.0) },
    ];
    case(("resident bytes of a byte of data", point), ground.pace.round_count, entrants, bars)
}

fn of_length(ground: &Ground, (value_bytes, point): (usize, &str)) -> Case {
    let values = (value_bytes, COUNT);
    let slots: &[Keeping] = if value_bytes == VALUE_BYTES { &SLOTS } else { &[] };
    let keeping = [&[OURS][..], &MAPS, &FAST_MAPS, slots].concat();
    let mut entrants: Vec<Entrant> =
        keeping.into_iter().map(|one| filling(ground, one, values, (Costs::Bytes, 1))).collect();
    entrants.push(served_memory(ground, "Redis", "Redis", Tongue::Redis, values));
    entrants.push(served_memory(ground, "memcached", "memcached", Tongue::Memcached, values));
    let bars = if value_bytes == 32 {
        let bar = |against, first, goal| Bar { against, first: Some(first), goal: Some(goal) };
        vec![bar(MAP, 0.65, 0.58), bar(REDIS, 0.45, 0.41), bar(MEMCACHED, 0.45, 0.41)]
    } else {
        Vec::new()
    };
    case(("memory of a value", point), ground.pace.round_count, entrants, bars)
}
