//! `social`: who knows whom, in memory: what two hundred million connections take, and how fast one walks through them.

use std::cell::RefCell;
use std::rc::Rc;

use crate::comparisons::fixed::fixed;
use crate::comparisons::store_case::{Work, case, working};
use crate::frame::comparison::{Bar, Case, Comparison, Contender, Entrant, Ground, Yardstick};
use crate::frame::fault::Fault;
use crate::frame::histogram::Histogram;
use crate::frame::manner::Manner;
use crate::frame::sample::Sample;
use crate::machine::worker::Worker;
use crate::rivals::networks::{Knowing, OURS, RIVALS, start};
use crate::rivals::stores::BARE;
use crate::social::connection::CONNECTION_BYTES;
use crate::social::social_work::{Errand, SocialSetting, ask_for};
use crate::stores::store_work::Act;

const BARE_LOOP: Yardstick = Yardstick::Floor;
const LISTS: Yardstick = Yardstick::Rival("lists");
const BOXES: Yardstick = Yardstick::Rival("boxes");
const REDIS: Yardstick = Yardstick::Rival("Redis");
const MEMORY: Yardstick = Yardstick::Rival("12 GB");
const HOPS: Yardstick = Yardstick::Rival("2,500 in 1 ms");
const LOOKS: Yardstick = Yardstick::Rival("40,000 in 1 ms");
const MILLISECOND: Yardstick = Yardstick::Rival("1 ms");

pub(crate) const COMPARISON: Comparison = Comparison {
    name: "social",
    manner: Manner::Stores,
    title: "social: who knows whom, kept in memory and walked through on one thread",
    unit: "ns or B",
    rate_unit: "in 1 s",
    other_units: &[],
    yardsticks: &[BARE_LOOP, LISTS, BOXES, REDIS, MEMORY, HOPS, LOOKS, MILLISECOND],
    notes: &[
        "A generated graph, the same each time: 50 connections for each person on average, their number falling with a power of 2.7, half of all friendships within communities of 2,000 persons. A friendship is two connections of 32 B, one for each friend, and friendships come in an order that has none.",
        "Ours keeps each connection by itself, and for each person a list of handles; the program keeps one handle for a person. Lists hold their connections in themselves, side by side, which no handle names; boxes hold each by itself, as ours does. Redis has a set for each person, of the peers' numbers and nothing else, on the other core, reached by a Unix socket.",
        "Loading is once; memory is what is resident after that, persons and lists among it. Each is loaded from the same generator, whose own time is in the figure.",
        "A hop goes from a connection to the one that its owner made before, which lies somewhere else; a look is at connections whose handles are known, by get_many, in no order. The bare chase goes through half as many values of 32 B with a header each, in huge pages: all of them would not fit beside ours.",
        "A circle is a person's friends-of-friends, each with the number of friends in common; steps are the shortest way from one person to another, up to four, from both sides. Where nothing else is said those persons are taken to whose friends-of-friends there lead 9,000 to 11,000 connections.",
    ],
    cases,
};

/// The number that the bars are for.
const MANY: u64 = 200_000_000;
const MANY_QUICK: u64 = 10_000_000;

/// The number that the rivals keep too.
const TOGETHER: u64 = 20_000_000;
const TOGETHER_QUICK: u64 = 2_000_000;

/// One who has loaded, or will.
#[derive(Clone)]
struct Keeper {
    ground: Ground,
    knowing: Knowing,
    connection_count: u64,
    worker: Rc<RefCell<Option<Worker>>>,
    /// Bytes for each connection, when it has loaded.
    resident: Rc<RefCell<Option<f64>>>,
}

fn cases(ground: &Ground) -> Result<Vec<Case>, Fault> {
    let is_quick = ground.pace.is_quick();
    let together = if is_quick { TOGETHER_QUICK } else { TOGETHER };
    let together = ground.connection_count.map_or(together, |count| together.min(count));
    let all = [OURS].into_iter().chain(RIVALS);
    let keepers: Vec<_> = all.map(|one| Keeper::of(ground, one, together)).collect();
    let many = ground.connection_count.unwrap_or(if is_quick { MANY_QUICK } else { MANY });
    let keeper = Keeper::of(ground, OURS, many);
    let mut cases = beside_others(ground, &keepers, together);
    cases.extend(alone(ground, &keeper, many));
    Ok(cases)
}

/// Ours with all, beside what the bars allow and a bare chase through half as many.
fn alone(ground: &Ground, keeper: &Keeper, count: u64) -> Vec<Case> {
    let panel = format!("{} million connections", count / 1_000_000);
    let rounds = ground.pace.round_count;
    let one = |point, round_count, errand, others: Vec<Entrant>, bars| {
        let entrants = [keeper.entrant(errand)].into_iter().chain(others).collect();
        case((&panel, point), round_count, entrants, bars)
    };
    let chase = Work { act: Act::Hop, value_bytes: CONNECTION_BYTES, count: count / 2 };
    let known = Work { act: Act::GetTogether, ..chase };
    let bar = |against, goal| Bar { against, first: Some(1.0), goal };
    let memory = vec![keeper.memory(), fixed("12 GB", 12e9 / MANY as f64)];
    let hops = vec![fixed("2,500 in 1 ms", 400.0), working(ground, BARE, chase)];
    let looks = vec![fixed("40,000 in 1 ms", 25.0), working(ground, BARE, known)];
    let millisecond = || vec![fixed("1 ms", 1e6)];
    let memory_bars = vec![bar(MEMORY, Some(10.0 / 12.0))];
    vec![
        one("loading", 1, Errand::Load, Vec::new(), Vec::new()),
        case((&panel, "bytes resident for a connection"), 1, memory, memory_bars),
        one("hop", rounds, Errand::Hop, hops, vec![bar(HOPS, Some(2.5 / 3.0))]),
        one("look", rounds, Errand::Look, looks, vec![bar(LOOKS, Some(0.8))]),
        one("circle", rounds, Errand::Circle, millisecond(), vec![bar(MILLISECOND, None)]),
        one("circle of anybody", rounds, Errand::AnyCircle, millisecond(), Vec::new()),
        one("steps", rounds, Errand::Steps, millisecond(), Vec::new()),
    ]
}

fn beside_others(ground: &Ground, keepers: &[Keeper], count: u64) -> Vec<Case> {
    let panel = format!("{} million connections", count / 1_000_000);
    let one = |point, round_count, errand, bars| {
        let entrants = keepers.iter().map(|keeper| keeper.entrant(errand)).collect();
        case((&panel, point), round_count, entrants, bars)
    };
    let memory = keepers.iter().map(Keeper::memory).collect();
    let rounds = ground.pace.round_count;
    vec![
        one("loading", 1, Errand::Load, Vec::new()),
        case((&panel, "bytes resident for a connection"), 1, memory, Vec::new()),
        one("circle", rounds, Errand::Circle, Vec::new()),
        one("circle of anybody", rounds, Errand::AnyCircle, Vec::new()),
        one("steps", rounds, Errand::Steps, Vec::new()),
    ]
}

impl Keeper {
    fn of(ground: &Ground, knowing: Knowing, connection_count: u64) -> Self {
        let (worker, resident) = (Rc::default(), Rc::default());
        Self { ground: ground.clone(), knowing, connection_count, worker, resident }
    }

    fn entrant(&self, errand: Errand) -> Entrant {
        let asking = Asking { keeper: self.clone(), errand };
        self.by(asking)
    }

    fn memory(&self) -> Entrant {
        self.by(Weighing(self.clone()))
    }

    fn by(&self, contender: impl Contender + 'static) -> Entrant {
        let get_ready = move || -> Result<Box<dyn Contender>, Fault> { Ok(Box::new(contender)) };
        let (name, side, ..) = self.knowing;
        Entrant { name: name.to_owned(), side, get_ready: Box::new(get_ready) }
    }

    fn ask(&self, what: &str) -> Result<String, Fault> {
        let mut worker = self.worker.borrow_mut();
        let Some(worker) = worker.as_mut() else {
            return Err(Fault::Wrong("it did not load".to_owned()));
        };
        let answer = worker.ask(what);
        self.ground.stop.check()?;
        answer
    }

    fn cpu_ns(&self) -> Result<Option<u64>, Fault> {
        self.worker.borrow().as_ref().map(Worker::cpu_ns).transpose()
    }
}

/// Asks for one errand each round.
struct Asking {
    keeper: Keeper,
    errand: Errand,
}

impl Contender for Asking {
    fn measure(&mut self) -> Result<Sample, Fault> {
        let Keeper { ground, knowing: (.., by, allocator), connection_count, worker, .. } =
            &self.keeper;
        ground.stop.check()?;
        if self.errand == Errand::Load {
            let setting = SocialSetting { by: *by, connection_count: *connection_count };
            let begun = start(&ground.places, allocator, setting)?;
            *worker.borrow_mut() = Some(begun);
        }
        let answer = self.keeper.ask(&ask_for(self.errand, ground.pace.window))?;
        let wrong = || Fault::Wrong(format!("the worker said: {answer}"));
        let numbers: Option<Vec<f64>> =
            answer.split_whitespace().map(|number| number.parse().ok()).collect();
        let numbers = numbers.ok_or_else(wrong)?;
        let [cost, second, turns_ns @ ..] = numbers.as_slice() else { return Err(wrong()) };
        if self.errand == Errand::Load {
            *self.keeper.resident.borrow_mut() = Some(*second);
        }
        Ok(Sample {
            cost: *cost,
            client_cost: None,
            rate_per_s: Some(1e9 / cost),
            busy_share: (self.errand != Errand::Load).then_some(*second),
            latency_ns: (!turns_ns.is_empty()).then(|| histogram(turns_ns)),
            others: Vec::new(),
        })
    }

    fn cpu_ns(&self) -> Result<Option<u64>, Fault> {
        self.keeper.cpu_ns()
    }
}

fn histogram(turns_ns: &[f64]) -> Histogram {
    let mut histogram = Histogram::default();
    for turn_ns in turns_ns {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
        histogram.add(*turn_ns as u64);
    }
    histogram
}

/// Says what was resident after the loading.
struct Weighing(Keeper);

impl Contender for Weighing {
    fn measure(&mut self) -> Result<Sample, Fault> {
        let resident = *self.0.resident.borrow();
        let cost = resident.ok_or_else(|| Fault::Wrong("it did not load".to_owned()))?;
        Ok(Sample {
            cost,
            client_cost: None,
            rate_per_s: None,
            busy_share: None,
            latency_ns: None,
            others: Vec::new(),
        })
    }

    fn cpu_ns(&self) -> Result<Option<u64>, Fault> {
        self.0.cpu_ns()
    }
}
