//! A door is a listener that its core keeps, so that no crash of who accepts from it closes it: who comes meanwhile waits.

use core::fmt;
use core::future::poll_fn;
use core::net::SocketAddr;
use core::pin::pin;
use core::task::Poll;

use levada_channel::{
    Acceptor, Connection, Error, ListenPart, Refused, SocketKind, Tcp, TcpListener, Unix,
    UnixListener, UnixPart,
};

use crate::io::Io;
use crate::per_core::PerCore;

/// The right to accept from a listener of this core; clones name the same. For a process that is supervised: its recipe has a clone, and
/// the next incarnation goes on where the last one ended. It is open until it is closed, or its core ends.
pub struct Door<K: SocketKind = Tcp>(PerCore<Option<Acceptor<K>>>);

impl Door {
    /// Opens a door on the core that this runs on; on others it is closed.
    ///
    /// # Errors
    /// As [`TcpListener::open`].
    ///
    /// # Panics
    /// Elsewhere than on a core.
    pub fn open(io: &Io, part: ListenPart, tells_peers: bool) -> Result<Self, Refused<()>> {
        TcpListener::open(&io.channel(), part, tells_peers).map(Self::of)
    }
}

impl Door<Unix> {
    /// As [`Door::open`], for connections within this machine.
    ///
    /// # Errors
    /// As [`UnixListener::open`].
    ///
    /// # Panics
    /// Elsewhere than on a core.
    pub fn open_unix(io: &Io, part: UnixPart) -> Result<Self, Refused<()>> {
        UnixListener::open(&io.channel(), part).map(Self::of)
    }
}

impl<K: SocketKind + 'static> Door<K> {
    fn of(listener: Acceptor<K>) -> Self {
        let door = Self(PerCore::new(|| None));
        door.0.with(|kept| *kept = Some(listener));
        door
    }

    /// Who comes next, and from where, if that is told.
    ///
    /// # Errors
    /// That nobody will: the core winds down, or the door is closed.
    ///
    /// # Panics
    /// Elsewhere than on a core.
    pub async fn accept(&self) -> Result<(Connection<K>, Option<SocketAddr>), Error> {
        poll_fn(|context| {
            self.0.with(|kept| match kept {
                Some(listener) => pin!(listener.accept()).poll(context),
                None => Poll::Ready(Err(Error::Closed)),
            })
        })
        .await
    }

    /// Closes it: connections that were not accepted yet are closed.
    ///
    /// # Panics
    /// Elsewhere than on a core.
    pub fn close(&self) {
        let closed = self.0.with(Option::take);
        drop(closed);
    }
}

impl<K: SocketKind> Clone for Door<K> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K: SocketKind> fmt::Debug for Door<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Door").field(&self.0).finish()
    }
}
