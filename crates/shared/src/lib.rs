//! Bytes that one owner fills and many then read, counted and charged, never copied.
//!
//! ```
//! use levada_shared::{Options, SharedHeap};
//!
//! let heap = SharedHeap::new(Options::default())?;
//! let account = heap.account("example", 1 << 20)?; //        whoever holds a block is charged for it
//! let mut buf = account.buf(4096)?; //                       one owner, who fills it
//! buf.write(b"HTTP/1.1 200 OK\r\n\r\nwater")?;
//! let mut reply = buf.freeze(); //                           from here on nobody writes, anybody reads
//! let head = reply.split_to(19).unwrap(); //                 both are views of the same block
//! let mut again = reply.clone(); //                          one add
//! again.prepend(head)?; //                                   no byte moves
//! assert_eq!((again.len(), again.pieces().count()), (24, 1)); // neighbours became one piece again
//! assert_eq!(account.charged_bytes(), 4096); //              once, however many handles there are
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Cost
//!
//! A value is 56 bytes; a clone or drop is one atomic add for each piece, on a line that only its account touches. A
//! block costs 128 B of lines beside its data, which comes in 43 lengths from 64 B to 512 KiB, and in whole pages above.
//! Allocating and freeing on one's own core are two uncontended locks and no system call. Values of up to three pieces
//! allocate nothing. A kept block of 64 KiB and more lies in a file that only memory is behind, so that sockets can be
//! given its pages ([`SharedData::parts`]): freeing it is a system call, and filling it a fault for each 4 KiB.
//!
//! # Limits
//!
//! A block is shorter than 4 GiB, a value has at most 1,024 pieces, an account at most 2^25 handles on one block (more
//! is a leak, and panics), a heap at most 2^22 accounts and 255 arenas. A small view keeps its whole block; that is what
//! is charged, and [`SharedData::pinned_bytes`] says how much. A heap dropped while blocks are out stays for ever. Where
//! the OS refuses the file (two descriptors, and as many addresses again) the heap does without. What a socket still
//! refers to of a freed block is charged to nobody. A block that the OS does not clear is lost, and counted as such; no
//! further one is laid in the file then.

mod account;
mod caches;
mod copied;
mod counts;
mod heap;
mod limit;
mod memory;
mod options;
mod report;
mod reserve;
mod sync;
mod tags;
mod values;

#[cfg(all(test, loom))]
mod loom_tests;

pub use account::Account;
pub use caches::cached::Cached;
pub use caches::shared_data_cache::{CacheGauges, CacheLimits, SharedDataCache};
pub use caches::weak_cache::{WeakCache, WeakCacheGauges};
pub use copied::CopiedBytes;
pub use heap::SharedHeap;
pub use heap::relief::Relief;
pub use heap::retention::Retainer;
pub use limit::{Full, Limit};
pub use memory::home::set_home_arena;
pub use options::{OpenError, Options};
pub use report::{AccountReport, Gauges};
pub use reserve::{Charged, Reservation};
pub use values::data::{PIECES_MAX, SharedData};
pub use values::exclusive::ExclusiveBuf;
pub use values::part::Part;
pub use values::references::{Lost, SoftRef, WeakRef};
