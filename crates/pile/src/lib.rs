//! Typed records off-heap behind small pointers that are refused once their record is gone.
//!
//! ```
//! use levada_pile::{Gone, Life, Pile};
//!
//! let pile = Pile::builder("social").limit_bytes(64 << 20).build()?;
//! let ann = pile.put(b"Ann", Life::FOREVER)?; //        8 bytes that name this record for ever
//! let bob = pile.put_str("Bob", Life::secs(3600))?;
//! let guard = pile.pin();
//! assert_eq!(guard.get(ann), Ok(&b"Ann"[..])); //       in place, without a lock
//! assert_eq!(guard.text(bob), Ok("Bob"));
//! drop(guard);
//! pile.update(ann, b"Ann of Green Gables")?; //         the same pointer
//! pile.delete(ann)?;
//! assert_eq!(pile.pin().get(ann), Err(Gone::Stale)); // whatever lies in her place
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Cost
//!
//! A record of 32 bytes takes 40 bytes and an eighth of one. To read it in place is one look at a table that stays in the
//! cache, one comparison, and its own lines; to put it, a bit, a header and one copy; no step of either is an exchange
//! between cores. A guard is a store when it begins and one when it ends.
//!
//! A pile that is kept in a folder ([`Builder::folder`]) costs four system calls more for each 2 MiB, and a mount a look at 64 bytes
//! for each 64 KiB.
//!
//! # Limits
//!
//! Linux, 64 bits. A record has at most 256 MiB less 64 KiB, a pile at most 8 TiB. Its memory never exceeds its limit; what
//! was deleted comes back when no guard sees it. A pointer is a name, not a secret. A process made by `fork` may not use it.

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
compile_error!("Levada runs on 64-bit Linux");

#[cfg(feature = "archived")]
mod archived;
#[cfg(feature = "archived")]
mod archived_pointer;
mod arena;
mod birth;
mod budget;
mod builder;
mod cell;
mod change;
mod class;
mod clean;
mod cleaning;
mod codec;
#[cfg(feature = "compact")]
mod compact;
mod counts;
mod due;
mod epoch;
mod error;
mod folder;
mod folder_error;
mod forward;
mod forward_table;
mod found;
mod gauges;
mod generation;
mod gets;
mod guard;
mod header;
mod hold;
mod inherited;
mod keep;
mod keeper;
mod latency;
mod lending;
mod life;
mod limbo;
mod limit;
mod linked;
mod lock;
mod look_through;
mod lookup;
#[cfg(all(test, loom))]
mod loom_tests;
mod mount;
mod page_spans;
mod pages;
mod pile;
mod pointer;
mod pool;
mod present;
mod refusals;
mod registry;
mod remove;
mod reserve;
mod roomy;
mod scan;
#[cfg(feature = "section")]
mod section;
mod segment;
mod settings;
mod shard;
mod sink;
mod span;
mod spans;
mod stamp;
mod store;
mod super_block;
mod supply;
mod sweep;
mod sweeps;
mod sync;
mod tend;
mod tender;
mod type_names;
mod typed;
mod update;
mod upgrade;
mod validate;
mod verbatim;
mod version;
mod wish;

#[cfg(feature = "archived")]
pub use archived::Archived;
pub use budget::Budget;
pub use builder::Builder;
pub use clean::Compacted;
pub use codec::{Codec, Damaged, Encoded, Trust, Unencodable};
#[cfg(feature = "compact")]
pub use compact::Compact;
pub use epoch::OldGuard;
pub use error::{Full, Gone, HasKeepers, OpenError, PutError, UpdateError};
pub use folder_error::{FolderError, FolderFault};
pub use gauges::{Gauges, SpansOfClass};
pub use guard::Guard;
pub use header::Kind;
pub use hold::HoldError;
pub use keep::{Keep, KeptRoom};
pub use keeper::{Keeper, KeptRecord, Verdict, Why};
pub use latency::Latency;
pub use lending::{LendError, NotReserved};
pub use life::{Clock, Life};
pub use pile::{Footprint, Pile, Purged};
#[cfg(feature = "archived")]
pub use pointer::{ArchivedPilePointer, ArchivedPointer, PilePointerResolver, PointerResolver};
pub use pointer::{PilePointer, Place, Pointer};
pub use registry::StampTaken;
pub use reserve::{Invalid, Reserved};
pub use scan::{Cursor, Seen};
#[cfg(feature = "section")]
pub use section::Section;
pub use sink::Sink;
pub use spans::Prefer;
pub use stamp::Stamp;
pub use tend::Tended;
pub use tender::Tender;
pub use typed::Typed;
pub use verbatim::{Raw, Text};
pub use version::Version;
pub use wish::Wish;
