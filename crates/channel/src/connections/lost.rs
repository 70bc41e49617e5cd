//! Lost streams are those whose tickets were dropped: the channel closes them at its next pass.
#![expect(
    clippy::disallowed_types,
    reason = "the list of lost names is locked to put one in or to take all out"
)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use levada_ring::CoreWaker;

use crate::table::Name;

/// Where lost tickets are told: one for each channel.
#[derive(Debug)]
pub(crate) struct LostStreams {
    names: Mutex<Vec<Name>>,
    /// Whether there are any, so that a pass need not take the lock to see that there are none.
    any: AtomicBool,
    waker: CoreWaker,
}

impl LostStreams {
    pub(crate) fn new(waker: CoreWaker) -> Arc<Self> {
        Arc::new(Self { names: Mutex::default(), any: AtomicBool::new(false), waker })
    }

    /// Tells the channel, from whatever thread, that nobody will ask for this stream any more.
    pub(crate) fn tell(&self, name: Name) {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).push(name);
        // Release: the channel that sees it finds the name in the list.
        self.any.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// The names of lost streams, if there are any.
    pub(crate) fn take(&self) -> Vec<Name> {
        if !self.any.swap(false, Ordering::Acquire) {
            return Vec::new();
        }
        core::mem::take(&mut *self.names.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
