//! Sleeping waits for a time.

use crate::context::Context;
use crate::landing::{Await, Errand, Landed, Place};
use crate::state::State;
use crate::tick::Tick;
use std::rc::Rc;
use std::task::Poll;

impl Context {
    /// Waits until `at`; not at all if that is over. What runs next runs on behalf of what began to wait.
    pub fn sleep_until(&self, at: Tick) -> impl Future<Output = ()> + use<> {
        Await::<(), (), _>::new(Sleeping { until: at })
    }
}

struct Sleeping {
    until: Tick,
}

impl Errand<(), ()> for Sleeping {
    type Output = ();

    fn begin(
        &mut self,
        state: &Rc<State>,
        place: Place<'_, (), ()>,
        _context: &mut std::task::Context<'_>,
    ) -> Poll<()> {
        if state.now() >= self.until {
            return Poll::Ready(());
        }
        let _ = place.open(state);
        place.until(state, self.until);
        Poll::Pending
    }

    fn finish(&mut self, _landed: Landed<(), ()>) {}
}
