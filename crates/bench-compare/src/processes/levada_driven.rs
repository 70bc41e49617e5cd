//! A driven core is a core of ours without a domain: its loop is the domain's, without the entry into the kernel.
//!
//! What stays on one core needs no kernel, and a runtime without an I/O driver enters none either: so the two are alike.

use std::task::Waker;
use std::time::Duration;

use levada_process::{Core, CoreOptions, Host, Tick, TimerId, TimerKey};

use crate::machine::clock::now_ns;

/// As the domain: so long turns go on in one pass, and so many run between two looks at the clock.
const TURNS_FOR: Duration = Duration::from_micros(200);
const TURNS_PER_LOOK: u32 = 32;

/// Lends the machine's clock. Nobody here waits so long that a timer would have to fire.
struct Clock;

impl Host for Clock {
    fn now(&self) -> Tick {
        Tick::from_nanos(now_ns())
    }

    fn seed(&self) -> u64 {
        1
    }

    fn timer_set(&self, _at: Tick, _key: TimerKey) -> TimerId {
        TimerId(0)
    }

    fn timer_cancel(&self, _timer: TimerId) {}
}

/// A core on this thread.
#[derive(Debug)]
pub(crate) struct Driven {
    pub(crate) core: Core,
}

impl Driven {
    pub(crate) fn new() -> Self {
        let options = CoreOptions { processes_max: 1 << 21, ..CoreOptions::default() };
        let core = Core::new(options, Clock, Waker::noop().clone());
        Self { core: core.expect("this program has no other core") }
    }

    fn pass(&self) {
        self.core.receive();
        let begun_ns = now_ns();
        let turns_for_ns = u64::try_from(TURNS_FOR.as_nanos()).expect("it is short");
        'pass: while now_ns() - begun_ns < turns_for_ns {
            for _ in 0..TURNS_PER_LOOK {
                if !self.core.run_turn() {
                    break 'pass;
                }
            }
        }
        self.core.publish();
    }

    /// Makes passes until `is_done`.
    pub(crate) fn drive(&self, is_done: impl Fn() -> bool) {
        while !is_done() {
            self.pass();
        }
    }

    /// Makes passes until nobody is ready any more.
    pub(crate) fn settle(&self) {
        self.pass();
        self.drive(|| !self.core.is_ready());
    }
}
