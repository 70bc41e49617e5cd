//! The loop of a core: one kernel entry, what others sent, timers, turns, and sleep when nothing is left.
//!
//! Cost of an idle core: nothing; it sleeps in the kernel until a completion, a wake or its next timer. (One core of a domain wakes
//! for looks at the machine's memory.) A pass is one
//! kernel entry, whatever it brings; up to 256 turns run between two, or as many as fit into 200 us.

use core::time::Duration;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Wake, Waker};

use levada_channel::{CoreWaker, Deadline, Fatal, Wait};
use levada_process::{Core, Tick};

use crate::clock::Clock;
use crate::here::Lent;
use crate::orders::Orders;
use crate::timers::Due;

/// How long turns may go on before the kernel is entered again.
const TURNS_FOR: Duration = Duration::from_micros(200);

/// How many turns run between two looks at the clock.
const TURNS_PER_LOOK: u32 = 32;

/// How long processes that were killed may take to go: a turn each.
const KILLED_WITHIN: Duration = Duration::from_secs(1);

/// Rouses the core by its channel.
struct Alarm(CoreWaker);

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.0.wake();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.wake();
    }
}

/// The alarm of a core, as its processes' ports know it.
pub(crate) fn alarm(waker: CoreWaker) -> Waker {
    Waker::from(Arc::new(Alarm(waker)))
}

/// How far a core is with stopping.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    Running,
    /// Mailboxes are closed, and no stream brings anything more; at this moment the rest is killed.
    Stopping(Tick),
    /// All are killed; at this moment the core leaves anyway.
    Killing(Tick),
}

/// Runs the core until it was told to stop and its last process has ended. True if none had to be killed.
///
/// # Errors
/// [`Fatal`] where the kernel refuses further I/O.
pub(crate) fn run(core: &Core, lent: &Rc<Lent>, orders: &Orders) -> Result<bool, Fatal> {
    let mut stage = Stage::Running;
    let mut wait = Wait::No;
    let mut due = Vec::new();
    loop {
        let passed = core.enter(|| lent.channel().pass(wait))?;
        lent.timers.read(Tick::from_nanos(passed.now.ns));
        if let Some(looks) = &lent.looks {
            looks.look(lent.timers.now());
        }
        let mut has_more = core.receive();
        fire(core, lent, &mut due);
        if let Some(rest) = lent.rest.as_ref().filter(|_| core.is_ready()) {
            rest.end();
        }
        run_turns(core, lent);
        if let Some(by) = orders.stop_by() {
            stage = next_stage(core, lent, stage, by);
            let is_over = matches!(stage, Stage::Killing(by) if lent.timers.now() >= by);
            if is_over || core.gauges().processes_live == 0 {
                return Ok(!matches!(stage, Stage::Killing(_)));
            }
        }
        has_more |= core.is_ready();
        wait = if has_more {
            core.publish();
            Wait::No
        } else if core.sleep() {
            if let Some(rest) = &lent.rest {
                rest.begin();
            }
            Wait::Until(wake_at(lent, stage))
        } else {
            Wait::No
        };
    }
}

/// Tells those whose timers are due.
pub(crate) fn fire(core: &Core, lent: &Lent, due: &mut Vec<Due>) {
    lent.timers.expire(due);
    for due in due.drain(..) {
        match due {
            Due::Wait(key) => core.timer_fired(key),
            Due::Patience(waker) => core.enter(|| waker.wake()),
        }
    }
}

fn run_turns(core: &Core, lent: &Lent) {
    let begin = lent.read_clock();
    loop {
        for _ in 0..TURNS_PER_LOOK {
            if !core.run_turn() {
                return;
            }
        }
        // A driver's clock stands still meanwhile, and what a run comes to is not to depend on how fast this machine is.
        if lent.clock == Clock::Driver || lent.read_clock().since(begin) >= TURNS_FOR {
            return;
        }
    }
}

fn next_stage(core: &Core, lent: &Lent, stage: Stage, by: Tick) -> Stage {
    let now = lent.read_clock();
    match stage {
        Stage::Running => {
            core.stop();
            core.enter(|| lent.channel().wind_down());
            Stage::Stopping(lent.clock.moment(by, now))
        }
        Stage::Stopping(at) => {
            let at = at.min(lent.clock.moment(by, now)); // it may have been hastened
            if now < at {
                return Stage::Stopping(at);
            }
            core.kill_all("the domain stops");
            Stage::Killing(now.after(KILLED_WITHIN))
        }
        Stage::Killing(at) => Stage::Killing(at),
    }
}

fn wake_at(lent: &Lent, stage: Stage) -> Deadline {
    let timer = lent.timers.next();
    let stage = match stage {
        Stage::Running => None,
        Stage::Stopping(at) | Stage::Killing(at) => Some(at),
    };
    let look = lent.looks.as_ref().filter(|_| lent.wakes_to_look).map(|looks| looks.wake_at());
    let first = [timer, stage, look].into_iter().flatten().min();
    first.map_or(Deadline::NEVER, |at| Deadline { ns: at.as_nanos() })
}
