//! How many records were read: a guard counts for itself, and adds it to its thread's line when it ends.

use crate::sync::{AtomicU64, Ordering};

/// Lines for as many threads write theirs alone.
const LINES: usize = 64;

/// The reads of a pile.
#[derive(Debug)]
pub(crate) struct Gets(Vec<Line>);

#[derive(Debug, Default)]
#[repr(align(64))]
struct Line(AtomicU64);

impl Default for Gets {
    fn default() -> Self {
        Self((0..LINES).map(|_| Line::default()).collect())
    }
}

impl Gets {
    #[inline]
    pub(crate) fn add(&self, reader_index: u32, gets: u64) {
        let line = &self.0[reader_index as usize % LINES].0;
        if (reader_index as usize) < LINES {
            line.store(line.load(Ordering::Relaxed) + gets, Ordering::Relaxed);
        } else {
            line.fetch_add(gets, Ordering::Relaxed);
        }
    }

    pub(crate) fn sum(&self) -> u64 {
        self.0.iter().map(|line| line.0.load(Ordering::Relaxed)).sum()
    }
}
