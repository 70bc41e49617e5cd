//! A forward leads from a record's slot to its present bytes, once it was updated.
//!
//! ```text
//! header of the record ──number──► entry 16 = target 8 (a pointer to the bytes) | home 8 (the record's place)
//! ```
//! The number stands in the header where the length was, so that a reader needs no search: header, entry, bytes. An update
//! puts the new bytes first and swings the target by one compare-and-swap; what it led to before waits in limbo. Entries come
//! in blocks of 4,096 that never move, and each is counted against the limit with its block.

use std::collections::VecDeque;
use std::sync::OnceLock;

use crate::epoch::Epoch;
use crate::limit::Limit;
use crate::lock::Lock;
use crate::pointer::Place;
use crate::sync::{AtomicU64, Ordering};

const BLOCK: u32 = 4096;
const BLOCK_BYTES: u64 = BLOCK as u64 * size_of::<Forward>() as u64;
const FAN: u32 = 256;

/// Where one record's bytes are.
#[derive(Debug, Default)]
pub(crate) struct Forward {
    /// A pointer's bits; zero once the record was deleted.
    pub(crate) target: AtomicU64,
    home: AtomicU64,
}

type Block = OnceLock<Box<[Forward]>>;

/// The forwards of a pile.
#[derive(Debug)]
pub(crate) struct Forwards {
    blocks: Box<[OnceLock<Box<[Block]>>]>,
    free: Lock<Free>,
}

#[derive(Debug, Default)]
struct Free {
    numbers: Vec<u32>,
    next: u32,
    /// Entries of records that were deleted, until nobody reads them.
    left: VecDeque<(Epoch, u32)>,
    used: u32,
}

impl Default for Forwards {
    fn default() -> Self {
        Self { blocks: (0..FAN).map(|_| OnceLock::new()).collect(), free: Lock::default() }
    }
}

impl Forwards {
    /// The entry of this number, which a header named.
    #[inline]
    pub(crate) fn at(&self, number: u32) -> &Forward {
        let (block, at) = (number / BLOCK, number % BLOCK);
        let blocks =
            self.blocks[(block / FAN) as usize].get().expect("an entry that was given out");
        let block = blocks[(block % FAN) as usize].get().expect("an entry that was given out");
        &block[at as usize]
    }

    /// An entry for a record at `home`, with its first target. `None` at the limit.
    pub(crate) fn take(&self, limit: &Limit, home: Place, target: u64) -> Option<u32> {
        let mut free = self.free.lock();
        let number = match free.numbers.pop() {
            Some(number) => number,
            None => {
                let number = free.next;
                let block = number / BLOCK;
                if block == FAN * FAN {
                    return None;
                }
                if number.is_multiple_of(BLOCK) {
                    if !limit.take(BLOCK_BYTES) {
                        return None;
                    }
                    let blocks = self.blocks[(block / FAN) as usize]
                        .get_or_init(|| (0..FAN).map(|_| OnceLock::new()).collect());
                    blocks[(block % FAN) as usize]
                        .get_or_init(|| (0..BLOCK).map(|_| Forward::default()).collect());
                }
                free.next += 1;
                number
            }
        };
        free.used += 1;
        let entry = self.at(number);
        entry.home.store(home.bits(), Ordering::Relaxed);
        // Release: with the target come its bytes; the header that names the entry is stored after this.
        entry.target.store(target, Ordering::Release);
        Some(number)
    }

    /// An entry that no header names, and nobody read.
    pub(crate) fn give(&self, number: u32) {
        let mut free = self.free.lock();
        free.used -= 1;
        free.numbers.push(number);
    }

    /// The record of this entry is dead; the number is another's when nobody reads it any more.
    pub(crate) fn leave(&self, number: u32) {
        self.free.lock().left.push_back((Epoch::sealed_by_exchange(), number));
    }

    pub(crate) fn free_ripe(&self) {
        let mut free = self.free.lock();
        while let Some(&(epoch, number)) = free.left.front()
            && epoch.is_over()
        {
            free.left.pop_front();
            free.numbers.push(number);
            free.used -= 1;
        }
    }

    /// Frees the entries of records that were purged, since no reader of them is left. Those of deleted ones wait on.
    pub(crate) fn forget(&self, leads_nowhere: impl Fn(Place) -> bool) {
        let mut free = self.free.lock();
        let mut is_free = vec![false; free.next as usize];
        for &number in free.numbers.iter().chain(free.left.iter().map(|(_, number)| number)) {
            is_free[number as usize] = true;
        }
        for number in 0..free.next {
            if !is_free[number as usize] && leads_nowhere(self.home(number)) {
                free.numbers.push(number);
                free.used -= 1;
            }
        }
    }

    /// The numbers that are given out and not left, and those that were left.
    pub(crate) fn numbers(&self) -> (Vec<u32>, Vec<u32>) {
        let free = self.free.lock();
        let left: Vec<u32> = free.left.iter().map(|&(_, number)| number).collect();
        let mut is_given = vec![true; free.next as usize];
        for &number in free.numbers.iter().chain(&left) {
            assert!(is_given[number as usize], "a forward is free once");
            is_given[number as usize] = false;
        }
        let given: Vec<u32> = (0..free.next).filter(|&number| is_given[number as usize]).collect();
        assert_eq!(given.len() + left.len(), free.used as usize, "forwards are counted");
        (given, left)
    }

    /// Where the record of an entry is.
    pub(crate) fn home(&self, number: u32) -> Place {
        Place::from_bits(self.at(number).home.load(Ordering::Relaxed))
    }

    /// The bytes of all blocks of entries.
    pub(crate) fn table_bytes(&self) -> u64 {
        u64::from(self.free.lock().next.div_ceil(BLOCK)) * BLOCK_BYTES
    }

    /// How many records are forwarded, the deleted among them until they are forgotten.
    pub(crate) fn used(&self) -> u32 {
        self.free.lock().used
    }
}
