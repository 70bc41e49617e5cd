//! A handover is what other threads leave for a core, behind a lock that is held for one put or one take, and a flag that says
//! whether it is worth locking.
#![cfg_attr(
    not(loom),
    expect(
        clippy::disallowed_types,
        reason = "it holds a short list, for as long as a push or a take of it"
    )
)]

use crate::sync::{AtomicBool, Mutex, MutexGuard, Ordering};
use std::mem;
use std::sync::PoisonError;

#[derive(Debug)]
pub(crate) struct Handover<T> {
    inside: Mutex<T>,
    filled: AtomicBool,
}

impl<T: Default> Handover<T> {
    pub(crate) fn new() -> Self {
        Self { inside: Mutex::new(T::default()), filled: AtomicBool::new(false) }
    }

    /// Looks inside.
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts something in.
    pub(crate) fn put(&self, put: impl FnOnce(&mut T)) {
        put(&mut self.lock());
        // Release: who finds the flag finds what was put in.
        self.filled.store(true, Ordering::Release);
    }

    /// Takes all that was put in.
    pub(crate) fn take(&self) -> T {
        if self.filled.load(Ordering::Relaxed) && self.filled.swap(false, Ordering::Acquire) {
            return mem::take(&mut *self.lock());
        }
        T::default()
    }
}
