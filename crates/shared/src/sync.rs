//! The atomics and the lock of the crate: the standard library's, or loom's where a model explores them.

#![cfg_attr(
    not(loom),
    expect(
        clippy::disallowed_types,
        reason = "held for bounded steps of this crate's own code, never across user code"
    )
)]

#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{
    AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, Ordering, fence,
};

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{
    AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, Ordering, fence,
};

#[cfg(not(loom))]
#[expect(
    clippy::disallowed_types,
    reason = "held for bounded steps of this crate's own code, never across user code"
)]
mod kind {
    pub(super) use std::sync::{Mutex, MutexGuard};
}

#[cfg(loom)]
mod kind {
    pub(super) use loom::sync::{Mutex, MutexGuard};
}

/// A lock that is held for a bounded number of steps and never across code of a user.
///
/// A panic inside such a section would be our own mistake, and the tables it guards are never left half-changed
/// across one; so a poisoned lock opens as any other.
#[derive(Debug)]
pub(crate) struct Lock<T>(kind::Mutex<T>);

pub(crate) type Guard<'a, T> = kind::MutexGuard<'a, T>;

impl<T> Lock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(kind::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> Guard<'_, T> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The lock, if nobody holds it now.
    pub(crate) fn try_lock(&self) -> Option<Guard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Some(guard),
            Err(std::sync::TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(std::sync::TryLockError::WouldBlock) => None,
        }
    }
}
