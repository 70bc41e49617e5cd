//! `cache-hits`: of a hundred requests, how many find nothing, beside other caches and beside policies that count keys alone.

use std::cell::RefCell;
use std::rc::Rc;

use crate::blocks::block_work::numbers;
use crate::caches::cache_work::{Act, CacheSetting, Part};
use crate::comparisons::store_case::{case, memory_sample};
use crate::frame::comparison::{
    Bar, Case, Comparison, Contender, Entrant, Ground, Side, Yardstick,
};
use crate::frame::fault::Fault;
use crate::frame::manner::Manner;
use crate::frame::sample::Sample;
use crate::machine::worker::Worker;
use crate::rivals::caches::{
    Caching, FOYER, MOKA, ORACLES, OURS, QUICK_CACHE, RIVALS, SIMULATOR, start,
};
use crate::rivals::stores::Aim;
use crate::traces::catalogue::{ALL, Known};

const SIMULATORS: Yardstick = Yardstick::Rival(SIMULATOR);
const QUICK: Yardstick = Yardstick::Rival(QUICK_CACHE);
const FOYERS: Yardstick = Yardstick::Rival(FOYER);
const MOKAS: Yardstick = Yardstick::Rival(MOKA);
const NEAR_SIMULATOR: Yardstick = Yardstick::Rival("the simulator and 0.3");
const NEAR_BEST: Yardstick = Yardstick::Rival("the best and 1.0");

pub(crate) const COMPARISON: Comparison = Comparison {
    name: "cache-hits",
    manner: Manner::Replays,
    title: "cache-hits: misses of caches with room for some of the keys of a trace",
    unit: "misses in 100",
    rate_unit: "",
    other_units: &["entries"],
    yardsticks: &[SIMULATORS],
    notes: &[
        "All have room for the same number of entries of one length, on one thread and in one part; a key that is not there is put. moka does what it puts off each time that it may hold a thousandth more than its room. What ours refuses, because too many keys share their two places in its index, is not kept and missed again; it is one put in about a hundred thousand. With --quick four traces are replayed at two sizes.",
        "The simulators count keys and nothing else: S3-FIFO as its paper has it, small a tenth, an exact ghost of as many keys as main has room for; SIEVE; LRU. What is allowed, 0.3 more misses in 100 requests than the simulator and 1.0 more than the best of quick_cache, foyer and moka, stands as a row of its own.",
        "OLTP and P3 are of N. Megiddo and D. S. Modha, ARC, USENIX FAST 2003; orm-busy and web12 of the cache2k benchmarks. They are read from the folder that LEVADA_TRACES names, or from ../shared/data/traces.",
        "Twitter N is made, not recorded: 2 million requests by Zipf's law with the alpha that is published for that cluster (J. Yang and others, OSDI 2020), over 200,000 keys, and as many keys that come once as are published, where the law has fewer; writes are left out.",
        "Zipf 0.7, 30 % once: three requests in ten are for keys that never come again. Loop: 50,000 keys one after the other, ten times. Scans: after each 20,000 requests by Zipf's law 10,000 keys in a row that never come again.",
    ],
    cases,
};

const SHARES: [(u64, &str); 4] = [(10, "1 %"), (50, "5 %"), (100, "10 %"), (250, "25 %")];
const QUICK_SHARES: [(u64, &str); 2] = [SHARES[0], SHARES[2]];

/// In a quick run.
const QUICK_TRACES: [&str; 4] = ["OLTP", "web12", "Zipf 1.0", "Zipf 0.7, 30 % once"];

/// Who misses how much, in the order in which that was found out.
type Found = Rc<RefCell<Vec<(Caching, f64)>>>;

/// One who takes part in all cases, by one worker.
#[derive(Clone)]
struct Player {
    ground: Ground,
    caching: Caching,
    worker: Rc<RefCell<Option<Worker>>>,
    all_found: Found,
}

fn cases(ground: &Ground) -> Result<Vec<Case>, Fault> {
    let is_quick = ground.pace.is_quick();
    let shares = if is_quick { &QUICK_SHARES[..] } else { &SHARES };
    let all_found = Found::default();
    let takes_part = [OURS].into_iter().chain(RIVALS).chain(ORACLES);
    let players: Vec<_> = takes_part
        .map(|caching| Player {
            ground: ground.clone(),
            caching,
            worker: Rc::default(),
            all_found: Rc::clone(&all_found),
        })
        .collect();
    let mut all = Vec::new();
    let mut case_count = 0;
    for (trace_index, known) in ALL.into_iter().enumerate() {
        if is_quick && !QUICK_TRACES.contains(&known.name) {
            continue;
        }
        if let Some(said) = known.absence() {
            all.push(absent(known, said));
            continue;
        }
        for (permille, point) in shares {
            let part = Part { trace_index, request_count_max: usize::MAX, permille: *permille };
            all.push(of_part(&players, (known.name, point), part));
            case_count += 1;
        }
    }
    all.push(of_all(&players, case_count));
    Ok(all)
}

/// A trace that is not there is said to be lacking, where its figures would stand.
fn absent(known: Known, said: String) -> Case {
    let get_ready = || Err(Fault::Absent(said));
    let name = known.name.to_owned();
    let side = Side::FloorToo;
    let entrants = vec![Entrant { name, side, get_ready: Box::new(get_ready) }];
    case((known.name, "not there"), 1, entrants, Vec::new())
}

fn of_part(players: &[Player], name: (&str, &str), part: Part) -> Case {
    let found = Found::default();
    let one = |player: &Player| {
        let replaying = Replaying { player: player.clone(), part, found: Rc::clone(&found) };
        entrant(player.caching, replaying)
    };
    let mut entrants: Vec<Entrant> = players.iter().map(one).collect();
    let simulators: &[&str] = &[SIMULATOR];
    let allowances =
        [(NEAR_SIMULATOR, simulators, 0.3), (NEAR_BEST, &[QUICK_CACHE, FOYER, MOKA], 1.0)];
    entrants.extend(allowances.map(|(yardstick, of, more)| {
        let allowing = Allowing { found: Rc::clone(&found), of, more };
        let (name, side) = (yardstick.name(), Side::Rival(yardstick.name()));
        let get_ready = move || -> Result<Box<dyn Contender>, Fault> { Ok(Box::new(allowing)) };
        Entrant { name: name.to_owned(), side, get_ready: Box::new(get_ready) }
    }));
    let bar = |against| Bar { against, first: Some(1.0), goal: None };
    case(name, 1, entrants, vec![bar(NEAR_SIMULATOR), bar(NEAR_BEST)])
}

fn of_all(players: &[Player], case_count: usize) -> Case {
    let one = |player: &Player| {
        let all_found = Rc::clone(&player.all_found);
        entrant(player.caching, Averaging { caching: player.caching, all_found, case_count })
    };
    let entrants = players.iter().map(one).collect();
    let bar = |against| Bar { against, first: None, goal: Some(1.0) };
    let bars = [QUICK, FOYERS, MOKAS, SIMULATORS].map(bar).to_vec();
    case(("all traces", "the mean of all"), 1, entrants, bars)
}

fn entrant((name, side, ..): Caching, contender: impl Contender + 'static) -> Entrant {
    let get_ready = move || -> Result<Box<dyn Contender>, Fault> { Ok(Box::new(contender)) };
    Entrant { name: name.to_owned(), side, get_ready: Box::new(get_ready) }
}

struct Replaying {
    player: Player,
    part: Part,
    found: Found,
}

impl Contender for Replaying {
    fn measure(&mut self) -> Result<Sample, Fault> {
        let Player { ground, caching, worker, all_found } = &self.player;
        ground.stop.check()?;
        let (_, _, by, allocator) = *caching;
        let mut kept = worker.borrow_mut();
        let mut running = match kept.take() {
            Some(running) => running,
            None => {
                let setting = CacheSetting::replaying(by, Act::Misses);
                start(&ground.places, allocator, Aim::Speed, setting)?
            }
        };
        let answer = running.ask(&self.part.to_line());
        ground.stop.check()?;
        let answer = answer?;
        *kept = Some(running); // one that has ended is not kept: the next case begins with another
        let Some([missed, entry_count]) = numbers::<f64, 2>(&answer) else {
            return Err(Fault::Wrong(format!("the worker said: {answer}")));
        };
        self.found.borrow_mut().push((*caching, missed));
        all_found.borrow_mut().push((*caching, missed));
        Ok(memory_sample(missed, entry_count))
    }

    fn cpu_ns(&self) -> Result<Option<u64>, Fault> {
        Ok(None)
    }
}

/// What is allowed: so much more than the best of some.
struct Allowing {
    found: Found,
    of: &'static [&'static str],
    more: f64,
}

impl Contender for Allowing {
    fn measure(&mut self) -> Result<Sample, Fault> {
        let found = self.found.borrow();
        let is_it = |side: Side| matches!(side, Side::Rival(name) if self.of.contains(&name));
        let theirs = found.iter().filter(|((_, side, ..), _)| is_it(*side));
        let best = theirs.map(|(_, missed)| *missed).min_by(f64::total_cmp);
        let best = best.ok_or_else(|| Fault::Wrong("there is none to be near to".to_owned()))?;
        Ok(plain(best + self.more))
    }

    fn cpu_ns(&self) -> Result<Option<u64>, Fault> {
        Ok(None)
    }
}

struct Averaging {
    caching: Caching,
    all_found: Found,
    case_count: usize,
}

impl Contender for Averaging {
    fn measure(&mut self) -> Result<Sample, Fault> {
        let found = self.all_found.borrow();
        let own = found.iter().filter(|(caching, _)| caching.0 == self.caching.0);
        let own: Vec<f64> = own.map(|(_, missed)| *missed).collect();
        if own.len() != self.case_count {
            return Err(Fault::Wrong("it has not all figures".to_owned()));
        }
        Ok(plain(own.iter().sum::<f64>() / own.len() as f64))
    }

    fn cpu_ns(&self) -> Result<Option<u64>, Fault> {
        Ok(None)
    }
}

/// A cost and nothing else.
fn plain(cost: f64) -> Sample {
    Sample { others: Vec::new(), ..memory_sample(cost, 0.0) }
}
