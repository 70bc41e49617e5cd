//! Gets, places, pins and returns OS memory.
//!
//! ```
//! use levada_pages::{HUGE_PAGE_BYTES, Reservation};
//!
//! let reservation = Reservation::new(8 * HUGE_PAGE_BYTES)?; // addresses only, no memory
//! reservation.commit(0, HUGE_PAGE_BYTES)?; //                  the first two megabytes may be touched
//! assert_eq!(reservation.start().as_ptr().align_offset(HUGE_PAGE_BYTES), 0);
//! reservation.give_back(0, HUGE_PAGE_BYTES); //                zeros again, and no longer resident
//! # Ok::<(), levada_pages::ReserveError>(())
//! ```
//!
//! # Cost
//!
//! One `mmap` for a reservation of any length; two system calls for each commit, one for each return. Reserved
//! addresses cost no memory and count against no limit but `RLIMIT_AS`. A [`FileReservation`], whose pages sockets can
//! be given by reference, needs two descriptors and some ten calls, each return one call, and each page touched after it
//! a fault of its own, since its pages are the small ones.
//!
//! # Limits
//!
//! Linux, 64 bits. Memory is backed by huge pages only where the kernel grants `madvise`; nothing is locked here. A file
//! reservation is refused where pages are larger than 4 KiB, files must be shorter, `/proc` is missing or overcommit is
//! strict.

#![cfg_attr(not(target_os = "linux"), doc = "This crate needs Linux.")]

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
compile_error!("Levada runs on 64-bit Linux");

mod file_reservation;
mod locked;
mod page;
mod reservation;

pub use file_reservation::{FileReservation, PunchError};
pub use locked::{LockLimit, lock_limit};
pub use page::{HUGE_PAGE_BYTES, PAGE_BYTES_MIN, round_up};
pub use reservation::{Reservation, ReserveError};
