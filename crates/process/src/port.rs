//! A port is what of a core other threads may touch: its gate, its outside queue, the porch of its processes, its alarm.
//!
//! Ports are never freed: a sender, a waker or a pid finds its core by number, on any thread and at any time, and at worst
//! finds that nobody is there. A number is given out again when its core is gone and no sender of its processes is left; the
//! next core counts its generations from where the last one stopped. Cost: some 200 KiB for each number ever used at once.

use crate::handover::Handover;
use crate::lane::LaneIn;
use crate::parcel::Envelope;
use crate::payers::Payers;
use crate::pid::{CORES_MAX, CoreId, GENERATION_MAX};
use crate::places::Places;
use crate::porch::{Porch, Went};
use crate::submitted::Submitted;
use levada_queue::{Collector, Gate, Submitter, mpsc};
use levada_shared::Account;
use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
use std::task::Waker;

/// How many messages of threads that are no core a core takes charge of.
pub(crate) const OUTSIDE_ROOM: usize = 4096;
/// The bit of the gate that is raised for what comes not by a lane; lanes share the others by their core's number.
pub(crate) const OUTSIDE_BIT: u32 = Gate::BITS - 1;
const LANE_BITS: u16 = 62;

static PORTS: [OnceLock<Port>; CORES_MAX as usize] =
    [const { OnceLock::new() }; CORES_MAX as usize];

const VACANT: u32 = 0;
const TAKEN: u32 = 1;
const RUNNING: u32 = 2;
const LEAVING: u32 = 3;
const PHASE_BITS: u32 = 2;
const PHASE: u32 = (1 << PHASE_BITS) - 1;

/// The outside of one core.
pub(crate) struct Port {
    pub(crate) core: CoreId,
    pub(crate) gate: Gate,
    pub(crate) porch: Porch,
    pub(crate) payers: Payers,
    /// How far the core is, below the count of those that had this number: one word, so that none is taken for another.
    state: AtomicU32,
    /// The first generation that no process had.
    generation: AtomicU32,
    /// The first step that no core of this number counted before.
    first_step: AtomicU64,
    /// Processes of a core that left that still have senders.
    outstanding: AtomicU32,
    outside: Submitter<Submitted>,
    collector: Handover<Option<Collector<Submitted>>>,
    /// Answers from threads that are no core: bounded by the waits that they answer, so never refused.
    answers: Handover<Vec<Envelope>>,
    lanes: Handover<Vec<LaneIn>>,
    alarm: Handover<Option<Waker>>,
    waiting: Places,
}

impl Port {
    fn new(number: u16) -> Self {
        let (outside, collector) = mpsc(OUTSIDE_ROOM);
        let this = Self {
            core: CoreId::new(number),
            gate: Gate::new(),
            porch: Porch::new(),
            payers: Payers::new(),
            state: AtomicU32::new(VACANT),
            generation: AtomicU32::new(1),
            first_step: AtomicU64::new(0),
            outstanding: AtomicU32::new(0),
            outside,
            collector: Handover::new(),
            answers: Handover::new(),
            lanes: Handover::new(),
            alarm: Handover::new(),
            waiting: Places::new(),
        };
        *this.collector.lock() = Some(collector);
        this
    }

    /// The port with a core's number, if there ever was such a core.
    #[inline]
    pub(crate) fn of(core: CoreId) -> Option<&'static Self> {
        PORTS[usize::from(core.number())].get()
    }

    /// Takes the first number that is free, for a core that `alarm` wakes; none if all are in use.
    pub(crate) fn claim(
        alarm: Waker,
        account: Option<Account>,
    ) -> Option<(&'static Self, Collector<Submitted>)> {
        let port = (0..CORES_MAX)
            .map(|number| PORTS[usize::from(number)].get_or_init(|| Self::new(number)))
            .find(|port| {
                port.take_if_vacant() && port.generation.load(Ordering::Relaxed) < GENERATION_MAX
            })?;
        let collector = port.collector.lock().take().expect("a vacant port has its collector");
        drop(port.lanes.take());
        drop(port.answers.take());
        *port.alarm.lock() = Some(alarm);
        port.payers.begin(account);
        // What was raised and rung for the core before is nothing to this one.
        port.porch.answer(|_| ());
        let _ = port.gate.take();
        port.enter(RUNNING);
        Some((port, collector))
    }

    /// Begins the next epoch of a number that nobody has.
    fn take_if_vacant(&self) -> bool {
        let before = self.state.load(Ordering::Relaxed);
        let next = (before >> PHASE_BITS).wrapping_add(1) << PHASE_BITS | TAKEN;
        before & PHASE == VACANT
            && self
                .state
                .compare_exchange(before, next, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
    }

    /// Goes on to another phase. For who has the number only: nobody else changes it meanwhile.
    fn enter(&self, phase: u32) {
        let epoch = self.state.load(Ordering::Relaxed) & !PHASE;
        self.state.store(epoch | phase, Ordering::Release);
    }

    /// Whether a core is there, and the how manieth.
    #[inline]
    pub(crate) fn running(&self) -> Option<u32> {
        let state = self.state.load(Ordering::Acquire);
        (state & PHASE == RUNNING).then_some(state >> PHASE_BITS)
    }

    /// The generation that this core's slots begin with.
    pub(crate) fn generation(&self) -> u32 {
        self.generation.load(Ordering::Relaxed)
    }

    /// The step that this core begins to count with: a smaller one was another's.
    pub(crate) fn first_step(&self) -> u64 {
        self.first_step.load(Ordering::Relaxed)
    }

    /// Notes how far this core has counted, for the next of its number.
    pub(crate) fn end_steps(&self, next: u64) {
        self.first_step.store(next, Ordering::Relaxed);
    }

    /// Lets nobody in any more; what is inside is then taken out, and [`vacate`](Self::vacate) follows.
    pub(crate) fn leave(&self) {
        self.enter(LEAVING);
        // With the fence of who hands over a new lane: either he sees that we leave, or we find his lane.
        fence(Ordering::SeqCst);
    }

    /// Gives the number back, once the last sender of the `slots` that were used has gone.
    pub(crate) fn vacate(&self, slots: u32, generation: u32, collector: Collector<Submitted>) {
        self.generation.store(generation, Ordering::Relaxed);
        *self.collector.lock() = Some(collector);
        *self.alarm.lock() = None;
        self.payers.begin(None);
        // One more than there are, for ourselves: the count comes to zero once.
        self.outstanding.store(slots + 1, Ordering::Relaxed);
        let gone = (0..slots).filter(|slot| !self.porch.word(*slot).leave()).count();
        self.settle_outstanding(u32::try_from(gone).expect("slots are counted in 32 bits") + 1);
    }

    fn settle_outstanding(&self, count: u32) {
        if self.outstanding.fetch_sub(count, Ordering::AcqRel) == count {
            self.enter(VACANT);
        }
    }

    /// Notes that a sender of a process has gone, on a thread that is not its core.
    pub(crate) fn sender_gone(&self, slot: u32) {
        match self.porch.word(slot).drop_sender() {
            Went::NotLast => {}
            Went::Last => self.ring(slot),
            Went::LastOfAll => self.settle_outstanding(1),
        }
    }

    /// Asks the core to look at a process: its last sender has gone, or somebody woke it.
    pub(crate) fn ring(&self, slot: u32) {
        self.porch.ring(slot);
        self.knock();
    }

    fn knock(&self) {
        if self.gate.raise(OUTSIDE_BIT) {
            self.alarm();
        }
    }

    /// Wakes the core if it sleeps. To be called by who heard from the gate that it has to.
    pub(crate) fn alarm(&self) {
        let alarm = self.alarm.lock().clone();
        if let Some(alarm) = alarm {
            alarm.wake();
        }
    }

    /// Hands over a message of a thread that is no core.
    /// # Errors
    /// The message, if the outside queue is full.
    pub(crate) fn submit(&self, message: Submitted) -> Result<(), Submitted> {
        self.outside.submit(message)?;
        self.knock();
        Ok(())
    }

    /// Hands over an answer of a thread that is no core.
    pub(crate) fn answer(&self, answer: Envelope) {
        if self.running().is_some() {
            self.answers.put(|answers| answers.push(answer));
            self.knock();
        }
    }

    /// Takes the answers that were handed over.
    pub(crate) fn take_answers(&self) -> Vec<Envelope> {
        self.answers.take()
    }

    /// Hands over the far end of a new lane; its core is not called before something is in it.
    pub(crate) fn put_lane(&self, lane: LaneIn) {
        self.lanes.put(|lanes| lanes.push(lane));
    }

    /// Takes the lanes that were handed over.
    pub(crate) fn take_lanes(&self) -> Vec<LaneIn> {
        self.lanes.take()
    }

    /// Calls `waker` when a place in the outside queue may be free. Who waits tries once more after this.
    pub(crate) fn wait_for_place(&self, waker: &Waker) {
        self.waiting.wait(waker);
    }

    /// Calls those who wait for a place in the outside queue, after places were given back.
    pub(crate) fn places_free(&self) {
        self.waiting.freed();
    }

    /// The bit of every gate that stands for lanes from this core.
    pub(crate) fn lane_bit(core: CoreId) -> u32 {
        u32::from(core.number() % LANE_BITS)
    }
}

impl fmt::Debug for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Port")
            .field("core", &self.core)
            .field("running", &self.running())
            .finish_non_exhaustive()
    }
}
