//! `memcache`: small values over connections that stay: one request a round trip, pipelines, many keys at once, two cores.

use std::rc::Rc;

use crate::comparisons::memcache_case::{MEMCACHED, MemcacheCase, OURS, Price};
use crate::frame::comparison::{Bar, Case, Comparison, Entrant, Ground, Side, Yardstick};
use crate::frame::fault::Fault;
use crate::frame::manner::Manner;
use crate::machine::folder::ServedFolder;
use crate::machine::server::Room;
use crate::memcache::script::Asks;
use crate::memcache::stock::Stock;
use crate::rivals::cache_servers::Over;

const BY_MEMCACHED: Yardstick = Yardstick::Rival("memcached");
const BY_REDIS: Yardstick = Yardstick::Rival("Redis");
const ONE_CORE: Yardstick = Yardstick::Rival("ours on one core");

pub(crate) const COMPARISON: Comparison = Comparison {
    name: "memcache",
    manner: Manner::Servers,
    title: "memcache: CPU for a value of 100 B that is got or set",
    unit: "µs/operation",
    rate_unit: "operations/s",
    other_units: &[],
    yardsticks: &[Yardstick::Floor, BY_MEMCACHED, BY_REDIS, ONE_CORE],
    notes: &[
        "100,000 keys of 16 B, asked for in no order; nine gets for a set; 64 connections. A command for 50 keys is 50 operations; latencies are of a whole message.",
        "The floor understands nothing: for each request's number of bytes it sends a reply's, both as long as the others' are on the average.",
        "On 2 cores the client shares the second with the server, so only the server's CPU time for an operation says how it scales: twice the cores at the same cost are twice the work. Rates there are the client's.",
        "memcached has one worker (-t 1) for each core, Redis its one thread and no disk.",
    ],
    cases,
};

const ITEM_COUNT: u64 = 100_000;
const VALUE_BYTES: usize = 100;
const CONNECTIONS: u32 = 64;

/// What only shows how the cost grows.
const CONNECTION_SWEEP: [u32; 4] = [1, 8, 256, 1_000];
const PIPELINE_SWEEP: [usize; 3] = [4, 64, 256];

/// The bars that several commands or keys at once are held against.
const AT_ONCE: Bar = Bar { against: BY_MEMCACHED, first: Some(0.80), goal: Some(0.65) };

/// Two cores do 1.7 times the work of one if an operation costs 1.18 times as much there.
const TWO_OVER_ONE: Bar = Bar { against: ONE_CORE, first: Some(2.0 / 1.7), goal: Some(2.0 / 1.8) };

fn cases(ground: &Ground) -> Result<Vec<Case>, Fault> {
    let folder = Rc::new(ServedFolder::make(&ground.places.compare)?);
    let stock = Stock::new(ITEM_COUNT, VALUE_BYTES);
    let work = |over, asks, connection_count| MemcacheCase {
        ground: ground.clone(),
        folder: Rc::clone(&folder),
        stock: stock.clone(),
        asks,
        over,
        room: Room::ServerCore,
        connection_count,
        price: Price::UsPerOperation,
    };
    let one_each = vec![
        Bar { against: BY_MEMCACHED, first: Some(0.90), goal: None },
        Bar { against: Yardstick::Floor, first: None, goal: Some(1.10) },
    ];
    let mut cases = Vec::new();
    for (over, road) in [(Over::Tcp, "TCP"), (Over::Unix, "Unix socket")] {
        let judged = [
            ("one request a round trip", Asks::Mixed(1), one_each.clone()),
            ("pipelines of 16", Asks::Mixed(16), vec![AT_ONCE]),
            ("50 keys a request", Asks::Many(50), vec![AT_ONCE]),
        ];
        for (point, asks, bars) in judged {
            let entrants = work(over, asks, CONNECTIONS).entrants();
            cases.push(case(road, point.to_owned(), ground.pace.round_count, entrants, bars));
        }
    }
    cases.extend(on_two_cores(ground, &work(Over::Tcp, Asks::Mixed(1), CONNECTIONS)));
    let Some(round_count) = ground.pace.sweep_round_count else { return Ok(cases) };
    for count in CONNECTION_SWEEP {
        let entrants = work(Over::Tcp, Asks::Mixed(1), count).few_entrants();
        let several = if count == 1 { "" } else { "s" };
        let point = format!("{count} connection{several}");
        cases.push(case("TCP, one request a round trip", point, round_count, entrants, Vec::new()));
    }
    for depth in PIPELINE_SWEEP {
        let entrants = work(Over::Tcp, Asks::Mixed(depth), CONNECTIONS).few_entrants();
        let point = format!("pipelines of {depth}");
        cases.push(case("TCP, pipelines", point, round_count, entrants, Vec::new()));
    }
    Ok(cases)
}

fn on_two_cores(ground: &Ground, one: &MemcacheCase) -> [Case; 2] {
    let asks = [("one request a round trip", Asks::Mixed(1)), ("pipelines of 16", Asks::Mixed(16))];
    asks.map(|(point, asks)| {
        let one = MemcacheCase { asks, ..one.clone() };
        let both = MemcacheCase { room: Room::BothCores, ..one.clone() };
        let named = |(_, side, by), name| (name, side, by);
        let (_, _, ours) = OURS;
        let (_, _, memcached) = MEMCACHED;
        let entrants = vec![
            both.entrant(named(OURS, "levada, 2 cores")),
            one.entrant(("levada, 1 core", Side::Rival(ONE_CORE.name()), ours)),
            both.entrant(named(MEMCACHED, "memcached -t 2")),
            // Beside it, not in its place: one worker on a core of its own shares with nobody.
            one.entrant(("memcached -t 1", Side::Rival("memcached -t 1"), memcached)),
        ];
        let (panel, point) = ("TCP, 2 cores", point.to_owned());
        case(panel, point, ground.pace.round_count, entrants, vec![TWO_OVER_ONE])
    })
}

fn case(
    panel: &str,
    point: String,
    round_count: usize,
    entrants: Vec<Entrant>,
    bars: Vec<Bar>,
) -> Case {
    Case { panel: panel.to_owned(), point, entrants, round_count, bars }
}
