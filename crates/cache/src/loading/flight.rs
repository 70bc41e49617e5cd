//! A flight is a load under way: one has its ticket, the others wait until it ends in one way or another.
//!
//! Cost: an allocation for a load, none for those who wait but their wakers.

use core::task::Waker;
use core::time::Duration;
use std::collections::HashMap;
use std::sync::Arc;
use std::thread::{self, ThreadId};

use crate::lock::{Changed, Lock};

/// How a load ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum End {
    /// With a value.
    Filled,
    /// Without one: who still wants it claims again.
    GivenUp,
}

/// A load under way.
#[derive(Debug)]
pub(crate) struct Flight {
    /// Who loads in a call that returns when it is done: he cannot wait for himself.
    pub(crate) loader: Option<ThreadId>,
    state: Lock<State>,
    changed: Changed,
}

#[derive(Debug, Default)]
struct State {
    end: Option<End>,
    wakers: Vec<(u64, Waker)>,
    next_waiter: u64,
}

/// What a waiter sees.
#[derive(Debug)]
pub(crate) enum Look {
    Ended(End),
    /// Not yet: the waker is called when it has.
    Waits,
}

impl Flight {
    pub(crate) fn new(loads_here: bool) -> Self {
        Self {
            loader: loads_here.then(|| thread::current().id()),
            state: Lock::default(),
            changed: Changed::default(),
        }
    }

    /// Ends it; who waits is woken.
    pub(crate) fn end(&self, end: End) {
        let wakers = {
            let mut state = self.state.lock();
            if state.end.is_some() {
                return;
            }
            state.end = Some(end);
            core::mem::take(&mut state.wakers)
        };
        self.changed.notify_all();
        for (_, waker) in wakers {
            waker.wake();
        }
    }

    /// Begins to wait: a number by which the waiter is known.
    pub(crate) fn waiter(&self) -> u64 {
        let mut state = self.state.lock();
        state.next_waiter += 1;
        state.next_waiter
    }

    /// Whether it has ended; else `waker` is called when it has.
    pub(crate) fn poll(&self, waiter: u64, waker: &Waker) -> Look {
        let mut state = self.state.lock();
        if let Some(end) = state.end {
            return Look::Ended(end);
        }
        match state.wakers.iter_mut().find(|(number, _)| *number == waiter) {
            Some((_, known)) => known.clone_from(waker),
            None => state.wakers.push((waiter, waker.clone())),
        }
        Look::Waits
    }

    /// No longer waits.
    pub(crate) fn forget(&self, waiter: u64) {
        self.state.lock().wakers.retain(|(number, _)| *number != waiter);
    }

    /// Waits, at most so long. `None` if that was not enough.
    pub(crate) fn wait(&self, patience: Option<Duration>) -> Option<End> {
        let mut state = self.state.lock();
        match patience {
            None => {
                while state.end.is_none() {
                    state = self.changed.wait(state);
                }
            }
            Some(patience) => {
                state = self.changed.wait_while(state, patience, |state| state.end.is_none());
            }
        }
        state.end
    }
}

/// The loads under way of a shard, by their keys.
pub(crate) type Flights = HashMap<Box<[u8]>, Arc<Flight>, foldhash::quality::RandomState>;
