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

mod builder;
mod error;
mod kept;
mod lock;
mod looks;
#[cfg(all(test, loom))]
mod loom_tests;
mod naming;
mod pile;
mod places;
mod reading;
#[cfg(feature = "section")]
mod section;
mod settings;
mod store;
mod sync;
mod threads;
mod types;
mod upkeep;
mod wish;
mod writing;

pub use builder::Builder;
pub use error::{Full, Gone, HasKeepers, OpenError, PutError, UpdateError};
pub use kept::folder_error::{FolderError, FolderFault};
pub use looks::gauges::{Gauges, SpansOfClass};
pub use looks::latency::Latency;
pub use naming::header::Kind;
pub use naming::life::{Clock, Life};
#[cfg(feature = "archived")]
pub use naming::pointer::{
    ArchivedPilePointer, ArchivedPointer, PilePointerResolver, PointerResolver,
};
pub use naming::pointer::{PilePointer, Place, Pointer};
pub use naming::stamp::Stamp;
pub use naming::version::Version;
pub use pile::{Footprint, Pile, Purged};
pub use places::spans::Prefer;
pub use reading::guard::Guard;
pub use reading::hold::HoldError;
pub use reading::scan::{Cursor, Seen};
#[cfg(feature = "section")]
pub use section::Section;
pub use threads::epoch::OldGuard;
#[cfg(feature = "archived")]
pub use types::archived::Archived;
pub use types::codec::{Codec, Damaged, Encoded, Trust, Unencodable};
#[cfg(feature = "compact")]
pub use types::compact::Compact;
pub use types::registry::StampTaken;
pub use types::sink::Sink;
pub use types::typed::Typed;
pub use types::typed_keep::{TypedKeep, TypedKeepError};
pub use types::verbatim::{Raw, Text};
pub use upkeep::budget::{Budget, Spending};
pub use upkeep::clean::Compacted;
pub use upkeep::form::Form;
pub use upkeep::keep::Keep;
pub use upkeep::keeper::{Keeper, KeptRecord, Verdict, Why};
pub use upkeep::kept_room::KeptRoom;
pub use upkeep::tend::Tended;
pub use upkeep::tender::Tender;
pub use wish::Wish;
pub use writing::lending::{LendError, NotReserved};
pub use writing::reserve::{Invalid, Reserved};
