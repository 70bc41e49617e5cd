//! `local-heap`: turns that make many short-lived nodes, beside boxes and `gc-arena`; pauses, barrier, copies and empty heaps.

use crate::comparisons::fixed::fixed;
use crate::frame::comparison::{Bar, Case, Comparison, Entrant, Ground, Side, Yardstick};
use crate::frame::fault::Fault;
use crate::frame::manner::Manner;
use crate::local::arena_world::{ArenaWorld, Collects};
use crate::local::box_world::BoxWorld;
use crate::local::levada_world::{LevadaWorld, Pauses};
use crate::local::owned::{Glibc, Mimalloc};
use crate::local::turning::{Costs, by_node, turning};
use crate::local::world::Fate;
use crate::local::{calls, copying, writing};
use crate::loops::looping::{Prepared, entrant};
use levada_local::Pacing;

const GLIBC: Yardstick = Yardstick::Rival("Box, glibc");
const MIMALLOC: Yardstick = Yardstick::Rival("Box, mimalloc");
const CYCLE: Yardstick = Yardstick::Rival("gc-arena, cycles");
const PACED: Yardstick = Yardstick::Rival("gc-arena, paced");
const MEMCPY: Yardstick = Yardstick::Rival("memcpy");
const CALL: Yardstick = Yardstick::Rival("a call");
const LONGEST: Yardstick = Yardstick::Rival("200 µs");
const MAKING: Yardstick = Yardstick::Rival("200 ns");

pub(crate) const COMPARISON: Comparison = Comparison {
    name: "local-heap",
    manner: Manner::Loops,
    title: "local-heap: time to make, keep and collect what mostly dies with its turn",
    unit: "ns",
    rate_unit: "turns/s",
    other_units: &["minors in 1,000 turns", "stables", "majors"],
    yardsticks: &[GLIBC, MIMALLOC, CYCLE, PACED, MEMCPY, CALL, LONGEST, MAKING],
    notes: &[
        "A turn makes 2,000 nodes of 32 B, a pointer and three words, shown to the compiler one by one; costs are for a node, with its share of all that is collected. Boxes live to the end of their turn and are dropped there one by one; ours has its own pacing, a nursery of 256 KiB; gc-arena collects at each turn's end, a whole cycle or what its own pacing says.",
        "Where a tenth survives it is linked to a list of its turn, which is dropped after so many turns.",
        "A million old nodes hang in 62,500 buckets in a table; each turn makes 2,000 new ones, which die, or of which every tenth takes the place of an old one, anywhere. Costs are CPU time of a turn with its end, or of the longest such end (pause) of a round.",
        "A boxed node is in memory of glibc, or of mimalloc, called by its own name. gc-arena takes the program's allocator, glibc with a branch before each call.",
        "Writing is `write` and `set` on one old node, again and again in a turn; a hundred raw buffers of 16 B are taken and dropped in a turn, zeroed, as the boxes beside are. Copying is a minor that finds 6,000 nodes of 40 B alive, of a tree, and a copy of as many bytes.",
        "A slice of a major is timed with majors twenty times as often as usual, so that there are enough: the length of a slice does not change by that.",
    ],
    cases,
};

fn cases(ground: &Ground) -> Result<Vec<Case>, Fault> {
    let dying = [
        (Fate::Die, "none survive"),
        (LIST_4, "10 % survive 4 turns"),
        (LIST_64, "10 % survive 64 turns"),
    ];
    let young = dying.map(|(fate, point)| young(ground, fate, point));
    let old = [(Fate::Die, "2,000 new"), (Fate::Replace, "2,000 new, 200 replace old ones")];
    let old = old.into_iter().flat_map(|(fate, point)| {
        [(Costs::ATurn, "a turn"), (Costs::LongestPause, "the longest pause")]
            .map(|(costs, what)| beside_old(ground, fate, costs, &format!("{point}, {what}")))
    });
    let rest = [
        minor_pause(ground),
        slice_pause(ground),
        write(ground),
        copy(ground),
        empty_turn(ground),
        empty_heap(ground),
        raw(ground),
    ];
    Ok(young.into_iter().chain(old).chain(rest).collect())
}

const LIST_4: Fate = Fate::List { turns: 4 };
const LIST_64: Fate = Fate::List { turns: 64 };

fn young(ground: &Ground, fate: Fate, point: &str) -> Case {
    let rows = vec![
        row(ground, "levada", Side::Ours, move || by_node(LevadaWorld::young(fate, Pauses::Every))),
        row(ground, "Box, glibc", Side::Rival("Box, glibc"), move || {
            by_node(BoxWorld::<Glibc>::new(fate))
        }),
        row(ground, "Box, mimalloc", Side::Rival("Box, mimalloc"), move || {
            by_node(BoxWorld::<Mimalloc>::new(fate))
        }),
        row(ground, "gc-arena, a cycle a turn", Side::Rival("gc-arena, cycles"), move || {
            by_node(ArenaWorld::young(fate, Collects::ACycle))
        }),
        row(ground, "gc-arena, its own pacing", Side::Rival("gc-arena, paced"), move || {
            by_node(ArenaWorld::young(fate, Collects::ItsDebt))
        }),
    ];
    let bars = if fate == Fate::Die {
        vec![bar(MIMALLOC, 0.5, None), bar(CYCLE, 0.5, Some(0.3)), bar(GLIBC, 0.3, None)]
    } else {
        vec![bar(MIMALLOC, 0.5, None), bar(CYCLE, 0.5, Some(0.3))]
    };
    case(ground, ("2,000 of 32 B a turn, a node", point), rows, bars)
}

fn beside_old(ground: &Ground, fate: Fate, costs: Costs, point: &str) -> Case {
    let rows = vec![
        turning(ground, ("levada", Side::Ours), costs, move || {
            LevadaWorld::old(fate, Pauses::Every, Pacing::default())
        }),
        turning(
            ground,
            ("gc-arena, its own pacing", Side::Rival("gc-arena, paced")),
            costs,
            move || ArenaWorld::old(fate, Collects::ItsDebt),
        ),
    ];
    let bars = match costs {
        Costs::ATurn => vec![bar(PACED, 0.5, Some(0.3))],
        Costs::MiddlePause | Costs::LongestPause => vec![bar(PACED, 0.1, None)],
    };
    few(ground, case(ground, ("a million old nodes", point), rows, bars))
}

fn minor_pause(ground: &Ground) -> Case {
    let rows = vec![turning(ground, ("levada", Side::Ours), Costs::MiddlePause, || {
        LevadaWorld::young(LIST_4, Pauses::Minor)
    })];
    few(ground, case(ground, ("pauses", "a minor, 10 % survive 4 turns"), rows, Vec::new()))
}

fn slice_pause(ground: &Ground) -> Case {
    let pacing = Pacing { old_percent: 5, old_bytes_min: 1 << 20, ..Pacing::default() };
    let rows = vec![
        turning(ground, ("levada", Side::Ours), Costs::LongestPause, move || {
            LevadaWorld::old(Fate::Replace, Pauses::Slice, pacing)
        }),
        fixed("200 µs", 200_000.0),
    ];
    let name = ("pauses", "the longest slice of a major, a million old nodes");
    few(ground, case(ground, name, rows, vec![bar(LONGEST, 1.0, None)]))
}

fn write(ground: &Ground) -> Case {
    let rows = vec![
        row(ground, "levada", Side::Ours, writing::into_ours),
        row(ground, "gc-arena", Side::Rival("gc-arena, paced"), writing::into_arena),
    ];
    case(ground, ("one act", "write into an old node"), rows, vec![bar(PACED, 1.2, Some(1.0))])
}

fn copy(ground: &Ground) -> Case {
    let rows = vec![
        copying::striking(ground, ("levada", Side::Ours), copying::surviving),
        copying::striking(ground, ("memcpy", Side::Rival("memcpy")), copying::copying),
    ];
    case(ground, ("one act", "copy 240 kB of survivors"), rows, vec![bar(MEMCPY, 4.0, Some(2.5))])
}

fn empty_turn(ground: &Ground) -> Case {
    let rows = vec![
        row(ground, "levada", Side::Ours, calls::empty_turn),
        row(ground, "a call by address", Side::Rival("a call"), calls::call),
    ];
    case(ground, ("one act", "an empty turn and its end"), rows, vec![bar(CALL, 20.0, Some(8.0))])
}

fn empty_heap(ground: &Ground) -> Case {
    let rows = vec![
        row(ground, "levada", Side::Ours, calls::empty_heap),
        row(ground, "Box of 256 B, glibc", Side::Rival("Box, glibc"), calls::owned::<Glibc, 256>),
        row(
            ground,
            "Box of 256 B, mimalloc",
            Side::Rival("Box, mimalloc"),
            calls::owned::<Mimalloc, 256>,
        ),
        fixed("200 ns", 200.0),
    ];
    let bars = vec![bar(GLIBC, 8.0, Some(4.0)), bar(MAKING, 1.0, None)];
    case(ground, ("one act", "make and drop an empty heap"), rows, bars)
}

fn raw(ground: &Ground) -> Case {
    let rows = vec![
        row(ground, "levada", Side::Ours, calls::raw_16),
        row(ground, "Box, glibc", Side::Rival("Box, glibc"), calls::zeros_16::<Glibc>),
        row(ground, "Box, mimalloc", Side::Rival("Box, mimalloc"), calls::zeros_16::<Mimalloc>),
    ];
    let bars = vec![bar(GLIBC, 1.2, Some(0.8)), bar(MIMALLOC, 1.2, Some(0.8))];
    case(ground, ("one act", "a raw buffer of 16 B and free"), rows, bars)
}

fn row(
    ground: &Ground,
    name: &str,
    side: Side,
    prepare: impl FnOnce() -> Prepared + 'static,
) -> Entrant {
    entrant(ground, name, side, prepare)
}

/// Rounds of these are long, and so there are fewer.
fn few(ground: &Ground, case: Case) -> Case {
    let round_count = if ground.pace.is_quick() { 5 } else { 11 };
    Case { round_count, ..case }
}

fn case(
    ground: &Ground,
    (panel, point): (&str, &str),
    entrants: Vec<Entrant>,
    bars: Vec<Bar>,
) -> Case {
    let (panel, point) = (panel.to_owned(), point.to_owned());
    Case { panel, point, entrants, round_count: ground.pace.round_count, bars }
}

fn bar(against: Yardstick, first: f64, goal: Option<f64>) -> Bar {
    Bar { against, first: Some(first), goal }
}
