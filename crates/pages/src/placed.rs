//! A placed file is a file whose bytes stand at addresses of a reservation: what is written there is written to the file.
//!
//! `reserved ──place──► the file's bytes, shared with all who map it ──punch──► a hole there, which reads as zero`
//!
//! The kernel keeps what was stored, whatever becomes of the OS process that stored it. Two things are the caller's to see to:
//! a place whose blocks were not allocated is refused by a signal when the disk is full, and so is one behind the end of a
//! file that somebody cut off. Nothing is read ahead, so each page comes alone: a kernel that reads ahead keeps the pages
//! in larger parts, and the first store to one allocates all blocks of its part, holes among them.
#![cfg_attr(
    not(miri),
    expect(
        unsafe_code,
        reason = "maps files over reserved addresses; all of it is in `raw` below"
    )
)]

use std::os::fd::BorrowedFd;

use crate::file_reservation::PunchError;
use crate::page::GRAIN_BYTES;
use crate::reservation::{Reservation, ReserveError};

impl Reservation {
    /// Lets `bytes` of a file, from `file_offset`, stand at `offset` from now on, readable and writable and shared. What
    /// stood there before is gone from the addresses; who reads there meanwhile sees the one or the other.
    ///
    /// Only files stand there afterwards: the range is neither committed nor given back any more.
    ///
    /// # Errors
    /// [`ReserveError`] where the kernel maps no more, or not this file. Nothing can be placed in this reservation then, and
    /// its addresses are never unmapped, since what stands there may be another's.
    ///
    /// # Panics
    /// If offsets and length are not whole grains ([`GRAIN_BYTES`]) of this reservation.
    pub fn place(
        &self,
        offset: usize,
        bytes: usize,
        file: BorrowedFd<'_>,
        file_offset: u64,
    ) -> Result<(), ReserveError> {
        assert!(
            file_offset.is_multiple_of(GRAIN_BYTES as u64),
            "only whole grains of {GRAIN_BYTES} bytes of a file are placed"
        );
        raw::place(self, self.whole_of(offset, bytes, GRAIN_BYTES), bytes, file, file_offset)
    }

    /// Takes the blocks behind `bytes` from `offset`, where files were placed, out of those files: they read as zero then,
    /// and have no room on the disk until they are allocated again.
    ///
    /// # Errors
    /// [`PunchError`] where the file system cannot, or nothing was placed: what was there may still be.
    ///
    /// # Panics
    /// If the range is not made of whole grains ([`GRAIN_BYTES`]) of this reservation.
    pub fn punch(&self, offset: usize, bytes: usize) -> Result<(), PunchError> {
        let offset = self.whole_of(offset, bytes, GRAIN_BYTES);
        if bytes == 0 {
            return Ok(());
        }
        raw::punch(self, offset, bytes)
    }
}

#[cfg(not(miri))]
mod raw {
    use core::ffi::c_void;
    use std::os::fd::BorrowedFd;

    use rustix::io::Errno;
    use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap};

    use super::PunchError;
    use crate::reservation::{Reservation, ReserveError};

    fn at(reservation: &Reservation, offset: usize) -> *mut c_void {
        reservation.start().as_ptr().wrapping_add(offset).cast()
    }

    /// The caller checked that the range lies inside.
    pub(super) fn place(
        reservation: &Reservation,
        offset: usize,
        bytes: usize,
        file: BorrowedFd<'_>,
        file_offset: u64,
    ) -> Result<(), ReserveError> {
        let refused = |errno: Errno| ReserveError { bytes, errno: errno.raw_os_error() };
        if reservation.is_torn() {
            return Err(refused(Errno::NOMEM));
        }
        let usable = ProtFlags::READ | ProtFlags::WRITE;
        let flags = MapFlags::SHARED | MapFlags::NORESERVE | MapFlags::FIXED;
        // SAFETY: it replaces addresses of the reservation, which is not torn; who reads them answers for what he reads, as with
        // all that is committed and given back.
        let placed =
            unsafe { mmap(at(reservation, offset), bytes, usable, flags, file, file_offset) };
        if let Err(errno) = placed {
            // What stood there may be gone, and another's by now.
            reservation.tear();
            return Err(refused(errno));
        }
        // SAFETY: placed just now; the advice changes how pages are got.
        let alone = unsafe { madvise(at(reservation, offset), bytes, Advice::Random) };
        alone.map_err(refused)
    }

    /// The caller checked that the range lies inside.
    pub(super) fn punch(
        reservation: &Reservation,
        offset: usize,
        bytes: usize,
    ) -> Result<(), PunchError> {
        let refused = |errno: Errno| PunchError { bytes, errno: errno.raw_os_error() };
        if reservation.is_torn() {
            return Err(refused(Errno::NOMEM));
        }
        // SAFETY: addresses of the reservation, whose owner gave up the content by calling this.
        unsafe { madvise(at(reservation, offset), bytes, Advice::LinuxRemove) }.map_err(refused)
    }
}

/// The interpreter knows no files at addresses: none is placed.
#[cfg(miri)]
mod raw {
    use std::os::fd::BorrowedFd;

    use super::PunchError;
    use crate::reservation::{Reservation, ReserveError};

    pub(super) fn place(
        _reservation: &Reservation,
        _offset: usize,
        bytes: usize,
        _file: BorrowedFd<'_>,
        _file_offset: u64,
    ) -> Result<(), ReserveError> {
        Err(ReserveError { bytes, errno: 38 })
    }

    pub(super) fn punch(
        _reservation: &Reservation,
        _offset: usize,
        bytes: usize,
    ) -> Result<(), PunchError> {
        Err(PunchError { bytes, errno: 38 })
    }
}

#[cfg(all(test, not(miri)))]
#[expect(unsafe_code, reason = "touches the memory that the tests map")]
mod tests {
    use std::fs::File;
    use std::os::fd::AsFd;
    use std::os::unix::fs::{FileExt, MetadataExt};

    use super::*;
    use crate::page::HUGE_PAGE_BYTES;

    fn file(grains: usize) -> File {
        let file = tempfile::tempfile().expect("the machine has a folder for what is short-lived");
        file.set_len((grains * GRAIN_BYTES) as u64).expect("it may be so long");
        file
    }

    fn byte(reservation: &Reservation, grain: usize) -> *mut u8 {
        reservation.start().as_ptr().wrapping_add(grain * GRAIN_BYTES)
    }

    #[test]
    fn what_is_written_at_a_place_is_the_files_and_the_neighbours_are_not() {
        let reservation = Reservation::new(HUGE_PAGE_BYTES).unwrap();
        reservation.commit_small(0, HUGE_PAGE_BYTES).unwrap();
        let file = file(4);
        reservation.place(GRAIN_BYTES, GRAIN_BYTES, file.as_fd(), 2 * GRAIN_BYTES as u64).unwrap();
        for grain in 0..3 {
            // SAFETY: committed or placed above.
            unsafe { byte(&reservation, grain).write(7) };
        }
        let mut first = [9; 4];
        for (grain, byte) in (0..).zip(&mut first) {
            file.read_exact_at(core::slice::from_mut(byte), grain * GRAIN_BYTES as u64).unwrap();
        }
        assert_eq!(first, [0, 0, 7, 0]);
        drop(reservation);
        let again = Reservation::new(HUGE_PAGE_BYTES).unwrap();
        again.place(0, 4 * GRAIN_BYTES, file.as_fd(), 0).unwrap();
        // SAFETY: placed one line above.
        assert_eq!(unsafe { byte(&again, 2).read() }, 7);
    }

    #[test]
    fn a_punched_grain_reads_as_zero_and_takes_no_room_on_the_disk() {
        let reservation = Reservation::new(HUGE_PAGE_BYTES).unwrap();
        let file = file(4);
        reservation.place(0, 4 * GRAIN_BYTES, file.as_fd(), 0).unwrap();
        for grain in 0..4 {
            // SAFETY: placed above.
            unsafe { byte(&reservation, grain).write_bytes(7, GRAIN_BYTES) };
        }
        file.sync_all().unwrap();
        let full = file.metadata().unwrap().blocks();
        reservation.punch(GRAIN_BYTES, 2 * GRAIN_BYTES).unwrap();
        reservation.punch(0, 0).unwrap();
        assert_eq!(file.metadata().unwrap().blocks(), full - 2 * GRAIN_BYTES as u64 / 512);
        let first = [0, 1, 2, 3].map(|grain| {
            // SAFETY: placed above.
            unsafe { byte(&reservation, grain).read() }
        });
        assert_eq!(first, [7, 0, 0, 7]);
    }

    #[test]
    fn a_store_to_one_page_allocates_no_other() {
        let reservation = Reservation::new(HUGE_PAGE_BYTES).unwrap();
        let file = file(32);
        reservation.place(0, 32 * GRAIN_BYTES, file.as_fd(), 0).unwrap();
        for grain in [3, 17] {
            // SAFETY: placed above.
            unsafe { byte(&reservation, grain).write(7) };
        }
        file.sync_all().unwrap();
        let blocks = file.metadata().unwrap().blocks();
        assert!(blocks * 512 <= 2 * GRAIN_BYTES as u64, "{blocks} blocks for two pages");
    }

    #[test]
    fn a_file_that_cannot_be_mapped_is_refused_and_its_addresses_are_left_alone() {
        let reservation = Reservation::new(HUGE_PAGE_BYTES).unwrap();
        let file = file(1);
        let readable =
            File::open(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&file)));
        let refused = reservation.place(0, GRAIN_BYTES, readable.unwrap().as_fd(), 0).unwrap_err();
        assert_eq!((refused.bytes, refused.errno), (GRAIN_BYTES, 13));
        assert!(reservation.place(0, GRAIN_BYTES, file.as_fd(), 0).is_err());
        assert!(reservation.punch(0, GRAIN_BYTES).is_err());
    }

    #[test]
    #[should_panic(expected = "whole grains")]
    fn a_part_of_a_grain_is_our_own_mistake() {
        let reservation = Reservation::new(HUGE_PAGE_BYTES).unwrap();
        let file = file(1);
        let _placed = reservation.place(0, GRAIN_BYTES, file.as_fd(), 1);
    }
}
