//! Places of a queue come free, and who waits for one is called: never is one free, and who waits for it not called.
//!
//! ```text
//! who waits   leaves a waker ── fence ── tries once more        either he finds the place, or his waker is found:
//! who frees   gives a place back ── fence ── takes the wakers   never neither
//! ```

use crate::handover::Handover;
use crate::sync::{Ordering, fence};
use std::task::Waker;

/// Those who wait for a place.
#[derive(Debug)]
pub(crate) struct Places(Handover<Vec<Waker>>);

impl Places {
    pub(crate) fn new() -> Self {
        Self(Handover::new())
    }

    /// Calls `waker` when a place may be free. Who waits tries once more after this.
    pub(crate) fn wait(&self, waker: &Waker) {
        self.0.put(|waiting| {
            if !waiting.iter().any(|other| other.will_wake(waker)) {
                waiting.push(waker.clone());
            }
        });
        // With the fence in `freed`: either the try after this finds the place, or we are called.
        fence(Ordering::SeqCst);
    }

    /// Calls all who wait, after places were given back.
    pub(crate) fn freed(&self) {
        fence(Ordering::SeqCst);
        self.0.take().into_iter().for_each(Waker::wake);
    }
}
