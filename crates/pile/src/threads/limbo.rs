//! A limbo is where deleted slots wait until no guard can see them; each arena has one.
//!
//! ```text
//! entry 8 = place 40 | epoch 24      the low bits of the epoch in which it was deleted
//! ```
//! The arena's owner puts entries into a ring without any atomic step of more than one instruction; whoever empties it, its
//! owner or who tends the pile, has its lock. A ring that is full goes over into a list, under the lock: that happens where
//! a guard is kept for long, and what lies there counts against the limit, since its slots do.
//!
//! Cost: a store and a store for each entry; to empty, one lock for all that is ripe.

use std::collections::VecDeque;

use crate::lock::Lock;
use crate::naming::pointer::Place;
use crate::sync::{AtomicU64, Ordering};
use crate::threads::epoch::{Epoch, Pinned};

/// Entries of a ring.
const RING: usize = if cfg!(loom) { 4 } else { 1024 };

/// How many slots are freed together.
const BATCH: usize = 64;

const EPOCH_SHIFT: u32 = 40;
const EPOCH_MASK: u64 = (1 << 24) - 1;

/// The deleted slots of one arena.
#[derive(Debug)]
pub(crate) struct Limbo {
    ring: Box<[AtomicU64]>,
    /// Entries ever put; written by the owner.
    put: AtomicU64,
    /// Entries ever taken out; written under the lock.
    taken: AtomicU64,
    overflow: Lock<VecDeque<u64>>,
}

fn entry(place: Place) -> u64 {
    place.to_bits() | (Epoch::sealed_by_exchange().0 & EPOCH_MASK) << EPOCH_SHIFT
}

/// Whether nobody sees any more what was deleted with this entry.
fn is_over(entry: u64) -> bool {
    let age = Epoch::now().0.wrapping_sub(entry >> EPOCH_SHIFT) & EPOCH_MASK;
    // An entry that outlived the field's turn, of some hours, looks young once more and goes a little later.
    age >= Epoch::GRACE
}

impl Limbo {
    pub(crate) fn new() -> Self {
        Self {
            ring: (0..RING).map(|_| AtomicU64::new(0)).collect(),
            put: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            overflow: Lock::default(),
        }
    }

    /// Lets a slot wait. How many do now. For the arena's owner.
    #[inline]
    pub(crate) fn put(&self, place: Place) -> u64 {
        let put = self.put.load(Ordering::Relaxed);
        // Acquire: the place of an entry that was taken out is written after it was read.
        let waiting = put - self.taken.load(Ordering::Acquire);
        if waiting == RING as u64 {
            let mut overflow = self.overflow.lock();
            overflow.push_back(entry(place));
            return waiting + overflow.len() as u64;
        }
        self.at(put).store(entry(place), Ordering::Relaxed);
        // Release: whoever empties the ring sees the entry before its number.
        self.put.store(put + 1, Ordering::Release);
        waiting + 1
    }

    fn at(&self, number: u64) -> &AtomicU64 {
        #[expect(clippy::cast_possible_truncation, reason = "taken modulo the ring")]
        &self.ring[number as usize % RING]
    }

    /// Takes out what nobody sees any more, at most `most`, and gives it to `free`, some at a time. How many. None where
    /// another is at it.
    pub(crate) fn drain(&self, most: usize, free: impl Fn(&[Place])) -> usize {
        // Pinned: a span that is purged or emptied while its slots are freed is not yet given to others.
        let _pinned = Pinned::new();
        let mut ripe = [Place::from_bits(0); BATCH];
        let mut drained = 0;
        while drained < most {
            let Some(mut overflow) = self.overflow.try_lock() else { break };
            let count = self.take_out(&mut overflow, &mut ripe);
            // Under the lock: who forgets what a purge left waits for what was taken out, or it would be freed in the next
            // life of its span.
            free(&ripe[..count]);
            drop(overflow);
            drained += count;
            if count < ripe.len() {
                break;
            }
        }
        drained
    }

    /// Under the lock.
    fn take_out(&self, overflow: &mut VecDeque<u64>, ripe: &mut [Place; BATCH]) -> usize {
        let mut count = 0;
        let mut taken = self.taken.load(Ordering::Relaxed);
        let put = self.put.load(Ordering::Acquire);
        while count < ripe.len() && taken < put {
            let entry = self.at(taken).load(Ordering::Relaxed);
            if !is_over(entry) {
                break;
            }
            ripe[count] = Place::from_bits(entry);
            count += 1;
            taken += 1;
        }
        // Release: the owner may write there again.
        self.taken.store(taken, Ordering::Release);
        while count < ripe.len()
            && let Some(&entry) = overflow.front()
            && is_over(entry)
        {
            ripe[count] = Place::from_bits(entry);
            count += 1;
            overflow.pop_front();
        }
        count
    }

    /// Forgets entries that lead nowhere, since their spans were purged. Entries that race with it are of spans that live.
    pub(crate) fn forget(&self, leads_nowhere: impl Fn(Place) -> bool) {
        let mut overflow = self.overflow.lock();
        let mut taken = self.taken.load(Ordering::Relaxed);
        let put = self.put.load(Ordering::Acquire);
        while taken < put {
            let entry = self.at(taken).load(Ordering::Relaxed);
            if !leads_nowhere(Place::from_bits(entry)) {
                overflow.push_back(entry);
            }
            taken += 1;
        }
        self.taken.store(taken, Ordering::Release);
        overflow.retain(|&entry| !leads_nowhere(Place::from_bits(entry)));
    }

    /// The slots that wait, at a quiet moment.
    pub(crate) fn places(&self) -> Vec<Place> {
        let overflow = self.overflow.lock();
        let ring = self.taken.load(Ordering::Relaxed)..self.put.load(Ordering::Acquire);
        let ring = ring.map(|number| self.at(number).load(Ordering::Relaxed));
        ring.chain(overflow.iter().copied()).map(Place::from_bits).collect()
    }

    /// How many slots wait.
    pub(crate) fn len(&self) -> u64 {
        let overflow = self.overflow.lock().len() as u64;
        self.put.load(Ordering::Acquire) - self.taken.load(Ordering::Acquire) + overflow
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn each_slot_that_waits_is_counted_also_behind_the_ring() {
        let limbo = Limbo::new();
        for number in 1..=2 * RING as u64 {
            assert_eq!(limbo.put(Place::from_bits(number)), number);
        }
        assert_eq!(limbo.len(), 2 * RING as u64);
    }
}
