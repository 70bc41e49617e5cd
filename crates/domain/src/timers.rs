//! The timers of a core: what processes wait for, and deadlines that move, in one wheel.

use core::cell::{Cell, RefCell};
use core::task::Waker;

use levada_process::{Tick, TimerKey};

use crate::wheel::{TimerName, Wheel};

const NS_PER_MS: u64 = 1_000_000;

/// Who is told when a timer is due.
#[derive(Debug)]
pub(crate) enum Due {
    /// A wait that the core keeps.
    Wait(TimerKey),
    /// Somebody whose patience is at an end.
    Patience(Waker),
}

/// The wheel, and the moment that the core has come to.
#[derive(Debug)]
pub(crate) struct Timers {
    wheel: RefCell<Wheel<Due>>,
    now: Cell<Tick>,
}

impl Timers {
    pub(crate) fn new(now: Tick) -> Self {
        Self { wheel: RefCell::new(Wheel::new(now.as_nanos() / NS_PER_MS)), now: Cell::new(now) }
    }

    /// The moment of the last pass or turn: the clock as last read.
    pub(crate) fn now(&self) -> Tick {
        self.now.get()
    }

    pub(crate) fn read(&self, now: Tick) {
        self.now.set(now);
    }

    pub(crate) fn set(&self, at: Tick, due: Due) -> TimerName {
        self.wheel.borrow_mut().set(ceil_ms(at), due)
    }

    /// False if it is set no more.
    pub(crate) fn move_to(&self, name: TimerName, at: Tick) -> bool {
        self.wheel.borrow_mut().move_to(name, ceil_ms(at))
    }

    pub(crate) fn cancel(&self, name: TimerName) {
        drop(self.wheel.borrow_mut().cancel(name));
    }

    /// When the next timer may be due.
    pub(crate) fn next(&self) -> Option<Tick> {
        self.wheel.borrow().next_ms().map(|ms| Tick::from_nanos(ms.saturating_mul(NS_PER_MS)))
    }

    /// Moves what is due into `due`.
    pub(crate) fn expire(&self, due: &mut Vec<Due>) {
        let now_ms = self.now.get().as_nanos() / NS_PER_MS;
        self.wheel.borrow_mut().expire(now_ms, |who| due.push(who));
    }
}

/// The first whole millisecond that is not before `at`: no timer fires early.
fn ceil_ms(at: Tick) -> u64 {
    at.as_nanos().div_ceil(NS_PER_MS)
}
