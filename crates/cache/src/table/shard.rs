//! A shard is a part of a table's keys: its bins, the order in which its entries go, and what they are charged.

use crate::index::bins::BINS_MIN;
use crate::index::entry::Queue;
use crate::loading::flight::Flights;
use crate::lock::Lock;
use crate::options::LEVELS;
use crate::order::ghost::Ghosts;
use crate::order::marks::Marks;
use crate::sync::{AtomicU32, Ordering};
use crate::table::counts::Counts;

/// A part of a table's keys.
#[derive(Debug)]
pub(crate) struct Shard {
    /// How many bins it has.
    pub(crate) bins: AtomicU32,
    /// How often entries went to lower bins: a scan that began before begins anew.
    falls: AtomicU32,
    /// Until which second entries go to higher bins only, since somebody walks through them.
    scanned_until_s: AtomicU32,
    pub(crate) state: Lock<State>,
}

impl Shard {
    pub(crate) fn new() -> Self {
        Self {
            bins: AtomicU32::new(BINS_MIN),
            falls: AtomicU32::new(0),
            scanned_until_s: AtomicU32::new(0),
            state: Lock::new(State::default()),
        }
    }
}

/// For how long a scan is thought to go on after a step of it.
const SCAN_S: u32 = 10;

impl Shard {
    pub(crate) fn falls(&self) -> u32 {
        self.falls.load(Ordering::Acquire)
    }

    /// Entries went down: with the lock.
    pub(crate) fn count_falls(&self, falls: u32) {
        if falls > 0 {
            // Release: who finds none where they were sees that they fell.
            self.falls.fetch_add(falls, Ordering::Release);
        }
    }

    /// Somebody walks through the bins.
    pub(crate) fn scan_goes_on(&self, now_s: u32) {
        self.scanned_until_s.store(now_s.saturating_add(SCAN_S), Ordering::Relaxed);
    }

    /// Whether somebody walked through the bins not long ago.
    pub(crate) fn is_scanned(&self, now_s: impl FnOnce() -> u32) -> bool {
        let until_s = self.scanned_until_s.load(Ordering::Relaxed);
        until_s > 0 && now_s() < until_s
    }
}

/// What changes under a shard's lock.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) entries: u32,
    /// What entries, reservations and loads are charged.
    pub(crate) charged_bytes: u64,
    /// What of that is no entry's yet.
    pub(crate) reserved_bytes: u64,
    /// What was drawn from the limits: never less than what is charged.
    pub(crate) granted_bytes: u64,
    pub(crate) levels: [Level; LEVELS],
    pub(crate) ghosts: Ghosts,
    /// The stamp of the entry that came last.
    pub(crate) stamp: u32,
    pub(crate) flights: Flights,
    pub(crate) counts: Counts,
}

/// The entries of one priority.
#[derive(Debug, Default)]
pub(crate) struct Level {
    pub(crate) small: Line,
    pub(crate) main: Line,
}

/// The entries of one queue.
#[derive(Debug, Default)]
pub(crate) struct Line {
    pub(crate) marks: Marks,
    pub(crate) bytes: u64,
    pub(crate) entries: u32,
}

impl Level {
    pub(crate) fn line(&mut self, queue: Queue) -> &mut Line {
        match queue {
            Queue::Small => &mut self.small,
            Queue::Main => &mut self.main,
        }
    }

    pub(crate) fn marks(&self, queue: Queue) -> &Marks {
        match queue {
            Queue::Small => &self.small.marks,
            Queue::Main => &self.main.marks,
        }
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.small.bytes + self.main.bytes
    }

    /// The queue that the next one goes from; `None` if there is nobody.
    pub(crate) fn next_to_go(&self) -> Option<Queue> {
        let has_small = self.small.marks.len() > 0;
        let has_main = self.main.marks.len() > 0;
        match (has_small, has_main) {
            (false, false) => None,
            (true, false) => Some(Queue::Small),
            (false, true) => Some(Queue::Main),
            (true, true) if self.small.bytes * 10 >= self.bytes() => Some(Queue::Small),
            (true, true) => Some(Queue::Main),
        }
    }
}

impl State {
    /// Marks that stand for nothing.
    pub(crate) fn stale_marks(&self) -> u64 {
        let stale = |line: &Line| u64::from(line.marks.stale());
        self.levels.iter().map(|level| stale(&level.small) + stale(&level.main)).sum()
    }
}
