//! A slab is 2 MiB of the heap's reservation: arenas cut it into chunks, and a long block is a run of several.
//!
//! Slabs are taken lowest first, so that the heap stays low in its reservation and long runs stay possible above.
//! Cost: taking and giving back scan the list of slabs from the lowest free one, under one lock; both are rare.

use core::ptr::NonNull;

use levada_pages::{Reservation, ReserveError};

use crate::class::SLAB_BYTES;
use crate::sync::Lock;

/// The slabs of a heap and who has them.
#[derive(Debug)]
pub(crate) struct Slabs {
    reservation: Reservation,
    list: Lock<List>,
    count_max: u32,
}

#[derive(Debug)]
struct List {
    /// One for each slab that was ever taken.
    uses: Vec<Use>,
    /// No slab below this one is free.
    lowest_free: usize,
    used_count: u32,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Use {
    Free,
    Taken,
}

impl Slabs {
    /// Reserves addresses for `count_max` slabs.
    pub(crate) fn new(count_max: u32) -> Result<Self, ReserveError> {
        let reservation = Reservation::new(count_max as usize * SLAB_BYTES)?;
        let list = Lock::new(List { uses: Vec::new(), lowest_free: 0, used_count: 0 });
        Ok(Self { reservation, list, count_max })
    }

    /// The first byte of a slab.
    pub(crate) fn base(&self, slab: u32) -> NonNull<u8> {
        let start = self.reservation.start().as_ptr();
        NonNull::new(start.wrapping_add(slab as usize * SLAB_BYTES))
            .expect("a reservation does not touch zero")
    }

    /// Takes `count` neighbouring slabs and makes them usable; the index of the first, or `None` where the heap's
    /// limit, the reservation or the OS has no more.
    pub(crate) fn take(&self, count: u32) -> Option<u32> {
        let mut list = self.list.lock();
        if count > self.count_max - list.used_count {
            return None;
        }
        let first = list.find_free(count as usize);
        let first_index = u32::try_from(first).ok()?;
        if first_index.checked_add(count)? > self.count_max {
            return None;
        }
        let known = list.uses.len();
        let end = first + count as usize;
        if end > known {
            let fresh = known * SLAB_BYTES;
            self.reservation.commit(fresh, end * SLAB_BYTES - fresh).ok()?;
            list.uses.resize(end, Use::Free);
        }
        list.uses[first..end].fill(Use::Taken);
        list.used_count += count;
        if list.lowest_free == first {
            list.lowest_free = end;
        }
        Some(first_index)
    }

    /// Takes slabs back. They stay committed, and whoever gets them next finds old bytes in them.
    pub(crate) fn give(&self, first: u32, count: u32) {
        let mut list = self.list.lock();
        let first = first as usize;
        let given = &mut list.uses[first..first + count as usize];
        assert!(given.iter().all(|slab| *slab == Use::Taken), "a slab is given back once");
        given.fill(Use::Free);
        list.used_count -= count;
        list.lowest_free = list.lowest_free.min(first);
    }

    pub(crate) fn reserved_bytes(&self) -> u64 {
        u64::from(self.count_max) * SLAB_BYTES as u64
    }

    /// How many bytes were ever made usable, and how many of them are taken.
    pub(crate) fn committed_and_taken_bytes(&self) -> (u64, u64) {
        let list = self.list.lock();
        let taken = list.uses.iter().filter(|slab| **slab == Use::Taken).count();
        assert_eq!(taken, list.used_count as usize, "the count of taken slabs is that of the list");
        assert!(
            !list.uses[..list.lowest_free].contains(&Use::Free),
            "no slab below the lowest free one is free"
        );
        (list.uses.len() as u64 * SLAB_BYTES as u64, taken as u64 * SLAB_BYTES as u64)
    }
}

impl List {
    /// The first of `count` neighbours that are free; they may lie behind the end of the list.
    fn find_free(&self, count: usize) -> usize {
        let mut free = 0;
        for (index, slab) in self.uses.iter().enumerate().skip(self.lowest_free) {
            free = if *slab == Use::Free { free + 1 } else { 0 };
            if free == count {
                return index + 1 - count;
            }
        }
        self.uses.len() - free
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn slabs_are_taken_lowest_first_and_runs_find_the_first_gap_that_fits() {
        let slabs = Slabs::new(8).unwrap();
        assert_eq!(
            [slabs.take(1), slabs.take(1), slabs.take(1), slabs.take(3)],
            [Some(0), Some(1), Some(2), Some(3)]
        );
        slabs.give(1, 1);
        assert_eq!(slabs.take(2), Some(6)); // the gap of one is too short
        assert_eq!(slabs.take(2), None);
        assert_eq!(slabs.take(1), Some(1));
        slabs.give(0, 3);
        assert_eq!(slabs.take(3), Some(0));
        assert_eq!(slabs.committed_and_taken_bytes(), (16 << 20, 16 << 20));
    }

    #[test]
    fn a_run_may_begin_in_free_slabs_at_the_end_and_go_on_in_fresh_ones() {
        let slabs = Slabs::new(4).unwrap();
        assert_eq!(slabs.take(2), Some(0));
        slabs.give(1, 1);
        assert_eq!(slabs.take(3), Some(1));
        assert_eq!(slabs.take(1), None);
    }

    #[test]
    #[should_panic(expected = "given back once")]
    fn giving_a_slab_back_twice_is_our_own_mistake() {
        let slabs = Slabs::new(1).unwrap();
        slabs.take(1);
        slabs.give(0, 1);
        slabs.give(0, 1);
    }
}
