//! Connections within this machine, by a path or an abstract name; descriptors travel on them.

use std::os::fd::OwnedFd;

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use levada_pages::FixedBytes;
use levada_ring::{Address, DESCRIPTORS_MAX, Deadline, Errno, Family};
use levada_shared::SharedData;
use rustix::net::sockopt;

use crate::channel::Channel;
use crate::connections::detached::Detached;
use crate::connections::queued::Queued;
use crate::connections::stream::Form;
use crate::error::{Error, Refused};
use crate::futures::acceptor::{Acceptor, SocketKind};
use crate::futures::connecting::{self, Connecting};
use crate::futures::connection::{Connection, Sending};
use crate::futures::unix_name::{self, UnixName};
use crate::listening::listener::Listener;
use crate::listening::reuseport::ListenSocket;
use crate::listening::unix_part::UnixPart;

/// The kind of sockets that stay within this machine.
#[derive(Clone, Copy, Debug)]
pub struct Unix;

impl SocketKind for Unix {
    type Address = UnixName;
}

/// A socket that brings connections within this machine.
pub type UnixListener = Acceptor<Unix>;

/// A connection within this machine.
pub type UnixStream = Connection<Unix>;

/// Who is at the other end of a connection within this machine, as the kernel knows him.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PeerCredentials {
    /// The OS process.
    pub process: i32,
    /// Its user.
    pub user: u32,
    /// Its group.
    pub group: u32,
}

/// Descriptors, when some come.
#[derive(Debug)]
#[must_use = "a future does nothing until it is awaited"]
pub struct ReceivingDescriptors<'a> {
    connection: &'a UnixStream,
}

impl Acceptor<Unix> {
    /// Takes `name` and begins to accept on this channel. A path that is there already is refused, and never unlinked.
    ///
    /// # Errors
    /// What the kernel said: `ADDRINUSE` where the name is taken.
    pub fn bind(channel: &Channel, name: &UnixName) -> Result<Self, Error> {
        let mut listener =
            Listener::new(ListenSocket::alone(unix_name::listen(name)?), false, Form::Futures);
        listener.passes_descriptors = true;
        Self::begin(channel, listener, name.clone()).map_err(|refused| refused.error)
    }

    /// Begins to accept from a part on this channel. Its connections bring bytes alone: what descriptors are sent with them are
    /// closed, and no receive has to look for any.
    ///
    /// # Errors
    /// [`Error::Full`] where the channel has as many listeners as it may have; the part is closed then.
    pub fn open(channel: &Channel, part: UnixPart) -> Result<Self, Refused<()>> {
        let (socket, name) = part.into_parts();
        Self::begin(channel, Listener::new(socket, false, Form::Futures), name)
    }
}

impl Connection<Unix> {
    /// Connects to whoever listens on `name`, within the time that `by` leaves.
    ///
    /// # Errors
    /// The future's: [`Error::NobodyListens`]; what the kernel said; [`Error::Full`] where there are as many connections, or
    /// descriptors, as there may be, or as the listener lets wait.
    pub fn connect(channel: &Channel, name: &UnixName, by: Deadline) -> Connecting<Unix> {
        match Address::unix(name.as_bytes()) {
            Some(to) => Connecting::begin(channel, to, by, true),
            None => Connecting::failed(channel, Error::Kernel(Errno::NAMETOOLONG)),
        }
    }

    /// As [`Self::connect`], to an address in bytes of the caller's, as the kernel has it: `sockaddr_un`. They are the operation's until the
    /// kernel has answered; a future that is dropped frees them then.
    ///
    /// # Errors
    /// As of [`Self::connect`], with the bytes; `AFNOSUPPORT` where they begin with another family.
    pub fn connect_fixed<B: FixedBytes>(
        channel: &Channel,
        to: B,
        by: Deadline,
    ) -> impl Future<Output = Result<(Self, B), Refused<Option<B>>>> + use<B> {
        connecting::connect_fixed(channel, to, by, &[Family::Unix], true)
    }

    /// Takes a connection in that came about elsewhere.
    ///
    /// # Errors
    /// As [`crate::TcpStream::adopt`].
    pub fn adopt(
        channel: &Channel,
        connection: impl Into<Detached>,
    ) -> Result<Self, Refused<Detached>> {
        Self::attach(channel, connection.into(), true)
    }

    /// Queues `data`, at least one byte, and descriptors that arrive with its first; they are closed here when they are sent.
    ///
    /// # Errors
    /// As [`Connection::send`]; `INVAL` where there is no byte, or there are more than 16 descriptors.
    pub fn send_descriptors(
        &self,
        data: SharedData,
        descriptors: Vec<OwnedFd>,
    ) -> Result<Sending<'_>, Refused<SharedData>> {
        if data.is_empty() || descriptors.len() > DESCRIPTORS_MAX {
            return Err(Refused { error: Error::Kernel(Errno::INVAL), value: data });
        }
        self.queue(Queued::with_descriptors(data, descriptors)).map_err(Refused::of_data)
    }

    /// The descriptors that came and nobody has taken, as soon as there are some; none after the peer's last byte. They come
    /// no later than the bytes that they were sent with.
    pub fn recv_descriptors(&self) -> ReceivingDescriptors<'_> {
        ReceivingDescriptors { connection: self }
    }

    /// Who is at the other end. On a channel with a table of its own this takes a descriptor for the moment.
    ///
    /// # Errors
    /// What the kernel said; [`Error::Closed`] where the connection has ended.
    pub async fn peer_credentials(&self) -> Result<PeerCredentials, Error> {
        let asked = core::future::poll_fn(|cx| {
            self.poll_descriptor(cx.waker(), |fd| sockopt::socket_peercred(fd))
        });
        let known = asked.await?.map_err(Error::of)?;
        Ok(PeerCredentials {
            process: known.pid.as_raw_nonzero().get(),
            user: known.uid.as_raw(),
            group: known.gid.as_raw(),
        })
    }
}

impl Future for ReceivingDescriptors<'_> {
    type Output = Result<Vec<OwnedFd>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.connection.poll_descriptors(cx.waker())
    }
}
