//! A monitor is told once when a process is gone, and how it ended.

use crate::address::{ReplyTo, WaitId};
use crate::block::Block;
use crate::context::Context;
use crate::control::Control;
use crate::exit::{Down, Exit};
use crate::here;
use crate::landing::{Await, Errand, Landed, Place};
use crate::pid::Pid;
use crate::state::State;
use crate::waiting;
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{self, Poll, Waker};

impl Context {
    /// Watches a process from now on. At once ready, with [`Exit::Unknown`], if it is gone already.
    pub fn monitor(&self, whom: Pid) -> Monitor {
        let mut watching = Box::pin(Await::new(Watching { whom, teller: None }));
        // Polled here, so that its place is kept from now on, not from when somebody first waits for it.
        let told = match self
            .with(|_| watching.as_mut().poll(&mut task::Context::from_waker(Waker::noop())))
        {
            Poll::Ready(down) => Some(down),
            Poll::Pending => None,
        };
        Monitor { watching, told }
    }
}

/// Waits for the end of a process. Dropped, it watches no more.
#[must_use = "a monitor that is dropped watches no more"]
pub struct Monitor {
    watching: Pin<Box<Await<(), Down, Watching>>>,
    told: Option<Down>,
}

impl Future for Monitor {
    type Output = Down;

    fn poll(mut self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<Down> {
        match self.told.take() {
            Some(down) => Poll::Ready(down),
            None => self.watching.as_mut().poll(context),
        }
    }
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor").field("watching", &self.watching).finish_non_exhaustive()
    }
}

struct Watching {
    whom: Pid,
    teller: Option<ReplyTo<Down>>,
}

impl Watching {
    fn unknown(&self) -> Down {
        Down { pid: self.whom, exit: Exit::Unknown, undelivered: 0, quarantined_bytes: 0 }
    }
}

impl Errand<(), Down> for Watching {
    type Output = Down;
    const ENDS_BY_CANCEL: bool = false;

    fn begin(
        &mut self,
        state: &Rc<State>,
        place: Place<'_, (), Down>,
        _context: &mut task::Context<'_>,
    ) -> Poll<Down> {
        let teller = place.open(state);
        let is_there = if state.is_here(self.whom) {
            watch(state, self.whom, teller)
        } else {
            state.tell(self.whom.core(), Control::Monitor { whom: self.whom, teller }).is_ok()
        };
        if is_there {
            self.teller = Some(teller);
            return Poll::Pending;
        }
        place.close();
        Poll::Ready(self.unknown())
    }

    fn finish(&mut self, landed: Landed<(), Down>) -> Down {
        self.teller = None;
        match landed {
            Landed::Answer(down) => down,
            _ => self.unknown(),
        }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let Some(teller) = self.teller.take().map(ReplyTo::wait) else { return };
        here::with(|state| match state {
            Some(state) if state.is_here(self.whom) => unwatch(state, self.whom, teller),
            Some(state) => {
                state
                    .tell(self.whom.core(), Control::Demonitor { whom: self.whom, teller })
                    .unwrap_or_default();
            }
            None => {} // its core is not running: the wait is gone with the landing, and refuses what comes
        });
    }
}

/// Notes who watches a process of this core; false if it is gone.
pub(crate) fn watch(state: &State, whom: Pid, teller: ReplyTo<Down>) -> bool {
    let block = state.table.find_live(whom);
    if let Some(block) = block {
        block.extra_or_new().monitors.borrow_mut().push(teller);
    }
    block.is_some()
}

/// Somebody on another core wants to watch a process of this one.
pub(crate) fn watch_for(state: &State, whom: Pid, teller: ReplyTo<Down>) {
    if !watch(state, whom, teller) {
        let down = Down { pid: whom, exit: Exit::Unknown, undelivered: 0, quarantined_bytes: 0 };
        drop(waiting::answer(state, teller, down));
    }
}

/// Forgets who watched a process of this core.
pub(crate) fn unwatch(state: &State, whom: Pid, teller: WaitId) {
    if let Some(extra) = state.table.find_live(whom).and_then(Block::extra) {
        extra.monitors.borrow_mut().retain(|other| other.wait() != teller);
    }
}
