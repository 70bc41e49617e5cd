//! What the loop lends to the processes of its core: the clock, timers, chance, and an ear for those that fail.

use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;

use levada_process::{Ended, Host, LogLine, Tick, TimerId, TimerKey};

use crate::clock::tick_now;
use crate::config::{OnFailure, OnLog};
use crate::here::Lent;
use crate::timers::Due;
use crate::wheel::TimerName;

/// The host of one core.
pub(crate) struct CoreHost {
    pub(crate) lent: Rc<Lent>,
    pub(crate) on_failure: OnFailure,
    pub(crate) on_log: OnLog,
}

impl Host for CoreHost {
    fn now(&self) -> Tick {
        let now = self.lent.read_clock();
        self.lent.timers.read(now);
        now
    }

    fn seed(&self) -> u64 {
        RandomState::new().hash_one(tick_now().as_nanos())
    }

    fn timer_set(&self, at: Tick, key: TimerKey) -> TimerId {
        TimerId(self.lent.timers.set(at, Due::Wait(key)).to_bits())
    }

    fn timer_cancel(&self, timer: TimerId) {
        self.lent.timers.cancel(TimerName::from_bits(timer.0));
    }

    fn ended(&self, ended: &Ended<'_>) {
        (self.on_failure)(ended);
    }

    fn log(&self, line: &LogLine<'_>) {
        (self.on_log)(line);
    }
}
