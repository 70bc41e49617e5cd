//! A lock for what one shard, one load or one list of tables is. It is held for a bounded number of steps, never across a call
//! of a user's code but a brief one that says so, and never while a value is loaded.
//!
//! A panic inside would be our own mistake, and what it guards is never left half-changed across one; so it opens then.
#![expect(
    clippy::disallowed_types,
    reason = "the standard lock sleeps instead of spinning: threads of any priority use a table, and none holds it long"
)]

#[cfg(loom)]
use loom::sync::{Condvar, Mutex, MutexGuard};
#[cfg(not(loom))]
use std::sync::{Condvar, Mutex, MutexGuard};

use core::time::Duration;
use std::sync::PoisonError;

#[derive(Debug, Default)]
pub(crate) struct Lock<T>(Mutex<T>);

/// The lock, taken.
pub(crate) type Locked<'l, T> = MutexGuard<'l, T>;

impl<T> Lock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    #[inline]
    pub(crate) fn lock(&self) -> Locked<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Something that threads wait for.
#[derive(Debug, Default)]
pub(crate) struct Changed(Condvar);

impl Changed {
    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }

    /// Opens the lock until there is news.
    pub(crate) fn wait<'l, T>(&self, locked: Locked<'l, T>) -> Locked<'l, T> {
        self.0.wait(locked).unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the lock while that holds, at most so long.
    #[cfg(not(loom))]
    pub(crate) fn wait_while<'l, T>(
        &self,
        locked: Locked<'l, T>,
        patience: Duration,
        holds: impl FnMut(&mut T) -> bool,
    ) -> Locked<'l, T> {
        let waited = self.0.wait_timeout_while(locked, patience, holds);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// As long as that holds: in a model no time passes.
    #[cfg(loom)]
    pub(crate) fn wait_while<'l, T>(
        &self,
        mut locked: Locked<'l, T>,
        _patience: Duration,
        mut holds: impl FnMut(&mut T) -> bool,
    ) -> Locked<'l, T> {
        while holds(&mut *locked) {
            locked = self.wait(locked);
        }
        locked
    }
}
