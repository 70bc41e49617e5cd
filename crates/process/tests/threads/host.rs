//! A host that lends the system's clock, keeps timers in a tree, and sleeps by parking its thread.
#![expect(clippy::disallowed_methods, reason = "a host is who reads the clock")]

use levada_process::{Core, CoreOptions, Ended, Host, Tick, TimerId, TimerKey};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

/// What makes no progress for so long is stuck, and so is whatever takes ten times as long in all.
const LIMIT: Duration = Duration::from_secs(if cfg!(miri) { 200 } else { 15 });

/// A core that runs on this thread.
pub(crate) struct Running {
    pub(crate) core: Core,
    lent: Rc<Lent>,
}

struct Lent {
    start: Instant,
    timers: RefCell<BTreeMap<(Tick, u64), TimerKey>>,
    next_timer: Cell<u64>,
    failures: RefCell<Vec<String>>,
}

struct ThreadHost(Rc<Lent>);

struct Unpark(std::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

impl Host for ThreadHost {
    fn now(&self) -> Tick {
        self.0.now()
    }

    fn seed(&self) -> u64 {
        std::process::id().into()
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

    fn ended(&self, ended: &Ended<'_>) {
        self.0.failures.borrow_mut().push(format!("{} {}", ended.name, ended.exit));
    }
}

impl Lent {
    fn now(&self) -> Tick {
        Tick::from_nanos(u64::try_from(self.start.elapsed().as_nanos()).expect("a test is short"))
    }
}

impl Running {
    pub(crate) fn new() -> Self {
        let lent = Rc::new(Lent {
            start: Instant::now(),
            timers: RefCell::default(),
            next_timer: Cell::new(0),
            failures: RefCell::default(),
        });
        let alarm = Waker::from(Arc::new(Unpark(std::thread::current())));
        let core = Core::new(CoreOptions::default(), ThreadHost(Rc::clone(&lent)), alarm)
            .expect("there is a number left");
        Self { core, lent }
    }

    /// Runs until no process is left.
    /// # Panics
    /// After [`LIMIT`], with what is stuck.
    pub(crate) fn run_until_empty(&self) {
        let mut patience = Patience::new();
        while self.is_live() {
            self.core.receive();
            let now = self.lent.now();
            while let Some(key) = self.take_due(now) {
                self.core.timer_fired(key);
            }
            for _ in 0..32 {
                if !self.core.run_turn() {
                    break;
                }
                patience.renew();
            }
            self.core.publish();
            // The last process may have ended in this pass: nobody would wake us then.
            if self.is_live() && self.core.sleep() {
                self.park(patience.left(|| self.state()));
            }
            let _: Duration = patience.left(|| self.state());
        }
        self.core.publish();
    }

    fn is_live(&self) -> bool {
        self.core.gauges().processes_live > 0
    }

    /// What there is to know of a core that does not come to an end.
    fn state(&self) -> String {
        let (core, timers) = (&self.core, self.lent.timers.borrow());
        format!(
            "{:?}, timers {:?}, {:#?}, {:#?}",
            core.id(),
            timers,
            core.processes(),
            core.gauges()
        )
    }

    fn take_due(&self, now: Tick) -> Option<TimerKey> {
        let timers = &mut *self.lent.timers.borrow_mut();
        let first = timers.first_entry().filter(|first| first.key().0 <= now)?;
        Some(first.remove())
    }

    fn park(&self, rest: Duration) {
        let first = self.lent.timers.borrow().first_key_value().map(|((at, _), _)| *at);
        let wait = first.map_or(rest, |at| at.since(self.lent.now()).min(rest));
        std::thread::park_timeout(wait);
    }

    pub(crate) fn failures(&self) -> Vec<String> {
        self.lent.failures.take()
    }
}

/// Binds this thread to one of the processors that it may run on.
pub(crate) fn pin(index: usize) {
    if cfg!(miri) {
        return;
    }
    let allowed = sched_getaffinity(None).expect("a thread may ask where it runs");
    let cpus: Vec<_> = (0..CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu)).collect();
    let mut set = CpuSet::new();
    set.set(cpus[index % cpus.len()]);
    sched_setaffinity(None, &set).expect("it is one of those");
}

/// Ends a thread that waits in vain.
pub(crate) struct Patience {
    begun: Instant,
    progress: Instant,
}

impl Patience {
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        Self { begun: now, progress: now }
    }

    /// Says that there was progress.
    pub(crate) fn renew(&mut self) {
        self.progress = Instant::now();
    }

    /// How much is left.
    /// # Panics
    /// If none is, with what is stuck.
    pub(crate) fn left<T: std::fmt::Display>(&self, what: impl FnOnce() -> T) -> Duration {
        let left = LIMIT.saturating_sub(self.progress.elapsed());
        let is_over = left.is_zero() || self.begun.elapsed() > 10 * LIMIT;
        assert!(!is_over, "stuck: {}", what());
        left
    }
}

/// Runs a future on a thread that is no core.
/// # Panics
/// After [`LIMIT`].
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let patience = Patience::new();
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return value;
        }
        std::thread::park_timeout(patience.left(|| "a future on a thread that is no core"));
    }
}
