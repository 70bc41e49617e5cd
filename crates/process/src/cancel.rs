//! Cancelling asks a process to end: what it waits for ends at once, and it decides what that means.
//!
//! ```text
//! cancel ─► its sends, calls, receives and sleeps end, now and from now on, as `Cancelled`; a `?` then ends it, as cancelled
//!        ─► what it does in `finish` goes on as before, and so does its turn
//! ```
//!
//! A future that is dropped is cancelled too, at whatever await it stands. Cost: a look at a flag before each wait; a cancel looks once,
//! at the end of the pass, through all waits of its core, for all that were cancelled in it.

use crate::block::{Block, Life};
use crate::cancelled::Cancelled;
use crate::context::Context;
use crate::control::Control;
use crate::kill::Kill;
use crate::pid::Pid;
use crate::state::State;
use crate::waiting;
use crate::waits::Wakee;
use crate::waker::wakee_of;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

impl Context {
    /// Asks a process to end: what it waits for ends as [`Cancelled`], but for what it does in [`finish`](Self::finish). One that
    /// does not end by that may be killed.
    pub fn cancel(&self, whom: &Kill) {
        self.with(|state| cancel(state, whom.pid()));
    }

    /// Whether this process was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.with(|state| state.table.find_live(self.pid()).is_none_or(Block::is_cancelled))
    }

    /// Waits until this process is cancelled.
    pub fn cancelled(&self) -> impl Future<Output = ()> + use<> {
        let cx = self.clone();
        poll_fn(move |context| {
            cx.with(|state| {
                let Some(block) = state.table.find_live(cx.pid()) else { return Poll::Pending };
                if block.is_cancelled() {
                    return Poll::Ready(());
                }
                // Its own tasks are all polled when it is cancelled; others have to be told.
                if let Wakee::Other(waker) = wakee_of(state, context) {
                    let extra = block.extra_or_new();
                    let listeners = &mut *extra.on_cancel.borrow_mut();
                    if !listeners.iter().any(|other| other.will_wake(&waker)) {
                        listeners.push(waker);
                    }
                }
                Poll::Pending
            })
        })
    }

    /// Runs `what`, and drops it where it stands when this process is cancelled: for what waits for the kernel, which knows nothing of
    /// processes.
    ///
    /// # Errors
    /// [`Cancelled`].
    pub async fn unless_cancelled<T>(&self, what: impl Future<Output = T>) -> Result<T, Cancelled> {
        until(what, self.cancelled()).await
    }
}

/// Runs `what` until `end` comes.
pub(crate) async fn until<T>(
    what: impl Future<Output = T>,
    end: impl Future<Output = ()>,
) -> Result<T, Cancelled> {
    let (mut what, mut end) = (pin!(what), pin!(end));
    poll_fn(|context| {
        if end.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(Cancelled));
        }
        what.as_mut().poll(context).map(Ok)
    })
    .await
}

/// Notes that a process is cancelled, wherever it is.
pub(crate) fn cancel(state: &State, whom: Pid) {
    if !state.is_here(whom) {
        return state.tell(whom.core(), Control::Cancel { whom }).unwrap_or_default();
    }
    let Some(block) = state.table.find_live(whom) else { return };
    if block.set_cancelled() {
        if state.course.pid.get() == Some(whom) && !state.course.finishing.get() {
            state.course.cancelled.set(true);
        }
        state.cancelled.borrow_mut().push(whom.slot());
        state.wake_all(whom.slot());
    }
}

/// Ends the waits of all processes that were cancelled since this was last called.
pub(crate) fn end_waits(state: &State) {
    let mut slots = std::mem::take(&mut *state.cancelled.borrow_mut());
    if slots.is_empty() {
        return;
    }
    // One that ended by it meanwhile has no waits left: what waits in its slot now is another, or started anew, and was not cancelled.
    slots.retain(|slot| {
        let block = state.table.block(*slot);
        block.life() == Life::Live && block.is_cancelled()
    });
    slots.sort_unstable();
    waiting::cancel(state, |slot| slots.binary_search(&slot).is_ok());
    for slot in slots {
        let listeners = state.table.block(slot).extra();
        let listeners = listeners.map(|extra| extra.on_cancel.take());
        listeners.into_iter().flatten().for_each(|waker| state.contained(|| waker.wake()));
    }
}
