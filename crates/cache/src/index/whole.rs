//! The index of a table: the bins of all its shards, in one run of words of which only those have memory that are in use.
//!
//! `shard 8 MiB of addresses = bin 64 x 131,072`; the memory behind them comes and goes with the number of bins.

#[cfg(not(loom))]
use crate::index::address::BINS_MAX;
#[cfg(not(loom))]
use crate::index::bins::BINS_MIN;
use crate::index::bins::{BIN_WORDS, Bins};
use crate::sync::AtomicU32;
#[cfg(loom)]
use crate::sync::AtomicU64;

use levada_pages::ReserveError;
#[cfg(not(loom))]
use levada_pages::Words;

/// Words of a shard.
#[cfg(not(loom))]
const SHARD_WORDS: usize = BINS_MAX as usize * BIN_WORDS;
#[cfg(loom)]
const SHARD_WORDS: usize = 4 * BIN_WORDS;

/// The bins of all shards.
#[derive(Debug)]
pub(crate) struct Index {
    #[cfg(not(loom))]
    words: Words,
    #[cfg(loom)]
    words: Vec<AtomicU64>,
}

impl Index {
    /// Of so many shards.
    pub(crate) fn new(shards: u32) -> Result<Self, ReserveError> {
        let words = shards as usize * SHARD_WORDS;
        #[cfg(not(loom))]
        let words = Words::new(words)?;
        #[cfg(loom)]
        let words = (0..words).map(|_| AtomicU64::new(0)).collect();
        Ok(Self { words })
    }

    /// A shard's bins, whose number it has itself.
    #[inline]
    pub(crate) fn bins<'i>(&'i self, shard: u32, count: &'i AtomicU32) -> Bins<'i> {
        let first = shard as usize * SHARD_WORDS;
        #[cfg(not(loom))]
        let words = self.words.all();
        #[cfg(loom)]
        let words = &self.words;
        Bins::new(&words[first..first + SHARD_WORDS], count)
    }

    /// Asks for the lines of two bins of a shard.
    #[inline]
    pub(crate) fn prefetch(&self, shard: u32, bins: [u32; 2]) {
        #[cfg(not(loom))]
        for bin in bins {
            self.words.prefetch(shard as usize * SHARD_WORDS + bin as usize * BIN_WORDS);
        }
        #[cfg(loom)]
        let _ = (shard, bins);
    }

    /// Returns the memory of a page of bins that are no more.
    pub(crate) fn give_back(&self, shard: u32, first_bin: u32) {
        #[cfg(not(loom))]
        self.words.give_back(
            shard as usize * SHARD_WORDS + first_bin as usize * BIN_WORDS,
            BINS_MIN as usize * BIN_WORDS,
        );
        #[cfg(loom)]
        let _ = (shard, first_bin);
    }
}
