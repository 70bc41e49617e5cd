//! A simulation runs all cores of a domain on one thread, by a virtual clock, in an order that is drawn from a seed.
//!
//! ```text
//! some core has something to do   one of them is drawn, passes, and runs a drawn number of turns; a pass takes a microsecond
//! none has                        the clock goes on to the next timer; with drivers, until one of them brings something
//! nothing can happen any more     the first process has ended: the others are stopped;  it has not: that is the finding
//! ```
//!
//! The same seed and the same inputs give the same run, byte for byte; another seed gives another order that the semantics
//! allow. What runs must draw nothing from elsewhere: no other clock, no other chance, no order of a map that is hashed at random.

use core::cell::{Cell, OnceCell};
use core::fmt;
use core::time::Duration;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, OnceLock};
use std::task::{Wake, Waker};
use std::thread::{ThreadId, current};

use levada_channel::{Channel, CoreWaker, Deadline, Fatal, Wait};
use levada_process::{
    Context, Core, CoreOptions, Ended, Failure, Host, LogLine, NoCoreLeft, Tick, TimerId, TimerKey,
    WaitingProcess,
};
use levada_shared::Account;

use crate::clock::Clock;
use crate::config::Config;
use crate::core_values::CoreValues;
use crate::domain::{Domain, StartError, root_process};
use crate::here::{self, Lent};
use crate::io::Io;
use crate::run::fire;
use crate::timers::{Due, Timers};
use crate::wall::Wall;
use crate::wheel::TimerName;

/// Where the clock begins, without drivers: a round number of a trace's ticks.
const BEGIN: Tick = Tick::from_nanos(1 << 40);

/// How long a pass takes.
const PASS: Duration = Duration::from_micros(1);

/// The most turns that are drawn for a pass.
const TURNS_MAX: u64 = 8;

/// How long cores with drivers are given to bring something, where no timer is set.
const PATIENCE: Duration = Duration::from_hours(1);

/// How long processes may go on when the first has ended, and then again when they were told to stop.
const GRACE: Duration = Duration::from_secs(10);

/// After how many passes a simulation is given up.
const PASSES_MAX: u64 = 20_000_000;

/// What a simulation came to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Replay {
    /// Of which seed it is.
    pub seed: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// How the first process ended, if it did: how it failed, in words.
    pub root: Option<Result<(), String>>,
    /// Who was there when nothing could happen any more, or some time after the first process had ended, and what each waited for.
    pub left: Vec<WaitingProcess>,
    /// How much time passed, by the virtual clock of the first core.
    pub took: Duration,
    /// How many turns ran.
    pub turns: u64,
    /// The last 32,768 events of each core as bytes: the same for the same run, whatever else runs in this program.
    pub trace: Vec<u8>,
}

/// How a simulation ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// The first process ended, and all others then or when they were told to stop.
    Ended,
    /// The first process ended, and others did not when they were told to stop: they were killed.
    Killed,
    /// Nothing can happen any more, and the first process has not ended.
    Stuck,
    /// It goes on and on.
    Endless,
    /// A driver refused further I/O.
    Refused,
}

impl fmt::Display for Replay {
    /// The outcome, and a line for each process that was left.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}: {:?} after {:?}", self.seed, self.outcome, self.took)?;
        if let Some(Err(failure)) = &self.root {
            write!(f, ": {failure}")?;
        }
        self.left.iter().try_for_each(|process| write!(f, "\n{process}"))
    }
}

impl Domain {
    /// Runs a domain on this thread until it has ended, or nothing can happen in it any more. Its cores are not pinned, nobody looks
    /// at the machine's memory or at turns that run long; where it has no
    /// [`driver_for`](Config::driver_for), there are no sockets and no files.
    ///
    /// When the first process has ended, the others have ten seconds of the virtual clock to end, are told to stop, and have as long
    /// again.
    ///
    /// ```
    /// # use levada_domain::{Config, Domain, Outcome};
    /// # use levada_shared::{Options, SharedHeap};
    /// # use std::time::Duration;
    /// let config = Config::new(SharedHeap::new(Options::default())?);
    /// let day = Duration::from_secs(24 * 60 * 60);
    /// let replay = Domain::simulate(7, &config, move |cx, _io| async move {
    ///     cx.sleep_until(cx.now().after(day)).await?;
    ///     Ok(())
    /// })?;
    /// assert_eq!((replay.outcome, replay.root), (Outcome::Ended, Some(Ok(()))));
    /// assert!(replay.took >= day);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`StartError`]; nothing ran then.
    pub fn simulate<F, Fut>(seed: u64, config: &Config, root: F) -> Result<Replay, StartError>
    where
        F: FnOnce(Context, Io) -> Fut + 'static,
        Fut: Future<Output = Result<(), Failure>> + 'static,
    {
        if config.cores.is_empty() {
            return Err(StartError::NoCores);
        }
        let simulation = Simulation::begin(seed, config)?;
        let (sender, ended) = sync_channel(1);
        let io = Io::new(simulation.nodes.iter().map(|node| node.core.id()).collect(), seed);
        let first = &simulation.nodes[0];
        here::enter(&first.lent, || root_process(root, io, sender)(&first.core));
        Ok(simulation.run(&ended))
    }
}

/// All cores, and what is drawn.
struct Simulation {
    seed: u64,
    nodes: Vec<Node>,
    drawn: u64,
    now: Rc<Cell<Tick>>,
    passes: u64,
    due: Vec<Due>,
}

/// One core.
struct Node {
    core: Rc<Core>,
    lent: Rc<Lent>,
    rung: Arc<Rung>,
    begin: Tick,
    is_asleep: Cell<bool>,
}

/// The alarm of a core. Other threads do not ring it: what they have for a core of the same number that is gone is no part of this run.
struct Rung {
    thread: ThreadId,
    is_rung: AtomicBool,
    channel: OnceLock<CoreWaker>,
}

impl Wake for Rung {
    fn wake(self: Arc<Self>) {
        if current().id() != self.thread {
            return;
        }
        self.is_rung.store(true, Ordering::Relaxed);
        if let Some(channel) = self.channel.get() {
            channel.wake();
        }
    }
}

/// The host of a core whose place among the others is known only when all are made.
struct Simulated {
    lent: Rc<OnceCell<Rc<Lent>>>,
    config: Config,
}

impl Simulated {
    fn lent(&self) -> &Lent {
        self.lent.get().expect("it is set before anything runs")
    }
}

impl Host for Simulated {
    fn now(&self) -> Tick {
        self.lent.get().map_or(BEGIN, |lent| lent.timers.now())
    }

    fn seed(&self) -> u64 {
        0 // drawn anew when its place is known
    }

    fn timer_set(&self, at: Tick, key: TimerKey) -> TimerId {
        TimerId(self.lent().timers.set(at, Due::Wait(key)).to_bits())
    }

    fn timer_cancel(&self, timer: TimerId) {
        self.lent().timers.cancel(TimerName::from_bits(timer.0));
    }

    fn ended(&self, ended: &Ended<'_>) {
        (self.config.on_failure)(ended);
    }

    fn log(&self, line: &LogLine<'_>) {
        (self.config.on_log)(line);
    }
}

/// A core that is made, and does not know its place yet.
struct Made {
    core: Core,
    account: Account,
    lent: Rc<OnceCell<Rc<Lent>>>,
    rung: Arc<Rung>,
}

impl Simulation {
    fn begin(seed: u64, config: &Config) -> Result<Self, StartError> {
        let mut made = Vec::new();
        for number in 0..config.cores.len() {
            made.push(make(config, number)?);
        }
        // Others in this program may have left lower numbers meanwhile, and lanes are read in the order of these.
        made.sort_by_key(|made| made.core.id());
        let now = Rc::new(Cell::new(BEGIN));
        let mut simulation =
            Self { seed, nodes: Vec::new(), drawn: mixed(seed), now, passes: 0, due: Vec::new() };
        for (number, made) in made.into_iter().enumerate() {
            let of_core = simulation.draw();
            made.core.shuffle(of_core);
            simulation.nodes.push(node(config, number, made)?);
        }
        Ok(simulation)
    }

    /// A random number (splitmix64).
    fn draw(&mut self) -> u64 {
        self.drawn = self.drawn.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed(self.drawn)
    }

    fn draw_below(&mut self, count: usize) -> usize {
        usize::try_from(self.draw() % count as u64).expect("less than a count")
    }

    fn run(mut self, ended: &Receiver<Result<(), String>>) -> Replay {
        let mut root = None;
        let happened = self.run_until(None, |simulation| {
            root = ended.try_recv().ok();
            root.is_some() || simulation.is_empty()
        });
        // A root that panicked told nobody.
        let is_over = root.is_some() || self.is_empty();
        let mut outcome = match happened {
            Happened::Done | Happened::Nothing if is_over => Outcome::Ended,
            Happened::Done | Happened::Nothing | Happened::TimeIsOver => Outcome::Stuck,
            Happened::TooMuch => Outcome::Endless,
            Happened::Refused => Outcome::Refused,
        };
        if outcome == Outcome::Ended {
            self.run_until(Some(GRACE), Self::is_empty);
        }
        let left: Vec<_> = self.nodes.iter().flat_map(|node| node.core.waiting()).collect();
        if outcome == Outcome::Ended && !left.is_empty() {
            self.each(|node| {
                node.core.stop();
                if let Some(channel) = &node.lent.channel {
                    node.core.enter(|| channel.wind_down());
                }
            });
            self.run_until(Some(GRACE), Self::is_empty);
            if !self.is_empty() {
                outcome = Outcome::Killed;
            }
        }
        let cores: Vec<_> = self.nodes.iter().map(|node| (&*node.core, node.begin)).collect();
        let trace = Core::trace(&cores);
        let turns = self.nodes.iter().map(|node| node.core.gauges().turns).sum();
        let took = self.nodes[0].lent.timers.now().since(self.nodes[0].begin);
        self.end();
        Replay { seed: self.seed, outcome, root, left, took, turns, trace }
    }

    /// Passes, until `is_done`, or for so long.
    fn run_until(
        &mut self,
        within: Option<Duration>,
        mut is_done: impl FnMut(&Self) -> bool,
    ) -> Happened {
        let by = within.map(|within| self.nodes[0].lent.timers.now().after(within));
        loop {
            if is_done(self) {
                return Happened::Done;
            }
            if by.is_some_and(|by| self.nodes[0].lent.timers.now() >= by) {
                return Happened::TimeIsOver;
            }
            if self.passes >= PASSES_MAX {
                return Happened::TooMuch;
            }
            let wanting: Vec<_> =
                (0..self.nodes.len()).filter(|number| self.nodes[*number].wants_a_pass()).collect();
            let passed = if wanting.is_empty() {
                self.go_on(by)
            } else {
                let number = wanting[self.draw_below(wanting.len())];
                self.pass(number, Wait::No).map(|_| true)
            };
            match passed {
                Ok(true) => {}
                Ok(false) => return Happened::Nothing,
                Err(Fatal { .. }) => return Happened::Refused,
            }
        }
    }

    /// Lets time pass until something can happen; false if nothing ever will.
    fn go_on(&mut self, by: Option<Tick>) -> Result<bool, Fatal> {
        let until =
            |node: &Node| node.lent.timers.next().map(|at| at.since(node.lent.timers.now()));
        let wait = self.nodes.iter().filter_map(until).min();
        let end = by.map(|by| by.since(self.nodes[0].lent.timers.now()));
        if self.nodes.iter().all(|node| node.lent.channel.is_none()) {
            let Some(wait) = wait else { return Ok(false) };
            let wait = end.map_or(wait, |end| end.min(wait));
            self.now.set(self.now.get().after(wait));
            self.nodes.iter().for_each(|node| node.lent.timers.read(self.now.get()));
            self.passes += 1;
            return Ok(true);
        }
        let longest = wait.or(end).map_or(PATIENCE, |wait| end.map_or(wait, |end| end.min(wait)));
        let first = self.draw_below(self.nodes.len());
        let mut has_happened = wait.is_some() || end.is_some();
        for number in (first..self.nodes.len()).chain(0..first) {
            let at = self.nodes[number].lent.timers.now().after(longest);
            has_happened |= self.pass(number, Wait::Until(Deadline { ns: at.as_nanos() }))?;
            // Who came back early has news, and others are not to sleep over it.
            has_happened |= self.nodes[number].lent.timers.now() < at;
        }
        Ok(has_happened)
    }

    /// One pass of a core; whether a turn ran.
    fn pass(&mut self, number: usize, wait: Wait) -> Result<bool, Fatal> {
        self.passes += 1;
        let turns = 1 + self.draw() % TURNS_MAX;
        let (now, due, node) = (&self.now, &mut self.due, &self.nodes[number]);
        let (core, lent) = (&node.core, &node.lent);
        node.rung.is_rung.store(false, Ordering::Relaxed);
        if lent.channel.is_none() {
            now.set(now.get().after(PASS));
            self.nodes.iter().for_each(|node| node.lent.timers.read(now.get()));
        }
        here::enter(lent, || {
            if let Some(channel) = &lent.channel {
                let passed = core.enter(|| channel.pass(wait))?;
                lent.timers.read(Tick::from_nanos(passed.now.ns));
            }
            let mut has_more = core.receive();
            fire(core, lent, due);
            let has_run = (0..turns).take_while(|_| core.run_turn()).count() > 0;
            has_more |= core.is_ready();
            while !has_more && !core.sleep() {
                // Somebody's last words to a core of this number that is gone: no reason for another pass.
                has_more = core.receive() || core.is_ready();
            }
            if has_more {
                core.publish();
            }
            node.is_asleep.set(!has_more);
            Ok(has_run)
        })
    }

    fn is_empty(&self) -> bool {
        self.nodes.iter().all(|node| node.core.gauges().processes_live == 0)
    }

    fn each(&self, act: impl Fn(&Node)) {
        for node in &self.nodes {
            here::enter(&node.lent, || act(node));
            node.is_asleep.set(false);
        }
    }

    /// Ends what is left, and the channels.
    fn end(&mut self) {
        for Node { core, lent, .. } in self.nodes.drain(..) {
            here::enter(&lent, || {
                drop(core); // ends what is left, while its channel is still there
                if let Some(channel) = &lent.channel {
                    let by = lent.timers.now().after(GRACE).as_nanos();
                    // What a simulated kernel does not give back is for its own looks to find.
                    let _is_refused: bool = channel.end(Deadline { ns: by }).is_err();
                }
            });
        }
    }
}

/// Why passes ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Happened {
    Done,
    TimeIsOver,
    Nothing,
    TooMuch,
    Refused,
}

impl Node {
    fn wants_a_pass(&self) -> bool {
        let timers = &self.lent.timers;
        !self.is_asleep.get()
            || self.rung.is_rung.load(Ordering::Relaxed)
            || timers.next().is_some_and(|at| at <= timers.now())
    }
}

fn make(config: &Config, number: usize) -> Result<Made, StartError> {
    let account =
        config.heap.account(&format!("core {number}"), u64::MAX).map_err(|_| StartError::Cores)?;
    let lent = Rc::new(OnceCell::new());
    let (is_rung, channel) = (AtomicBool::new(false), OnceLock::new());
    let rung = Arc::new(Rung { thread: current().id(), is_rung, channel });
    let host = Simulated { lent: Rc::clone(&lent), config: config.clone() };
    let options = CoreOptions {
        processes_max: config.processes_max,
        account: Some(account.clone()),
        own_heaps: config.own_heaps,
    };
    let core = Core::new(options, host, Waker::from(Arc::clone(&rung)));
    let core = core.map_err(|NoCoreLeft| StartError::Cores)?;
    Ok(Made { core, account, lent, rung })
}

fn node(config: &Config, number: usize, made: Made) -> Result<Node, StartError> {
    let Made { core, account, lent: place, rung } = made;
    let open = |make: &crate::config::DriverFor| {
        Channel::over(make(number), &config.channel, &account).map_err(StartError::Channel)
    };
    let channel = config.driver_for.as_ref().map(open).transpose()?;
    let begin = match &channel {
        Some(channel) => {
            rung.channel.get_or_init(|| channel.waker());
            Tick::from_nanos(channel.flush().map_err(|_| StartError::Lost)?.now.ns)
        }
        None => BEGIN,
    };
    let lent = Rc::new(Lent {
        channel,
        clock: Clock::Driver,
        timers: Timers::new(begin),
        wall: Wall::simulated(begin),
        values: CoreValues::default(),
        account,
        rest: None,
        looks: None,
        wakes_to_look: false,
        core: OnceCell::new(),
    });
    let core = Rc::new(core);
    lent.core.get_or_init(|| Rc::downgrade(&core));
    place.get_or_init(|| Rc::clone(&lent));
    Ok(Node { core, lent, rung, begin, is_asleep: Cell::new(false) })
}

fn mixed(word: u64) -> u64 {
    let mixed = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}
