//! `local-heap-memory`: what a local heap takes beside what lives in it.

use std::process::Command;

use levada_local::LocalHeap;

use crate::blocks::block_work::numbers;
use crate::comparisons::fixed::{fixed, said};
use crate::frame::comparison::{
    Bar, Case, Comparison, Contender, Entrant, Ground, Side, Yardstick,
};
use crate::frame::fault::Fault;
use crate::frame::manner::Manner;
use crate::frame::sample::Sample;
use crate::local::local_work::{Deed, LocalSetting};
use crate::machine::allocator::{GLIBC, VARIABLE};
use crate::machine::worker::Worker;

const A_KIBIBYTE: Yardstick = Yardstick::Rival("1 KiB");
const QUARTER: Yardstick = Yardstick::Rival("256 B");
const BOXES: Yardstick = Yardstick::Rival("Vec of Box");

pub(crate) const COMPARISON: Comparison = Comparison {
    name: "local-heap-memory",
    manner: Manner::Fills,
    title: "local-heap-memory: memory of a local heap",
    unit: "B",
    rate_unit: "",
    other_units: &["chunks lent, or B after 1,000 turns", "majors"],
    yardsticks: &[A_KIBIBYTE, QUARTER, BOXES],
    notes: &[
        "Heaps that rest keep 9 values of 32 B each, 360 B with their headers, which they made in a turn beside as many that did not survive; the figure is what the resident memory of a fresh OS process grew by for each of 100,000, the heap itself included.",
        "A Vec of Box keeps as many values of 32 B, over glibc, without huge pages.",
        "A turn with a long value makes one of 64 KiB in the place of the one before; the figure is what the resident memory grew by after 10,000 turns.",
        "The fixed part is the length of a heap as the compiler says it; what it holds elsewhere comes with the first allocation.",
    ],
    cases,
};

fn cases(ground: &Ground) -> Result<Vec<Case>, Fault> {
    let once = |name: &str, side, deed| entrant(ground, name, side, deed);
    let resting = vec![
        once("levada", Side::Ours, Deed::Rest),
        once("Vec of Box, glibc", Side::Rival("Vec of Box"), Deed::RestInBoxes),
        fixed("1 KiB", 1024.0),
    ];
    let length_bytes = size_of::<LocalHeap<()>>() as f64;
    let fixed_part = vec![said("levada", Side::Ours, length_bytes), fixed("256 B", 256.0)];
    let bar = |against, first, goal| vec![Bar { against, first: Some(first), goal }];
    Ok(vec![
        case(ground, "100,000 that rest, each", resting, bar(A_KIBIBYTE, 1.0, Some(0.75))),
        case(ground, "the fixed part", fixed_part, bar(QUARTER, 1.0, None)),
        case(
            ground,
            "10,000 turns with 64 KiB each",
            vec![once("levada", Side::Ours, Deed::LongTurns)],
            Vec::new(),
        ),
    ])
}

fn case(ground: &Ground, point: &str, entrants: Vec<Entrant>, bars: Vec<Bar>) -> Case {
    Case {
        panel: "a heap".to_owned(),
        point: point.to_owned(),
        entrants,
        round_count: ground.pace.round_count,
        bars,
    }
}

fn entrant(ground: &Ground, name: &str, side: Side, deed: Deed) -> Entrant {
    let ground = ground.clone();
    let get_ready = move || -> Result<Box<dyn Contender>, Fault> {
        Ok(Box::new(Doing { ground, setting: LocalSetting { deed } }))
    };
    Entrant { name: name.to_owned(), side, get_ready: Box::new(get_ready) }
}

/// Starts a worker each time: memory that was used once is not grown by.
struct Doing {
    ground: Ground,
    setting: LocalSetting,
}

impl Contender for Doing {
    fn measure(&mut self) -> Result<Sample, Fault> {
        self.ground.stop.check()?;
        let mut command = Command::new(&self.ground.places.own_program);
        command.args(self.setting.to_arguments()).env(VARIABLE, GLIBC);
        let answer = Worker::start(command)?.ask("do it");
        self.ground.stop.check()?;
        let answer = answer?;
        let Some([cost, one, other]) = numbers::<f64, 3>(&answer) else {
            return Err(Fault::Wrong(format!("the worker said: {answer}")));
        };
        let (client_cost, rate_per_s, busy_share, latency_ns) = (None, None, None, None);
        let others = vec![one, other];
        Ok(Sample { cost, client_cost, rate_per_s, busy_share, latency_ns, others })
    }

    fn cpu_ns(&self) -> Result<Option<u64>, Fault> {
        Ok(None)
    }
}
