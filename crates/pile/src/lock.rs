//! A lock for what is rare: lists of spans, the supply, a limbo that is emptied. It is held for a bounded number of steps,
//! never across a call into the kernel and never across code of a user.
//!
//! A panic inside would be our own mistake, and what it guards is never left half-changed across one; so it opens then.
#![expect(
    clippy::disallowed_types,
    reason = "the standard lock sleeps instead of spinning: threads of any priority use a pile, and none holds it long"
)]

#[cfg(loom)]
use loom::sync::{Mutex, MutexGuard};
#[cfg(not(loom))]
use std::sync::{Mutex, MutexGuard};

use std::sync::PoisonError;

#[derive(Debug, Default)]
pub(crate) struct Lock<T>(Mutex<T>);

impl<T> Lock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.0.try_lock().ok()
    }
}
