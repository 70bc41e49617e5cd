//! A case of `cache`: who takes part, each in an OS process of its own, with a cache of some room.

use std::time::Duration;

use crate::blocks::block_work::{ask_for_pass, numbers};
use crate::caches::cache_work::{Act, CacheSetting, Part};
use crate::comparisons::store_case::memory_sample;
use crate::frame::comparison::{Contender, Entrant, Ground};
use crate::frame::fault::Fault;
use crate::frame::sample::Sample;
use crate::machine::worker::Worker;
use crate::rivals::caches::{Caching, start};
use crate::rivals::stores::Aim;

/// What is asked of a worker each round.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Asking {
    /// To work for a window.
    Window,
    /// To replay this.
    Part(Part),
    /// To let many ask for one key.
    Together,
}

/// Long enough for some hundred keys.
const TOGETHER_WINDOW: Duration = Duration::from_millis(200);

/// An entrant that hits, on so many threads, in a cache with so many entries of this length.
pub(crate) fn hitting(
    ground: &Ground,
    caching: Caching,
    act: Act,
    (value_bytes, entry_count, thread_count): (usize, usize, usize),
) -> Entrant {
    let (_, _, by, _) = caching;
    let setting = CacheSetting { by, act, value_bytes, entry_count, thread_count };
    asking(ground, caching, setting, Asking::Window)
}

/// An entrant that replays a part of a trace, and times it.
pub(crate) fn replaying(ground: &Ground, caching: Caching, part: Part) -> Entrant {
    let (_, _, by, _) = caching;
    let setting = CacheSetting::replaying(by, Act::Replay);
    asking(ground, caching, setting, Asking::Part(part))
}

/// An entrant of which many ask for one key at once.
pub(crate) fn loading(ground: &Ground, caching: Caching) -> Entrant {
    let (_, _, by, _) = caching;
    asking(ground, caching, CacheSetting::replaying(by, Act::Load), Asking::Together)
}

fn asking(ground: &Ground, caching: Caching, setting: CacheSetting, asking: Asking) -> Entrant {
    let (name, side, _, allocator) = caching;
    let ground = ground.clone();
    let get_ready = move || -> Result<Box<dyn Contender>, Fault> {
        ground.stop.check()?;
        let mut worker = start(&ground.places, allocator, Aim::Speed, setting)?;
        // The first answer comes when all is there: while others are measured nobody fills or reads a file.
        let first = match asking {
            Asking::Window => ask_for_pass(ground.pace.warm_up, ground.pace.warm_up),
            Asking::Part(part) => part.to_line(),
            Asking::Together => "1000000".to_owned(),
        };
        let answer = worker.ask(&first);
        ground.stop.check()?;
        answer?;
        Ok(Box::new(Working { ground, worker, asking }))
    };
    Entrant { name: name.to_owned(), side, get_ready: Box::new(get_ready) }
}

struct Working {
    ground: Ground,
    worker: Worker,
    asking: Asking,
}

impl Contender for Working {
    fn measure(&mut self) -> Result<Sample, Fault> {
        self.ground.stop.check()?;
        let pace = self.ground.pace;
        let line = match self.asking {
            Asking::Window => ask_for_pass(pace.warm_up, pace.window),
            Asking::Part(part) => part.to_line(),
            Asking::Together => TOGETHER_WINDOW.as_nanos().to_string(),
        };
        let answer = self.worker.ask(&line);
        self.ground.stop.check()?;
        let answer = answer?;
        let found = match self.asking {
            Asking::Window => numbers::<f64, 3>(&answer)
                .map(|[cost, rate_per_s, share]| (cost, rate_per_s, Some(share))),
            Asking::Part(_) => numbers::<f64, 2>(&answer)
                .map(|[request_ns, share]| (request_ns, 1e9 / request_ns, Some(share))),
            Asking::Together => {
                numbers::<f64, 1>(&answer).map(|[time_ns]| (time_ns, 1e9 / time_ns, None))
            }
        };
        let (cost, rate_per_s, busy_share) =
            found.ok_or_else(|| Fault::Wrong(format!("the worker said: {answer}")))?;
        Ok(Sample {
            cost,
            client_cost: None,
            rate_per_s: Some(rate_per_s),
            busy_share,
            latency_ns: None,
            others: Vec::new(),
        })
    }

    fn cpu_ns(&self) -> Result<Option<u64>, Fault> {
        self.worker.cpu_ns().map(Some)
    }
}

/// An entrant that holds entries in a fresh OS process each time; its cost is what is resident for each beyond so many bytes.
pub(crate) fn holding(
    ground: &Ground,
    caching: Caching,
    (value_bytes, entry_count): (usize, usize),
    beyond_bytes: usize,
) -> Entrant {
    let (name, side, by, allocator) = caching;
    let setting = CacheSetting { by, act: Act::Hold, value_bytes, entry_count, thread_count: 1 };
    let ground = ground.clone();
    let get_ready = move || -> Result<Box<dyn Contender>, Fault> {
        Ok(Box::new(Holding { ground, allocator, setting, beyond_bytes }))
    };
    Entrant { name: name.to_owned(), side, get_ready: Box::new(get_ready) }
}

/// An entrant whose cache, with this limit, gives memory back in a fresh OS process each time; its cost is time for each byte.
pub(crate) fn giving_back(ground: &Ground, caching: Caching, limit_bytes: usize) -> Entrant {
    let (name, side, by, allocator) = caching;
    let (act, entry_count) = (Act::GiveBack, limit_bytes);
    let setting = CacheSetting { by, act, value_bytes: 0, entry_count, thread_count: 1 };
    let ground = ground.clone();
    let get_ready = move || -> Result<Box<dyn Contender>, Fault> {
        Ok(Box::new(Holding { ground, allocator, setting, beyond_bytes: 0 }))
    };
    Entrant { name: name.to_owned(), side, get_ready: Box::new(get_ready) }
}

/// Does a thing once.
struct Holding {
    ground: Ground,
    allocator: &'static str,
    setting: CacheSetting,
    beyond_bytes: usize,
}

impl Contender for Holding {
    fn measure(&mut self) -> Result<Sample, Fault> {
        self.ground.stop.check()?;
        let mut worker = start(&self.ground.places, self.allocator, Aim::Memory, self.setting)?;
        let answer = worker.ask("once");
        self.ground.stop.check()?;
        let answer = answer?;
        let Some([entry_bytes, entry_count]) = numbers::<f64, 2>(&answer) else {
            return Err(Fault::Wrong(format!("the worker said: {answer}")));
        };
        Ok(memory_sample(entry_bytes - self.beyond_bytes as f64, entry_count))
    }

    fn cpu_ns(&self) -> Result<Option<u64>, Fault> {
        Ok(None)
    }
}
