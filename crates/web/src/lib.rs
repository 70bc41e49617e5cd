//! Serves folders over HTTP from the shared heap, through light processes.
//!
//! ```
//! use levada_channel::ListenPart;
//! use levada_domain::{Config, Domain, Folder};
//! use levada_shared::{Options, SharedHeap};
//! use levada_web::{Site, Start, Web, WebConfig};
//! use std::io::{Read, Write};
//!
//! let folder = tempfile::tempdir()?;
//! std::fs::write(folder.path().join("hello.txt"), "down the hill\n")?;
//! let heap = SharedHeap::new(Options::default())?;
//! let (files, replies) = (heap.account("files", 256 << 20)?, heap.account("replies", u64::MAX)?);
//! let config = WebConfig::new(Site::new(Folder::open(folder.path())?));
//! let parts = ListenPart::bind(([127, 0, 0, 1], 0).into(), 1)?;
//! let address = parts[0].address();
//! let start = Start::new(config.into(), vec![parts], files, replies);
//! let domain = Domain::start(&Config::new(heap), |context, io| async move {
//!     Web::start(&context, &io, start).await.map(drop) // it goes on; what is dropped is a handle
//! })?;
//! domain.wait()?;
//! let mut client = std::net::TcpStream::connect(address)?;
//! client.write_all(b"GET /hello.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
//! let mut reply = String::new();
//! client.read_to_string(&mut reply)?;
//! assert!(reply.starts_with("HTTP/1.1 200 OK\r\n") && reply.ends_with("\r\n\r\ndown the hill\n"));
//! assert!(domain.stop(std::time::Duration::from_secs(5)).is_clean);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A connection is a process; so is the storage, one on each core, and each loading of a file; those that others wait for are supervised. What a core answers from
//! memory, its connections answer without asking anybody; what is not there is asked of the storage that has the path.
//!
//! # Cost
//!
//! A hit is three shared pieces, lines, tail and body, held for as long as they are sent: no byte is copied, nothing
//! allocated, no message sent. Replies to 64 connections that are ready together take fewer than four kernel entries over a
//! ring, all of them together. An idle connection is some 600 bytes (760 over epoll), and holds no receive memory. A
//! download of what is not kept holds two blocks of 256 KiB, whatever its length and however slow its reader. A file that
//! is kept is looked at once a second while it is asked for, and not otherwise.
//!
//! Checked by `tests/http/counts.rs`, `streaming.rs` and `soft.rs`.
//!
//! # Limits
//!
//! Files beyond 8 MiB are streamed and not kept; a change of a file is seen within a second of the next request; a list
//! shows 20,000 names. A head of 32 KiB and 100 fields, a target of 8 KiB, a dropped body of 64 KiB; 10 s for a head, 75 s
//! between requests; 65,536 connections a core. All of these but the list's are in [`WebConfig`], and a reload changes
//! them while it runs, except whether peers' addresses are known to the log. Files are kept softly: where the heap is full
//! they give way, but for a hot set; where it is full of what is being sent, a load waits for a second, and then the answer
//! is 503. A core keeps an eighth of its sockets for those that are told that they are one too many. No TLS, no HTTP/2; nothing is ever written to the disk.

#![forbid(unsafe_code)]

mod accept;
mod answer;
mod config;
mod connection;
mod counters;
mod desk;
mod desk_message;
mod disk;
mod entry;
mod from_disk;
mod front;
mod house;
mod input;
mod keepers;
mod key;
mod list;
mod load;
mod loading;
mod log_line;
mod outgoing;
mod places;
mod report;
mod service;
mod site;
mod stop;
mod storage;
mod storage_message;
mod tails;
mod turn_away;
mod waiting;

pub use config::{CacheLimits, Limits, WebConfig};
pub use log_line::ACCESS_TARGET;
pub use report::WebReport;
pub use service::{Start, Web};
pub use site::{FieldRule, GlobMalformed, HostName, Site};
