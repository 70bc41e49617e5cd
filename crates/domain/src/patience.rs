//! Patience is how long something may take, and each step of it may renew the patience.
//!
//! Pushing it back is a write: its timer is found to be early when it comes up. So a connection that gives every request
//! patience of its own sets a timer once, not once a request.

use core::cell::Cell;
use core::future::poll_fn;
use core::task::{Context, Poll};

use levada_process::Tick;

use crate::here;
use crate::timers::Due;
use crate::wheel::TimerName;

/// A moment that can be moved, on the core where it was made.
#[derive(Debug)]
pub struct Patience {
    at: Cell<Tick>,
    timer: Cell<Option<TimerName>>,
    /// Timers belong to a core's thread.
    here: core::marker::PhantomData<*const ()>,
}

impl Patience {
    /// Patience until `at`.
    #[must_use]
    pub fn until(at: Tick) -> Self {
        Self { at: Cell::new(at), timer: Cell::new(None), here: core::marker::PhantomData }
    }

    /// Moves it.
    pub fn move_to(&self, at: Tick) {
        self.at.set(at);
        if let Some(timer) = self.timer.get()
            && !here::with(|lent| lent.timers.move_to(timer, at))
        {
            self.timer.set(None);
        }
    }

    /// Whether it has passed; if not, whoever polls is woken when it has.
    pub fn poll_passed(&self, context: &mut Context<'_>) -> Poll<()> {
        here::with(|lent| {
            let at = self.at.get();
            if lent.timers.now() >= at {
                return Poll::Ready(());
            }
            let is_set = self.timer.get().is_some_and(|timer| lent.timers.move_to(timer, at));
            if !is_set {
                self.timer.set(Some(lent.timers.set(at, Due::Patience(context.waker().clone()))));
            }
            Poll::Pending
        })
    }

    /// Waits until it has passed.
    pub async fn passed(&self) {
        poll_fn(|context| self.poll_passed(context)).await;
    }
}

impl Drop for Patience {
    fn drop(&mut self) {
        if let Some(timer) = self.timer.get() {
            here::with(|lent| lent.timers.cancel(timer));
        }
    }
}
