//! A slab is 2 MiB of the heap's memory: arenas cut it into chunks, and a long block is a run of several.
//!
//! ```text
//! numbers   0 .. count_max                count_max .. 2 * count_max
//! area      private: no one else's        file: its pages can be given to sockets (none where the OS refuses it)
//! slab      empty ──take──► taken ──give──► warm      empty ──take──► taken ──give──► empty: all of it was punched
//! ```
//! `count_max` slabs may have memory behind them, of both areas together: before one more gets some, a warm one loses it.
//!
//! Slabs are taken lowest first, so that the heap stays low in its reservation and long runs stay possible above.
//! Cost: taking and giving back scan the list of slabs from the lowest free one, under one lock; both are rare.

use core::ptr::NonNull;
use std::os::fd::BorrowedFd;

use levada_pages::{FileReservation, PunchError, Reservation, ReserveError};

use crate::lock::Lock;
use crate::memory::class::SLAB_BYTES;
use crate::sync::{AtomicBool, Ordering};

/// What kind of memory a slab is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Area {
    /// Nobody else's; old bytes are written over.
    Private,
    /// A file's: its pages may have been given to a socket, so they are written once and then taken out of the file.
    File,
}

const AREA_COUNT: usize = 2;

/// The slabs of a heap and who has them.
#[derive(Debug)]
pub(crate) struct Slabs {
    private: Reservation,
    file: Option<FileReservation>,
    /// Whether the kernel once refused to take pages out of the file: no more blocks are laid there then.
    is_file_closed: AtomicBool,
    book: Lock<Book>,
    count_max: u32,
}

#[derive(Debug)]
struct Book {
    lists: [List; AREA_COUNT],
    taken_count: u32,
    warm_count: u32,
}

/// The slabs of one area.
#[derive(Debug, Default)]
struct List {
    /// One for each slab that was ever taken.
    uses: Vec<Use>,
    /// No slab below this one is free.
    lowest_free: usize,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Use {
    /// Free, and without memory.
    Empty,
    /// Free, but with the memory of its last taker.
    Warm,
    Taken,
}

impl Slabs {
    /// Reserves addresses for `count_max` slabs, and a file for as many where the OS allows it.
    pub(crate) fn new(count_max: u32) -> Result<Self, ReserveError> {
        let bytes = count_max as usize * SLAB_BYTES;
        let private = Reservation::new(bytes)?;
        let has_numbers = count_max.checked_mul(2).is_some();
        let file = has_numbers.then(|| FileReservation::new(bytes).ok()).flatten();
        let lists = Default::default();
        let book = Lock::new(Book { lists, taken_count: 0, warm_count: 0 });
        Ok(Self { private, file, is_file_closed: AtomicBool::new(false), book, count_max })
    }

    /// Whether blocks can be laid in a file.
    pub(crate) fn has_file(&self) -> bool {
        // Relaxed: who reads an old value lays one more block there, which is lost then, and counted.
        self.file.is_some() && !self.is_file_closed.load(Ordering::Relaxed)
    }

    /// The area of a slab, and its place there.
    fn place(&self, slab: u32) -> (Area, usize) {
        match slab.checked_sub(self.count_max) {
            None => (Area::Private, slab as usize),
            Some(index) => (Area::File, index as usize),
        }
    }

    /// The first byte of a slab.
    pub(crate) fn base(&self, slab: u32) -> NonNull<u8> {
        let (area, index) = self.place(slab);
        let start = match (area, &self.file) {
            (Area::Private, _) => self.private.start(),
            (Area::File, Some(file)) => file.start(),
            (Area::File, None) => unreachable!("no slab of a file is taken where there is none"),
        };
        NonNull::new(start.as_ptr().wrapping_add(index * SLAB_BYTES))
            .expect("a reservation does not touch zero")
    }

    /// The file and the offset in it, if the address lies in the file area.
    pub(crate) fn in_file(&self, address: *const u8) -> Option<(BorrowedFd<'_>, usize)> {
        let file = self.file.as_ref()?;
        let offset = address.addr().checked_sub(file.start().as_ptr().addr())?;
        (offset < file.bytes()).then(|| (file.file(), offset))
    }

    /// Makes `bytes` from `base` on fit to be written again: in the file area by taking out their pages, which a socket
    /// may still refer to.
    ///
    /// # Errors
    /// [`PunchError`] where the kernel refuses; the bytes must never be written again then.
    pub(crate) fn clear(&self, base: *const u8, bytes: u32) -> Result<(), PunchError> {
        let (Some(file), Some((_, offset))) = (&self.file, self.in_file(base)) else {
            return Ok(());
        };
        let punched = file.punch(offset, bytes as usize);
        if punched.is_err() {
            self.is_file_closed.store(true, Ordering::Relaxed);
        }
        punched
    }

    /// Takes `count` neighbouring slabs of an area and makes them usable; the number of the first, or `None` where the
    /// heap's limit, the reservation or the OS has no more.
    pub(crate) fn take(&self, count: u32, area: Area) -> Option<u32> {
        if area == Area::File && self.file.is_none() {
            return None;
        }
        let mut book = self.book.lock();
        if count > self.count_max - book.taken_count {
            return None;
        }
        let list = &mut book.lists[area as usize];
        let first = list.find_free(count as usize);
        let first_index = u32::try_from(first).ok()?;
        if first_index.checked_add(count)? > self.count_max {
            return None;
        }
        let known = list.uses.len();
        let end = first + count as usize;
        if end > known {
            if area == Area::Private {
                let fresh = known * SLAB_BYTES;
                self.private.commit(fresh, end * SLAB_BYTES - fresh).ok()?;
            }
            list.uses.resize(end, Use::Empty);
        }
        let warm_count = count_of(&list.uses[first..end], Use::Warm);
        list.uses[first..end].fill(Use::Taken);
        if list.lowest_free == first {
            list.lowest_free = end;
        }
        book.taken_count += count;
        book.warm_count -= warm_count;
        self.cool(&mut book);
        match area {
            Area::Private => Some(first_index),
            Area::File => Some(self.count_max + first_index),
        }
    }

    /// The slab that an address lies in.
    pub(crate) fn slab_of(&self, address: *const u8) -> u32 {
        let offset_in = |start: NonNull<u8>| address.addr().wrapping_sub(start.as_ptr().addr());
        let index = match &self.file {
            Some(file) if offset_in(file.start()) < file.bytes() => {
                self.count_max as usize + offset_in(file.start()) / SLAB_BYTES
            }
            _ => offset_in(self.private.start()) / SLAB_BYTES,
        };
        u32::try_from(index).expect("an address of the heap")
    }

    /// Returns the memory of free slabs, the highest first, but for `keep_bytes` of it. How much that was.
    ///
    /// One slab for each time the lock is held: a system call of some ten microseconds.
    pub(crate) fn release(&self, keep_bytes: u64) -> u64 {
        let keep_count = u32::try_from(keep_bytes / SLAB_BYTES as u64).unwrap_or(u32::MAX);
        let mut released_bytes = 0;
        loop {
            let mut book = self.book.lock();
            if book.warm_count <= keep_count {
                return released_bytes;
            }
            self.cool_highest(&mut book, 1);
            released_bytes += SLAB_BYTES as u64;
        }
    }

    /// How many slabs are taken, and how many there may be.
    pub(crate) fn taken_and_most(&self) -> (u32, u32) {
        (self.book.lock().taken_count, self.count_max)
    }

    /// Returns the memory of warm slabs until no more slabs have memory than the heap may have; the highest first.
    fn cool(&self, book: &mut Book) {
        let excess = (book.taken_count + book.warm_count).saturating_sub(self.count_max);
        if excess > 0 {
            self.cool_highest(book, excess);
        }
    }

    fn cool_highest(&self, book: &mut Book, count: u32) {
        let uses = book.lists[Area::Private as usize].uses.iter_mut().enumerate().rev();
        for (index, slab) in uses.filter(|(_, slab)| **slab == Use::Warm).take(count as usize) {
            self.private.give_back(index * SLAB_BYTES, SLAB_BYTES);
            *slab = Use::Empty;
        }
        book.warm_count -= count;
    }

    /// Takes slabs back. Those of the file area read as zero, all their blocks having been cleared; the others stay
    /// committed, and whoever gets them next finds old bytes in them.
    pub(crate) fn give(&self, first: u32, count: u32) {
        let mut book = self.book.lock();
        let (area, first) = self.place(first);
        let list = &mut book.lists[area as usize];
        let given = &mut list.uses[first..first + count as usize];
        assert!(given.iter().all(|slab| *slab == Use::Taken), "a slab is given back once");
        given.fill(match area {
            Area::Private => Use::Warm,
            Area::File => Use::Empty,
        });
        list.lowest_free = list.lowest_free.min(first);
        book.taken_count -= count;
        if area == Area::Private {
            book.warm_count += count;
        }
    }

    pub(crate) fn reserved_bytes(&self) -> u64 {
        u64::from(self.count_max) * SLAB_BYTES as u64
    }

    /// How many bytes may have memory behind them, and how many of them are taken.
    pub(crate) fn committed_and_taken_bytes(&self) -> (u64, u64) {
        let book = self.book.lock();
        let count = |wanted| book.lists.iter().map(|list| count_of(&list.uses, wanted)).sum();
        let (taken, warm): (u32, u32) = (count(Use::Taken), count(Use::Warm));
        assert_eq!(
            (taken, warm),
            (book.taken_count, book.warm_count),
            "the counts of slabs are those of the lists"
        );
        assert!(taken + warm <= self.count_max, "no more slabs have memory than the heap may have");
        for list in &book.lists {
            assert!(
                list.uses[..list.lowest_free].iter().all(|slab| *slab == Use::Taken),
                "no slab below the lowest free one is free"
            );
        }
        let bytes = |slabs: u32| u64::from(slabs) * SLAB_BYTES as u64;
        (bytes(taken + warm), bytes(taken))
    }
}

impl List {
    /// The first of `count` neighbours that are free; they may lie behind the end of the list.
    fn find_free(&self, count: usize) -> usize {
        let mut free = 0;
        for (index, slab) in self.uses.iter().enumerate().skip(self.lowest_free) {
            free = if *slab == Use::Taken { 0 } else { free + 1 };
            if free == count {
                return index + 1 - count;
            }
        }
        self.uses.len() - free
    }
}

fn count_of(uses: &[Use], wanted: Use) -> u32 {
    let count = uses.iter().filter(|slab| **slab == wanted).count();
    u32::try_from(count).expect("a heap has fewer than 2^32 slabs")
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn slabs_are_taken_lowest_first_and_runs_find_the_first_gap_that_fits() {
        let slabs = Slabs::new(8).unwrap();
        assert_eq!(
            [
                slabs.take(1, Area::Private),
                slabs.take(1, Area::Private),
                slabs.take(1, Area::Private),
                slabs.take(3, Area::Private)
            ],
            [Some(0), Some(1), Some(2), Some(3)]
        );
        slabs.give(1, 1);
        assert_eq!(slabs.take(2, Area::Private), Some(6)); // the gap of one is too short
        assert_eq!(slabs.take(2, Area::Private), None);
        assert_eq!(slabs.take(1, Area::Private), Some(1));
        slabs.give(0, 3);
        assert_eq!(slabs.take(3, Area::Private), Some(0));
        assert_eq!(slabs.committed_and_taken_bytes(), (16 << 20, 16 << 20));
    }

    #[test]
    fn a_run_may_begin_in_free_slabs_at_the_end_and_go_on_in_fresh_ones() {
        let slabs = Slabs::new(4).unwrap();
        assert_eq!(slabs.take(2, Area::Private), Some(0));
        slabs.give(1, 1);
        assert_eq!(slabs.take(3, Area::Private), Some(1));
        assert_eq!(slabs.take(1, Area::Private), None);
    }

    #[test]
    #[should_panic(expected = "given back once")]
    fn giving_a_slab_back_twice_is_our_own_mistake() {
        let slabs = Slabs::new(1).unwrap();
        slabs.take(1, Area::Private);
        slabs.give(0, 1);
        slabs.give(0, 1);
    }

    #[test]
    #[cfg_attr(miri, ignore = "the interpreter has no files in memory")]
    fn both_areas_together_have_as_many_slabs_as_the_heap_may_have() {
        let slabs = Slabs::new(4).unwrap();
        assert_eq!(slabs.take(3, Area::File), Some(4));
        assert_eq!(slabs.take(2, Area::Private), None);
        assert_eq!(slabs.take(1, Area::Private), Some(0));
        assert_eq!(slabs.take(1, Area::File), None);
        slabs.give(4, 1);
        assert_eq!(slabs.take(1, Area::File), Some(4));
        assert_eq!(slabs.committed_and_taken_bytes(), (8 << 20, 8 << 20));
    }

    #[test]
    #[cfg_attr(miri, ignore = "the interpreter has no files in memory")]
    fn a_free_slab_gives_its_memory_up_where_the_other_area_needs_it() {
        let slabs = Slabs::new(4).unwrap();
        assert_eq!(slabs.take(4, Area::Private), Some(0));
        slabs.give(0, 4);
        assert_eq!(slabs.committed_and_taken_bytes(), (8 << 20, 0));
        assert_eq!(slabs.take(3, Area::File), Some(4));
        assert_eq!(slabs.committed_and_taken_bytes(), (8 << 20, 6 << 20));
        slabs.give(4, 3); // without memory at once: its blocks were cleared one by one
        assert_eq!(slabs.committed_and_taken_bytes(), (2 << 20, 0));
        assert_eq!(slabs.take(4, Area::Private), Some(0));
        assert_eq!(slabs.committed_and_taken_bytes(), (8 << 20, 8 << 20));
    }

    #[test]
    #[cfg_attr(miri, ignore = "the interpreter has no files in memory")]
    fn an_address_has_a_place_in_the_file_if_it_lies_in_the_file_area() {
        let slabs = Slabs::new(4).unwrap();
        let offset_of = |address| slabs.in_file(address).map(|(_, offset)| offset);
        assert_eq!(offset_of(slabs.base(0).as_ptr()), None);
        assert_eq!(offset_of(slabs.base(3).as_ptr()), None);
        assert_eq!(offset_of(slabs.base(4).as_ptr()), Some(0));
        let last = slabs.base(7).as_ptr().wrapping_add(SLAB_BYTES - 1);
        assert_eq!(offset_of(last), Some((8 << 20) - 1));
        assert_eq!(offset_of(last.wrapping_add(1)), None);
        assert_eq!(offset_of(core::ptr::null()), None);
    }
}
