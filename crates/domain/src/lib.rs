//! Runs processes on pinned cores, feeds them their channel, and keeps time.
//!
//! ```
//! use levada_domain::{Config, Domain};
//! use levada_process::Mailbox;
//! use levada_shared::{Options, SharedHeap};
//! use std::time::Duration;
//!
//! let heap = SharedHeap::new(Options::default())?;
//! let domain = Domain::start(&Config::new(heap), |cx, _io| async move {
//!     let child = cx.spawn("double", |_, mut inbox: Mailbox<levada_process::Reply<u32>>| async move {
//!         loop { inbox.recv().await?.send(42); }
//!     }).map_err(|_| levada_process::Failure::new("no room"))?;
//!     let answer = child.sender.call(Duration::from_secs(1), |reply| reply).await;
//!     assert_eq!(answer.ok(), Some(42));
//!     Ok(())
//! })?;
//! domain.wait()?; //                                  until that first process has ended
//! assert!(domain.stop(Duration::from_secs(1)).is_clean);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Cost
//!
//! A core is a thread, a channel (52 KiB of ring, and the blocks it lends) and its processes. A pass of its loop is one
//! system call; an idle core makes none, but the first of a domain wakes twice a second to look at the machine's memory. A timer is 64 bytes, a deadline that is pushed back a write.
//! In a simulation all cores are the calling thread, and time takes none: [`Domain::simulate`].
//!
//! # Limits
//!
//! 1,024 cores in an OS process. Timers fire up to a millisecond and a pass late, never early. A process that does not
//! return from its turn holds up its core: nothing interrupts it; one thread of the domain tells of turns over 50 ms, and sleeps
//! while all cores do.

#![forbid(unsafe_code)]

mod clock;
mod config;
mod core_values;
mod domain;
mod door;
mod folder;
mod here;
mod host;
mod io;
mod looks;
mod orders;
mod patience;
mod patrol;
mod per_core;
mod piping;
mod run;
mod simulate;
mod timers;
mod wall;
mod watchdog;
mod wheel;

pub use config::{Config, DriverFor, OnFailure, OnLog, OnOverrun};
pub use domain::{Domain, Report, StartError};
pub use door::Door;
pub use folder::Folder;
pub use io::Io;
pub use patience::Patience;
pub use patrol::Overrun;
pub use per_core::PerCore;
pub use piping::PipeError;
pub use simulate::{Outcome, Replay};
