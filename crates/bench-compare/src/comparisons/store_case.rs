//! A case of `pile`: who takes part, each in an OS process of its own, on values of one length and one number.

use std::time::Duration;

use crate::blocks::block_work::{ask_for_pass, numbers};
use crate::frame::comparison::{Bar, Case, Contender, Entrant, Ground};
use crate::frame::fault::Fault;
use crate::frame::histogram::Histogram;
use crate::frame::sample::Sample;
use crate::machine::worker::Worker;
use crate::rivals::stores::{Aim, Keeping, start};
use crate::stores::store_work::{Act, StoreSetting};

/// What is done, with what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    pub(crate) act: Act,
    pub(crate) value_bytes: usize,
    pub(crate) count: u64,
}

/// An entrant that works for a window on one thread.
pub(crate) fn working(ground: &Ground, keeping: Keeping, work: Work) -> Entrant {
    working_on(ground, keeping, work, 1)
}

/// As [`working`], on so many threads at once.
pub(crate) fn working_on(
    ground: &Ground,
    (name, side, by, allocator): Keeping,
    Work { act, value_bytes, count }: Work,
    thread_count: usize,
) -> Entrant {
    let setting = StoreSetting { by, act, value_bytes, count, thread_count };
    let ground = ground.clone();
    let get_ready = move || -> Result<Box<dyn Contender>, Fault> {
        ground.stop.check()?;
        let mut worker = start(&ground.places, allocator, Aim::Speed, setting)?;
        // The first answer comes when all is filled: while others are measured nobody fills.
        let filled = worker.ask(&ask_for_pass(ground.pace.warm_up, ground.pace.warm_up));
        ground.stop.check()?;
        filled?;
        Ok(Box::new(Working { ground, worker }))
    };
    Entrant { name: name.to_owned(), side, get_ready: Box::new(get_ready) }
}

/// A worker that works for a window.
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

/// What of an OS process that was filled is its cost.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Costs {
    /// Resident bytes for a value.
    Bytes,
    /// Time for a value, from nothing.
    Time,
}

/// An entrant that fills a fresh OS process each time, on so many threads.
pub(crate) fn filling(
    ground: &Ground,
    (name, side, by, allocator): Keeping,
    (value_bytes, count): (usize, u64),
    (costs, thread_count): (Costs, usize),
) -> Entrant {
    let setting = StoreSetting { by, act: Act::Fill, value_bytes, count, thread_count };
    let ground = ground.clone();
    let get_ready = move || -> Result<Box<dyn Contender>, Fault> {
        Ok(Box::new(Filling { ground, allocator, setting, costs }))
    };
    Entrant { name: name.to_owned(), side, get_ready: Box::new(get_ready) }
}

struct Filling {
    ground: Ground,
    allocator: &'static str,
    setting: StoreSetting,
    costs: Costs,
}

impl Contender for Filling {
    fn measure(&mut self) -> Result<Sample, Fault> {
        let aim = match self.costs {
            Costs::Bytes => Aim::Memory,
            Costs::Time => Aim::Speed,
        };
        let answer = ask_once(&self.ground, self.allocator, aim, self.setting)?;
        let Some([each_bytes, share, each_ns]) = numbers::<f64, 3>(&answer) else {
            return Err(Fault::Wrong(format!("the worker said: {answer}")));
        };
        Ok(match self.costs {
            Costs::Bytes => memory_sample(each_bytes, share),
            Costs::Time => {
                Sample { rate_per_s: Some(1e9 / each_ns), ..memory_sample(each_ns, each_bytes) }
            }
        })
    }

    fn cpu_ns(&self) -> Result<Option<u64>, Fault> {
        Ok(None)
    }
}

/// An entrant that lays out a checkerboard in a fresh OS process each time; its cost is what is resident for a byte of data.
pub(crate) fn board(
    ground: &Ground,
    (name, side, by, allocator): Keeping,
    Work { act, value_bytes, count }: Work,
) -> Entrant {
    let setting = StoreSetting { by, act, value_bytes, count, thread_count: 1 };
    let ground = ground.clone();
    let get_ready = move || -> Result<Box<dyn Contender>, Fault> {
        Ok(Box::new(LayingOut { ground, allocator, setting }))
    };
    Entrant { name: name.to_owned(), side, get_ready: Box::new(get_ready) }
}

struct LayingOut {
    ground: Ground,
    allocator: &'static str,
    setting: StoreSetting,
}

impl Contender for LayingOut {
    fn measure(&mut self) -> Result<Sample, Fault> {
        let answer = ask_once(&self.ground, self.allocator, Aim::Memory, self.setting)?;
        let Some([live_bytes, resident_bytes]) = numbers::<f64, 2>(&answer) else {
            return Err(Fault::Wrong(format!("the worker said: {answer}")));
        };
        let share = resident_bytes / live_bytes;
        Ok(memory_sample(share, share))
    }

    fn cpu_ns(&self) -> Result<Option<u64>, Fault> {
        Ok(None)
    }
}

/// What a fresh worker says when it is asked for the first time.
fn ask_once(
    ground: &Ground,
    allocator: &str,
    aim: Aim,
    setting: StoreSetting,
) -> Result<String, Fault> {
    ground.stop.check()?;
    let mut worker = start(&ground.places, allocator, aim, setting)?;
    let answer = worker.ask("once");
    ground.stop.check()?;
    answer
}

/// An entrant that times each get; its cost is the time that one in ten thousand takes or exceeds.
pub(crate) fn timing(ground: &Ground, keeping: Keeping, work: Work) -> Entrant {
    let (name, side, by, allocator) = keeping;
    let Work { act, value_bytes, count } = work;
    let setting = StoreSetting { by, act, value_bytes, count, thread_count: 2 };
    let ground = ground.clone();
    let get_ready = move || -> Result<Box<dyn Contender>, Fault> {
        let mut worker = start(&ground.places, allocator, Aim::Speed, setting)?;
        worker.ask(&ask_for_pass(ground.pace.warm_up, ground.pace.warm_up))?;
        Ok(Box::new(Timing { ground, worker }))
    };
    Entrant { name: name.to_owned(), side, get_ready: Box::new(get_ready) }
}

struct Timing {
    ground: Ground,
    worker: Worker,
}

/// Long enough for some of the slowest ten-thousandth.
const TIMING_WINDOW: Duration = Duration::from_millis(200);

impl Contender for Timing {
    fn measure(&mut self) -> Result<Sample, Fault> {
        self.ground.stop.check()?;
        let answer = self.worker.ask(&ask_for_pass(Duration::ZERO, TIMING_WINDOW));
        self.ground.stop.check()?;
        let answer = answer?;
        let words: Option<Vec<u64>> =
            answer.split_whitespace().map(|word| word.parse().ok()).collect();
        let words = words.unwrap_or_default();
        let (pairs, _) = words.as_chunks::<2>();
        let mut left = pairs.iter().map(|[_, count]| count).sum::<u64>() / 10_000;
        let mut slowest = pairs.iter().rev();
        let cost_ns = slowest.find_map(|[time_ns, count]| {
            let is_it = left <= *count;
            left = left.saturating_sub(*count);
            is_it.then_some(*time_ns)
        });
        let Some(cost_ns) = cost_ns else {
            return Err(Fault::Wrong(format!("the worker said: {answer}")));
        };
        let mut histogram = Histogram::default();
        for [time_ns, count] in pairs {
            (0..*count).for_each(|_| histogram.add(*time_ns));
        }
        Ok(Sample {
            cost: cost_ns as f64,
            client_cost: None,
            rate_per_s: None,
            busy_share: None,
            latency_ns: Some(histogram),
            others: Vec::new(),
        })
    }

    fn cpu_ns(&self) -> Result<Option<u64>, Fault> {
        self.worker.cpu_ns().map(Some)
    }
}

/// Bytes of memory, and what that is of the bytes that were put.
pub(crate) fn memory_sample(cost: f64, share: f64) -> Sample {
    let (client_cost, busy_share, latency_ns) = (None, None, None);
    Sample { cost, client_cost, rate_per_s: None, busy_share, latency_ns, others: vec![share] }
}

/// A case of these.
pub(crate) fn case(
    (panel, point): (&str, &str),
    round_count: usize,
    entrants: Vec<Entrant>,
    bars: Vec<Bar>,
) -> Case {
    Case { panel: panel.to_owned(), point: point.to_owned(), entrants, round_count, bars }
}
