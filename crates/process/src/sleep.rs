//! Sleeping waits for a time.

use crate::cancelled::Cancelled;
use crate::context::Context;
use crate::landing::{Await, Errand, Landed, Place};
use crate::state::State;
use crate::tick::Tick;
use std::rc::Rc;
use std::task::Poll;

impl Context {
    /// Waits until `at`; not at all if that is over. What runs next runs on behalf of what began to wait.
    ///
    /// # Errors
    /// [`Cancelled`] at once when the process is cancelled.
    pub fn sleep_until(&self, at: Tick) -> impl Future<Output = Result<(), Cancelled>> + use<> {
        Await::<(), (), _>::new(Sleeping::<true> { until: at })
    }

    /// The same, whether the process is cancelled or not.
    pub(crate) fn sleep_through(
        &self,
        at: Tick,
    ) -> impl Future<Output = Result<(), Cancelled>> + use<> {
        Await::<(), (), _>::new(Sleeping::<false> { until: at })
    }
}

struct Sleeping<const ENDS_BY_CANCEL: bool> {
    until: Tick,
}

impl<const ENDS_BY_CANCEL: bool> Errand<(), ()> for Sleeping<ENDS_BY_CANCEL> {
    type Output = Result<(), Cancelled>;
    const ENDS_BY_CANCEL: bool = ENDS_BY_CANCEL;

    fn begin(
        &mut self,
        state: &Rc<State>,
        place: Place<'_, (), ()>,
        _context: &mut std::task::Context<'_>,
    ) -> Poll<Self::Output> {
        if state.now() >= self.until {
            return Poll::Ready(Ok(()));
        }
        let _ = place.open(state);
        place.until(state, self.until);
        Poll::Pending
    }

    fn finish(&mut self, landed: Landed<(), ()>) -> Self::Output {
        match landed {
            Landed::Cancelled(_) => Err(Cancelled),
            _ => Ok(()),
        }
    }
}
