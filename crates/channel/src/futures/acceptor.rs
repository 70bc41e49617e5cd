//! A listener in the async form: connections that come, one after another.

use core::fmt;
use core::future::Future;
use core::net::SocketAddr;
use core::pin::Pin;
use core::task::{Context, Poll};

use crate::channel::Channel;
use crate::connections::stream::Ending;
use crate::error::{Error, Refused};
use crate::futures::connection::Connection;
use crate::listening::listener::Listener;
use crate::table::Name;

/// A kind of sockets, by how they are addressed.
pub trait SocketKind {
    /// What an address is.
    type Address;
}

/// A socket that brings connections: see [`crate::TcpListener`] and [`crate::UnixListener`].
pub struct Acceptor<K: SocketKind> {
    channel: Channel,
    name: Name,
    address: K::Address,
}

/// The next connection, when it comes.
#[must_use = "a future does nothing until it is awaited"]
pub struct Accepting<'a, K: SocketKind> {
    acceptor: &'a Acceptor<K>,
}

impl<K: SocketKind> Acceptor<K> {
    pub(crate) fn begin(
        channel: &Channel,
        listener: Listener,
        address: K::Address,
    ) -> Result<Self, Refused<()>> {
        let name = channel.parts().listeners.listen(listener);
        let name = name.ok_or(Refused { error: Error::Full, value: () })?;
        Ok(Self { channel: channel.clone(), name, address })
    }

    /// Gives its connections receive blocks of their own, a few, so that they are served while others have taken all of the
    /// common ones: for whoever must be able to look in when all is busy.
    pub fn make_urgent(&self) {
        let parts = &mut *self.channel.parts();
        parts.listeners.make_urgent(&mut parts.kernel, &mut parts.lent, self.name);
    }

    /// Gives way: no more connections come to this socket, if it is one of a [`crate::ListenGroup`]; those that wait in its queue
    /// still do, and behind the last of them [`Self::accept`] says that it is closed, after 50 ms without any.
    ///
    /// A peer whose handshake takes longer than that is reset, unless [`crate::ListenGroup::migrates`]. A socket that stands alone
    /// goes on getting connections, and closes in the first such pause.
    ///
    /// # Errors
    /// What the kernel said of the program that leaves it out.
    pub fn drain(&self) -> Result<(), Error> {
        let parts = &mut *self.channel.parts();
        parts.listeners.drain(&parts.kernel, self.name)
    }

    /// The next connection, and its peer's address if those are wanted and it has one.
    pub fn accept(&self) -> Accepting<'_, K> {
        Accepting { acceptor: self }
    }
}

impl<K: SocketKind<Address: Clone>> Acceptor<K> {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> K::Address {
        self.address.clone()
    }
}

impl<K: SocketKind> Drop for Acceptor<K> {
    /// Stops accepting. Connections that were accepted and never taken are closed.
    fn drop(&mut self) {
        let parts = &mut *self.channel.parts();
        for untaken in parts.listeners.close(&mut parts.kernel, self.name) {
            parts.streams.end(untaken, Ending::Close);
        }
    }
}

impl<K: SocketKind> Future for Accepting<'_, K> {
    type Output = Result<(Connection<K>, Option<SocketAddr>), Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let channel = &self.acceptor.channel;
        let accepted = {
            let parts = &mut *channel.parts();
            parts.listeners.poll_accept(&mut parts.kernel, self.acceptor.name, cx.waker())
        };
        accepted.map_ok(|(name, peer)| (Connection::from_parts(channel.clone(), name), peer))
    }
}

impl<K: SocketKind> fmt::Debug for Acceptor<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Acceptor").field(&self.name.index).finish()
    }
}

impl<K: SocketKind> fmt::Debug for Accepting<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Accepting").field(&self.acceptor.name.index).finish()
    }
}
