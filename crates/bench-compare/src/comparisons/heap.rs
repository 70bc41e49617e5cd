//! `heap`: a block taken, filled, frozen, handed on, looked at and dropped, beside `Bytes` over three allocators.

use crate::blocks::block_work::{BlockSetting, ask_for_pass, numbers};
use crate::blocks::maker::Fill;
use crate::frame::comparison::{
    Bar, Case, Comparison, Contender, Entrant, Ground, Side, Yardstick,
};
use crate::frame::fault::Fault;
use crate::frame::manner::Manner;
use crate::frame::sample::Sample;
use crate::loops::looping::{Prepared, entrant};
use crate::loops::turns::each;
use crate::machine::allocator::{take_and_give, take_and_give_by_glibc};
use crate::machine::worker::Worker;
use crate::rivals::blocks::{ENTRANTS, start};

const MIMALLOC: Yardstick = Yardstick::Rival("mimalloc");
const JEMALLOC: Yardstick = Yardstick::Rival("jemalloc");
const GLIBC: Yardstick = Yardstick::Rival("glibc");

pub(crate) const COMPARISON: Comparison = Comparison {
    name: "heap",
    manner: Manner::Loops,
    title: "heap: time to take, fill, freeze, hand on, look at and drop a block",
    unit: "ns/block",
    rate_unit: "blocks/s",
    other_units: &[],
    yardsticks: &[MIMALLOC, JEMALLOC, GLIBC],
    notes: &[
        "Each entrant is an OS process of its own, since a program has one allocator; they take turns. Ours charges each block to an account with a limit; the others account for nothing.",
        "64 blocks are in flight. On 1 core they wait in a list, first in first out; on 2 cores the second takes them from a queue of rtrb's and drops them, and the slower side decides.",
        "Whoever takes a block writes its first line and whoever drops it reads that; the rest belongs to the kernel, counts as filled, and is touched by nobody. Where a block is written whole this program writes it.",
        "A Bytes that is full when it is frozen allocates no count, which is its best case; a short message in a longer block makes it allocate one.",
        "The rivals' allocator is chosen when a process starts, by a branch in each call that always goes the same way: what it costs is the last case.",
        "All keep the memory that is given back to them, as our heap does: MIMALLOC_PURGE_DELAY=-1, _RJEM_MALLOC_CONF=dirty_decay_ms:-1,muzzy_decay_ms:-1, MALLOC_TRIM_THRESHOLD_=4294967296, MALLOC_MMAP_THRESHOLD_=33554432.",
        "mimalloc is version 3; `--features mimalloc-2` builds version 2, which is faster on 1 core from 16 KiB on and slower on 2 cores.",
    ],
    cases,
};

const LENGTHS: [(usize, &str); 8] = [
    (64, "64 B"),
    (256, "256 B"),
    (1 << 10, "1 KiB"),
    (4 << 10, "4 KiB"),
    (16 << 10, "16 KiB"),
    (64 << 10, "64 KiB"),
    (256 << 10, "256 KiB"),
    (1 << 20, "1 MiB"),
];

/// The lengths with which the other ways to fill a block are tried.
const SHORT: &[&str] = &["256 B", "4 KiB", "64 KiB"];
const WHOLE: &[&str] = &["256 B", "4 KiB", "64 KiB", "1 MiB"];

fn cases(ground: &Ground) -> Result<Vec<Case>, Fault> {
    let all = |panel, core_count, fill| {
        LENGTHS.into_iter().map(move |length| case(ground, panel, core_count, fill, length))
    };
    let some = |panel, fill, points: &'static [&str]| {
        let chosen = LENGTHS.into_iter().filter(|(_, point)| points.contains(point));
        chosen.map(move |length| case(ground, panel, 1, fill, length))
    };
    Ok(all("1 core", 1, Fill::ByKernel)
        .chain(all("2 cores", 2, Fill::ByKernel))
        .chain(some("1 core, a short message", Fill::Short, SHORT))
        .chain(some("1 core, written whole", Fill::Whole, WHOLE))
        .chain([choice(ground)])
        .collect())
}

fn case(
    ground: &Ground,
    panel: &str,
    core_count: usize,
    fill: Fill,
    (block_bytes, point): (usize, &str),
) -> Case {
    let entrants = ENTRANTS.into_iter().map(|(name, side, by, allocator)| {
        let setting =
            BlockSetting { by, fill, block_bytes, core_count, held_count: 0, mixed: false };
        let ground = ground.clone();
        let get_ready = move || -> Result<Box<dyn Contender>, Fault> {
            let worker = start(&ground.places, allocator, setting)?;
            Ok(Box::new(Working { ground, worker }))
        };
        Entrant { name: name.to_owned(), side, get_ready: Box::new(get_ready) }
    });
    Case {
        panel: panel.to_owned(),
        point: point.to_owned(),
        entrants: entrants.collect(),
        round_count: ground.pace.round_count,
        bars: vec![Bar { against: MIMALLOC, first: Some(1.2), goal: Some(1.0) }],
    }
}

/// A worker that takes and drops blocks for a window.
struct Working {
    ground: Ground,
    worker: Worker,
}

impl Contender for Working {
    fn measure(&mut self) -> Result<Sample, Fault> {
        self.ground.stop.check()?;
        let pace = self.ground.pace;
        let answer = self.worker.ask(&ask_for_pass(pace.warm_up, pace.window));
        self.ground.stop.check()?;
        let answer = answer?;
        let Some([cost, rate_per_s, share]) = numbers::<f64, 3>(&answer) else {
            return Err(Fault::Wrong(format!("the worker said: {answer}")));
        };
        Ok(Sample {
            cost,
            client_cost: None,
            rate_per_s: Some(rate_per_s),
            busy_share: Some(share),
            latency_ns: None,
            others: Vec::new(),
        })
    }

    fn cpu_ns(&self) -> Result<Option<u64>, Fault> {
        self.worker.cpu_ns().map(Some)
    }
}

/// What it costs that the allocator can be chosen.
fn choice(ground: &Ground) -> Case {
    let row =
        |name, side, act: fn()| entrant(ground, name, side, move || Prepared::of(vec![each(act)]));
    Case {
        panel: "the choice of an allocator".to_owned(),
        point: "64 B taken and given back".to_owned(),
        entrants: vec![
            row("glibc, chosen", Side::FloorToo, take_and_give),
            row("glibc, called itself", Side::Rival("glibc"), take_and_give_by_glibc),
        ],
        round_count: ground.pace.round_count,
        bars: Vec::new(),
    }
}
