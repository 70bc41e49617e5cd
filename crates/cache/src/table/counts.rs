//! Counts of what was done with a table: what writers do is counted under the locks that they hold, reads in lines of their
//! threads.

use crate::sync::{AtomicU64, Ordering};

/// Why an entry went that nobody removed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Why {
    /// The cache was full.
    Capacity,
    /// The table was full.
    Quota,
    /// The cache was above a watermark, and was tended.
    Watermark,
    /// The machine was short of memory.
    Pressure,
    /// Its span was wanted for something else.
    Cleaning,
    /// It was put before the table was cleared.
    Cleared,
    /// Its life was over, as was found on the way.
    Expired,
}

pub(crate) const WHYS: usize = 7;

/// What writers count, of one shard.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) puts: u64,
    pub(crate) inserts: u64,
    pub(crate) replaces: u64,
    pub(crate) overwrites: u64,
    pub(crate) removes: [u64; 2],
    pub(crate) rejuvenates: [u64; 2],
    pub(crate) evicted: [u64; WHYS],
    pub(crate) evicted_unread: u64,
    pub(crate) swept: u64,
    pub(crate) cleaned_moved: u64,
    pub(crate) ghost_hits: u64,
    pub(crate) promoted: u64,
    pub(crate) grown: u64,
    pub(crate) shrunk: u64,
    pub(crate) refused: [u64; REFUSALS],
    pub(crate) loads: [u64; LOADS],
}

/// Kinds of refusals, in the order of [`crate::Refused`].
pub(crate) const REFUSALS: usize = 9;

/// Ways in which loads end: begun, filled, given up, waited for, overtaken.
pub(crate) const LOADS: usize = 5;

impl Counts {
    pub(crate) fn add(&mut self, other: &Self) {
        let add = |these: &mut [u64], those: &[u64]| {
            for (this, that) in these.iter_mut().zip(those) {
                *this += that;
            }
        };
        add(&mut self.removes, &other.removes);
        add(&mut self.rejuvenates, &other.rejuvenates);
        add(&mut self.evicted, &other.evicted);
        add(&mut self.refused, &other.refused);
        add(&mut self.loads, &other.loads);
        for (this, that) in [
            (&mut self.puts, other.puts),
            (&mut self.inserts, other.inserts),
            (&mut self.replaces, other.replaces),
            (&mut self.overwrites, other.overwrites),
            (&mut self.evicted_unread, other.evicted_unread),
            (&mut self.swept, other.swept),
            (&mut self.cleaned_moved, other.cleaned_moved),
            (&mut self.ghost_hits, other.ghost_hits),
            (&mut self.promoted, other.promoted),
            (&mut self.grown, other.grown),
            (&mut self.shrunk, other.shrunk),
        ] {
            *this += that;
        }
    }
}

/// Lines for as many threads write theirs alone.
const LINES: usize = 64;

/// The reads of a table.
#[derive(Debug)]
pub(crate) struct Reads(Box<[Line]>);

#[derive(Debug, Default)]
#[repr(align(64))]
struct Line {
    hits: AtomicU64,
    misses: AtomicU64,
}

impl Default for Reads {
    fn default() -> Self {
        Self((0..LINES).map(|_| Line::default()).collect())
    }
}

impl Reads {
    /// Counts one, for the thread with this number.
    #[inline]
    pub(crate) fn count(&self, reader_index: u32, is_hit: bool) {
        let line = &self.0[reader_index as usize % LINES];
        let count = if is_hit { &line.hits } else { &line.misses };
        if (reader_index as usize) < LINES {
            count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        } else {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Hits and misses.
    pub(crate) fn sum(&self) -> [u64; 2] {
        let sum = |of: fn(&Line) -> &AtomicU64| {
            self.0.iter().map(|line| of(line).load(Ordering::Relaxed)).sum()
        };
        [sum(|line| &line.hits), sum(|line| &line.misses)]
    }
}
