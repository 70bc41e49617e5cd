//! A spot holds at most one value, which one thread leaves there and another takes, and neither waits for the other.
//!
//! ```text
//! state   0: nobody is at the spot, which is empty or filled | LEAVING: somebody puts a value | TAKING: somebody takes it
//! put     0 → LEAVING, exchange the value, LEAVING → 0. Who finds TAKING, at the beginning or at the end, has his value back:
//!         somebody has just asked for it, and would not come again.
//! take    add TAKING; only who found 0 takes. Who found LEAVING goes: the other sees that he was there.
//! ```
//!
//! So a value that was put and one that was asked for at the same time never miss each other in silence: either the one who takes has
//! it, or the one who puts hears of it. Cost: two read-modify-writes a put or take.
#![expect(
    unsafe_code,
    reason = "the value is reached through a shared reference; all of it is in `raw` below"
)]

pub use raw::Spot;

mod raw {
    use crate::sync::{AtomicUsize, Ordering};
    use std::{cell::UnsafeCell, fmt};

    const LEAVING: usize = 1;
    const TAKING: usize = 2;

    /// A place for one value between two threads.
    /// # Invariants
    /// 1. Who changed the state from zero, to LEAVING or to TAKING, has `value` for himself until he makes it zero again; nobody else
    ///    makes it zero.
    pub struct Spot<T> {
        state: AtomicUsize,
        value: UnsafeCell<Option<T>>,
        #[cfg(loom)]
        watched: loom::cell::UnsafeCell<()>,
    }

    // SAFETY: by invariant 1 the value is one thread's at a time, and goes from one to another.
    unsafe impl<T: Send> Sync for Spot<T> {}

    impl<T> Spot<T> {
        /// An empty one.
        #[must_use]
        pub fn new() -> Self {
            Self {
                state: AtomicUsize::new(0),
                value: UnsafeCell::new(None),
                #[cfg(loom)]
                watched: loom::cell::UnsafeCell::new(()),
            }
        }

        /// Leaves a value, in place of one that nobody took, which comes back.
        /// # Errors
        /// The value, if somebody asks for one at this moment, or leaves another: it is then not left, and one that was there is gone.
        pub fn put(&self, value: T) -> Result<Option<T>, T> {
            // Acquire: what was in the spot was left before, and is ours now.
            let entered =
                self.state.compare_exchange(0, LEAVING, Ordering::Acquire, Ordering::Acquire);
            if entered.is_err() {
                return Err(value);
            }
            let before = self.exchange(Some(value));
            // Release: who takes sees the value.
            let left =
                self.state.compare_exchange(LEAVING, 0, Ordering::Release, Ordering::Acquire);
            if left.is_ok() {
                return Ok(before);
            }
            let back = self.exchange(None);
            self.state.store(0, Ordering::Release);
            drop(before);
            // Nobody else was at the spot, so what was put is there.
            back.map_or(Ok(None), Err)
        }

        /// Takes the value, if there is one, and nobody is about to leave another.
        pub fn take(&self) -> Option<T> {
            // Acquire: we see the value. Release: who finds that we were here sees why we came.
            if self.state.fetch_or(TAKING, Ordering::AcqRel) != 0 {
                return None;
            }
            let taken = self.exchange(None);
            self.state.store(0, Ordering::Release);
            taken
        }

        /// For who is at the spot alone: both callers changed the state from zero.
        fn exchange(&self, value: Option<T>) -> Option<T> {
            #[cfg(loom)]
            self.watched.with_mut(|_| ());
            // SAFETY: invariant 1.
            unsafe { self.value.get().replace(value) }
        }
    }

    impl<T> Default for Spot<T> {
        fn default() -> Self {
            Self::new()
        }
    }

    impl<T> fmt::Debug for Spot<T> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("Spot").finish_non_exhaustive()
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::Spot;

    #[test]
    fn a_value_is_taken_once_and_a_later_one_takes_its_place() {
        let spot = Spot::new();
        assert_eq!(spot.take(), None);
        assert_eq!(spot.put(1), Ok(None));
        assert_eq!(spot.put(2), Ok(Some(1)));
        assert_eq!((spot.take(), spot.take()), (Some(2), None));
    }

    #[test]
    fn what_nobody_took_goes_with_the_spot() {
        let value = std::sync::Arc::new(());
        let spot = Spot::new();
        assert!(spot.put(std::sync::Arc::clone(&value)).is_ok());
        drop(spot);
        assert_eq!(std::sync::Arc::strong_count(&value), 1);
    }
}
