//! One core's conversation with the kernel: listeners, sockets and files whose bytes live in the shared heap.
//!
//! An echo server, and a client to try it:
//! ```
//! use levada_channel::{Channel, ChannelConfig, ListenPart, TcpListener, local};
//! use levada_shared::{Options, SharedHeap};
//! use std::io::{Read, Write};
//!
//! let account = SharedHeap::new(Options::default())?.account("echo", u64::MAX)?;
//! let channel = Channel::open(&ChannelConfig::default(), &account)?;
//! let part = ListenPart::bind(([127, 0, 0, 1], 0).into(), 1)?.remove(0);
//! let address = part.address();
//! let client = std::thread::spawn(move || {
//!     let mut server = std::net::TcpStream::connect(address)?;
//!     server.write_all(b"down the hill")?;
//!     let mut echo = [0; 13];
//!     server.read_exact(&mut echo).map(|()| echo)
//! });
//! let listener = TcpListener::open(&channel, part, false)?;
//! local::run(&channel, async {
//!     let (stream, _) = listener.accept().await?;
//!     while let Some(bytes) = stream.recv().await? {
//!         stream.send(bytes.freeze())?.await?; // no copy: received, frozen, sent
//!     }
//!     stream.close().await;
//!     Ok::<_, Box<dyn std::error::Error>>(())
//! })??;
//! assert_eq!(&client.join().unwrap()?, b"down the hill");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Cost
//!
//! A pass is one system call on a ring, whatever was asked and whatever came. An idle connection is 160 bytes here, and
//! holds no receive memory: blocks are lent to the kernel for all sockets together. Received bytes are not copied to be
//! sent; replies that are queued in one pass leave in one operation a socket. Runs of 32 KiB and more that lie in the
//! heap's file go to the socket by reference: two system calls for a MiB, and not even the kernel copies them.
//!
//! # Limits
//!
//! One thread a channel. 64 KiB may be received and not taken by a socket, and 1 MiB and one value be queued to be sent;
//! 64 connections of a listener accepted and not taken; 64 operations on files in flight. A peer that takes nothing for
//! a minute is reset. All but the first three are set in [`ChannelConfig`]. `SIGPIPE` has to be ignored, as it is in
//! every Rust program: sendfile(2) cannot be told not to raise it.

mod acceptor;
mod bind;
mod by_reference;
mod channel;
mod closing;
mod config;
mod connecting;
mod connection;
mod connects;
mod datagram;
mod datagram_socket;
mod datagrams;
mod descriptor;
mod detached;
mod detaching;
mod dispatch;
mod due;
mod error;
mod event;
mod file;
mod file_events;
mod file_op;
mod file_room;
mod files;
mod filling;
mod gauges;
mod inbox;
mod kernel;
mod lent;
mod line;
mod listen_group;
mod listener;
mod listeners;
pub mod local;
mod lost;
mod names;
mod outbox;
mod queued;
mod rare;
mod receiving;
mod receiving_into;
mod reuseport;
mod sending;
mod socket;
mod stream;
mod streams;
mod table;
mod tcp;
mod ticket;
mod timer;
mod timers;
mod unix;
mod unix_name;
mod zero_copy;

pub use acceptor::{Accepting, Acceptor, SocketKind};
pub use bind::{BindError, ListenPart};
pub use channel::{Channel, EndReport, Passed};
pub use config::ChannelConfig;
pub use connecting::Connecting;
pub use connection::{Closing, Connection, Detaching, Receiving, ReceivingInto, Room, Sending};
pub use datagram::Datagram;
pub use datagram_socket::{
    DatagramSocket, ReceivingDatagram, SendingDatagram, UdpSocket, UnixDatagram,
};
pub use detached::Detached;
pub use error::{Error, Refused};
pub use event::{Event, Events};
pub use file::{File, Filled};
pub use file_room::FileRoom;
pub use gauges::Gauges;
pub use levada_ring::{
    Access, Caps, Choice, CoreWaker, Creation, Deadline, Driver, Errno, Fatal, FileKind, Lack,
    Level, OpenError, OpenHow, Stat, Token, Wait, now,
};
pub use listen_group::ListenGroup;
pub use names::NameIn;
pub use reuseport::Steering;
pub use socket::{Socket, Stale};
pub use tcp::{Tcp, TcpListener, TcpStream};
pub use ticket::Ticket;
pub use timer::Timer;
pub use unix::{PeerCredentials, ReceivingDescriptors, Unix, UnixListener, UnixStream};
pub use unix_name::UnixName;
