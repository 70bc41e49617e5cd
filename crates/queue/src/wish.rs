//! A wish is how far a task waits for the other end of something to get, and how that calls it.
//!
//! ```text
//! who waits      leave the waker ─► say the position ─► fence ─► look at what the other end has done; there: withdraw, else sleep
//! who gets on    do it ─► fence ─► is the position said one that was passed? ─► take the waker
//! ```
//!
//! Of the two fences one is first: so either who waits sees what was done, or who did it sees the wish. Positions count up for ever,
//! each in the meaning that its two users give them.
//! Cost: a fence for each step that nobody waits for; a wait is two read-modify-writes, a store and a fence.

use crate::spot::Spot;
use crate::sync::{AtomicU64, Ordering, fence};
use std::task::Waker;

/// The position that is never reached.
const NEVER: u64 = u64::MAX;

/// What one task waits for, and another thread reaches.
#[derive(Debug)]
pub struct Wish {
    position: AtomicU64,
    waker: Spot<Waker>,
}

impl Wish {
    /// One of nobody.
    #[must_use]
    pub fn new() -> Self {
        Self { position: AtomicU64::new(NEVER), waker: Spot::new() }
    }

    /// Says that `waker` is to be called when `position` is reached: false if somebody called just now. Either way who waits looks once
    /// more before it sleeps; who heard false has to look again later, by itself.
    #[must_use = "who is not waited for is not called"]
    pub fn wait_for(&self, position: u64, waker: &Waker) -> bool {
        let is_left = self.waker.put(waker.clone()).is_ok();
        // Release: who sees the position sees the waker.
        self.position.store(position, Ordering::Release);
        // With the fence in `reached`: either who waits sees what was done, or who did it sees the wish. Never neither.
        fence(Ordering::SeqCst);
        is_left
    }

    /// Waits no longer. Who is called all the same was called before.
    pub fn withdraw(&self) {
        self.position.store(NEVER, Ordering::Relaxed);
    }

    /// Says that a position was reached, after what it means was done: whom to wake. `u64::MAX` is beyond all.
    #[must_use = "who waited is woken by the caller"]
    pub fn reached(&self, position: u64) -> Option<Waker> {
        fence(Ordering::SeqCst); // see `wait_for`
        if self.position.load(Ordering::Acquire) <= position { self.waker.take() } else { None }
    }
}

impl Default for Wish {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::Wish;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

    struct Called(AtomicUsize);

    impl Wake for Called {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn who_waits_is_called_once_and_not_before() {
        let called = Arc::new(Called(AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&called));
        let wish = Wish::new();
        assert!(wish.reached(9).is_none(), "nobody waits");
        assert!(wish.wait_for(10, &waker));
        assert!(wish.reached(9).is_none());
        wish.reached(11).expect("it waits for ten").wake();
        assert!(wish.reached(12).is_none());
        assert_eq!(called.0.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_wish_withdrawn_calls_only_at_the_end_of_all() {
        let wish = Wish::new();
        assert!(wish.wait_for(1, Waker::noop()));
        wish.withdraw();
        assert!(wish.reached(5).is_none());
        assert!(wish.reached(u64::MAX).is_some());
    }
}
