//! Runs light isolated processes that talk by bounded messages, one core at a time.
//!
//! A process is a future with a mailbox. It shares nothing with others: what crosses is a [`Message`]. A panic ends one process
//! and nothing else. A [`Core`] is driven by a loop, which lends it time as its [`Host`]; this one stands still:
//! ```
//! use levada_process::{Core, CoreOptions, Host, Mailbox, Message, Reply, Tick, TimerId, TimerKey};
//! use std::{task::Waker, time::Duration};
//! # struct Still;
//! # impl Host for Still {
//! #     fn now(&self) -> Tick { Tick::START }
//! #     fn seed(&self) -> u64 { 1 }
//! #     fn timer_set(&self, _: Tick, _: TimerKey) -> TimerId { TimerId(0) }
//! #     fn timer_cancel(&self, _: TimerId) {}
//! # }
//!
//! #[derive(Message)]
//! struct Double(u64, Reply<u64>);
//!
//! let core = Core::new(CoreOptions::default(), Still, Waker::noop().clone())?;
//! let doubles = core.spawn("doubles", |_, mut inbox: Mailbox<Double>| async move {
//!     loop {
//!         let Double(number, reply) = inbox.recv().await?; // ends with the last sender
//!         reply.send(2 * number);
//!     }
//! })?;
//! core.spawn("asks", |_, _: Mailbox<()>| async move {
//!     let to = doubles.sender;
//!     assert_eq!(to.call(Duration::from_secs(1), |reply| Double(21, reply)).await?, 42);
//!     Ok(())
//! })?;
//! while core.run_turn() {}
//! assert_eq!(core.gauges().exits_normal, 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Cost
//!
//! A process is a block of 128 B and one allocation for its future; a mailbox that is empty owns nothing. A message to a process
//! of the same core is written once, where it is read, with 32 B of cause and weight; to another core it is copied into a lane in
//! units of 64 B and out of it, and shown with up to 63 others by one store and one read-modify-write. Values over 472 B are boxed
//! on that way. What a message carries of the shared heap becomes its receiver's as it is accepted: types that carry nothing of it are
//! not looked at; handles that are the receiver's already cost two loads a piece, others a transfer. An answer lands in the future that waits for it: no allocation, no room in any mailbox. A core is woken once a
//! sleep, however many have something for it. A pair of cores that talk has a lane of 64 KiB each way.
//! A stream ([`Context::stream`]) is one allocation, and with the first write another of 56 B for each piece that its window lets
//! through; a piece goes through it as it is, without a lock, from any core to any other.
//! A process may have a collected heap of its own ([`Context::own_heap`]). One that idles costs some 1.3 KiB, and what it keeps rounded
//! up to 64 B; a turn that enters it some 20 ns beside what it allocates; to rest, some microsecond for each heap that was
//! entered since its core slept. Processes without one pay a load and a compare a turn.
//!
//! # Limits
//!
//! 1,024 cores in an OS process; 2^24 processes a core, 2^20 by default, each with up to 4,095 tasks beside its root. A mailbox has
//! a bound in messages and one in bytes, by default 256 and 4 MiB; what is sent to a full one waits, comes back, is dropped, or ends its process, as [`Full`] says; 4,096
//! messages of threads that are no core wait at a core. A process never changes its core. A turn is not interrupted: a process
//! that computes for long yields by itself. Not contained are a stack overflow, an abort, and a panic in a drop while unwinding.
//! What led to the end of a process is told as far as it is known: each core keeps its last 32,768 steps, 1 MiB; calls that still wait
//! are known however old.
//! What comes of the shared heap is bounded by the account of the receiver, not by the bound of his mailbox, and is refused at once where
//! it does not fit. What a closure carries that is spawned, or an [`Isolated`], stays whose it is.
//! A stream has one writer and one reader, and what is read in one go is never more than its window.
//! An own heap is entered in turns of its process only, and never within itself. It holds a chunk of 64 KiB while it is among the last eight
//! of its core that were entered, and none while the core sleeps. Its pages and chunks are charged to the account of the process, and
//! what its objects hold of the shared heap ([`GcData`]) to whose account that was, until they are collected.
//! A core that is made has to be driven until it is dropped: what others lease it, or ask of it, waits for its loop.

mod address;
mod block;
mod body;
mod bounds;
mod budget;
mod call;
mod cancel;
mod cancelled;
mod cause;
mod chain;
mod charge;
mod circle;
mod closed;
mod contain;
mod context;
mod control;
mod course;
mod crashed;
mod deliver;
mod drive;
mod due;
mod during;
mod end;
mod events;
mod exit;
mod failure;
mod flush;
mod follow;
mod forsake;
mod gauges;
mod guard;
mod handover;
mod heap_cell;
mod heap_payer;
mod heap_turn;
mod heaps;
mod held_data;
mod here;
mod host;
mod isolated;
mod kill;
mod landing;
mod lane;
mod lease;
mod lines;
mod link;
mod log;
#[cfg(all(test, loom))]
mod loom_tests;
mod mail;
mod mailbox;
mod marks;
mod message;
mod monitor;
mod onlook;
mod outbound;
mod outside;
mod own_heap;
mod panics;
mod parcel;
mod payers;
mod pid;
mod places;
mod pool;
mod porch;
mod port;
mod probe;
mod ready;
mod receive;
mod refused;
mod remote;
mod replay;
mod reply;
mod scope;
mod send;
mod sender;
mod shape;
mod sleep;
mod spawn;
mod standard;
mod state;
mod stream;
mod submitted;
mod supervise;
mod sync;
mod table;
mod task;
mod tasks;
mod tick;
mod trace_context;
mod turn;
mod undelivered;
mod waiting;
mod waits;
mod waits_for;
mod waker;
mod wide;

pub use bounds::{Bounds, Class, Full};
pub use call::CallError;
pub use cancelled::Cancelled;
pub use cause::{Cause, Sequence};
pub use chain::{By, Chain, Link};
pub use closed::Closed;
pub use context::Context;
pub use drive::{Core, CoreOptions, NoCoreLeft, ProcessReport, ProcessState};
pub use exit::{Down, Exit};
pub use failure::Failure;
pub use gauges::Gauges;
pub use held_data::{GcData, HoldData};
pub use host::{Ended, Host, TimerId, TimerKey};
pub use isolated::Isolated;
pub use kill::Kill;
pub use levada_derive::Message;
pub use log::{LogLine, LogValue, Loggable};
pub use mailbox::{Mailbox, Received};
pub use message::{Message, Visit};
pub use monitor::Monitor;
pub use onlook::{CoreWatch, TurnSeen};
pub use own_heap::{OtherRoot, OwnHeap};
pub use pid::{CoreId, Pid};
pub use refused::{Refused, Sent};
pub use reply::Reply;
pub use scope::{Cancel, Scope};
pub use sender::Sender;
pub use spawn::{Child, SpawnError, SpawnOn, SpawnOptions};
pub use stream::broken::{Left, StreamError, Unwritten, WriteError};
#[cfg(feature = "futures-io")]
pub use stream::copying::{CopyingReader, CopyingWriter};
pub use stream::reader::{Chunk, StreamReader};
pub use stream::window::Window;
pub use stream::writer::StreamWriter;
pub use supervise::{Restart, Strategy, Supervisor};
pub use task::Task;
pub use tick::Tick;
pub use trace_context::Traceparent;
pub use waits_for::{WaitingProcess, WaitsFor};
