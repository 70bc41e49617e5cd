//! The atomics and the lock of the crate: the standard library's and our own, or loom's where a model explores them.

#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{
    AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, Ordering, fence,
};

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{
    AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, Ordering, fence,
};

#[cfg(not(loom))]
pub(crate) use lock::{Guard, Lock};

#[cfg(loom)]
pub(crate) use of_loom::{Guard, Lock};

#[cfg_attr(loom, allow(dead_code, reason = "one model is about it; the others have loom's"))]
pub(crate) mod lock;

#[cfg(loom)]
mod of_loom {
    pub(crate) type Guard<'a, T> = loom::sync::MutexGuard<'a, T>;

    /// Loom's, which it explores faster than ours.
    #[derive(Debug)]
    pub(crate) struct Lock<T>(loom::sync::Mutex<T>);

    impl<T> Lock<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> Guard<'_, T> {
            self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
        }

        pub(crate) fn try_lock(&self) -> Option<Guard<'_, T>> {
            self.0.try_lock().ok()
        }
    }
}
