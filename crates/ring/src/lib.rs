//! The vocabulary of kernel operations, and the io_uring and epoll drivers that carry them out.
//!
//! ```
//! use levada_ring::{Choice, Deadline, Wait, now, open};
//!
//! let mut driver = open(Choice::Auto)?; //            the best that works here
//! println!("{}", driver.caps().level); //             "io_uring", or "epoll" with the reason in `lacks`
//! let waker = driver.waker(); //                      may go to any thread
//! std::thread::spawn(move || waker.wake());
//! let mut done = Vec::new();
//! let entered = driver.enter(Wait::Until(Deadline::NEVER), &mut done)?;
//! assert!(entered.woken && done.is_empty()); //       nothing was asked of the kernel
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Most programs want `levada-channel`, which is this with sockets, buffers and files that are safe to use.
//!
//! # Cost
//!
//! On a ring a push is a write of 64 B, and a pass is one system call that hands over, waits and reaps, whatever the
//! number of operations. Over epoll each attempt is a system call of its own. A reset of a descriptor costs one more call, a
//! message a look into a table. A ring locks 52 KiB, or 16 KiB where a user may lock no more. What the kernel can do is tried at
//! the first opening in an OS process, which takes a millisecond.
//!
//! # Limits
//!
//! A driver is used by the thread that opened it; only its waker may travel. A queue of 256 operations is handed over
//! early when full; a token's generation steps through 2^24 values; a group lends at most 32,768 blocks. A list has 64 spans and
//! 16 descriptors. A send from a file, and over epoll all that concerns files, goes through two threads.

mod address;
mod call;
mod caps;
mod clock;
mod done;
mod driver;
mod epoll;
mod family;
mod feature;
mod file_pool;
mod message;
mod op;
mod open;
mod span;
mod stat;
mod timespec;
mod token;
mod uring;
mod vectored;
mod wait;
mod wake;

pub use address::{Address, UNIX_NAME_BYTES_MAX};
pub use caps::{Caps, Lack, Level};
pub use clock::now;
pub use done::{Done, Errno, Notice};
pub use driver::{Driver, DriverGauges, Entered, Fatal};
pub use family::Family;
pub use feature::Feature;
pub use message::{DESCRIPTORS_MAX, HEAD_BYTES, Message, MessageForm, MessageHead};
pub use op::{Access, BlockId, Creation, Group, Op, OpenHow, Shutdown, Target};
pub use open::{Choice, OpenError, open, open_lacking};
pub use span::{ReadSpan, WriteSpan};
pub use stat::{FileKind, Stat, StatBuffer};
pub use timespec::{TIMESPEC_BYTES, timespec_bytes, timespec_duration};
pub use token::{Generation, Token};
pub use vectored::{SPANS_MAX, Vectored};
pub use wait::{Deadline, Wait};
pub use wake::CoreWaker;
