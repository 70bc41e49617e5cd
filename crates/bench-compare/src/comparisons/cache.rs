//! `cache`: what a request costs, beside moka, quick_cache, foyer and a plain map.

use crate::caches::cache_work::{Act, Part};
use crate::caches::replaying::VALUE_BYTES;
use crate::comparisons::cache_case::{giving_back, hitting, loading, replaying};
use crate::comparisons::fixed::fixed;
use crate::comparisons::store_case::{Work, case, working};
use crate::frame::comparison::{Bar, Case, Comparison, Ground, Side, Yardstick};
use crate::frame::fault::Fault;
use crate::frame::manner::Manner;
use crate::rivals::caches::{
    Caching, FOYER, MAP, MOKA, OURS, OURS_LONE, QUICK_CACHE, RIVALS, RIVALS_BY_MIMALLOC,
};
use crate::rivals::stores::{FAST_MAPS, Keeping, MAPS};
use crate::stores::store_work;
use crate::traces::catalogue::{ALL, Known, Source};

const QUICK: Yardstick = Yardstick::Rival(QUICK_CACHE);
const FOYERS: Yardstick = Yardstick::Rival(FOYER);
const MOKAS: Yardstick = Yardstick::Rival(MOKA);
const MAP_OF_BOXES: Yardstick = Yardstick::Rival(MAP);
const FAST_MAP: Yardstick = Yardstick::Rival("foldhash");
const ONE_THREAD: Yardstick = Yardstick::Rival("ours on 1 thread");
const TWO_SECONDS: Yardstick = Yardstick::Rival("2 s a GiB");
const HIT: Yardstick = Yardstick::Rival("45 ns");

pub(crate) const COMPARISON: Comparison = Comparison {
    name: "cache",
    manner: Manner::Caches,
    title: "cache: time of a request in a cache of values of 64 B",
    unit: "ns",
    rate_unit: "turns/s",
    other_units: &[],
    yardsticks: &[QUICK, FOYERS, MOKAS, MAP_OF_BOXES, FAST_MAP, ONE_THREAD, HIT, TWO_SECONDS],
    notes: &[
        "Values of the rivals are Arc<[u8]>, and their hasher is foldhash; a hit of theirs is a clone of the Arc, or foyer's own entry, dropped again at once. moka has a time to live, and so have ours; the others know none. On one thread quick_cache and foyer have one shard, on more what they choose themselves.",
        "foyer is there with three of its policies, and all over glibc and, where values come and go, mimalloc, both set to keep what is given back and to take huge pages. Of several settings of a rival the best is the yardstick.",
        "A replay is a whole trace through an empty cache with room for a tenth of its keys: each key is asked for, and its value is made and put where it is not there; the cost is CPU time of the thread that does it, which is all there is. With --quick it is the first 500,000 requests.",
        "A hit is in an order that has none, and looks at the first 8 B of the value. HashMap is HashMap<u64, Box<[u8]>> with the standard hasher and with foldhash; it has one owner, and lets nothing go. Ours announces itself as a reader for 64 gets at once, and in the second row, in replays and among puts for each.",
        "Nine gets and a put of a key that is there are ten turns; on two threads both use one cache.",
        "64 threads on two cores ask for one key that is not there; one of them makes the value in 50 µs. The cost is from the word to the last who has it, without those 50 µs; a barrier of 65 threads is in it, the same for all.",
        "A full cache of values of 32 B to 1,000 B is told that memory is short, and may have half of its limit from then on; it is tended slice by slice until what is resident is within 2 % of that. The cost is CPU time of the thread that tends, which does nothing else, for each byte that went back.",
    ],
    cases,
};

/// Of the keys of a trace a replay has room for so many.
const TENTH: u64 = 100;

/// A replay in a quick run has no more requests.
const QUICK_REQUESTS: usize = 500_000;

fn cases(ground: &Ground) -> Result<Vec<Case>, Fault> {
    let is_quick = ground.pace.is_quick();
    let mut all: Vec<Case> = HITS.into_iter().map(|hits| hit(ground, hits)).collect();
    all.push(gets_and_puts(ground));
    all.push(gets_and_puts_on_two(ground));
    all.push(get_or_put(ground));
    all.push(give_back(ground));
    let replayed = ALL.into_iter().enumerate().filter(|(_, known)| is_replayed(*known));
    all.extend(replayed.map(|(index, known)| replay(ground, (index, known), is_quick)));
    Ok(all)
}

const HITS: [(usize, &str); 3] =
    [(10_000, "10^4 entries"), (100_000, "10^5 entries"), (1_000_000, "10^6 entries")];

fn hit(ground: &Ground, (count, point): (usize, &str)) -> Case {
    let sizes = (VALUE_BYTES, count, 1);
    let mut entrants = vec![
        hitting(ground, OURS, Act::Gets, sizes),
        hitting(ground, OURS_LONE, Act::LoneGets, sizes),
    ];
    entrants.extend(RIVALS.map(|one| hitting(ground, one, Act::LoneGets, sizes)));
    let work = Work { act: store_work::Act::Get, value_bytes: VALUE_BYTES, count: count as u64 };
    let maps: [Keeping; 2] = [MAPS[0], FAST_MAPS[0]];
    entrants.extend(maps.map(|one| working(ground, one, work)));
    entrants.push(fixed("45 ns", 45.0));
    let bars = vec![
        Bar { against: HIT, first: Some(1.0), goal: None },
        bar(QUICK, 1.5, 1.0),
        bar(FOYERS, 0.7, 0.5),
        bar(MOKAS, 0.3, 0.2),
        bar(MAP_OF_BOXES, 1.6, 1.2),
    ];
    let bars = if count == HITS[0].0 { bars } else { Vec::new() };
    case(("hit, 1 thread", point), ground.pace.round_count, entrants, bars)
}

/// So many entries lie beyond a core's own caches.
const SHARED_ENTRIES: usize = 100_000;

/// Ours on two threads, and on one: 1.7 times as much in all is 1.18 of the time for each.
fn gets_and_puts_on_two(ground: &Ground) -> Case {
    let on = |caching, thread_count| {
        hitting(ground, caching, Act::GetsAndPuts, (VALUE_BYTES, SHARED_ENTRIES, thread_count))
    };
    let alone: Caching = ("levada, 1 thread", Side::Rival(ONE_THREAD.name()), OURS.2, OURS.3);
    let mut entrants = vec![on(OURS, 2), on(alone, 1)];
    entrants.extend(both_allocators().into_iter().map(|one| on(one, 2)));
    let bars = vec![bar(ONE_THREAD, 2.0 / 1.7, 2.0 / 1.8)];
    case(("hits and 10 % puts", "2 threads"), ground.pace.round_count, entrants, bars)
}

fn gets_and_puts(ground: &Ground) -> Case {
    let sizes = (VALUE_BYTES, SHARED_ENTRIES, 1);
    let all = [OURS].into_iter().chain(both_allocators());
    let entrants = all.map(|one| hitting(ground, one, Act::GetsAndPuts, sizes)).collect();
    case(("hits and 10 % puts", "1 thread"), ground.pace.round_count, entrants, Vec::new())
}

fn get_or_put(ground: &Ground) -> Case {
    let takes_part = |one: &Caching| matches!(one.1, Side::Rival(MOKA | QUICK_CACHE));
    let all = [OURS].into_iter().chain(RIVALS.into_iter().filter(takes_part));
    let entrants = all.map(|one| loading(ground, one)).collect();
    let bars = vec![bar(MOKAS, 1.0, 0.5), bar(QUICK, 1.0, 0.5)];
    case(("get_or_put", "64 callers, one key"), ground.pace.round_count, entrants, bars)
}

fn give_back(ground: &Ground) -> Case {
    let (limit_bytes, point, round_count) = match ground.pace.is_quick() {
        true => (512 << 20, "512 MiB", 1),
        false => (4 << 30, "4 GiB", 3),
    };
    let two_seconds = 2e9 / f64::from(1 << 30);
    let entrants =
        vec![giving_back(ground, OURS, limit_bytes), fixed(TWO_SECONDS.name(), two_seconds)];
    let bars = vec![bar(TWO_SECONDS, 1.0, 0.5)];
    case(("a byte given back", point), round_count, entrants, bars)
}

fn is_replayed(known: Known) -> bool {
    let is_recorded = matches!(known.source, Source::Recorded { .. });
    (is_recorded && known.absence().is_none()) || known.name.starts_with("Zipf")
}

fn replay(ground: &Ground, (trace_index, known): (usize, Known), is_quick: bool) -> Case {
    let request_count_max = if is_quick { QUICK_REQUESTS } else { usize::MAX };
    let part = Part { trace_index, request_count_max, permille: TENTH };
    let all = [OURS].into_iter().chain(both_allocators());
    let entrants = all.map(|one| replaying(ground, one, part)).collect();
    let bars = vec![bar(QUICK, 1.3, 1.0), bar(FOYERS, 0.8, 0.6), bar(MOKAS, 0.4, 0.3)];
    let round_count = if is_quick { 3 } else { 5 };
    case(("replay, room for 10 %", known.name), round_count, entrants, bars)
}

fn both_allocators() -> Vec<Caching> {
    [&RIVALS[..], &RIVALS_BY_MIMALLOC].concat()
}

const fn bar(against: Yardstick, first: f64, goal: f64) -> Bar {
    Bar { against, first: Some(first), goal: Some(goal) }
}
