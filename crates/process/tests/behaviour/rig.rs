//! A rig is any number of cores on one thread, with a clock that stands still until it is moved: every run is the same.
//!
//! A core that sleeps is not stepped until its alarm rings or a timer of it is due: a wake that is lost stops the test.
#![expect(unsafe_code, reason = "tests pass what is not `Send` between processes of one thread")]

use levada_process::{
    Chain, Child, Context, Core, CoreId, CoreOptions, Ended, Exit, Failure, Host, LogLine, Mailbox,
    Message, Pid, Tick, TimerId, TimerKey,
};
use levada_shared::SharedHeap;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};
use std::time::Duration;

pub(crate) struct Rig {
    nodes: Vec<Node>,
    now: Rc<Cell<Tick>>,
}

struct Node {
    core: Option<Core>,
    lent: Rc<Lent>,
    alarm: Arc<Alarm>,
    asleep: Cell<bool>,
}

/// What the host of one core keeps.
pub(crate) struct Lent {
    now: Rc<Cell<Tick>>,
    timers: RefCell<BTreeMap<(Tick, u64), TimerKey>>,
    next_timer: Cell<u64>,
    pub(crate) ended: RefCell<Vec<(Pid, &'static str, Exit)>>,
    pub(crate) quarantined_bytes: Cell<u64>,
    pub(crate) chains: RefCell<Vec<Chain>>,
    pub(crate) causes: RefCell<Vec<u128>>,
    pub(crate) said: RefCell<Vec<(&'static str, u128, String)>>,
}

#[derive(Default)]
struct Alarm {
    rung: AtomicBool,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.rung.store(true, Ordering::Relaxed);
    }
}

struct RigHost(Rc<Lent>);

impl Host for RigHost {
    fn now(&self) -> Tick {
        self.0.now.get()
    }

    fn seed(&self) -> u64 {
        7
    }

    fn timer_set(&self, at: Tick, key: TimerKey) -> TimerId {
        let id = self.0.next_timer.get();
        self.0.next_timer.set(id + 1);
        self.0.timers.borrow_mut().insert((at, id), key);
        TimerId(id)
    }

    fn timer_cancel(&self, timer: TimerId) {
        self.0.timers.borrow_mut().retain(|(_, id), _| *id != timer.0);
    }

    fn log(&self, line: &LogLine<'_>) {
        let text = format!("{}: {}", line.what, line.value);
        self.0.said.borrow_mut().push((line.name, line.cause.id(), text));
    }

    fn ended(&self, ended: &Ended<'_>) {
        self.0.ended.borrow_mut().push((ended.pid, ended.name, ended.exit.clone()));
        self.0.causes.borrow_mut().push(ended.cause.id());
        self.0.chains.borrow_mut().push(ended.chain.clone());
        let quarantined = &self.0.quarantined_bytes;
        quarantined.set(quarantined.get() + ended.quarantined_bytes);
    }
}

impl Rig {
    pub(crate) fn new(cores: usize) -> Self {
        Self::with(cores, CoreOptions::default())
    }

    pub(crate) fn with(cores: usize, options: CoreOptions) -> Self {
        Self::of(vec![options; cores])
    }

    /// Cores with an account of `heap` each.
    pub(crate) fn over(heap: &SharedHeap, cores: usize) -> Self {
        Self::over_many(heap, cores, 64)
    }

    /// The same with room for so many processes each.
    pub(crate) fn over_many(heap: &SharedHeap, cores: usize, processes_max: u32) -> Self {
        let account = |number| heap.account(&format!("core {number}"), u64::MAX).ok();
        let options = |number| CoreOptions {
            account: account(number),
            processes_max,
            ..CoreOptions::default()
        };
        Self::of((0..cores).map(options).collect())
    }

    fn of(options: Vec<CoreOptions>) -> Self {
        let now = Rc::new(Cell::new(Tick::START));
        let nodes = options.into_iter().map(|options| node(options, &now)).collect();
        Self { nodes, now }
    }

    pub(crate) fn core(&self, index: usize) -> &Core {
        self.nodes[index].core.as_ref().expect("the core has not left")
    }

    pub(crate) fn id(&self, index: usize) -> CoreId {
        self.core(index).id()
    }

    pub(crate) fn lent(&self, index: usize) -> &Lent {
        &self.nodes[index].lent
    }

    pub(crate) fn now(&self) -> Tick {
        self.now.get()
    }

    pub(crate) fn timers(&self, index: usize) -> usize {
        self.nodes[index].lent.timers.borrow().len()
    }

    /// Ends a core for good.
    pub(crate) fn leave(&mut self, index: usize) {
        drop(self.nodes[index].core.take());
    }

    /// Spawns a process on a core.
    pub(crate) fn spawn<M, F, Fut>(&self, core: usize, name: &'static str, what: F) -> Child<M>
    where
        M: Message,
        F: FnOnce(Context, Mailbox<M>) -> Fut + 'static,
        Fut: Future<Output = Result<(), Failure>> + 'static,
    {
        self.nodes[core].asleep.set(false);
        self.core(core).spawn(name, what).expect("there is room for a process")
    }

    /// One pass of a core, whether it sleeps or not; at most so many turns.
    pub(crate) fn pass(&self, index: usize, turns: usize) {
        let node = &self.nodes[index];
        let Some(core) = &node.core else { return };
        node.alarm.rung.store(false, Ordering::Relaxed);
        node.asleep.set(false);
        core.receive();
        while let Some(key) = node.lent.take_due() {
            core.timer_fired(key);
        }
        for _ in 0..turns {
            if !core.run_turn() {
                break;
            }
        }
        node.asleep.set(core.sleep());
    }

    fn wants_a_pass(&self, index: usize) -> bool {
        let node = &self.nodes[index];
        node.core.is_some()
            && (!node.asleep.get()
                || node.alarm.rung.load(Ordering::Relaxed)
                || node.lent.next_due().is_some())
    }

    /// Steps all cores until every one of them sleeps, without moving the clock.
    pub(crate) fn settle(&self) {
        for round in 0.. {
            assert!(round < 100_000, "the cores never come to rest");
            let mut worked = false;
            for index in 0..self.nodes.len() {
                if self.wants_a_pass(index) {
                    self.pass(index, 32);
                    worked = true;
                }
            }
            if !worked {
                return;
            }
        }
    }

    /// The same, after somebody did something from outside of any pass.
    pub(crate) fn settle_all(&self) {
        self.nodes.iter().for_each(|node| node.asleep.set(false));
        self.settle();
    }

    /// One pass of each core with at most so many turns.
    pub(crate) fn settle_turns(&self, turns: usize) {
        (0..self.nodes.len()).for_each(|index| self.pass(index, turns));
    }

    /// Moves the clock, stopping at each timer on the way, and lets everything settle.
    pub(crate) fn advance(&self, by: Duration) {
        self.settle();
        let end = self.now.get().after(by);
        loop {
            let next = self
                .nodes
                .iter()
                .filter(|node| node.core.is_some())
                .filter_map(|node| node.lent.first_timer())
                .min();
            match next {
                Some(at) if at <= end => self.now.set(at.max(self.now.get())),
                _ => break,
            }
            self.settle();
        }
        self.now.set(end);
        self.settle();
    }

    /// Moves the clock and nothing else.
    pub(crate) fn set_now(&self, now: Tick) {
        self.now.set(now);
    }
}

impl Lent {
    fn first_timer(&self) -> Option<Tick> {
        self.timers.borrow().first_key_value().map(|((at, _), _)| *at)
    }

    fn next_due(&self) -> Option<Tick> {
        self.first_timer().filter(|at| *at <= self.now.get())
    }

    fn take_due(&self) -> Option<TimerKey> {
        self.next_due()?;
        self.timers.borrow_mut().pop_first().map(|(_, key)| key)
    }
}

fn node(options: CoreOptions, now: &Rc<Cell<Tick>>) -> Node {
    let lent = Rc::new(Lent {
        now: Rc::clone(now),
        timers: RefCell::default(),
        next_timer: Cell::new(0),
        ended: RefCell::default(),
        quarantined_bytes: Cell::new(0),
        chains: RefCell::default(),
        causes: RefCell::default(),
        said: RefCell::default(),
    });
    let alarm = Arc::new(Alarm::default());
    let core = Core::new(options, RigHost(Rc::clone(&lent)), Waker::from(Arc::clone(&alarm)))
        .expect("there is a number left");
    Node { core: Some(core), lent, alarm, asleep: Cell::new(false) }
}

/// A list that processes write to and the test reads.
pub(crate) struct Log<T>(Rc<RefCell<Vec<T>>>);

impl<T> Log<T> {
    pub(crate) fn new() -> Self {
        Self(Rc::default())
    }

    /// The same list twice: to read, and to pass into a process.
    pub(crate) fn pair() -> (Self, Self) {
        let log = Self::new();
        (log.clone(), log)
    }

    pub(crate) fn add(&self, entry: T) {
        self.0.borrow_mut().push(entry);
    }

    pub(crate) fn take(&self) -> Vec<T> {
        self.0.take()
    }
}

impl<T> Clone for Log<T> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

/// What a test passes into a process of the same rig, and so of the same thread.
#[derive(Clone)]
pub(crate) struct Sendable<T>(pub(crate) T);

// SAFETY: a rig runs all its cores on one thread; nothing leaves it.
unsafe impl<T> Send for Sendable<T> {}

impl<T> Sendable<T> {
    pub(crate) fn into_inner(self) -> T {
        self.0
    }
}
