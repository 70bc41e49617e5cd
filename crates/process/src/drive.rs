//! Driving a core is the loop's part: receive, run turns, show what goes to others, sleep.
//!
//! ```text
//! loop {
//!     core.receive();                                what other cores and threads have for us
//!     core.enter(|| /* dispatch events */);          wakers called here are cheap
//!     core.timer_fired(key);                         for each timer that is due
//!     while core.run_turn() { /* 32 turns, 200 us */ }
//!     core.publish();                                each pass: shows what is staged, sets timers
//!     if core.sleep() { /* wait for an event, the alarm or the next timer */ }
//! }
//! ```

use crate::block::Life;
use crate::bounds::{Bounds, Class, Full};
use crate::budget::ChargedTo;
use crate::cancel;
use crate::cause::Cause;
use crate::circle;
use crate::closed::Closed;
use crate::context::Context;
use crate::deliver;
use crate::due;
use crate::end::end;
use crate::events::What;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::gauges::Gauges;
use crate::heap_turn;
use crate::heaps::Heaps;
use crate::here;
use crate::host::{Host, TimerKey};
use crate::kill;
use crate::mailbox::Mailbox;
use crate::message::Message;
use crate::onlook::CoreWatch;
use crate::panics;
use crate::pid::{CoreId, Pid};
use crate::port::Port;
use crate::receive;
use crate::remote;
use crate::spawn::{Child, SpawnError, spawn_here};
use crate::state::State;
use crate::supervise;
use crate::table::Plan;
use crate::turn;
use levada_local::PoolOptions;
use levada_shared::Account;
use std::error::Error;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;

/// One core: the processes of one thread, to be driven by a loop. It stays on its thread.
#[derive(Debug)]
pub struct Core {
    state: Rc<State>,
}

/// How a core is to be.
#[derive(Clone, Debug)]
pub struct CoreOptions {
    /// How many processes it has at most: up to 2^24. Each that ever was at once costs 128 B for good.
    pub processes_max: u32,
    /// Whom processes are charged to for bytes of the shared heap, unless they are given an account. None: such processes have no
    /// account, and what is sent to them stays whose it is.
    pub account: Option<Account>,
    /// How much memory the own heaps of its processes may have together, and when they are collected.
    pub own_heaps: PoolOptions,
}

impl Default for CoreOptions {
    /// A million processes, no account, and the usual pacing of their heaps.
    fn default() -> Self {
        Self { processes_max: 1 << 20, account: None, own_heaps: PoolOptions::default() }
    }
}

/// All 1,024 numbers of cores are in use in this OS process.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NoCoreLeft;

impl fmt::Display for NoCoreLeft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("all 1,024 numbers of cores are in use")
    }
}

impl Error for NoCoreLeft {}

/// What there is to say of a process that runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ProcessReport {
    /// Which process.
    pub pid: Pid,
    /// The name that it was spawned with.
    pub name: &'static str,
    /// How many messages wait in its mailbox.
    pub queued_messages: u16,
    /// How many more other cores hold leases for.
    pub leased_messages: u16,
    /// How many bytes both come to.
    pub held_bytes: u32,
    /// How many turns it had.
    pub turns: u32,
    /// How many messages it took.
    pub messages: u64,
    /// How often its supervisor started it anew.
    pub restarts: u32,
    /// What it does at this moment.
    pub state: ProcessState,
    /// On behalf of what it was running last.
    pub cause: Cause,
    /// How much is charged to the account that it is charged to, if that is not the account of its core. Processes that it spawned
    /// may share it.
    pub account_bytes: Option<u64>,
    /// How much its own heap takes, if it has one.
    pub own_heap_bytes: Option<u64>,
}

/// What a process does at a moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ProcessState {
    /// It is to run, or runs.
    Ready,
    /// It waits.
    Waiting,
    /// It has ended, and waits to be started anew.
    Paused,
}

impl fmt::Display for ProcessState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ready => "ready",
            Self::Waiting => "waiting",
            Self::Paused => "paused",
        })
    }
}

impl Core {
    /// Makes the core of this thread, with the lowest number that is free. `alarm` is what others wake when it sleeps, on any
    /// thread.
    ///
    /// # Errors
    /// [`NoCoreLeft`].
    ///
    /// # Panics
    /// If it may have no process, or more than 2^24.
    pub fn new(
        options: CoreOptions,
        host: impl Host + 'static,
        alarm: Waker,
    ) -> Result<Self, NoCoreLeft> {
        panics::note_places();
        let CoreOptions { processes_max, account, own_heaps } = options;
        let (port, collector) = Port::claim(alarm, account.clone()).ok_or(NoCoreLeft)?;
        let heaps = Heaps::new(own_heaps);
        let state = State::new(port, collector, processes_max, account, heaps, Box::new(host));
        Ok(Self { state: Rc::new(state) })
    }

    /// The core's number.
    #[must_use]
    pub fn id(&self) -> CoreId {
        self.state.core
    }

    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// Runs `inside` as this core: wakers called there know where they are.
    pub fn enter<T>(&self, inside: impl FnOnce() -> T) -> T {
        here::enter(&self.state, inside)
    }

    /// Runs a step of the loop, which is never part of a turn.
    fn step<T>(&self, step: impl FnOnce(&Rc<State>) -> T) -> T {
        assert!(
            self.state.course.pid.get().is_none(),
            "the loop of a core is not driven from inside a turn of it"
        );
        here::enter(&self.state, || step(&self.state))
    }

    /// Makes a process, on behalf of a request of its own.
    ///
    /// # Errors
    /// Why there is none, and `what` it was to do.
    pub fn spawn<M, F, Fut>(&self, name: &'static str, what: F) -> Result<Child<M>, SpawnError<F>>
    where
        M: Message,
        F: FnOnce(Context, Mailbox<M>) -> Fut + 'static,
        Fut: Future<Output = Result<(), Failure>> + 'static,
    {
        let plan =
            Plan { name, bounds: Bounds::default(), full: Full::Wait, class: Class::Interactive };
        self.step(|state| {
            spawn_here(state, plan, ChargedTo::Core, state.next_cause(None, What::Spawned), what)
        })
    }

    /// Takes in what other cores and threads have for this one. To be called once at the start of every pass, also after a sleep.
    /// True if there is more than one pass takes.
    pub fn receive(&self) -> bool {
        self.step(receive::receive)
    }

    /// Says that a timer is due.
    pub fn timer_fired(&self, key: TimerKey) {
        self.step(|state| due::timer_fired(state, key));
    }

    /// Runs the turn of the next process; false if none is ready.
    pub fn run_turn(&self) -> bool {
        self.step(turn::run)
    }

    /// Whether some process is ready to run.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.state.ready.is_empty()
    }

    /// Shows other cores all that is staged for them, and sets the timers of who began to wait. To be called once a pass.
    pub fn publish(&self) {
        self.step(|state| {
            state.read_clock();
            cancel::end_waits(state);
            circle::look(state);
            state.publish(true);
            state.arm();
            if std::mem::take(&mut state.inbound.borrow_mut().places_freed) {
                state.port.places_free();
            }
        });
    }

    /// Says that the loop is about to wait. False if there is something to do: it does not wait then. True: whoever has something
    /// for this core from here on rings its alarm, or has [`Host::wake`] called for it, until [`receive`](Self::receive).
    #[must_use = "a core that is told `false` does not sleep"]
    pub fn sleep(&self) -> bool {
        self.step(|state| heap_turn::rest_all(state)); // before what their destructors send is shown
        self.publish();
        let state = &self.state;
        let is_unread = {
            let inbound = state.inbound.borrow();
            !inbound.unread.is_empty() || inbound.outside_unread
        };
        state.ready.is_empty() && !is_unread && state.port.gate.fall_asleep()
    }

    /// Begins to stop: no process is spawned any more, and every mailbox is closed, [`Closed::Stopping`]. Processes end when they
    /// have taken what was accepted; after a grace the loop ends the others by [`kill_all`](Self::kill_all).
    pub fn stop(&self) {
        self.step(|state| {
            state.stopping.set(true);
            for slot in 0..state.table.made() {
                let block = state.table.block(slot);
                if block.life() == Life::Live {
                    deliver::shut(state, slot, block, Closed::Stopping);
                    supervise::bury(state, state.table.pid(slot)); // one that waits to be started anew
                }
            }
        });
    }

    /// Ends every process at its next turn.
    pub fn kill_all(&self, why: &'static str) {
        self.step(|state| {
            for slot in 0..state.table.made() {
                if state.table.block(slot).life() == Life::Live {
                    kill::kill(state, state.table.pid(slot), None, why);
                }
            }
        });
    }

    /// What another thread may see of this core's turns.
    #[must_use]
    pub fn watch(&self) -> CoreWatch {
        CoreWatch::of(Arc::clone(self.state.course.onlook()))
    }

    /// What the core counted.
    #[must_use]
    pub fn gauges(&self) -> Gauges {
        let mut gauges = self.state.counts.read();
        gauges.processes_live = self.state.table.live().into();
        gauges.turns_over_limit = self.state.course.onlook().over_limit();
        gauges.waits_open = self.state.waits.open_count().into();
        let (heaps, pool) = (&self.state.heaps, self.state.heaps.pool_gauges());
        gauges.own_heaps_live = heaps.live_count.get();
        gauges.own_heap_chunks_lent = pool.lent_chunks;
        gauges.own_heap_mapped_bytes = pool.mapped_bytes;
        gauges
    }

    /// What there is to say of each process.
    #[must_use]
    pub fn processes(&self) -> Vec<ProcessReport> {
        let table = &self.state.table;
        let live = (0..table.made()).filter(|slot| table.block(*slot).life() == Life::Live);
        live.map(|slot| {
            let block = table.block(slot);
            ProcessReport {
                pid: table.pid(slot),
                name: table.kind(block).name,
                queued_messages: block.mail.queued(),
                leased_messages: block.mail.leased(),
                held_bytes: block.mail.held_bytes(),
                turns: block.turns.get(),
                messages: block.messages.get(),
                restarts: block.extra().map_or(0, |extra| extra.restarts.get()),
                state: match (block.is_paused(), block.ready.get()) {
                    (true, _) => ProcessState::Paused,
                    (false, 0) => ProcessState::Waiting,
                    (false, _) => ProcessState::Ready,
                },
                cause: block.cause.get(),
                account_bytes: block
                    .with_budget(|budget| budget.map(|budget| budget.account().charged_bytes())),
                own_heap_bytes: block
                    .extra()
                    .and_then(|extra| extra.heap().map(|heap| heap.used_bytes())),
            }
        })
        .collect()
    }
}

impl Drop for Core {
    /// Ends every process and leaves: other cores are told, and the number is given back when the last sender has gone.
    fn drop(&mut self) {
        let state = &self.state;
        here::enter(state, || {
            state.stopping.set(true);
            for slot in 0..state.table.made() {
                if state.table.block(slot).life() == Life::Live {
                    end(state, slot, Exit::Killed { by: None, why: "the core left" });
                }
            }
            leave(state);
        });
    }
}

/// Takes the core out of the reach of others.
fn leave(state: &Rc<State>) {
    state.port.leave();
    let with_lanes = receive::close_lanes(state);
    state.contained(|| drop(state.port.take_answers()));
    remote::give_all_back(state);
    if let Some(timer) = state.sweeping.take() {
        state.host.0.timer_cancel(timer);
    }
    let known = state.outbound.cores();
    // Who has gone is not called: his number may be another's, who is not to be woken for nothing.
    let there = known.iter().copied().filter(|core| !state.outbound.leads_nowhere(*core));
    let there: Vec<_> = there.chain(with_lanes).collect();
    known.into_iter().chain(there.iter().copied()).for_each(|core| {
        remote::core_gone(state, core); // as seen from here
    });
    for port in there.into_iter().filter_map(Port::of) {
        state.raise(port); // who finds that we are gone tells those that wait for us
    }
    let collector = state.inbound.borrow_mut().collector.take();
    let mut collector = collector.expect("a core has its collector until it leaves");
    while let Some(message) = collector.collect() {
        collector.release(1);
        state.contained(|| drop(message));
    }
    state.port.places_free();
    state.port.end_steps(state.events.next());
    state.port.vacate(state.table.made(), state.table.last_generation() + 1, collector);
}
