//! A file reservation is a range of addresses whose memory is also a file, so that sockets can be given its very pages.
//!
//! `hole ──touch──► pages, which a socket may be given too ──punch──► hole again, and the socket has the old pages alone`
//!
//! sendfile(2) hands a socket references to pages, and until the peer has the bytes nobody can say when the last one
//! goes. So pages that may have been sent are never written again: they are punched out of the file, which leaves them
//! to whoever still refers to them, and the same addresses get new ones. That is why the pages are small ones: to punch
//! out a part of a huge page, the kernel would zero it in place.
#![cfg_attr(
    not(miri),
    expect(
        unsafe_code,
        reason = "maps a file over reserved addresses; all of it is in `raw` below"
    )
)]

use core::fmt;
use core::ptr::NonNull;
use std::error::Error;
use std::os::fd::BorrowedFd;

use crate::page::{HUGE_PAGE_BYTES, PAGE_BYTES_MIN, round_up};
use crate::reservation::ReserveError;

/// A range of addresses, aligned to [`HUGE_PAGE_BYTES`], all of it readable, writable and the content of one file.
#[derive(Debug)]
pub struct FileReservation(raw::Mapped);

/// The kernel did not take pages out of the file: they stand as they were, and may still be a socket's too.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PunchError {
    /// How many bytes should have become a hole.
    pub bytes: usize,
    /// The kernel's number for its reason.
    pub errno: i32,
}

impl fmt::Display for PunchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the OS did not take {} bytes of a file back (errno {})", self.bytes, self.errno)
    }
}

impl Error for PunchError {}

impl FileReservation {
    /// Reserves at least `bytes` of addresses and of a file of holes, rounded up to whole huge pages. No memory is used
    /// yet, and none is promised.
    ///
    /// # Errors
    /// [`ReserveError`] where the OS refuses the addresses, the file, its length (`RLIMIT_FSIZE`), a second, reading
    /// descriptor of it (that needs `/proc`) or to punch; where its pages are larger than [`PAGE_BYTES_MIN`]; and under
    /// strict overcommit, where to touch such memory may end in a signal. One does without, then.
    ///
    /// # Panics
    /// If `bytes` is zero.
    pub fn new(bytes: usize) -> Result<Self, ReserveError> {
        assert!(bytes > 0, "a reservation has at least one byte");
        raw::Mapped::map(round_up(bytes, HUGE_PAGE_BYTES)).map(Self)
    }

    /// The first address: that of the file's first byte.
    #[must_use]
    pub fn start(&self) -> NonNull<u8> {
        self.0.start()
    }

    /// The length in bytes, of the addresses and of the file.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0.bytes()
    }

    /// The file, for reading only: nobody can write to the memory, cut it off or punch it through this.
    #[must_use]
    pub fn file(&self) -> BorrowedFd<'_> {
        self.0.file()
    }

    /// Takes the pages of `bytes` from `offset` out of the file. The addresses read as zero and can be written; who
    /// was given the old pages keeps them as they were.
    ///
    /// # Errors
    /// [`PunchError`] where the kernel refuses: then the old pages may still be behind the addresses, or some of them.
    ///
    /// # Panics
    /// If the range is not made of whole pages of [`PAGE_BYTES_MIN`] of this reservation.
    pub fn punch(&self, offset: usize, bytes: usize) -> Result<(), PunchError> {
        let end =
            offset.checked_add(bytes).expect("a range ends below the end of the address space");
        assert!(
            end <= self.bytes(),
            "the range {offset}..{end} lies in {} reserved bytes",
            self.bytes()
        );
        let grain = PAGE_BYTES_MIN;
        assert!(
            offset.is_multiple_of(grain) && bytes.is_multiple_of(grain),
            "only whole pages are punched: parts of one would be zeroed in place"
        );
        if bytes == 0 {
            return Ok(()); // the kernel calls that an error
        }
        self.0.punch(offset, bytes)
    }
}

#[cfg(not(miri))]
mod raw {
    use core::mem::ManuallyDrop;
    use core::ptr::NonNull;
    use std::fs;
    use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

    use rustix::fs::{FallocateFlags, MemfdFlags, fallocate, ftruncate, memfd_create};
    use rustix::io::{Errno, retry_on_intr};
    use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap};
    use rustix::param::page_size;
    use rustix::process::{Resource, getrlimit};

    use super::PunchError;
    use crate::page::PAGE_BYTES_MIN;
    use crate::reservation::{Reservation, ReserveError};

    /// # Invariants
    /// 1. All of `addresses` is one shared mapping of the file, from its first byte to its last; it goes when
    ///    `addresses` is dropped, which unmaps the range whole.
    /// 2. `writing` never leaves this value, so the file is never cut shorter than its mapping.
    #[derive(Debug)]
    pub(super) struct Mapped {
        addresses: Reservation,
        writing: OwnedFd,
        reading: OwnedFd,
    }

    impl Mapped {
        pub(super) fn map(bytes: usize) -> Result<Self, ReserveError> {
            let refused = |errno: Errno| ReserveError { bytes, errno: errno.raw_os_error() };
            let length = bytes as u64;
            if page_size() != PAGE_BYTES_MIN {
                return Err(refused(Errno::INVAL)); // to punch a part of a page zeroes it in place
            }
            if is_overcommit_strict() {
                return Err(refused(Errno::NOMEM));
            }
            // A longer file would not only be refused: the signal for it ends the OS process.
            if getrlimit(Resource::Fsize).current.is_some_and(|limit| limit < length) {
                return Err(refused(Errno::FBIG));
            }
            let addresses = Reservation::new(bytes)?;
            let writing = create().map_err(refused)?;
            // A descriptor that only reads can be lent to anyone: no safe code writes to lent bytes through it.
            let reading = fs::File::open(format!("/proc/self/fd/{}", writing.as_raw_fd()));
            let reading =
                reading.map_err(|error| refused(Errno::from_io_error(&error).unwrap_or(Errno::IO)));
            let reading = OwnedFd::from(reading?);
            ftruncate(&writing, length).map_err(refused)?;
            let usable = ProtFlags::READ | ProtFlags::WRITE;
            let flags = MapFlags::SHARED | MapFlags::NORESERVE | MapFlags::FIXED;
            let start = addresses.start().as_ptr().cast();
            // SAFETY: it replaces exactly the mapping that `addresses` owns, which nobody has touched or seen.
            let placed = unsafe { mmap(start, bytes, usable, flags, &writing, 0) };
            if let Err(errno) = placed {
                // What stood there may be gone, and another's by now: left alone, at the cost of the addresses.
                let _left = ManuallyDrop::new(addresses);
                return Err(refused(errno));
            }
            // A child made by fork would share pages that are written later.
            // SAFETY: our own mapping; the advice changes what a fork copies, not what is mapped here.
            let kept = unsafe { madvise(start, bytes, Advice::LinuxDontFork) };
            kept.map_err(refused)?;
            // A core dump would get a page for each hole, and the file be as large as its addresses then.
            // SAFETY: as above; the advice changes what a dump has.
            let left_out = unsafe { madvise(start, bytes, Advice::LinuxDontDump) };
            left_out.map_err(refused)?;
            // SAFETY: as above; the advice changes how pages are got.
            match unsafe { madvise(start, bytes, Advice::LinuxNoHugepage) } {
                Ok(()) | Err(Errno::INVAL) => {} // the latter from a kernel that knows no huge pages
                Err(errno) => return Err(refused(errno)),
            }
            let mapped = Self { addresses, writing, reading };
            // Who may not punch (a sandbox, say) could give out each page once only; better known now.
            mapped
                .punch(0, PAGE_BYTES_MIN)
                .map_err(|error| ReserveError { bytes, errno: error.errno })?;
            Ok(mapped)
        }

        pub(super) fn start(&self) -> NonNull<u8> {
            self.addresses.start()
        }

        pub(super) fn bytes(&self) -> usize {
            self.addresses.bytes()
        }

        pub(super) fn file(&self) -> BorrowedFd<'_> {
            self.reading.as_fd()
        }

        pub(super) fn punch(&self, offset: usize, bytes: usize) -> Result<(), PunchError> {
            let mode = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            retry_on_intr(|| fallocate(&self.writing, mode, offset as u64, bytes as u64))
                .map_err(|errno| PunchError { bytes, errno: errno.raw_os_error() })
        }
    }

    /// An empty file that has no name and cannot be run.
    fn create() -> Result<OwnedFd, Errno> {
        match memfd_create("levada", MemfdFlags::CLOEXEC | MemfdFlags::NOEXEC_SEAL) {
            Err(Errno::INVAL) => memfd_create("levada", MemfdFlags::CLOEXEC), // before Linux 6.3
            created => created,
        }
    }

    /// Whether the kernel promises no more memory than it has. It refuses a page of a file only when it is touched, by
    /// a signal. Where `/proc/sys` is hidden the usual is assumed.
    fn is_overcommit_strict() -> bool {
        fs::read("/proc/sys/vm/overcommit_memory").is_ok_and(|mode| mode.starts_with(b"2"))
    }
}

/// The interpreter knows neither files in memory nor pages: there is no such reservation.
#[cfg(miri)]
mod raw {
    use core::ptr::NonNull;
    use std::os::fd::BorrowedFd;

    use super::PunchError;
    use crate::reservation::ReserveError;

    #[derive(Debug)]
    pub(super) enum Mapped {}

    impl Mapped {
        pub(super) fn map(bytes: usize) -> Result<Self, ReserveError> {
            Err(ReserveError { bytes, errno: 38 })
        }

        pub(super) fn start(&self) -> NonNull<u8> {
            match *self {}
        }

        pub(super) fn bytes(&self) -> usize {
            match *self {}
        }

        pub(super) fn file(&self) -> BorrowedFd<'_> {
            match *self {}
        }

        pub(super) fn punch(&self, _offset: usize, _bytes: usize) -> Result<(), PunchError> {
            match *self {}
        }
    }
}

#[cfg(all(test, not(miri)))]
#[expect(unsafe_code, reason = "touches the memory that the tests map")]
mod tests {
    use std::io::Read;
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    use rustix::fs::sendfile;
    use rustix::io::{Errno, pread, pwrite};

    use super::*;

    fn write(reservation: &FileReservation, offset: usize, bytes: &[u8]) {
        assert!(offset + bytes.len() <= reservation.bytes());
        let target = reservation.start().as_ptr().wrapping_add(offset);
        // SAFETY: inside the mapping, of which a test has no references.
        unsafe { target.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
    }

    fn read(reservation: &FileReservation, offset: usize, count: usize) -> Vec<u8> {
        assert!(offset + count <= reservation.bytes());
        let mut bytes = vec![1; count];
        let source = reservation.start().as_ptr().wrapping_add(offset);
        // SAFETY: as above.
        unsafe { bytes.as_mut_ptr().copy_from_nonoverlapping(source, count) };
        bytes
    }

    fn send(reservation: &FileReservation, to: impl Into<OwnedFd>, offset: u64, count: usize) {
        let (to, mut from) = (to.into(), offset);
        let end = offset + count as u64;
        while from < end {
            let left = usize::try_from(end - from).expect("a few KiB");
            let sent = sendfile(&to, reservation.file(), Some(&mut from), left);
            assert!(sent.is_ok_and(|sent| sent > 0), "the socket has room");
        }
    }

    fn pattern(count: usize, seed: u8) -> Vec<u8> {
        (0..count).map(|at| seed ^ at.to_le_bytes()[0] ^ at.to_le_bytes()[1]).collect()
    }

    #[test]
    fn what_was_sent_arrives_as_it_was_though_its_place_is_punched_and_written_anew() {
        let reservation = FileReservation::new(HUGE_PAGE_BYTES).unwrap();
        let (offset, count) = (8 * PAGE_BYTES_MIN, 16 * PAGE_BYTES_MIN);
        let old = pattern(count, 3);
        write(&reservation, offset, &old);
        let (to, mut from) = UnixStream::pair().unwrap();
        send(&reservation, to, offset as u64, count);
        reservation.punch(offset, count).unwrap();
        assert_eq!(read(&reservation, offset, count), vec![0; count]);
        write(&reservation, offset, &vec![0xEE; count]);
        let mut arrived = Vec::new();
        from.read_to_end(&mut arrived).unwrap();
        assert!(arrived == old, "the receiver has the bytes of the time of sending");
        assert_eq!(read(&reservation, offset, count), vec![0xEE; count]);
    }

    #[test]
    fn the_same_holds_of_a_tcp_connection() {
        let reservation = FileReservation::new(HUGE_PAGE_BYTES).unwrap();
        let count = 64 << 10;
        let old = pattern(count, 77);
        write(&reservation, 0, &old);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let to = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut from, _) = listener.accept().unwrap();
        send(&reservation, to, 0, count);
        reservation.punch(0, count).unwrap();
        write(&reservation, 0, &vec![0xEE; count]);
        let mut arrived = Vec::new();
        from.read_to_end(&mut arrived).unwrap();
        assert!(arrived == old, "the receiver has the bytes of the time of sending");
    }

    #[test]
    fn a_hole_leaves_its_neighbours_alone_and_gives_its_memory_back() {
        let reservation = FileReservation::new(HUGE_PAGE_BYTES).unwrap();
        let before = rustix::fs::fstat(reservation.file()).unwrap().st_blocks;
        write(&reservation, 0, &pattern(HUGE_PAGE_BYTES, 9));
        let full = rustix::fs::fstat(reservation.file()).unwrap().st_blocks;
        assert_eq!((before, full), (0, 4096)); // in units of 512 B
        reservation.punch(PAGE_BYTES_MIN, PAGE_BYTES_MIN).unwrap();
        let mut expected = pattern(HUGE_PAGE_BYTES, 9);
        expected[PAGE_BYTES_MIN..2 * PAGE_BYTES_MIN].fill(0);
        assert_eq!(rustix::fs::fstat(reservation.file()).unwrap().st_blocks, full - 8);
        assert!(read(&reservation, 0, HUGE_PAGE_BYTES) == expected);
        reservation.punch(0, HUGE_PAGE_BYTES).unwrap();
        reservation.punch(HUGE_PAGE_BYTES, 0).unwrap();
        assert_eq!(rustix::fs::fstat(reservation.file()).unwrap().st_blocks, 0);
    }

    #[test]
    fn the_file_has_the_bytes_of_the_memory_and_its_descriptor_only_reads() {
        let reservation = FileReservation::new(1).unwrap();
        assert_eq!(reservation.bytes(), HUGE_PAGE_BYTES);
        assert_eq!(reservation.start().as_ptr().addr() % HUGE_PAGE_BYTES, 0);
        write(&reservation, 5000, b"water");
        let mut found = [0; 5];
        assert_eq!(pread(reservation.file(), &mut found, 5000), Ok(5));
        assert_eq!(&found, b"water");
        assert_eq!(pwrite(reservation.file(), b"wine", 5000), Err(Errno::BADF));
        assert_eq!(rustix::fs::ftruncate(reservation.file(), 0), Err(Errno::INVAL));
    }

    #[test]
    fn more_addresses_than_there_are_is_an_error_with_the_number() {
        let error = FileReservation::new(1 << 60).unwrap_err();
        assert_eq!((error.bytes, error.errno), (1 << 60, 12));
    }

    #[test]
    #[should_panic(expected = "lies in")]
    fn a_hole_outside_is_our_own_mistake() {
        let reservation = FileReservation::new(HUGE_PAGE_BYTES).unwrap();
        let punched = reservation.punch(HUGE_PAGE_BYTES, PAGE_BYTES_MIN);
        unreachable!("{punched:?}");
    }

    #[test]
    #[should_panic(expected = "only whole pages")]
    fn a_hole_in_a_page_is_our_own_mistake() {
        let reservation = FileReservation::new(HUGE_PAGE_BYTES).unwrap();
        let punched = reservation.punch(512, PAGE_BYTES_MIN);
        unreachable!("{punched:?}");
    }
}

#[cfg(all(test, miri))]
mod tests {
    use super::*;

    #[test]
    fn the_interpreter_has_no_files_in_memory() {
        assert_eq!(FileReservation::new(1).unwrap_err().bytes, HUGE_PAGE_BYTES);
    }
}
