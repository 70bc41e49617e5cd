//! A wish is how far a task waits for the other end of something to get, and how that calls it.
//!
//! ```text
//! who waits      leave the waker ─► say the position ─► fence ─► look at what the other end has done; there: withdraw, else sleep
//! who gets on    do it ─► fence ─► is the position said one that was passed? ─► take the waker, and wake
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
        // Relaxed: who sees the position takes the waker, or came to its spot before us; then we see why he came.
        self.position.store(position, Ordering::Relaxed);
        // With the fence in `reached`: either who waits sees what was done, or who did it sees the wish. Never neither.
        fence(Ordering::SeqCst);
        is_left
    }

    /// Waits no longer. Who is called all the same was called before.
    pub fn withdraw(&self) {
        self.position.store(NEVER, Ordering::Relaxed);
    }

    /// Says that a position was reached, after what it means was done, and wakes who waits for it. `u64::MAX` is beyond all.
    pub fn reached(&self, position: u64) {
        fence(Ordering::SeqCst); // see `wait_for`
        if self.position.load(Ordering::Relaxed) <= position
            && let Some(waker) = self.waker.take()
        {
            waker.wake();
        }
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

    fn called() -> (Arc<Called>, Waker) {
        let called = Arc::new(Called(AtomicUsize::new(0)));
        (Arc::clone(&called), Waker::from(called))
    }

    #[test]
    fn who_waits_is_called_once_and_not_before() {
        let (called, waker) = called();
        let calls = || called.0.load(Ordering::Relaxed);
        let wish = Wish::new();
        wish.reached(9); // nobody waits
        assert!(wish.wait_for(10, &waker));
        wish.reached(9);
        assert_eq!(calls(), 0);
        wish.reached(11);
        wish.reached(12);
        assert_eq!(calls(), 1);
    }

    #[test]
    fn a_wish_withdrawn_calls_only_at_the_end_of_all() {
        let (called, waker) = called();
        let wish = Wish::new();
        assert!(wish.wait_for(1, &waker));
        wish.withdraw();
        wish.reached(5);
        assert_eq!(called.0.load(Ordering::Relaxed), 0);
        wish.reached(u64::MAX);
        assert_eq!(called.0.load(Ordering::Relaxed), 1);
    }
}
