//! One case of `processes`: worlds that do the same work, each in an OS process of its own, asked for so many pieces at a time.

use crate::frame::comparison::{Bar, Case, Contender, Entrant, Ground, Side};
use crate::frame::fault::Fault;
use crate::frame::histogram::Histogram;
use crate::frame::ratio::Spread;
use crate::frame::sample::Sample;
use crate::loops::looping::{PASSES_MAX, SHARE_MIN};
use crate::machine::program::Places;
use crate::machine::worker::Worker;
use crate::processes::process_work::{ProcessSetting, Work, WorldOf};
use crate::rivals::worlds::{start, start_erlang};

/// Runs in a window, of which the one in the middle counts.
const RUNS: u64 = 10;

/// Most pieces of a run: a million idle processes are enough.
const PIECES_MAX: u64 = 1 << 20;

/// Work, and how much of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Task {
    pub(crate) work: Work,
    pub(crate) number: u32,
    pub(crate) at_random: bool,
    /// Pieces of a run, where their number is given.
    pub(crate) pieces: Option<u64>,
}

impl Task {
    pub(crate) fn of(work: Work, number: u32) -> Self {
        Self { work, number, at_random: false, pieces: None }
    }
}

/// Whose world it is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum World {
    Here(WorldOf),
    Erlang,
}

impl World {
    pub(crate) fn start(self, places: &Places, task: Task) -> Result<Worker, Fault> {
        let Task { work, number, at_random, .. } = task;
        match self {
            Self::Here(of) => start(places, ProcessSetting { of, work, number, at_random }),
            Self::Erlang => {
                let of = WorldOf::Levada; // it is none of these, and does not ask
                start_erlang(places, ProcessSetting { of, work, number, at_random })
            }
        }
    }
}

/// A row: its name, its side and its world.
pub(crate) type Row = (&'static str, Side, World);

pub(crate) fn case(
    ground: &Ground,
    (panel, point): (&str, &str),
    task: Task,
    rows: &[Row],
    bars: Vec<Bar>,
) -> Case {
    let entrants = rows.iter().map(|&(name, side, world)| {
        let ground = ground.clone();
        let get_ready = move || -> Result<Box<dyn Contender>, Fault> {
            let worker = world.start(&ground.places, task)?;
            let mut asking = Asking { ground, worker, task, pieces: 1, others: Vec::new() };
            asking.settle(matches!(world, World::Here(_)))?;
            Ok(Box::new(asking))
        };
        Entrant { name: name.to_owned(), side, get_ready: Box::new(get_ready) }
    });
    Case {
        panel: panel.to_owned(),
        point: point.to_owned(),
        entrants: entrants.collect(),
        round_count: match task.work {
            Work::Lone => ground.pace.round_count.min(9),
            _ => ground.pace.round_count.min(21),
        },
        bars,
    }
}

/// A world that is asked for work.
struct Asking {
    ground: Ground,
    worker: Worker,
    task: Task,
    pieces: u64,
    /// Wakes and allocations of a piece, where they are counted.
    others: Vec<f64>,
}

/// What a world answered.
struct Answer {
    took_ns: u64,
    wakes: u64,
    allocations: u64,
    latencies_ns: Vec<u64>,
}

impl Asking {
    fn ask(&mut self, word: &str) -> Result<Answer, Fault> {
        self.ground.stop.check()?;
        let said = self.worker.ask(&format!("{word} {}", self.pieces));
        self.ground.stop.check()?;
        let said = said?;
        let numbers: Option<Vec<u64>> =
            said.split_whitespace().map(|number| number.parse().ok()).collect();
        match numbers.as_deref() {
            Some([took_ns, wakes, allocations, latencies_ns @ ..]) => Ok(Answer {
                took_ns: *took_ns,
                wakes: *wakes,
                allocations: *allocations,
                latencies_ns: latencies_ns.to_vec(),
            }),
            _ => Err(Fault::Wrong(format!("the worker said: {said}"))),
        }
    }

    /// Finds how many pieces a run has, warms up with that, and counts once.
    fn settle(&mut self, counts: bool) -> Result<(), Fault> {
        let run_ns = u64::try_from(self.ground.pace.window.as_nanos()).unwrap_or(u64::MAX) / RUNS;
        if let Some(pieces) = self.task.pieces {
            self.pieces = pieces;
        } else {
            self.pieces = self.least();
            while self.pieces < PIECES_MAX && self.ask("run")?.took_ns < run_ns {
                self.pieces *= 2;
            }
        }
        if self.task.work != Work::Lone {
            self.ask("run")?;
        }
        if counts && self.task.work != Work::Lone {
            let counted = self.ask("count")?;
            let of_a_piece = |count: u64| count as f64 / self.pieces as f64;
            self.others = vec![of_a_piece(counted.allocations), of_a_piece(counted.wakes)];
        }
        Ok(())
    }

    /// As many as there are receivers or places in a batch; those at random are met in time.
    fn least(&self) -> u64 {
        match self.task.work {
            Work::Message if self.task.at_random => 1024,
            Work::Message | Work::Stream => u64::from(self.task.number).max(64),
            _ => 16,
        }
    }

    /// A window's runs, and what of its core the worker had meanwhile.
    fn window(&mut self) -> Result<(f64, f64), Fault> {
        let before_ns = self.worker.cpu_ns()?;
        let (mut pieces_ns, mut sum_ns) = (Vec::new(), 0);
        for _ in 0..RUNS {
            let took_ns = self.ask("run")?.took_ns;
            sum_ns += took_ns;
            pieces_ns.push(took_ns as f64 / self.pieces as f64);
        }
        let share = (self.worker.cpu_ns()? - before_ns) as f64 / sum_ns.max(1) as f64;
        let middle = Spread::of(&pieces_ns).expect("there were runs").median;
        Ok((middle, share.min(1.0)))
    }

    fn lone(&mut self) -> Result<Sample, Fault> {
        let answer = self.ask("run")?;
        let mut latency_ns = Histogram::default();
        answer.latencies_ns.iter().for_each(|time_ns| latency_ns.add(*time_ns));
        let times: Vec<_> = answer.latencies_ns.iter().map(|time_ns| *time_ns as f64).collect();
        let Some(middle) = Spread::of(&times) else {
            return Err(Fault::Wrong("no message came".to_owned()));
        };
        Ok(sample(middle.median, Some(latency_ns)))
    }
}

impl Contender for Asking {
    fn measure(&mut self) -> Result<Sample, Fault> {
        if self.task.work == Work::Lone {
            return self.lone();
        }
        let mut best = self.window()?;
        // Where both cores take part their shares tell nothing of who disturbed.
        let is_alone = self.task.work != Work::Stream;
        for _ in 1..PASSES_MAX {
            if !is_alone || best.1 >= SHARE_MIN {
                break;
            }
            let next = self.window()?;
            best = if next.1 > best.1 { next } else { best };
        }
        let others = self.others.clone();
        let rate_per_s = Some(1e9 / best.0);
        let busy_share = is_alone.then_some(best.1);
        Ok(Sample { rate_per_s, busy_share, others, ..sample(best.0, None) })
    }

    fn cpu_ns(&self) -> Result<Option<u64>, Fault> {
        self.worker.cpu_ns().map(Some)
    }
}

/// A sample with a cost alone.
pub(crate) fn sample(cost: f64, latency_ns: Option<Histogram>) -> Sample {
    Sample {
        cost,
        client_cost: None,
        rate_per_s: None,
        busy_share: None,
        latency_ns,
        others: Vec::new(),
    }
}
