//! TCP: listening, connecting, and connections that came about elsewhere.

use core::future::Future;
use core::net::SocketAddr;

use levada_pages::FixedBytes;
use levada_ring::{Address, Deadline, Family};

use crate::channel::Channel;
use crate::connections::detached::Detached;
use crate::connections::stream::Form;
use crate::error::Refused;
use crate::futures::acceptor::{Acceptor, SocketKind};
use crate::futures::connecting::{self, Connecting};
use crate::futures::connection::Connection;
use crate::listening::bind::ListenPart;
use crate::listening::listener::Listener;

/// The kind of sockets that go over a network.
#[derive(Clone, Copy, Debug)]
pub struct Tcp;

impl SocketKind for Tcp {
    type Address = SocketAddr;
}

/// A socket that brings connections over a network.
pub type TcpListener = Acceptor<Tcp>;

/// A connection over a network.
pub type TcpStream = Connection<Tcp>;

impl Acceptor<Tcp> {
    /// Begins to accept on this channel. `with_peers` says whether each connection is to come with its peer's address,
    /// which costs an operation each.
    ///
    /// # Errors
    /// [`crate::Error::Full`] where the channel has as many listeners as it may have; the part is closed then.
    pub fn open(
        channel: &Channel,
        part: ListenPart,
        with_peers: bool,
    ) -> Result<Self, Refused<()>> {
        let address = part.address();
        let listener = Listener::new(part.into_socket(), with_peers, Form::Futures);
        Self::begin(channel, listener, address)
    }
}

impl Connection<Tcp> {
    /// Connects to `to`, within the time that `by` leaves.
    ///
    /// # Errors
    /// The future's: [`crate::Error::NobodyListens`], [`crate::Error::Unreachable`], [`crate::Error::TimedOut`];
    /// [`crate::Error::Full`] where there are as many connections, or descriptors, as there may be.
    pub fn connect(channel: &Channel, to: SocketAddr, by: Deadline) -> Connecting<Tcp> {
        Connecting::begin(channel, Address::of(to), by, false)
    }

    /// As [`Self::connect`], to an address in bytes of the caller's, as the kernel has it: `sockaddr_in` or `sockaddr_in6`. They are the operation's until the
    /// kernel has answered; a future that is dropped frees them then.
    ///
    /// # Errors
    /// As of [`Self::connect`], with the bytes; `AFNOSUPPORT` where they begin with another family.
    pub fn connect_fixed<B: FixedBytes>(
        channel: &Channel,
        to: B,
        by: Deadline,
    ) -> impl Future<Output = Result<(Self, B), Refused<Option<B>>>> + use<B> {
        connecting::connect_fixed(channel, to, by, &[Family::V4, Family::V6], false)
    }

    /// Takes a connection in that came about elsewhere: on another channel, in a library, in another OS process.
    ///
    /// # Errors
    /// [`Refused`] with what was put in: [`crate::Error::Full`] where there are as many connections as there may be; what
    /// the kernel said where it is no connected socket.
    pub fn adopt(
        channel: &Channel,
        connection: impl Into<Detached>,
    ) -> Result<Self, Refused<Detached>> {
        Self::attach(channel, connection.into(), false)
    }
}
