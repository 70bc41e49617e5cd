//! `memcache-large`: values that are all of the work, out and in.

use std::rc::Rc;

use crate::comparisons::memcache_case::{MemcacheCase, Price};
use crate::frame::comparison::{Bar, Case, Comparison, Ground, Yardstick};
use crate::frame::fault::Fault;
use crate::frame::manner::Manner;
use crate::machine::folder::ServedFolder;
use crate::machine::server::Room;
use crate::memcache::script::Asks;
use crate::memcache::stock::Stock;
use crate::rivals::cache_servers::Over;

const BY_MEMCACHED: Yardstick = Yardstick::Rival("memcached");
const BY_REDIS: Yardstick = Yardstick::Rival("Redis");
const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

pub(crate) const COMPARISON: Comparison = Comparison {
    name: "memcache-large",
    manner: Manner::Servers,
    title: "memcache-large: CPU for 10^9 bytes of values",
    unit: "ms/GB",
    rate_unit: "values/s",
    other_units: &[],
    yardsticks: &[Yardstick::Floor, BY_MEMCACHED, BY_REDIS],
    notes: &[
        "64 values of 64 KiB, or 16 of 1 MiB; 16 connections, one value at a time on each. Of 1 MiB 1 KiB is left out, so that key and header fit into the longest item that both take by themselves.",
        "After a round of sets all values are got, and every byte is compared.",
        "The floor keeps nothing: it sends as many bytes as the others, or counts as many and says as little.",
    ],
    cases,
};

const CONNECTIONS: u32 = 16;

fn cases(ground: &Ground) -> Result<Vec<Case>, Fault> {
    let folder = Rc::new(ServedFolder::make(&ground.places.compare)?);
    let bar = Bar { against: BY_MEMCACHED, first: Some(0.90), goal: Some(0.70) };
    let mut cases = Vec::new();
    for (over, road) in [(Over::Tcp, "TCP"), (Over::Unix, "Unix socket")] {
        for (asks, way) in [(Asks::Get, "out"), (Asks::Set, "in")] {
            for (count, value_bytes, name) in [(64, 64 * KIB, "64 KiB"), (16, MIB - KIB, "1 MiB")] {
                let case = MemcacheCase {
                    ground: ground.clone(),
                    folder: Rc::clone(&folder),
                    stock: Stock::new(count, value_bytes),
                    asks,
                    over,
                    room: Room::ServerCore,
                    connection_count: CONNECTIONS,
                    price: Price::MsPerGb,
                };
                cases.push(Case {
                    panel: road.to_owned(),
                    point: format!("{name} {way}"),
                    entrants: case.entrants(),
                    round_count: ground.pace.round_count,
                    bars: vec![bar],
                });
            }
        }
    }
    Ok(cases)
}
