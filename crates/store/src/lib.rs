//! Executes memcached commands on one shared table, through light processes on every core.
//!
//! ```
//! use levada_cache::{Cache, CacheOptions, Pile};
//! use levada_channel::ListenPart;
//! use levada_domain::{Config, Domain};
//! use levada_shared::{Options, SharedHeap};
//! use levada_store::{Part, Start, Store, StoreConfig};
//! use std::io::{Read, Write};
//!
//! let heap = SharedHeap::new(Options::default())?;
//! let account = heap.account("memcached", u64::MAX)?;
//! let pile = Pile::builder("items").limit_bytes(64 << 20).build()?;
//! let cache = Cache::over(&pile, CacheOptions::limit(64 << 20))?;
//! let part = ListenPart::bind(([127, 0, 0, 1], 0).into(), 1)?.remove(0);
//! let address = part.address();
//! let start = Start::new(StoreConfig::default().into(), cache, vec![vec![Part::Tcp(part)]], account);
//! let domain = Domain::start(&Config::new(heap), |context, io| async move {
//!     Store::start(&context, &io, start).await.map(drop) // it goes on; what is dropped is a handle
//! })?;
//! domain.wait()?;
//! let mut client = std::net::TcpStream::connect(address)?;
//! client.write_all(b"set greeting 0 0 5\r\nhello\r\nget greeting\r\nquit\r\n")?;
//! let mut reply = String::new();
//! client.read_to_string(&mut reply)?;
//! assert_eq!(reply, "STORED\r\nVALUE greeting 0 5\r\nhello\r\nEND\r\n");
//! assert!(domain.stop(std::time::Duration::from_secs(5)).is_clean);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A connection is a process, on the core that accepted it, over TCP or a Unix socket. All of them work on one table of a cache,
//! which belongs to the domain as the shared heap does. What is supported, and what differs from memcached 1.6.18, is in
//! `docs/memcached.md`.
//!
//! # Cost
//!
//! A pass executes all that has arrived on a connection: reads that follow each other, also those of several commands, are
//! looked up together, without a lock; a write copies its data once, into its place. Nothing is allocated for a command, and no
//! clock is read. Replies go into ranges of one block that the core's connections share, and leave with one send. Values of
//! 4 KiB and more leave by reference, and are held for as long as that takes. An idle connection holds no memory for receiving.
//!
//! Checked by `tests/service/values.rs` and `splits.rs` (counts of copies, holds, passes and lookups).
//!
//! # Limits
//!
//! 1,024 connections, all cores together; one more is told so and closed. Keys of 250 bytes, items of a MiB, lines of 64 KiB. A
//! value has 30 s from its line on; what is announced and has not arrived is a bounded sum, beyond which sockets are not read.
//! What is answered is sent before more is executed: 256 KiB and one value at a time. All of these are in [`StoreConfig`], and a
//! reload changes them while it runs.

#![forbid(unsafe_code)]

mod accept;
mod arriving;
mod changing;
mod config;
mod connection;
mod counters;
mod desk;
mod desk_message;
mod front;
mod hall;
mod house;
mod input;
mod item;
mod items;
mod meta_get;
mod open;
mod outgoing;
mod part;
mod pass;
mod reads;
mod report;
mod service;
mod stats;
mod storing;
mod turn_away;
mod upkeep;
mod work;

pub use config::{StoreConfig, StoreLimits};
pub use counters::Counters;
pub use part::Part;
pub use report::StoreReport;
pub use service::{Start, Store};
