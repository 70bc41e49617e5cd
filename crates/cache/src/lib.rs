//! Keyed tables over a pile: byte limits that hold, expiry, priority, eviction, and memory that goes back when it is asked for.
//!
//! ```
//! use levada_cache::{Bytes, Cache, CacheOptions, How, Life, Pile, TableOptions};
//!
//! let pile = Pile::builder("demo").limit_bytes(64 << 20).build()?;
//! let cache = Cache::over(&pile, CacheOptions::limit(64 << 20))?;
//! let pages = cache.table::<str, Bytes>("pages", TableOptions::default().max_age(900))?;
//! pages.put("/", b"<h1>hello</h1>", How::default().level(5))?;
//! let guard = cache.pin();
//! let hit = pages.get(&guard, "/").expect("it was just put");
//! assert_eq!((hit.bytes(), hit.level()), (&b"<h1>hello</h1>"[..], 5)); // read in place
//! let load = || Ok::<_, std::io::Error>((b"loaded once".to_vec(), How::default().life(Life::secs(60))));
//! assert!(pages.get_or_put("/news", 100, load)?.is_loaded);
//! assert!(pages.remove("/"));
//! assert_eq!(cache.gauges().tables[0].count, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Cost
//!
//! An entry is one record of the pile, which holds key and value, and 8 bytes in an index whose bins are 85 % full: 17
//! bytes beside its slot, with mark and ghost. A hit takes no lock: it reads the two cache lines of its bins, asked for at
//! once, and its record. A put copies the value once into its slot and takes one lock, of one shard of the table.
//!
//! # Limits
//!
//! Keys have at most 1,024 bytes, values as many as a record of the pile. A table takes about 780,000 entries for each of
//! its shards, of which it has as many as its pile's limit may need. Tables of one pile, and other keepers of it: 255. All
//! limits are bytes, overhead included, and are never exceeded. A guard that is kept for long keeps what is evicted meanwhile
//! from being used again; puts are refused then.

#![forbid(unsafe_code)]

mod cache;
mod error;
mod gauges;
mod how;
mod index;
mod keys;
mod loading;
mod lock;
#[cfg(all(test, loom))]
mod loom_tests;
mod options;
mod order;
mod room;
mod sync;
mod table;
mod upkeep;
mod validate;
mod values;

pub use cache::Cache;
pub use error::{OptionError, Refused, TableError};
pub use gauges::{Gauges, LevelGauges, TableGauges};
pub use how::How;
pub use keys::key::{KEY_BYTES_MAX, Key};
pub use levada_pages::Pressure;
#[cfg(feature = "archived")]
pub use levada_pile::Archived;
#[cfg(feature = "compact")]
pub use levada_pile::Compact;
pub use levada_pile::{Budget, Clock, Guard, HoldError, Life, Pile, Version};
pub use loading::claim::{Claim, LoadError, Loaded, Waited, Waiting};
pub use loading::ticket::{NotFilled, Ticket};
pub use options::{CacheOptions, Mode, TableOptions};
pub use room::watermarks::Watermarks;
pub use table::hit::{Footprint, Hit};
pub use table::lending::Lent;
pub use table::records::Records;
pub use table::reserve::Entry;
pub use table::scan::Cursor;
pub use table::typed::{Edit, Edited, Table};
pub use table::writing::{Put, Stored};
pub use upkeep::pressing::Relief;
pub use upkeep::tend::Tended;
pub use values::{Bytes, Head, Text, Values};
