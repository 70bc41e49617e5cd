//! The state of a core: its processes, who is ready, who waits for what, and the ways to other cores.
//!
//! Everything a core does is done to this, by the files above: each does one thing, on the core's own thread, with nothing
//! borrowed while code that is not ours runs.

use crate::address::ReplyTo;
use crate::block::{Block, Life, READY_ROOT, READY_TASKS};
use crate::cause::{Cause, Sequence};
use crate::contain::{contain, drop_contained};
use crate::control::Control;
use crate::course::Course;
use crate::crashed::Crashed;
use crate::events::{Events, Step, What};
use crate::gauges::{Counts, count};
use crate::heaps::Heaps;
use crate::host::{Host, TimerId, TimerKey};
use crate::lane::LaneIn;
use crate::lease::Leases;
use crate::lines::Lines;
use crate::outbound::{Gone, Outbound};
use crate::parcel::{Envelope, Parcel};
use crate::pid::{CoreId, Pid};
use crate::pool::Pool;
use crate::port::Port;
use crate::ready::Ready;
use crate::shape::Shape;
use crate::submitted::Submitted;
use crate::table::Table;
use crate::tick::Tick;
use crate::waits::{Opened, Waits, Wakee};
use foldhash::fast::FixedState;
use levada_queue::Collector;
use levada_shared::Account;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::time::Duration;

/// Who wants to hear that a call of this core ends unanswered.
type Listeners = HashMap<u32, Vec<ReplyTo<()>>, FixedState>;

/// All that a core is.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) core: CoreId,
    pub(crate) port: &'static Port,
    pub(crate) table: Table,
    pub(crate) pool: Pool,
    pub(crate) ready: Ready,
    pub(crate) course: Course,
    pub(crate) waits: Waits,
    pub(crate) lines: Lines,
    pub(crate) leases: RefCell<Leases>,
    /// The timer that sweeps the leases, if there are any.
    pub(crate) sweeping: Cell<Option<TimerId>>,
    pub(crate) outbound: Outbound,
    pub(crate) inbound: RefCell<Inbound>,
    pub(crate) listeners: RefCell<Listeners>,
    /// Deadlines whose timers are not set with the host yet: most calls are answered before.
    pub(crate) unarmed: RefCell<Vec<(Deadline, Opened)>>,
    pub(crate) counts: Counts,
    pub(crate) host: HostBox,
    /// Whom processes are charged to that have no budget.
    pub(crate) account: Option<Account>,
    /// The own heaps of processes.
    pub(crate) heaps: Heaps,
    /// The slots of processes that may have closed a circle in this pass.
    pub(crate) suspects: RefCell<Vec<u32>>,
    /// The slots of processes that were cancelled, whose waits are to end.
    pub(crate) cancelled: RefCell<Vec<u32>>,
    /// How many kinds of processes a watchdog knows the names of.
    kinds_noted: Cell<u32>,
    /// No process is spawned any more.
    pub(crate) stopping: Cell<bool>,
    pub(crate) events: Events,
    pub(crate) crashed: Crashed,
    random: Cell<u64>,
}

/// Until when somebody waits.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Deadline {
    At(Tick),
    /// For so long from the end of the pass, when the clock is read anyway: never too short, and at most a pass too long.
    Within(Duration),
    /// Until it is looked at whether the wait is part of a circle, which it is not sure not to be.
    Look,
}

/// What comes in from elsewhere.
#[derive(Debug, Default)]
pub(crate) struct Inbound {
    pub(crate) lanes: Vec<Option<LaneIn>>,
    /// Lanes that had more than a pass takes.
    pub(crate) unread: Vec<usize>,
    pub(crate) collector: Option<Collector<Submitted>>,
    /// Processes whose last sender has gone, to be looked at when all that was sent before is in.
    pub(crate) unsent: Vec<u32>,
    /// Whether the outside had more than a pass takes.
    pub(crate) outside_unread: bool,
    /// Whether places of the outside queue were given back, and those who wait for one were not called yet.
    pub(crate) places_freed: bool,
}

/// The host, which need not be printable.
pub(crate) struct HostBox(pub(crate) Box<dyn Host>);

impl std::fmt::Debug for HostBox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Host")
    }
}

impl State {
    pub(crate) fn new(
        port: &'static Port,
        collector: Collector<Submitted>,
        slots_max: u32,
        account: Option<Account>,
        heaps: Heaps,
        host: Box<dyn Host>,
    ) -> Self {
        let core = port.core;
        Self {
            core,
            port,
            table: Table::new(core, slots_max, port.generation()),
            pool: Pool::new(),
            ready: Ready::new(),
            course: Course::new(host.now()),
            waits: Waits::new(),
            lines: Lines::default(),
            leases: RefCell::default(),
            sweeping: Cell::new(None),
            outbound: Outbound::new(core),
            inbound: RefCell::new(Inbound { collector: Some(collector), ..Inbound::default() }),
            listeners: RefCell::default(),
            unarmed: RefCell::default(),
            counts: Counts::default(),
            random: Cell::new(host.seed()),
            host: HostBox(host),
            account,
            heaps,
            suspects: RefCell::default(),
            cancelled: RefCell::default(),
            kinds_noted: Cell::new(0),
            stopping: Cell::new(false),
            events: Events::of(core, port.first_step()),
            crashed: Crashed::default(),
        }
    }

    /// Reads the clock.
    #[inline]
    pub(crate) fn read_clock(&self) -> Tick {
        let now = self.host.0.now();
        self.course.set_tick(now);
        now
    }

    /// The time, read once a turn.
    pub(crate) fn now(&self) -> Tick {
        if self.course.is_fresh() { self.course.tick() } else { self.read_clock() }
    }

    /// Begins the random numbers anew.
    pub(crate) fn reseed(&self, seed: u64) {
        self.random.set(seed);
    }

    /// A random number (splitmix64).
    pub(crate) fn random(&self) -> u64 {
        let state = self.random.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.random.set(state);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// The next step of what runs: `what` is done to `to`. Of a new request, if nobody runs.
    #[inline]
    pub(crate) fn next_cause(&self, to: Option<Pid>, what: What) -> Cause {
        let from = self.course.pid.get();
        let before = if from.is_none() { self.new_request() } else { self.course.cause.get() };
        self.events.note(before, Step { from, to, what, at: self.course.tick() })
    }

    /// The first step of a request: one with this id, or a new one; what was said to have led to it elsewhere.
    pub(crate) fn begin_cause(&self, id: Option<u128>, sampled: bool, parent_id: u64) -> Cause {
        let id = id.unwrap_or_else(|| self.new_request().id());
        let step = Step {
            from: self.course.pid.get(),
            to: None,
            what: What::Began,
            at: self.course.tick(),
        };
        self.events.begin(Cause::new(id, Sequence::begun(sampled)), parent_id, step)
    }

    /// The first step of a request that came from a thread that is no core.
    pub(crate) fn outside_cause(&self, to: Pid, what: What) -> Cause {
        let step = Step { from: None, to: Some(to), what, at: self.course.tick() };
        self.events.note(self.new_request(), step)
    }

    /// Has a watchdog know what processes of a kind are called.
    pub(crate) fn note_kind(&self, kind: u32, name: &'static str, shape: &Shape) {
        if kind == self.kinds_noted.get() {
            self.course.onlook().note_kind(kind, name, shape.name());
            self.kinds_noted.set(kind + 1);
        }
    }

    #[cold]
    fn new_request(&self) -> Cause {
        let id = u128::from(self.random()) << 64 | u128::from(self.random()) | 1;
        Cause::new(id, Sequence::begun(false))
    }

    /// Makes a task ready; the root is task zero.
    #[inline]
    pub(crate) fn wake_task(&self, slot: u32, task: u16) {
        let block = self.table.block(slot);
        if block.life() != Life::Live {
            return;
        }
        if task == 0 {
            return self.wake_root(slot, block);
        }
        let Some(extra) = block.extra() else { return };
        extra.tasks.set_ready(task);
        block.ready.set(block.ready.get() | READY_TASKS);
        self.ready.wake(&self.table, slot, block);
    }

    /// Makes the root of a process ready that lives.
    #[inline]
    pub(crate) fn wake_root(&self, slot: u32, block: &Block) {
        block.ready.set(block.ready.get() | READY_ROOT);
        self.ready.wake(&self.table, slot, block);
    }

    /// Makes every task of a process ready: somebody woke it who cannot say which.
    pub(crate) fn wake_all(&self, slot: u32) {
        let block = self.table.block(slot);
        if block.life() == Life::Live {
            let tasks = block.extra().map_or(0, |extra| extra.tasks.set_all_ready());
            block
                .ready
                .set(block.ready.get() | READY_ROOT | if tasks > 0 { READY_TASKS } else { 0 });
            self.ready.wake(&self.table, slot, block);
        }
    }

    /// Wakes who waited.
    #[inline]
    pub(crate) fn wake(&self, wakee: Wakee) {
        match wakee {
            Wakee::Nobody => {}
            Wakee::Task { slot, task } => self.wake_task(slot, task),
            Wakee::Other(waker) => self.contained(|| waker.wake()),
        }
    }

    /// Runs what is the user's own, outside of any turn.
    pub(crate) fn contained(&self, theirs: impl FnOnce()) {
        if let Err(panic) = contain(theirs) {
            count(&self.counts.panics_contained);
            drop_contained(panic);
        }
    }

    /// Stages a parcel for another core; true if that core is not there.
    #[inline]
    pub(crate) fn stage(&self, port: &'static Port, parcel: &Parcel) -> Result<(), Gone> {
        if self.outbound.stage(port, parcel, self.course.tick())? {
            self.publish(false);
        }
        Ok(())
    }

    /// Stages a parcel in the lane to another core whose room was just looked at.
    #[inline]
    pub(crate) fn put(&self, port: &'static Port, parcel: &Parcel) {
        if self.outbound.put(port, parcel, self.course.tick()) {
            self.publish(false);
        }
    }

    /// Tells another core something.
    /// # Errors
    /// If it is not there; what was told is then dropped.
    pub(crate) fn tell(&self, core: CoreId, control: Control) -> Result<(), Gone> {
        debug_assert!(core != self.core, "a core tells itself nothing");
        let Some(port) = Port::of(core).filter(|port| port.running().is_some()) else {
            self.contained(|| drop(control));
            return Err(Gone);
        };
        let mut parcel = Parcel::new();
        parcel.control(control);
        let staged = self.stage(port, &parcel);
        if staged.is_err() {
            self.contained(|| drop(Envelope::of(&parcel)));
        }
        staged
    }

    /// Says of the process that runs that something not known here may wake it, or answer the calls that it took.
    pub(crate) fn unbind(&self) {
        if let Some(block) = self.course.pid.get().and_then(|pid| self.table.find_live(pid)) {
            block.unbind();
        }
    }

    /// Shows what is staged for other cores: all, or what is due.
    pub(crate) fn publish(&self, all: bool) {
        self.outbound.publish(all, self.course.tick(), |shown| {
            count(&self.counts.publishes);
            let units = &self.counts.units_published;
            units.set(units.get() + shown.units as u64);
            count(match shown.units {
                ..=1 => &self.counts.lane_batches_1,
                2..=7 => &self.counts.lane_batches_7,
                8..=63 => &self.counts.lane_batches_63,
                64.. => &self.counts.lane_batches_more,
            });
            self.raise(shown.port);
        });
    }

    /// Tells a core that a lane with this one has something for it, or has room again.
    pub(crate) fn raise(&self, port: &'static Port) {
        if port.gate.raise(Port::lane_bit(self.core)) {
            count(&self.counts.wakes);
            self.host.0.wake(port.core);
        }
    }

    /// Whether all is in that threads that are no core have sent.
    pub(crate) fn outside_is_drained(&self) -> bool {
        self.inbound.borrow().collector.as_ref().is_none_or(Collector::is_drained)
    }

    /// Notes until when somebody waits.
    pub(crate) fn set_deadline(&self, opened: Opened, until: Deadline) {
        self.unarmed.borrow_mut().push((until, opened));
    }

    /// Sets the timers of those who wait and have none yet. The clock was just read.
    pub(crate) fn arm(&self) {
        let mut unarmed = std::mem::take(&mut *self.unarmed.borrow_mut());
        for (until, opened) in unarmed.drain(..) {
            if !self.waits.is_open(opened) {
                continue;
            }
            match until {
                Deadline::At(at) => self.waits.set_deadline(opened, at),
                Deadline::Within(wait) => {
                    self.waits.set_deadline(opened, self.course.tick().after(wait))
                }
                Deadline::Look => {}
            }
            self.set_alarm(opened);
        }
        let mut again = self.unarmed.borrow_mut();
        if again.is_empty() {
            *again = unarmed; // its memory is used again
        }
    }

    /// Sets the timer of a wait. The clock was just read.
    pub(crate) fn set_alarm(&self, opened: Opened) {
        let look_at = |looks: u8| self.course.tick().after(LOOK_AFTER * (1 << looks.min(4)));
        let Some((at, before)) = self.waits.next_alarm(opened, look_at) else { return };
        if let Some(before) = before {
            self.host.0.timer_cancel(before);
        }
        let timer = self.host.0.timer_set(at, timer_key(opened));
        count(&self.counts.timers);
        if self.waits.set_timer(opened, timer).is_err() {
            self.host.0.timer_cancel(timer);
        }
    }

    /// Whether another core is there.
    pub(crate) fn reaches(&self, core: CoreId) -> bool {
        Port::of(core).is_some_and(|port| port.running().is_some())
    }

    /// Whether the mailbox of `pid` is on this core.
    #[inline]
    pub(crate) fn is_here(&self, pid: Pid) -> bool {
        pid.core() == self.core
    }
}

/// How old a wait is before it is asked of other cores whether it is part of a circle; then twice as long, up to sixteen times.
const LOOK_AFTER: Duration = Duration::from_millis(10);

/// Keys name a wait by 24 bits of index and 40 of generation; all ones is the sweep of leases.
pub(crate) const KEY_GENERATION: u64 = (1 << 40) - 1;
pub(crate) const SWEEP: TimerKey = TimerKey(u64::MAX);

fn timer_key(opened: Opened) -> TimerKey {
    TimerKey(u64::from(opened.index) << 40 | opened.generation & KEY_GENERATION)
}

/// The wait that a key is for, if it is still there.
pub(crate) fn wait_of(waits: &Waits, key: TimerKey) -> Option<Opened> {
    let index = u32::try_from(key.0 >> 40).expect("24 bits are left");
    waits.by_key(index, key.0 & KEY_GENERATION, KEY_GENERATION)
}
