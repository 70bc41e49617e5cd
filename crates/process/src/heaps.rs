//! The heaps of a core have one pool, and few of them hold chunks of it: those that ran last.
//!
//! A heap takes a chunk of 64 KiB when its process allocates, and gives it back when it rests. Those that were entered since they last
//! rested stand in a list of eight: the one that has been there for longest rests when a ninth comes, and all rest before the core
//! sleeps. So a heap that is entered turn after turn keeps its chunk, and 10^5 idle ones have none.

use crate::pid::Pid;
use levada_local::{Pool, PoolGauges, PoolOptions};
use std::cell::{Cell, OnceCell, RefCell};

/// How many heaps hold chunks between turns: what they fill together stays in a cache of 512 KiB.
const AWAKE_MAX: usize = 8;

/// What a core keeps of the heaps of its processes.
#[derive(Debug)]
pub(crate) struct Heaps {
    options: PoolOptions,
    /// Made with the first heap.
    pool: OnceCell<Pool>,
    /// Whether one was entered in this turn.
    entered: Cell<bool>,
    awake: RefCell<Vec<Pid>>,
    pub(crate) live_count: Cell<u64>,
}

impl Heaps {
    pub(crate) fn new(options: PoolOptions) -> Self {
        Self {
            options,
            pool: OnceCell::new(),
            entered: Cell::new(false),
            awake: RefCell::default(),
            live_count: Cell::new(0),
        }
    }

    pub(crate) fn pool(&self) -> &Pool {
        self.pool.get_or_init(|| Pool::new(self.options))
    }

    pub(crate) fn pool_gauges(&self) -> PoolGauges {
        self.pool.get().map_or_else(PoolGauges::default, Pool::gauges)
    }

    /// Notes that the process whose turn it is entered its heap.
    #[inline]
    pub(crate) fn enter(&self) {
        self.entered.set(true);
    }

    /// Whether that was so in this turn.
    #[inline]
    pub(crate) fn take_entered(&self) -> bool {
        self.entered.replace(false)
    }

    /// Notes that the heap of a process may hold chunks.
    #[inline]
    pub(crate) fn wake(&self, pid: Pid) {
        let mut awake = self.awake.borrow_mut();
        match awake.iter().rposition(|other| *other == pid) {
            Some(place) => awake[place..].rotate_left(1),
            None => awake.push(pid),
        }
    }

    /// Whose heap is to rest since there are too many.
    #[inline]
    pub(crate) fn take_oldest(&self) -> Option<Pid> {
        let mut awake = self.awake.borrow_mut();
        (awake.len() > AWAKE_MAX).then(|| awake.remove(0))
    }

    /// Forgets the heap of a process, which has ended.
    pub(crate) fn forget(&self, pid: Pid) {
        self.awake.borrow_mut().retain(|other| *other != pid);
    }

    /// Whose is to rest when there is nothing else to do.
    #[inline]
    pub(crate) fn take_awake(&self) -> Option<Pid> {
        self.awake.borrow_mut().pop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pid::CoreId;

    #[test]
    fn who_was_awake_for_longest_rests_when_a_ninth_comes() {
        let pid = |slot| Pid::new(CoreId::new(0), slot, 1);
        let heaps = Heaps::new(PoolOptions::default());
        let wake = |slot| {
            heaps.wake(pid(slot));
            heaps.take_oldest().map(Pid::slot)
        };
        assert!((0..8).all(|slot| wake(slot).is_none()));
        assert_eq!([0, 8, 0, 9].map(wake), [None, Some(1), None, Some(2)]);
        assert_eq!(std::iter::from_fn(|| heaps.take_awake()).count(), 8);
    }
}
