//! A forward leads from a record's slot to its present bytes, once it was updated.
//!
//! ```text
//! header of the record ──number──► entry 16 = target 8 (a pointer to the bytes) | home 8 (the record's place)
//! ```
//! The number stands in the header where the length was, so that a reader needs no search: header, entry, bytes. An update
//! puts the new bytes first and swings the target by one compare-and-swap; what it led to before waits in limbo. Entries come
//! in blocks of 4,096 that never move, and each is counted against the limit with its block.
//!
//! After a mount it is not known which entries are in use, until the headers of all spans were looked through: those found
//! there are named, and when all were, the others are free. Until then only such of an earlier life are given out that are
//! zero: one is zeroed when it is freed, and filled before a header names it.

use std::collections::VecDeque;

use crate::lock::Lock;
use crate::naming::pointer::Place;
use crate::places::limit::Limit;
use crate::sync::Ordering;
use crate::threads::epoch::Epoch;
use crate::writing::forward_table::{BLOCK, BLOCK_BYTES, FiledRows, Forward, ForwardTable};

/// The forwards of a pile.
#[derive(Debug, Default)]
pub(crate) struct Forwards {
    table: ForwardTable,
    free: Lock<Free>,
}

#[derive(Debug, Default)]
struct Free {
    numbers: Vec<u32>,
    next: u32,
    /// Entries of records that were deleted, until nobody reads them.
    left: VecDeque<(Epoch, u32)>,
    used: u32,
    /// Of the entries of an earlier life, which a header names, or will; empty when all is known of them.
    named: Vec<bool>,
    /// Those before this one were tried.
    tried: u32,
}

impl Forwards {
    /// The forwards of a pile that is kept, and what they take of its limit.
    pub(crate) fn of_folder(table: FiledRows, rows: u32) -> (Self, u64) {
        let free = Free { next: rows, named: vec![false; rows as usize], ..Free::default() };
        let bytes = u64::from(rows / BLOCK) * BLOCK_BYTES;
        (Self { table: ForwardTable::Filed(table), free: Lock::new(free) }, bytes)
    }

    /// The entry of this number, which a header named.
    #[inline]
    pub(crate) fn at(&self, number: u32) -> &Forward {
        self.table.at(number)
    }

    /// An entry for a record at `home`, with its first target. `None` at the limit.
    pub(crate) fn take(&self, limit: &Limit, home: Place, target: u64) -> Option<u32> {
        let mut free = self.free.lock();
        let number = free.numbers.pop().or_else(|| self.inherited(&mut free));
        let number = match number {
            Some(number) => number,
            None => {
                let number = free.next;
                if number.is_multiple_of(BLOCK) && !self.table.open_block(number / BLOCK, limit) {
                    return None;
                }
                free.next += 1;
                number
            }
        };
        free.used += 1;
        let entry = self.at(number);
        entry.home.store(home.to_bits(), Ordering::Relaxed);
        // Release: with the target come its bytes; the header that names the entry is stored after this.
        entry.target.store(target, Ordering::Release);
        Some(number)
    }

    /// An entry of an earlier life that no header names.
    fn inherited(&self, free: &mut Free) -> Option<u32> {
        let (first, end) = (free.tried, u32::try_from(free.named.len()).expect("28 bits"));
        for number in first..end.min(first.saturating_add(BLOCK)) {
            free.tried = number + 1;
            let is_named = &mut free.named[number as usize];
            if !*is_named && self.at(number).is_zero() {
                *is_named = true;
                return Some(number);
            }
        }
        None
    }

    /// Frees an entry that nobody reads any more.
    fn put(&self, free: &mut Free, number: u32) {
        let entry = self.at(number);
        entry.home.store(0, Ordering::Relaxed);
        entry.target.store(0, Ordering::Relaxed);
        if let Some(is_named) = free.named.get_mut(number as usize) {
            // Given out later, with all others of the earlier life: see `settle`.
            free.used -= u32::from(*is_named);
            *is_named = false;
        } else {
            free.numbers.push(number);
            free.used -= 1;
        }
    }

    /// An entry that no header names, and nobody read.
    pub(crate) fn give(&self, number: u32) {
        self.put(&mut self.free.lock(), number);
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
            self.put(&mut free, number);
        }
    }

    /// A header that was left by an earlier life names this entry.
    pub(crate) fn name(&self, number: u32) {
        let mut free = self.free.lock();
        if let Some(is_named) = free.named.get_mut(number as usize)
            && !core::mem::replace(is_named, true)
        {
            free.used += 1;
        }
    }

    /// All headers were looked through: what of an earlier life was not named is free.
    pub(crate) fn settle(&self) {
        let mut free = self.free.lock();
        let named = core::mem::take(&mut free.named);
        let unnamed = (0..).zip(&named).filter(|&(_, &is_named)| !is_named);
        free.numbers.extend(unnamed.map(|(number, _)| number));
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
                self.put(&mut free, number);
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
