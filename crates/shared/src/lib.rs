//! Bytes that one owner fills and many then read, counted, charged, softly or weakly kept, never copied.
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
//! What is kept softly stays for as long as nobody needs its memory; what is known weakly, for as long as somebody keeps it:
//!
//! ```
//! # use levada_shared::{Lost, SharedHeap};
//! # let heap = SharedHeap::new(Default::default())?;
//! let page = heap.default_account().copy_from(b"water")?;
//! let (soft, weak) = (page.soft(), page.weak());
//! drop(page); //                                         nobody holds it now, and it is still there
//! assert_eq!(weak.upgrade().unwrap().to_vec(), b"water");
//! heap.steal(u64::MAX); //                               its memory is needed
//! assert_eq!(soft.try_upgrade(), Err(Lost::Gone));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`SharedDataCache`] and [`WeakCache`] are tables of such references. A heap that is polled
//! ([`SharedHeap::poll_pressure`]) gives up soft memory as the machine runs short, and says who keeps what
//! ([`SharedHeap::top_retainers`]). Memory that lies elsewhere is lent to an account ([`Account::lend_data`]), and its
//! [`Lender`] told when nothing knows it any more.
//!
//! # Memory
//!
//! ```text
//! reservation: addresses, no memory yet          side table, 128 B a block, never moved while the heap lives
//! ┌ slab 2 MiB ─────────┬ slab ──┬ slab ┬ ...    ┌ line 0: the block          ┌ line 1: its first account's grant
//! │ chunk 64 KiB of one │ a run: │ free:│        │ state  strong 24 │ soft 24 │ word  account 22 │ soft 16 │ strong 26
//! │ length ▒▒▒▓▓▓▓▓░░░░ │ a long │ can  │        │ place, length, weak, shelf  │ place, length
//! │ chunk ▓▓▓▓▓▓▓▓▓▓▓▓▓ │ block  │ be   │        └──────▲──────────────────────┴──▲──────▲─────────────────
//! │ ...                 │        │ given│               │                         │      │ grants of further accounts
//! └──────▲──────────────┴────────┴ back ┴ ...            │                         │      │ stand in a table of their own
//!        │ bytes                                         │                         │
//! SharedData 56 B = up to 3 pieces ── piece 16 B = grant │ start │ length ─────────┘
//! ExclusiveBuf 24 B   SoftRef 16 B = grant │ start │ length   WeakRef 24 B = block │ start │ length │ account
//! ```
//!
//! # Cost
//!
//! A value is 56 bytes; a clone or drop is one atomic add for each piece, on a line that only its account touches. A
//! block costs 128 B of lines beside its data, which comes in 43 lengths from 64 B to 512 KiB, and in whole pages above.
//! Allocating and freeing on one's own core are two uncontended locks and no system call. Values of up to three pieces
//! allocate nothing. Upgrading a reference is a compare-and-swap where the account holds the block already, and some eight
//! atomic steps where nobody does, until the value is dropped again. A kept block of 64 KiB and more lies in a file that
//! only memory is behind, so that sockets can be given its pages ([`SharedData::parts`]): freeing it is a system call, and
//! filling it a fault for each 4 KiB. A loan costs lines, an `Arc`'s clone and drop, and two uncontended locks more than a
//! block. A look at the machine's memory is some ten microseconds.
//!
//! # Limits
//!
//! A block is shorter than 4 GiB, a value has at most 1,024 pieces, an account at most 2^25 handles and 2^15 soft
//! references on one block (more is a leak, and panics), a heap at most 2^22 accounts and 255 arenas. A small view keeps
//! its whole block; that is what is charged, [`SharedData::pinned_bytes`] says how much, and [`SharedData::compact_if`]
//! ends it. Retiring and stealing act on whole blocks: cached things own theirs ([`SharedData::is_whole`]). A weak
//! reference keeps 128 B of lines of what has gone. A heap dropped while blocks are out, or lines are named, stays for
//! ever. Where the OS refuses the file (two descriptors, and as many addresses again) the heap does without. What a socket
//! still refers to of a freed block is charged to nobody. A block that the OS does not clear is lost, and counted as such;
//! no further one is laid in the file then. Loans and blocks share the lines of the heap, as many as it could have blocks
//! of 64 B; soft references keep no loan.

mod account;
mod caches;
mod copied;
mod counts;
mod heap;
mod limit;
mod lock;
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
pub use counts::loan::{Lender, Loan};
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
