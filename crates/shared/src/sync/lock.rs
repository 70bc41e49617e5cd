//! A lock that is held for a bounded number of steps and never across code of a user: it is taken by one atomic exchange
//! and opened by one store.
//!
//! The standard library's needs a second exchange to open, since it may have to wake somebody. Here nobody sleeps: who
//! finds it taken looks again some times and then lets another thread run. Opening it is the last touch of its memory, so
//! whoever takes it next may free that. Cost: some ten nanoseconds less for each block that is taken or given back.
//!
//! A panic inside a section would be our own mistake, and what it guards is never left half-changed across one; so it
//! opens then as well.
#![expect(unsafe_code, reason = "gives out what it guards; all of it is in `raw` below")]

#[cfg(not(loom))]
pub(crate) use raw::Guard;
#[cfg_attr(loom, allow(unused_imports, reason = "one model is about it"))]
pub(crate) use raw::Lock;

mod raw {
    use core::fmt;
    use core::ops::{Deref, DerefMut};

    #[cfg(not(loom))]
    use std::{cell::UnsafeCell, hint::spin_loop, thread::yield_now};

    #[cfg(loom)]
    use loom::{hint::spin_loop, thread::yield_now};
    #[cfg(loom)]
    use std::cell::UnsafeCell;

    use crate::sync::{AtomicBool, Ordering};

    /// How often one looks before another thread is let run.
    const LOOKS: u32 = 100;

    /// # Invariants
    /// 1. `value` is reached through a guard only, and there is one guard at most: who made `is_taken` true.
    pub(crate) struct Lock<T> {
        is_taken: AtomicBool,
        value: UnsafeCell<T>,
    }

    // SAFETY: by invariant 1 one thread at a time reaches the value, as if it had been sent there.
    unsafe impl<T: Send> Sync for Lock<T> {}

    /// Opens the lock when it is dropped.
    #[derive(Debug)]
    pub(crate) struct Guard<'a, T>(&'a Lock<T>);

    // SAFETY: what a shared guard gives is `&T`.
    unsafe impl<T: Sync> Sync for Guard<'_, T> {}

    impl<T> Lock<T> {
        pub(crate) fn new(value: T) -> Self {
            Self { is_taken: AtomicBool::new(false), value: UnsafeCell::new(value) }
        }

        #[inline]
        pub(crate) fn lock(&self) -> Guard<'_, T> {
            self.try_lock().unwrap_or_else(|| self.wait())
        }

        /// The lock, if nobody holds it now.
        #[inline]
        pub(crate) fn try_lock(&self) -> Option<Guard<'_, T>> {
            // Acquire: what the last holder did comes before what we do.
            let taken =
                self.is_taken.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed);
            taken.is_ok().then(|| Guard(self))
        }

        #[cold]
        fn wait(&self) -> Guard<'_, T> {
            let mut looks = 0;
            loop {
                if !self.is_taken.load(Ordering::Relaxed)
                    && let Some(guard) = self.try_lock()
                {
                    return guard;
                }
                if looks < LOOKS {
                    looks += 1;
                    spin_loop();
                } else {
                    yield_now();
                }
            }
        }
    }

    impl<T> Deref for Guard<'_, T> {
        type Target = T;

        #[inline]
        fn deref(&self) -> &T {
            // SAFETY: invariant 1; this is the guard.
            unsafe { &*self.0.value.get() }
        }
    }

    impl<T> DerefMut for Guard<'_, T> {
        #[inline]
        fn deref_mut(&mut self) -> &mut T {
            // SAFETY: invariant 1; this is the guard, and it is borrowed exclusively.
            unsafe { &mut *self.0.value.get() }
        }
    }

    impl<T> Drop for Guard<'_, T> {
        #[inline]
        fn drop(&mut self) {
            // Release: and comes before what the next holder does. Nothing of the lock is touched after this.
            self.0.is_taken.store(false, Ordering::Release);
        }
    }

    impl<T> fmt::Debug for Lock<T> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("Lock").finish_non_exhaustive()
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::Lock;

    #[test]
    fn one_at_a_time_has_it() {
        let lock = Lock::new(0_u64);
        let rounds = if cfg!(miri) { 50 } else { 50_000 };
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..rounds {
                        let mut value = lock.lock();
                        assert!(lock.try_lock().is_none());
                        *value += 1;
                    }
                });
            }
        });
        assert_eq!(*lock.lock(), 4 * rounds);
    }

    #[test]
    fn a_panic_opens_it() {
        let lock = Lock::new(1);
        let held = std::panic::AssertUnwindSafe(&lock);
        let panicked = std::panic::catch_unwind(|| {
            let _guard = held.lock();
            panic!("inside");
        });
        assert!(panicked.is_err() && lock.try_lock().is_some());
    }
}
