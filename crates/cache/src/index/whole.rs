//! The index of a table: the bins of all its shards, in one run of words of which only those have memory that are in use.
//!
//! `shard 8 MiB of addresses = bin 64 x 131,072`; the memory behind them comes and goes with the number of bins, by pages of
//! the machine.

#[cfg(not(loom))]
use crate::index::address::BINS_MAX;
use crate::index::bins::{BIN_WORDS, BINS_MIN, Bins};
use crate::sync::AtomicU32;
#[cfg(loom)]
use crate::sync::AtomicU64;

use levada_pages::ReserveError;
#[cfg(not(loom))]
use levada_pages::{Words, machine_page_bytes};

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
    /// How many bins have one page of the machine.
    page_bins: u32,
}

impl Index {
    /// Of so many shards.
    pub(crate) fn new(shards: u32) -> Result<Self, ReserveError> {
        let words = shards as usize * SHARD_WORDS;
        #[cfg(not(loom))]
        let words = Words::new(words)?;
        #[cfg(loom)]
        let words = (0..words).map(|_| AtomicU64::new(0)).collect();
        #[cfg(not(loom))]
        let page_bins = page_bins(machine_page_bytes());
        #[cfg(loom)]
        let page_bins = BINS_MIN;
        Ok(Self { words, page_bins })
    }

    /// The bytes of the page that begins behind so many bins; `None` where the last of them has its page with others.
    pub(crate) fn page_bytes_behind(&self, count: u32) -> Option<u64> {
        let bytes = u64::from(self.page_bins) * (BIN_WORDS * size_of::<u64>()) as u64;
        count.is_multiple_of(self.page_bins).then_some(bytes)
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

    /// Returns the memory of a page of bins that are no more, `first_bin` being the first of them.
    pub(crate) fn give_back(&self, shard: u32, first_bin: u32) {
        #[cfg(not(loom))]
        self.words.give_back(
            shard as usize * SHARD_WORDS + first_bin as usize * BIN_WORDS,
            self.page_bins as usize * BIN_WORDS,
        );
        #[cfg(loom)]
        let _ = (shard, first_bin);
    }
}

/// How many bins have one page, where pages have so many bytes; never fewer than a shard has at least.
#[cfg(not(loom))]
fn page_bins(page_bytes: usize) -> u32 {
    let bins = page_bytes / (BIN_WORDS * size_of::<u64>());
    u32::try_from(bins).expect("a page is no longer than a shard").max(BINS_MIN)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::sync::Ordering;

    #[test]
    fn bins_go_back_by_whole_pages_of_the_machine() {
        assert_eq!([4 << 10, 16 << 10, 64 << 10].map(page_bins), [64, 256, 1024]);
        let mut index = Index::new(2).unwrap();
        // A machine of longer pages than this one has them aligned, too.
        for page_bins in [index.page_bins, page_bins(64 << 10)] {
            index.page_bins = page_bins;
            let page_words = page_bins as usize * BIN_WORDS;
            for word in index.words.all() {
                word.store(1, Ordering::Relaxed);
            }
            let gone = SHARD_WORDS + 2 * page_words..SHARD_WORDS + 3 * page_words;
            index.give_back(1, 2 * page_bins);
            for (number, word) in index.words.all().iter().enumerate() {
                let is_gone = gone.contains(&number);
                assert_eq!(word.load(Ordering::Relaxed), u64::from(!is_gone), "word {number}");
            }
            assert_eq!(index.page_bytes_behind(2 * page_bins), Some(u64::from(page_bins) * 64));
            assert_eq!(index.page_bytes_behind(2 * page_bins - 1), None);
        }
    }
}
