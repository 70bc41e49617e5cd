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
//! Who has a loop of his own takes events instead, a batch at a time ([`Channel::dispatch`]): `examples/megapipe.rs` is the
//! same server in that form. Both forms may be used on one channel, and both know UDP and Unix sockets, connecting, timers,
//! files, and connections that leave the channel and come into another.
//!
//! # Cost
//!
//! A pass is one system call on a ring, whatever was asked and whatever came; over epoll each attempt is one. An idle
//! connection is at most 192 bytes here, and holds no receive memory: blocks are lent to the kernel for all sockets
//! together. Received bytes are not copied to be sent; what is queued for a socket in one pass leaves in one operation. Runs of
//! 32 KiB and more that lie in the heap's file go to the socket by reference: two system calls for a MiB, and not even the
//! kernel copies them. A range of a file goes from the kernel's cache to the socket on a thread of the file pool. An event is a
//! push and a take.
//!
//! # Limits
//!
//! One thread a channel. Of a connection in the async form 256 KiB of blocks may be received and not taken; of one in the event
//! form as much as it was given credit for. 1 MiB and one value may be queued to be sent; whoever takes nothing for a minute is
//! reset. 64 connections of a listener are accepted and not taken, 256 listeners, 1,024 sockets of datagrams with 4,096 sends on
//! all of them, 16,384 connections coming about, 65,536 timers, 4,096 timeouts of
//! the kernel's, 64 descriptors that came and were not taken. The numbers of
//! connections, blocks and operations on files, and the minute, are set in [`ChannelConfig`]. `SIGPIPE` has to be ignored, as it
//! is in every Rust program: sendfile(2) cannot be told not to raise it.

mod channel;
mod config;
mod connections;
mod datagrams;
mod due;
mod error;
mod event;
mod events;
mod filing;
mod futures;
mod gauges;
mod kernel;
mod lent;
mod listening;
pub mod local;
mod socket;
mod table;
mod timers;

pub use channel::{Channel, EndReport, Passed};
pub use config::ChannelConfig;
pub use connections::detached::Detached;
pub use datagrams::datagram::Datagram;
pub use error::{Error, Refused};
pub use event::{Event, Events};
pub use filing::names::NameIn;
pub use futures::acceptor::{Accepting, Acceptor, SocketKind};
pub use futures::connecting::Connecting;
pub use futures::connection::{
    Closing, Connection, Detaching, Receiving, ReceivingInto, Room, Sending,
};
pub use futures::datagram_socket::{
    DatagramSocket, ReceivingDatagram, SendingDatagram, UdpSocket, UnixDatagram,
};
pub use futures::file::{File, Filled};
pub use futures::file_room::FileRoom;
pub use futures::tcp::{Tcp, TcpListener, TcpStream};
pub use futures::ticket::Ticket;
pub use futures::timer::Timer;
pub use futures::unix::{PeerCredentials, ReceivingDescriptors, Unix, UnixListener, UnixStream};
pub use futures::unix_name::UnixName;
pub use gauges::Gauges;
pub use levada_ring::{
    Access, Caps, Choice, CoreWaker, Creation, Deadline, Driver, Errno, Fatal, FileKind, Lack,
    Level, OpenError, OpenHow, Stat, TIMESPEC_BYTES, Token, Wait, now, timespec_bytes,
};
pub use listening::bind::{BindError, ListenPart};
pub use listening::listen_group::ListenGroup;
pub use listening::reuseport::Steering;
pub use listening::unix_part::UnixPart;
pub use socket::{Socket, Stale};
