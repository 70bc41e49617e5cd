//! A reservation is a range of addresses that is ours before any memory stands behind it.
//!
//! `reserved (PROT_NONE) ──commit──► usable, zero, not yet resident ──touch──► resident ──give_back──► usable, zero`
//!
//! It never moves and never grows, so an address inside it stays true for as long as the reservation lives.
#![expect(unsafe_code, reason = "maps, protects and unmaps; all of it is in `raw` below")]

use core::fmt;
use core::ptr::NonNull;
use std::error::Error;

use crate::page::{GRAIN_BYTES, HUGE_PAGE_BYTES, machine_page_bytes, round_up};

/// A range of addresses, aligned to [`HUGE_PAGE_BYTES`], of which parts are backed by memory.
#[derive(Debug)]
pub struct Reservation(raw::Range);

/// The OS refused addresses or memory.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ReserveError {
    /// What was asked for.
    pub bytes: usize,
    /// The kernel's number for its reason.
    pub errno: i32,
}

impl fmt::Display for ReserveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the OS refused {} bytes of memory (errno {})", self.bytes, self.errno)
    }
}

impl Error for ReserveError {}

impl Reservation {
    /// Reserves at least `bytes` of addresses, rounded up to whole huge pages. No memory is used yet.
    ///
    /// # Errors
    /// [`ReserveError`] where the address space or `RLIMIT_AS` does not allow it.
    ///
    /// # Panics
    /// If `bytes` is zero.
    pub fn new(bytes: usize) -> Result<Self, ReserveError> {
        assert!(bytes > 0, "a reservation has at least one byte");
        raw::Range::reserve(round_up(bytes, HUGE_PAGE_BYTES)).map(Self)
    }

    /// The first address.
    #[must_use]
    pub fn start(&self) -> NonNull<u8> {
        self.0.start()
    }

    /// The length in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0.bytes()
    }

    /// Nobody knows any more what stands in a part of it: it is never unmapped, and takes no file.
    #[cfg(not(miri))]
    pub(crate) fn tear(&self) {
        self.0.tear();
    }

    #[cfg(not(miri))]
    pub(crate) fn is_torn(&self) -> bool {
        self.0.is_torn()
    }

    /// Makes `bytes` from `offset` readable and writable, and asks for huge pages behind them.
    ///
    /// What was committed before keeps its content. A kernel without huge pages is no error.
    ///
    /// # Errors
    /// [`ReserveError`] where the kernel does not promise the memory (strict overcommit).
    ///
    /// # Panics
    /// If the range is not made of whole huge pages of this reservation.
    pub fn commit(&self, offset: usize, bytes: usize) -> Result<(), ReserveError> {
        self.0.commit(self.whole(offset, bytes), bytes)
    }

    /// Makes `bytes` from `offset` readable and writable, and asks for no huge pages behind them: for tables that are
    /// touched here and there, and for memory that comes and goes in small parts.
    ///
    /// # Errors
    /// [`ReserveError`] where the kernel does not promise the memory (strict overcommit).
    ///
    /// # Panics
    /// If the range is not made of whole huge pages of this reservation.
    pub fn commit_small(&self, offset: usize, bytes: usize) -> Result<(), ReserveError> {
        self.0.commit_small(self.whole(offset, bytes), bytes)
    }

    /// Touches `bytes` from `offset`, so that memory stands behind them before they are used. They keep their content.
    ///
    /// # Errors
    /// [`ReserveError`] where the kernel has no such call, or no memory.
    ///
    /// # Panics
    /// If the range is not made of whole grains ([`GRAIN_BYTES`]) of this reservation.
    pub fn populate(&self, offset: usize, bytes: usize) -> Result<(), ReserveError> {
        self.0.populate(self.whole_of(offset, bytes, GRAIN_BYTES), bytes)
    }

    /// Fixes `bytes` from `offset` in RAM, which touches them: they are never written to a swap device.
    ///
    /// # Errors
    /// [`ReserveError`] where `RLIMIT_MEMLOCK` does not allow it; see [`lock_limit`](crate::lock_limit).
    ///
    /// # Panics
    /// If the range is not made of whole grains ([`GRAIN_BYTES`]) of this reservation.
    pub fn lock(&self, offset: usize, bytes: usize) -> Result<(), ReserveError> {
        self.0.lock(self.whole_of(offset, bytes, GRAIN_BYTES), bytes)
    }

    /// Ends what [`Self::lock`] began: fixed memory is not returned.
    ///
    /// # Panics
    /// As [`Self::lock`].
    pub fn unlock(&self, offset: usize, bytes: usize) {
        self.0.unlock(self.whole_of(offset, bytes, GRAIN_BYTES), bytes);
    }

    /// Returns the memory behind `bytes` from `offset`. The addresses stay committed and read as zero.
    ///
    /// Whole huge pages go back at once; a part of one may stay with the OS process, unused, until the kernel is short.
    ///
    /// # Panics
    /// If the range is not made of whole grains ([`GRAIN_BYTES`]) of this reservation.
    pub fn give_back(&self, offset: usize, bytes: usize) {
        self.0.give_back(self.whole_of(offset, bytes, GRAIN_BYTES), bytes);
    }

    /// As [`Reservation::give_back`], by the machine's own pages ([`machine_page_bytes`]): for parts of a grain.
    ///
    /// # Panics
    /// If the range is not made of whole pages of this reservation.
    pub fn give_back_pages(&self, offset: usize, bytes: usize) {
        self.0.give_back(self.whole_of(offset, bytes, machine_page_bytes()), bytes);
    }

    fn whole(&self, offset: usize, bytes: usize) -> usize {
        self.whole_of(offset, bytes, HUGE_PAGE_BYTES)
    }

    pub(crate) fn whole_of(&self, offset: usize, bytes: usize, grain_bytes: usize) -> usize {
        let end =
            offset.checked_add(bytes).expect("a range ends below the end of the address space");
        assert!(
            end <= self.bytes(),
            "the range {offset}..{end} lies in {} reserved bytes",
            self.bytes()
        );
        assert!(
            offset.is_multiple_of(grain_bytes) && bytes.is_multiple_of(grain_bytes),
            "only whole grains of {grain_bytes} bytes are committed and returned"
        );
        offset
    }
}

#[cfg(not(miri))]
mod raw {
    use core::ffi::c_void;
    use core::ptr::{self, NonNull};
    use core::sync::atomic::{AtomicBool, Ordering};

    use rustix::io::Errno;
    use rustix::mm::{Advice, MapFlags, MprotectFlags, ProtFlags};
    use rustix::mm::{madvise, mlock, mmap_anonymous, mprotect, munlock, munmap};

    use super::ReserveError;
    use crate::page::HUGE_PAGE_BYTES;

    /// # Invariants
    /// 1. `start .. start + bytes` is mapped, and this value alone unmaps it, whole: private and anonymous, but where
    ///    `file_reservation` or `placed` put files in that place, of which nothing is committed or returned here.
    /// 2. `start` and `bytes` are multiples of a huge page.
    /// 3. Where the first is not known to hold, `is_torn` says so, and nothing is unmapped.
    #[derive(Debug)]
    pub(super) struct Range {
        start: NonNull<u8>,
        bytes: usize,
        is_torn: AtomicBool,
    }

    // SAFETY: the value is an address and a length; every method is one system call on the mapping, and the
    // kernel orders those. Who touches the memory answers for that himself.
    unsafe impl Send for Range {}
    // SAFETY: as above.
    unsafe impl Sync for Range {}

    impl Range {
        pub(super) fn reserve(bytes: usize) -> Result<Self, ReserveError> {
            let refused = |errno: Errno| ReserveError { bytes, errno: errno.raw_os_error() };
            // One huge page more than asked, so that an aligned range lies inside; the ends go back at once.
            let Some(wide) = bytes.checked_add(HUGE_PAGE_BYTES) else {
                return Err(refused(Errno::NOMEM));
            };
            let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
            // SAFETY: a new mapping at an address of the kernel's choice touches nothing that exists.
            let found = unsafe { mmap_anonymous(ptr::null_mut(), wide, ProtFlags::empty(), flags) };
            let found: *mut u8 = found.map_err(refused)?.cast();
            let lead = found.align_offset(HUGE_PAGE_BYTES);
            let start = found.wrapping_add(lead);
            unmap(found, lead);
            unmap(start.wrapping_add(bytes), HUGE_PAGE_BYTES - lead);
            let start = NonNull::new(start).expect("no mapping starts at zero");
            let range = Self { start, bytes, is_torn: AtomicBool::new(false) };
            // A child made by fork would share pages that the kernel may still write for us.
            // SAFETY: invariant 1; the advice changes what a fork copies, not what is mapped here.
            let kept = unsafe { madvise(range.at(0), bytes, Advice::LinuxDontFork) };
            kept.map_err(refused)?;
            Ok(range)
        }

        pub(super) fn start(&self) -> NonNull<u8> {
            self.start
        }

        pub(super) fn bytes(&self) -> usize {
            self.bytes
        }

        pub(super) fn tear(&self) {
            self.is_torn.store(true, Ordering::Relaxed);
        }

        pub(super) fn is_torn(&self) -> bool {
            self.is_torn.load(Ordering::Relaxed)
        }

        fn at(&self, offset: usize) -> *mut c_void {
            self.start.as_ptr().wrapping_add(offset).cast()
        }

        pub(super) fn commit(&self, offset: usize, bytes: usize) -> Result<(), ReserveError> {
            self.allow(offset, bytes)?;
            // SAFETY: the range lies inside (invariant 1); a refusal only means small pages.
            let huge = unsafe { madvise(self.at(offset), bytes, Advice::LinuxHugepage) };
            huge.or::<ReserveError>(Ok(()))
        }

        pub(super) fn commit_small(&self, offset: usize, bytes: usize) -> Result<(), ReserveError> {
            self.allow(offset, bytes)?;
            // SAFETY: the range lies inside (invariant 1); a kernel that refuses the advice has no huge pages.
            let small = unsafe { madvise(self.at(offset), bytes, Advice::LinuxNoHugepage) };
            small.or::<ReserveError>(Ok(()))
        }

        fn allow(&self, offset: usize, bytes: usize) -> Result<(), ReserveError> {
            let usable = MprotectFlags::READ | MprotectFlags::WRITE;
            // SAFETY: the caller checked that the range lies inside (invariant 1); giving rights breaks no reader.
            let allowed = unsafe { mprotect(self.at(offset), bytes, usable) };
            allowed.map_err(|errno| ReserveError { bytes, errno: errno.raw_os_error() })
        }

        pub(super) fn lock(&self, offset: usize, bytes: usize) -> Result<(), ReserveError> {
            // SAFETY: the range lies inside (invariant 1); a page that is fixed keeps what it holds.
            let fixed = unsafe { mlock(self.at(offset), bytes) };
            fixed.map_err(|errno| ReserveError { bytes, errno: errno.raw_os_error() })
        }

        pub(super) fn unlock(&self, offset: usize, bytes: usize) {
            // SAFETY: the range lies inside (invariant 1); a page that is fixed no more keeps what it holds.
            let unfixed = unsafe { munlock(self.at(offset), bytes) };
            unfixed.expect("whole pages of our own mapping can be unlocked");
        }

        pub(super) fn populate(&self, offset: usize, bytes: usize) -> Result<(), ReserveError> {
            // SAFETY: the range lies inside (invariant 1); touching a page keeps what it holds.
            let there = unsafe { madvise(self.at(offset), bytes, Advice::LinuxPopulateWrite) };
            there.map_err(|errno| ReserveError { bytes, errno: errno.raw_os_error() })
        }

        pub(super) fn give_back(&self, offset: usize, bytes: usize) {
            // SAFETY: the range lies inside (invariant 1); its owner gave up the content by calling this.
            let gone = unsafe { madvise(self.at(offset), bytes, Advice::LinuxDontNeed) };
            gone.expect("whole pages of our own mapping can be returned");
        }
    }

    impl Drop for Range {
        fn drop(&mut self) {
            // Another's mapping may lie in it by now: the addresses are lost rather than that (invariant 3).
            if !self.is_torn() {
                unmap(self.start.as_ptr(), self.bytes);
            }
        }
    }

    fn unmap(start: *mut u8, bytes: usize) {
        if bytes > 0 {
            // SAFETY: both callers own the range: the ends of a fresh mapping, or all of it (invariant 1).
            let gone = unsafe { munmap(start.cast(), bytes) };
            gone.expect("our own mapping can be unmapped");
        }
    }
}

/// The same face over the allocator, since the interpreter knows no address space. All of it is "committed".
#[cfg(miri)]
mod raw {
    use std::alloc::{Layout, alloc_zeroed, dealloc};
    use std::ptr::NonNull;

    use super::ReserveError;
    use crate::page::HUGE_PAGE_BYTES;

    /// # Invariants
    /// 1. `start` came from `alloc_zeroed` with the layout of `bytes`, and is freed once.
    #[derive(Debug)]
    pub(super) struct Range {
        start: NonNull<u8>,
        bytes: usize,
    }

    // SAFETY: an address and a length; who touches the memory answers for that himself.
    unsafe impl Send for Range {}
    // SAFETY: as above.
    unsafe impl Sync for Range {}

    fn layout(bytes: usize) -> Layout {
        Layout::from_size_align(bytes, HUGE_PAGE_BYTES)
            .expect("a reservation fits the address space")
    }

    impl Range {
        pub(super) fn reserve(bytes: usize) -> Result<Self, ReserveError> {
            // SAFETY: the layout has at least one byte.
            let start = unsafe { alloc_zeroed(layout(bytes)) };
            NonNull::new(start)
                .map(|start| Self { start, bytes })
                .ok_or(ReserveError { bytes, errno: 12 })
        }

        pub(super) fn start(&self) -> NonNull<u8> {
            self.start
        }

        pub(super) fn bytes(&self) -> usize {
            self.bytes
        }

        pub(super) fn commit(&self, _offset: usize, _bytes: usize) -> Result<(), ReserveError> {
            Ok(())
        }

        pub(super) fn commit_small(&self, _: usize, _: usize) -> Result<(), ReserveError> {
            Ok(())
        }

        pub(super) fn populate(&self, _offset: usize, _bytes: usize) -> Result<(), ReserveError> {
            Ok(())
        }

        pub(super) fn lock(&self, _offset: usize, _bytes: usize) -> Result<(), ReserveError> {
            Ok(())
        }

        pub(super) fn unlock(&self, _offset: usize, _bytes: usize) {}

        pub(super) fn give_back(&self, offset: usize, bytes: usize) {
            let from = self.start.as_ptr().wrapping_add(offset);
            // SAFETY: the caller checked that the range lies inside.
            unsafe { from.write_bytes(0, bytes) };
        }
    }

    impl Drop for Range {
        fn drop(&mut self) {
            // SAFETY: invariant 1.
            unsafe { dealloc(self.start.as_ptr(), layout(self.bytes)) };
        }
    }
}

#[cfg(test)]
#[expect(unsafe_code, reason = "touches the memory that the tests commit")]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_returned_without_those_beside_it() {
        let reservation = Reservation::new(HUGE_PAGE_BYTES).unwrap();
        reservation.commit_small(0, HUGE_PAGE_BYTES).unwrap();
        let page_bytes = machine_page_bytes();
        let byte = |page: usize| reservation.start().as_ptr().wrapping_add(page * page_bytes);
        for page in 0..3 {
            // SAFETY: committed above.
            unsafe { byte(page).write(7) };
        }
        reservation.give_back_pages(page_bytes, page_bytes);
        // SAFETY: returned memory stays committed.
        let bytes = [0, 1, 2].map(|page| unsafe { byte(page).read() });
        assert_eq!(bytes, [7, 0, 7]);
    }

    #[test]
    fn a_committed_range_keeps_what_is_written_and_returns_it_as_zeros() {
        let reservation = Reservation::new(4 * HUGE_PAGE_BYTES).unwrap();
        reservation.commit(HUGE_PAGE_BYTES, HUGE_PAGE_BYTES).unwrap();
        let byte = reservation.start().as_ptr().wrapping_add(HUGE_PAGE_BYTES + 5);
        // SAFETY: committed two lines above.
        unsafe { byte.write(7) };
        reservation.commit(HUGE_PAGE_BYTES, HUGE_PAGE_BYTES).unwrap();
        // SAFETY: as above.
        assert_eq!(unsafe { byte.read() }, 7);
        reservation.give_back(HUGE_PAGE_BYTES, HUGE_PAGE_BYTES);
        // SAFETY: returned memory stays committed.
        assert_eq!(unsafe { byte.read() }, 0);
    }

    #[test]
    fn a_reservation_is_aligned_and_rounded_to_huge_pages() {
        for bytes in [1, HUGE_PAGE_BYTES, HUGE_PAGE_BYTES + 1] {
            let reservation = Reservation::new(bytes).unwrap();
            assert_eq!(reservation.bytes(), round_up(bytes, HUGE_PAGE_BYTES));
            assert_eq!(reservation.start().as_ptr().addr() % HUGE_PAGE_BYTES, 0);
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "the interpreter allocates for real")]
    fn more_addresses_than_there_are_is_an_error_with_the_number() {
        let error = Reservation::new(1 << 60).unwrap_err();
        assert_eq!((error.bytes, error.errno), (1 << 60, 12));
    }

    #[test]
    fn a_part_of_a_huge_page_goes_back_and_its_neighbours_stay() {
        let reservation = Reservation::new(HUGE_PAGE_BYTES).unwrap();
        reservation.commit_small(0, HUGE_PAGE_BYTES).unwrap();
        let byte = |grain: usize| reservation.start().as_ptr().wrapping_add(grain * GRAIN_BYTES);
        for grain in 0..3 {
            // SAFETY: committed above.
            unsafe { byte(grain).write(7) };
        }
        reservation.give_back(GRAIN_BYTES, GRAIN_BYTES);
        // SAFETY: returned memory stays committed.
        assert_eq!([0, 1, 2].map(|grain| unsafe { byte(grain).read() }), [7, 0, 7]);
    }

    #[test]
    fn a_grain_is_fixed_in_memory_and_goes_back_with_its_reservation() {
        let reservation = Reservation::new(HUGE_PAGE_BYTES).unwrap();
        reservation.commit_small(0, HUGE_PAGE_BYTES).unwrap();
        reservation.lock(0, GRAIN_BYTES).unwrap();
        reservation.unlock(0, GRAIN_BYTES);
        reservation.give_back(0, GRAIN_BYTES);
        reservation.lock(0, GRAIN_BYTES).unwrap();
        // What is not committed cannot be touched, so it cannot be fixed.
        let beyond = Reservation::new(HUGE_PAGE_BYTES).unwrap();
        assert!(beyond.lock(0, GRAIN_BYTES).is_err());
    }

    #[test]
    #[should_panic(expected = "lies in")]
    fn a_range_outside_is_our_own_mistake() {
        let reservation = Reservation::new(HUGE_PAGE_BYTES).unwrap();
        reservation.commit(HUGE_PAGE_BYTES, HUGE_PAGE_BYTES).unwrap();
    }
}
