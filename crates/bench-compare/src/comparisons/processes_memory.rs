//! `processes-memory`: what an idle process takes, from a thousand of them to a million.

use crate::blocks::block_work::numbers;
use crate::comparisons::process_case::{Row, Task, World, sample};
use crate::comparisons::processes::Reach;
use crate::frame::comparison::{
    Bar, Case, Comparison, Contender, Entrant, Ground, Side, Yardstick,
};
use crate::frame::fault::Fault;
use crate::frame::manner::Manner;
use crate::frame::sample::Sample;
use crate::processes::process_work::{Work, WorldOf};

const TO_REACH: Yardstick = Yardstick::Rival("to reach");
const BEST: Yardstick =
    Yardstick::Best { name: "the best", rivals: &["tokio", "ractor", "kameo", "Erlang"] };

pub(crate) const COMPARISON: Comparison = Comparison {
    name: "processes-memory",
    manner: Manner::Fills,
    title: "processes-memory: memory of an idle process",
    unit: "B/process",
    rate_unit: "",
    other_units: &["MB in all"],
    yardsticks: &[TO_REACH, BEST],
    notes: &[
        "A fresh OS process makes the processes, each of which waits for a message of 32 B that never comes; the figure is what its resident memory grew by for each. What the OS process has in all stands beside it.",
        "One handle of each is held in a list that was there and touched before and is not counted. Mailboxes have 256 places, which tokio and kameo do not take before they are used; Erlang holds no handles.",
        "Below ten thousand processes what an allocator takes at its start weighs more than they.",
        "The row `to reach` is no measurement but the figure that the design asks for: a bar of 1.00.",
    ],
    cases,
};

const ROWS: [Row; 5] = [
    ("levada", Side::Ours, World::Here(WorldOf::Levada)),
    ("tokio", Side::Rival("tokio"), World::Here(WorldOf::Tokio)),
    ("ractor", Side::Rival("ractor"), World::Here(WorldOf::Ractor)),
    ("kameo", Side::Rival("kameo"), World::Here(WorldOf::Kameo)),
    ("Erlang", Side::Rival("Erlang"), World::Erlang),
];

/// What an idle process with a future of up to 112 B may take.
const REACH_BYTES: f64 = 256.0;

const COUNTS: [(u32, &str); 4] =
    [(1_000, "1,000"), (10_000, "10,000"), (100_000, "100,000"), (1_000_000, "1,000,000")];

fn cases(ground: &Ground) -> Result<Vec<Case>, Fault> {
    Ok(COUNTS.into_iter().map(|count| case(ground, count)).collect())
}

fn case(ground: &Ground, (count, point): (u32, &str)) -> Case {
    let worlds = ROWS.into_iter().map(|(name, side, world)| {
        let ground = ground.clone();
        let get_ready = move || -> Result<Box<dyn Contender>, Fault> {
            Ok(Box::new(Idling { ground, world, count }))
        };
        Entrant { name: name.to_owned(), side, get_ready: Box::new(get_ready) }
    });
    let reach = Entrant {
        name: "to reach".to_owned(),
        side: Side::Rival("to reach"),
        get_ready: Box::new(|| Ok(Box::new(Reach(REACH_BYTES)))),
    };
    let against = |against| Bar { against, first: Some(1.0), goal: None };
    let bars = (count == 1_000_000).then(|| vec![against(TO_REACH), against(BEST)]);
    Case {
        panel: "idle".to_owned(),
        point: format!("{point} processes"),
        entrants: worlds.chain([reach]).collect(),
        round_count: ground.pace.sweep_round_count.unwrap_or(1),
        bars: bars.unwrap_or_default(),
    }
}

/// Starts a world each time: memory that was used once is not grown by.
struct Idling {
    ground: Ground,
    world: World,
    count: u32,
}

impl Contender for Idling {
    fn measure(&mut self) -> Result<Sample, Fault> {
        self.ground.stop.check()?;
        let mut worker = self.world.start(&self.ground.places, Task::of(Work::Idle, 1))?;
        let answer = worker.ask(&format!("run {}", self.count));
        self.ground.stop.check()?;
        let answer = answer?;
        let Some([grown_bytes, resident_bytes]) = numbers::<f64, 2>(&answer) else {
            return Err(Fault::Wrong(format!("the worker said: {answer}")));
        };
        let others = vec![resident_bytes / 1e6];
        Ok(Sample { others, ..sample(grown_bytes / f64::from(self.count), None) })
    }

    fn cpu_ns(&self) -> Result<Option<u64>, Fault> {
        Ok(None)
    }
}
