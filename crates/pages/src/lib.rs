//! Gets, places, pins and returns OS memory, and hears the machine's memory pressure.
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
//! [`Reservation::place`] lets a file stand at reserved addresses by two calls, and takes no descriptor.
//!
//! [`KeptBytes`] owns memory whose owner's type is not said, and allocates nothing for it.
//!
//! [`Words`] are atomics over a reservation: a page for each that was touched, a load to read one.
//!
//! A look of [`MachinePressure`] is one `pread` for the stalls, one for the machine and one for each control group that
//! we are in and can see, up to three for one with a limit, and allocates nothing. It keeps two descriptors open, and
//! three for each group. [`memory_limit`] opens, reads and closes the same files.
//!
//! # Limits
//!
//! Linux, 64 bits. Memory is backed by huge pages only where the kernel grants `madvise`; nothing is locked here. A file
//! reservation is refused where pages are larger than 4 KiB, files must be shorter, `/proc` is missing or overcommit is
//! strict.
//!
//! Pressure is heard when one looks, not between looks, and in the control groups that we were in when it was opened.
//! What of the machine cannot be read is left out, and said ([`MachinePressure::lacks`]).

#![cfg_attr(not(target_os = "linux"), doc = "This crate needs Linux.")]

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
compile_error!("Levada runs on 64-bit Linux");

mod file_reservation;
mod fixed_bytes;
#[cfg(test)]
mod fixture;
mod group_folders;
mod huge;
mod kernel_file;
mod locked;
mod machine_memory;
mod machine_pressure;
mod memory_group;
mod memory_limit;
mod page;
mod placed;
mod pressure;
mod pressure_window;
mod reservation;
mod room;
mod scripted_pressure;
mod stalls;
mod words;

pub use file_reservation::{FileReservation, PunchError};
pub use fixed_bytes::{FixedBytes, FixedBytesMut, KeptBytes};
pub use huge::has_huge_pages;
pub use locked::{LockLimit, lock_limit};
pub use machine_pressure::MachinePressure;
pub use memory_limit::{MemoryLimit, memory_limit};
pub use page::{GRAIN_BYTES, HUGE_PAGE_BYTES, PAGE_BYTES_MIN, machine_page_bytes, round_up};
pub use pressure::{Pressure, PressureSource};
pub use reservation::{Reservation, ReserveError};
pub use scripted_pressure::{PressureScript, ScriptedPressure};
pub use words::Words;
