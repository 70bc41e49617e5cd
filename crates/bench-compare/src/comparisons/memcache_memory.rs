//! `memcache-memory`: what a small item takes in a server that is filled with a million of them.

use std::rc::Rc;

use crate::comparisons::memcache_case::{MEMCACHED, OURS, REDIS, filled};
use crate::frame::comparison::{Bar, Case, Comparison, Ground, Yardstick};
use crate::frame::fault::Fault;
use crate::frame::manner::Manner;
use crate::machine::folder::ServedFolder;
use crate::memcache::stock::Stock;

const BY_MEMCACHED: Yardstick = Yardstick::Rival("memcached");
const BY_REDIS: Yardstick = Yardstick::Rival("Redis");

pub(crate) const COMPARISON: Comparison = Comparison {
    name: "memcache-memory",
    manner: Manner::Fills,
    title: "memcache-memory: memory of an item with a key of 16 B",
    unit: "B/item",
    rate_unit: "",
    other_units: &["resident of data"],
    yardsticks: &[BY_MEMCACHED, BY_REDIS],
    notes: &[
        "A fresh server is filled over one connection; the figure is what its resident memory grew by, key, value, index and all, for each item. Then all items are got and compared: nobody has dropped one.",
        "Values of 32 B are judged; the others show what the rounding to slots or classes takes.",
    ],
    cases,
};

const ITEM_COUNT: u64 = 1_000_000;

/// The length that is judged, and the others.
const JUDGED_BYTES: usize = 32;
const OTHER_BYTES: [usize; 2] = [100, 500];

fn cases(ground: &Ground) -> Result<Vec<Case>, Fault> {
    let folder = Rc::new(ServedFolder::make(&ground.places.compare)?);
    let case = |value_bytes, round_count| {
        let stock = Stock::new(ITEM_COUNT, value_bytes);
        let keeping = [OURS, MEMCACHED, REDIS];
        let bar = Bar { against: BY_MEMCACHED, first: Some(0.85), goal: Some(0.78) };
        Case {
            panel: "memory of an item".to_owned(),
            point: format!("{value_bytes} B"),
            entrants: keeping.into_iter().map(|one| filled(ground, &folder, &stock, one)).collect(),
            round_count,
            bars: if value_bytes == JUDGED_BYTES { vec![bar] } else { Vec::new() },
        }
    };
    let mut cases = vec![case(JUDGED_BYTES, ground.pace.round_count)];
    let others = ground.pace.sweep_round_count.into_iter();
    cases.extend(others.flat_map(|count| OTHER_BYTES.map(|bytes| case(bytes, count))));
    Ok(cases)
}
