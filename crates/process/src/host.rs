//! A host is what drives a core, and lends it what processes may not reach for: time, chance, timers, the bell of another core.

use crate::cause::Cause;
use crate::chain::Chain;
use crate::exit::Exit;
use crate::log::LogLine;
use crate::pid::{CoreId, Pid};
use crate::port::Port;
use crate::tick::Tick;

/// What a core needs of the loop that runs it. All of it is called on the core's own thread.
///
/// None of it calls back into the core: a timer that is due is told by [`Core::timer_fired`](crate::Core::timer_fired) from the
/// loop, a core that was rung finds out by [`Core::receive`](crate::Core::receive).
pub trait Host {
    /// Reads the clock. Asked at the start of a slice, at every eighth message or turn, and when a process asks.
    fn now(&self) -> Tick;

    /// What the core's random numbers begin with. Asked once.
    fn seed(&self) -> u64;

    /// Sets a timer: from `at` on the loop tells the core of `key`, once.
    fn timer_set(&self, at: Tick, key: TimerKey) -> TimerId;

    /// Ends a timer that has not fired.
    fn timer_cancel(&self, timer: TimerId);

    /// Wakes another core that sleeps. The default rings the alarm that its loop gave when it was made.
    fn wake(&self, core: CoreId) {
        core.ring();
    }

    /// Hears that a process ended otherwise than normally: at once, or, if other cores have to say what led to it, when they have.
    /// If its own core is gone by then, the host of another hears of it.
    fn ended(&self, ended: &Ended<'_>) {
        let _ = ended;
    }

    /// Hears what a process says. The default keeps no log.
    fn log(&self, line: &LogLine<'_>) {
        let _ = line;
    }
}

impl CoreId {
    /// Rings the alarm of the core with this number.
    pub fn ring(self) {
        if let Some(port) = Port::of(self) {
            port.alarm();
        }
    }
}

/// Which of the core's waits a timer is for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct TimerKey(pub(crate) u64);

/// What the host calls a timer that is set; of its own choosing.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct TimerId(pub u64);

/// What a host is told of a process that ended otherwise than normally.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Ended<'a> {
    /// Which process.
    pub pid: Pid,
    /// The name that it was spawned with.
    pub name: &'static str,
    /// How it ended.
    pub exit: &'a Exit,
    /// On behalf of what it was running.
    pub cause: Cause,
    /// The type of its messages.
    pub message: &'static str,
    /// How many messages it had accepted and not taken.
    pub undelivered: u32,
    /// What led to it; of a process that was killed only itself.
    pub chain: &'a Chain,
    /// How many bytes of the shared heap were still charged to its own account when that closed: somebody holds them, or forgot them.
    pub quarantined_bytes: u64,
}
