//! Listening and talking over TCP, as futures that own nothing which the kernel sees.
//!
//! A future that is dropped detaches: what was queued is still sent, what comes stays for the next call. Dropping a
//! stream closes it in the background, behind what is queued.

use core::fmt;
use core::future::Future;
use core::net::SocketAddr;
use core::pin::Pin;
use core::task::{Context, Poll};

use levada_shared::{ExclusiveBuf, SharedData};

use crate::bind::ListenPart;
use crate::channel::Channel;
use crate::error::{Error, Refused};
use crate::stream::Ending;
use crate::table::Name;

/// A socket that brings connections.
pub struct TcpListener {
    channel: Channel,
    name: Name,
    address: SocketAddr,
}

/// A connection.
pub struct TcpStream {
    channel: Channel,
    name: Name,
    /// Somebody else sees to its end.
    is_ended: bool,
}

/// The next connection, when it comes.
#[derive(Debug)]
#[must_use = "a future does nothing until it is awaited"]
pub struct Accepting<'a> {
    listener: &'a TcpListener,
}

/// The next block, when it comes.
#[derive(Debug)]
#[must_use = "a future does nothing until it is awaited"]
pub struct Receiving<'a> {
    stream: &'a TcpStream,
}

/// A send that is under way, awaited or not.
#[derive(Debug)]
#[must_use = "await it to know when the bytes are with the peer's kernel, or drop it: they are sent all the same"]
pub struct Sending<'a> {
    stream: &'a TcpStream,
    until_bytes: u64,
}

/// Room for more to be sent.
#[derive(Debug)]
#[must_use = "a future does nothing until it is awaited"]
pub struct Room<'a> {
    stream: &'a TcpStream,
}

/// A close that is under way, awaited or not.
#[must_use = "await it to know when the kernel has closed, or drop it: it is closed all the same"]
pub struct Closing {
    channel: Channel,
    name: Name,
}

impl TcpListener {
    /// Begins to accept on this channel. `with_peers` says whether each connection is to come with its peer's address,
    /// which costs an operation each.
    ///
    /// # Errors
    /// [`Refused`] with the part where the channel has as many listeners as it may have.
    pub fn open(
        channel: &Channel,
        part: ListenPart,
        with_peers: bool,
    ) -> Result<Self, Refused<()>> {
        let address = part.address();
        let name = channel.parts().listeners.listen(part.into_fd(), with_peers);
        let name = name.map_err(|_| Refused { error: Error::Full, value: () })?;
        Ok(Self { channel: channel.clone(), name, address })
    }

    /// The next connection, and its peer's address if those are wanted.
    pub fn accept(&self) -> Accepting<'_> {
        Accepting { listener: self }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for TcpListener {
    /// Stops accepting. Connections that were accepted and never taken are closed.
    fn drop(&mut self) {
        let parts = &mut *self.channel.parts();
        for untaken in parts.listeners.close(&mut parts.kernel, self.name) {
            parts.streams.end(untaken, Ending::Close);
        }
    }
}

impl Future for Accepting<'_> {
    type Output = Result<(TcpStream, Option<SocketAddr>), Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let channel = &self.listener.channel;
        let accepted = channel.parts().listeners.poll_accept(self.listener.name, cx.waker());
        accepted.map_ok(|(name, peer)| (TcpStream::from_parts(channel.clone(), name), peer))
    }
}

impl TcpStream {
    pub(crate) fn from_parts(channel: Channel, name: Name) -> Self {
        Self { channel, name, is_ended: false }
    }

    /// The stream's name, for who sees to its end himself.
    pub(crate) fn into_parts(mut self) -> (Channel, Name) {
        self.is_ended = true;
        (self.channel.clone(), self.name)
    }

    /// The next block that the peer sent; `None` after its last.
    pub fn recv(&self) -> Receiving<'_> {
        Receiving { stream: self }
    }

    /// Queues `data` behind what is queued already. It leaves with the channel's next pass, together with what else is
    /// queued then; waiting for that is optional.
    ///
    /// # Errors
    /// [`Refused`] with the data: [`Error::Full`] while 1 MiB or more is queued, otherwise why nothing can be sent.
    pub fn send(&self, data: SharedData) -> Result<Sending<'_>, Refused<SharedData>> {
        let parts = &mut *self.channel.parts();
        let until_bytes = parts.streams.send(&parts.kernel, self.name, data)?;
        Ok(Sending { stream: self, until_bytes })
    }

    /// Waits until `until_bytes` of all that was ever queued are with the peer's kernel: see [`Sending::until_bytes`].
    pub fn sent(&self, until_bytes: u64) -> Sending<'_> {
        Sending { stream: self, until_bytes }
    }

    /// Waits until no more than a quarter of what may be queued is.
    pub fn room(&self) -> Room<'_> {
        Room { stream: self }
    }

    /// Ends this side's direction behind what is queued: the peer reads the end, and may go on sending.
    pub fn shutdown(&self) {
        self.channel.parts().streams.shutdown(self.name);
    }

    /// Closes behind what is queued.
    pub fn close(self) -> Closing {
        let (channel, name) = self.into_parts();
        channel.parts().streams.end(name, Ending::Close);
        Closing { channel, name }
    }

    /// Closes behind what is queued, for a peer that has promised to send nothing more: the end may go in the same segment
    /// as the last bytes. If the peer sends all the same it may get a reset in the place of those.
    pub fn close_together(self) -> Closing {
        let (channel, name) = self.into_parts();
        channel.parts().streams.end(name, Ending::CloseTogether);
        Closing { channel, name }
    }

    /// Closes at once: the peer gets a reset, and what is queued is forgotten.
    pub fn abort(self) {
        let (channel, name) = self.into_parts();
        channel.parts().streams.end(name, Ending::Abort);
    }
}

impl Drop for TcpStream {
    fn drop(&mut self) {
        if !self.is_ended {
            self.channel.parts().streams.end(self.name, Ending::Close);
        }
    }
}

impl Future for Receiving<'_> {
    type Output = Result<Option<ExclusiveBuf>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let parts = &mut *self.stream.channel.parts();
        parts.streams.poll_recv(&mut parts.kernel, self.stream.name, cx.waker())
    }
}

impl Sending<'_> {
    /// How many bytes of all that was ever queued will have been sent when this is: a number to wait for later.
    #[must_use]
    pub fn until_bytes(&self) -> u64 {
        self.until_bytes
    }
}

impl Future for Sending<'_> {
    type Output = Result<(), Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.stream.channel.parts().streams.poll_sent(
            self.stream.name,
            self.until_bytes,
            cx.waker(),
        )
    }
}

impl Future for Room<'_> {
    type Output = Result<(), Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.stream.channel.parts().streams.poll_room(self.stream.name, cx.waker())
    }
}

impl Future for Closing {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.channel.parts().streams.poll_closed(self.name, cx.waker())
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TcpListener").field(&self.address).finish()
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TcpStream").field(&self.name.index).finish()
    }
}

impl fmt::Debug for Closing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Closing").field(&self.name.index).finish()
    }
}
