//! A case of `pile`: who takes part, each in an OS process of its own, on values of one length and one number.

use crate::blocks::block_work::{ask_for_pass, numbers};
use crate::frame::comparison::{Bar, Case, Contender, Entrant, Ground};
use crate::frame::fault::Fault;
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

/// An entrant that fills a fresh OS process each time.
pub(crate) fn filling(
    ground: &Ground,
    (name, side, by, allocator): Keeping,
    (value_bytes, count): (usize, u64),
) -> Entrant {
    let setting = StoreSetting { by, act: Act::Fill, value_bytes, count, thread_count: 1 };
    let ground = ground.clone();
    let get_ready = move || -> Result<Box<dyn Contender>, Fault> {
        Ok(Box::new(Filling { ground, allocator, setting }))
    };
    Entrant { name: name.to_owned(), side, get_ready: Box::new(get_ready) }
}

struct Filling {
    ground: Ground,
    allocator: &'static str,
    setting: StoreSetting,
}

impl Contender for Filling {
    fn measure(&mut self) -> Result<Sample, Fault> {
        self.ground.stop.check()?;
        let mut worker = start(&self.ground.places, self.allocator, Aim::Memory, self.setting)?;
        let answer = worker.ask("fill");
        self.ground.stop.check()?;
        let answer = answer?;
        let Some([each_bytes, share]) = numbers::<f64, 2>(&answer) else {
            return Err(Fault::Wrong(format!("the worker said: {answer}")));
        };
        Ok(memory_sample(each_bytes, share))
    }

    fn cpu_ns(&self) -> Result<Option<u64>, Fault> {
        Ok(None)
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
