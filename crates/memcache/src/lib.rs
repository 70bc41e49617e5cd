//! Turns bytes into memcached commands and replies into bytes, without I/O, clock or heap.
//!
//! ```
//! use levada_memcache::{Command, Limits, Parser, Reply, Step, Store, Stored, write_reply};
//!
//! let received = b"set greeting 5 0 5\r\nhello\r\nget greeting\r\n";
//! let mut parser = Parser::new(Limits::default());
//! let Step::Command(Command::Store(store), used) = parser.step(received) else { panic!() };
//! let (value, end) = received[used..].split_at(store.value_bytes as usize); // it could come later
//! assert!(Store::is_end_right([end[0], end[1]]));
//! let mut sent = Vec::new();
//! write_reply(&store.reply(Stored::Stored { cas: 7 }), &mut sent).unwrap();
//! let Step::Command(Command::Get(get), _) = parser.step(&end[2..]) else { panic!() };
//! for key in get.keys {
//!     write_reply(&get.hit(key, 5, value.len() as u64, 7), &mut sent).unwrap();
//!     sent.extend_from_slice(value);
//!     write_reply(&Reply::ValueEnd, &mut sent).unwrap();
//! }
//! write_reply(&Reply::End, &mut sent).unwrap();
//! assert_eq!(sent, b"STORED\r\nVALUE greeting 5 5\r\nhello\r\nEND\r\n");
//! ```
//!
//! [`Parser::step`] reads the text protocol, its classic and its meta commands, as memcached 1.6.18
//! does: the same lines are commands, and each other one has the same error. Each [`Command`] knows
//! how it wants to be answered: from what became of it, its `reply` makes the [`Reply`], which is
//! [`Reply::Nothing`] where the command asked for silence, and [`write_reply`] spells it.
//!
//! A client or a proxy works from the other end: [`write_command`] spells a command, and
//! [`read_reply`] reads what is answered.
//!
//! `docs/formats/memcached.md` has the grammar, the errors and the few things that are otherwise.
//!
//! # Cost
//!
//! A line is searched once for its end and read in one pass; commands borrow from the input, keys of
//! a `get` are an iterator over the line, and nothing is copied. A key in base64 is decoded when it
//! is asked for, into room that the caller keeps. A reply goes straight into the buffer. What that
//! takes, beside the mere splitting of the line, `cargo bench -p levada-memcache --bench lines` says.
//!
//! # Limits
//!
//! - A key: 250 bytes; an entry: 1 MiB; the line of a `get`: 64 KiB, unless [`Limits`] says
//!   otherwise. Any other line: 2,048 bytes. What is longer ends the connection.
//! - A meta command: 17 flags, `ms` 16; an opaque: 32 bytes.
//! - The binary protocol is answered with an error frame and the end.
//! - `slabs`, `lru`, `lru_crawler`, `watch`, `shutdown`, `cache_memlimit` and `extstore` are unknown.
#![forbid(unsafe_code)]
#![warn(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

// From bytes to commands.
mod command;
mod limits;
mod line;
mod meta_flags;
mod parser;

// From what became of them to bytes.
mod answer;
mod item;
mod meta_reply;
mod refusal;
mod reply;

// The same from the other end, for a client or a proxy.
mod reply_line;
mod write_command;

// What both are written with.
mod base64;
mod exp_time;
mod key;
mod number;
mod sink;
mod word;

pub use answer::{Answer, Asked};
pub use command::{
    Arith, Command, Counted, Create, Delete, Deleted, Dump, FlushAll, Get, MetaGet, Mode, Stats,
    Store, Stored, Touch, Verbosity,
};
pub use exp_time::{ExpTime, FROM_NOW_S_MAX, Life};
pub use item::ItemFacts;
pub use key::{KEY_BYTES_MAX, Key, KeyRoom, Keys};
pub use limits::{LINE_BYTES_MAX, Limits};
pub use meta_reply::{ItemDump, MetaCode, MetaReply};
pub use number::number_in;
pub use parser::{Parser, Step};
pub use refusal::Refusal;
pub use reply::{NotBinary, Reply, Stat, StatValue, ValueHead, write_reply};
pub use reply_line::{MetaLine, REPLY_LINE_BYTES_MAX, ReplyLine, ReplyStep, read_reply};
pub use sink::Full;
pub use write_command::write_command;
