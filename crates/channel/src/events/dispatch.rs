//! The event form: MegaPipe's loop, in which the program asks by name and one dispatch brings what has happened.
//!
//! Cost: beside that of a pass, a push and a take of each event.

use core::net::SocketAddr;
use core::ops::Range;

use levada_ring::{Address, Deadline, Errno, Fatal, Token, Wait};
use levada_shared::{Account, ExclusiveBuf, SharedData};

use crate::channel::{Channel, Parts, Passed};
use crate::connections::connects::To;
use crate::connections::detached::Detached;
use crate::connections::queued::Queued;
use crate::connections::stream::{Ending, Form};
use crate::connections::streams::{Streams, socket_of};
use crate::datagrams::datagram_sockets;
use crate::error::{Error, Refused};
use crate::event::{Event, Events};
use crate::futures::datagram_socket::bind_udp;
use crate::futures::file::File;
use crate::futures::unix_name::{self, UnixName};
use crate::kernel::{Kind, Watcher, name_of};
use crate::listening::bind::ListenPart;
use crate::listening::listener::Listener;
use crate::listening::reuseport::ListenSocket;
use crate::socket::{Socket, SocketKind, Stale};
use crate::table::Name;

/// What is asked of a stream by its name.
fn is_there(is_there: bool) -> Result<(), Stale> {
    if is_there { Ok(()) } else { Err(Stale) }
}

impl Parts {
    fn stream(&self, socket: Socket) -> Result<Name, Stale> {
        socket.name(SocketKind::Stream, self.kernel.number).ok_or(Stale)
    }

    fn datagrams(&self, socket: Socket) -> Result<Name, Stale> {
        socket.name(SocketKind::Datagrams, self.kernel.number).ok_or(Stale)
    }

    fn listener(&self, socket: Socket) -> Result<Name, Stale> {
        socket.name(SocketKind::Listener, self.kernel.number).ok_or(Stale)
    }
}

impl Channel {
    /// A pass whose news go into `events`, as far as there is room; it does not wait while some are left from before.
    ///
    /// # Errors
    /// [`Fatal`] where the kernel refuses further I/O on this thread.
    pub fn dispatch(&self, events: &mut Events, wait: Wait) -> Result<Passed, Fatal> {
        let passed = self.pass(wait)?;
        let parts = &mut *self.parts();
        if passed.woken {
            parts.kernel.tell(Event::Woken);
        }
        events.take(parts.kernel.events());
        Ok(passed)
    }

    /// Begins to listen; connections come as [`Event::Accepted`] as far as [`Self::accept`] asks for them. `with_peers` says
    /// whether each is to come with its peer's address, which costs an operation each.
    ///
    /// # Errors
    /// [`Error::Full`] where the channel has as many listeners as it may have; the part is closed then.
    pub fn listen(&self, part: ListenPart, with_peers: bool, cookie: u64) -> Result<Socket, Error> {
        let parts = &mut *self.parts();
        let mut listener = Listener::new(part.into_socket(), with_peers, Form::Events);
        listener.cookie = cookie;
        let name = parts.listeners.listen(listener).ok_or(Error::Full)?;
        Ok(Socket::new(SocketKind::Listener, name, parts.kernel.number))
    }

    /// Takes a name of this machine and listens on it. Its connections carry bytes alone: descriptors are for the async form.
    ///
    /// # Errors
    /// What the kernel said: `ADDRINUSE` where the name is taken; [`Error::Full`] where the channel has as many listeners as it
    /// may have.
    pub fn listen_unix(&self, name: &UnixName, cookie: u64) -> Result<Socket, Error> {
        let socket = ListenSocket::alone(unix_name::listen(name)?);
        let mut listener = Listener::new(socket, false, Form::Events);
        listener.cookie = cookie;
        let parts = &mut *self.parts();
        let name = parts.listeners.listen(listener).ok_or(Error::Full)?;
        Ok(Socket::new(SocketKind::Listener, name, parts.kernel.number))
    }

    /// Asks for `credits` connections more. Without credit nothing is accepted: peers wait in the backlog.
    ///
    /// # Errors
    /// [`Stale`] where it is no listener of this channel.
    pub fn accept(&self, listener: Socket, credits: u32) -> Result<(), Stale> {
        let parts = &mut *self.parts();
        let name = parts.listener(listener)?;
        is_there(parts.listeners.credit(&mut parts.kernel, name, credits))
    }

    /// As [`crate::Acceptor::make_urgent`].
    ///
    /// # Errors
    /// [`Stale`] where it is no listener of this channel.
    pub fn make_urgent(&self, listener: Socket) -> Result<(), Stale> {
        let parts = &mut *self.parts();
        let name = parts.listener(listener)?;
        is_there(parts.listeners.make_urgent(&mut parts.kernel, &mut parts.lent, name))
    }

    /// As [`crate::Acceptor::drain`]; [`Event::Closed`] follows.
    ///
    /// # Errors
    /// [`Error::Stale`] where it is no listener of this channel; what the kernel said of the program that leaves it out.
    pub fn drain(&self, listener: Socket) -> Result<(), Error> {
        let parts = &mut *self.parts();
        let name = parts.listener(listener)?;
        is_there(parts.listeners.is_open(name))?;
        parts.listeners.drain(&parts.kernel, name)
    }

    /// Gives a connection the cookie that its events carry, and the account that pays for what it receives from its delivery on;
    /// without one the channel's own goes on paying.
    ///
    /// # Errors
    /// [`Stale`] where it has ended.
    pub fn register(
        &self,
        socket: Socket,
        cookie: u64,
        charge: Option<&Account>,
    ) -> Result<(), Stale> {
        let parts = &mut *self.parts();
        let name = parts.stream(socket)?;
        is_there(parts.streams.register(name, cookie, charge))
    }

    /// Adds credit: so many bytes more may come, in [`Event::Received`]. What the kernel had ready when credit ran out still comes.
    /// Of datagrams each counts as the block that it came in: 4 KiB, or 64.
    ///
    /// # Errors
    /// [`Stale`] where it has ended.
    pub fn recv(&self, socket: Socket, credit_bytes: u32) -> Result<(), Stale> {
        let parts = &mut *self.parts();
        if let Ok(name) = parts.datagrams(socket) {
            return is_there(parts.datagrams.credit(&mut parts.kernel, name, credit_bytes));
        }
        let name = parts.stream(socket)?;
        is_there(parts.streams.credit(&mut parts.kernel, name, credit_bytes))
    }

    /// Takes all credit back: nothing comes but what the kernel had ready, until [`Self::recv`] adds some.
    ///
    /// # Errors
    /// [`Stale`] where it has ended.
    pub fn pause(&self, socket: Socket) -> Result<(), Stale> {
        let parts = &mut *self.parts();
        let name = parts.stream(socket)?;
        is_there(parts.streams.pause(&mut parts.kernel, name))
    }

    /// Receives into `buffer` until `at_least` bytes more are in it, as far as it has room; [`Event::ReceivedInto`] brings it
    /// back. No credit is needed.
    ///
    /// # Errors
    /// [`Refused`] with the buffer: [`Error::Full`] while another is being filled, otherwise why nothing comes any more.
    pub fn recv_into(
        &self,
        socket: Socket,
        buffer: ExclusiveBuf,
        at_least: usize,
    ) -> Result<(), Refused<ExclusiveBuf>> {
        let parts = &mut *self.parts();
        let Ok(name) = parts.stream(socket) else {
            return Err(Refused { error: Error::Stale, value: buffer });
        };
        let filled = parts.streams.fill(&mut parts.kernel, name, buffer, at_least);
        filled.map_err(|(error, value)| Refused { error, value })
    }

    /// Queues `data` behind what is queued already; all that is queued in a pass leaves as one operation. [`Event::Sent`]
    /// follows when the kernel has all of it.
    ///
    /// # Errors
    /// [`Refused`] with the data: [`Error::Full`] while 1 MiB or more is queued ([`Event::Writable`] follows), otherwise
    /// why nothing can be sent.
    #[inline]
    pub fn send(&self, socket: Socket, data: SharedData) -> Result<(), Refused<SharedData>> {
        let parts = &mut *self.parts();
        let Ok(name) = parts.stream(socket) else {
            return Err(Refused { error: Error::Stale, value: data });
        };
        match parts.streams.send(&parts.kernel, name, data.into()) {
            Ok(_) => Ok(()),
            Err(refused) => {
                let is_stale = !parts.streams.is_open(name);
                let error = if is_stale { Error::Stale } else { refused.error };
                Err(Refused { error, value: refused.value.data })
            }
        }
    }

    /// Queues a range of a file behind what is queued already: see [`crate::Connection::send_file`].
    ///
    /// # Errors
    /// As [`Self::send`].
    pub fn send_file(&self, socket: Socket, file: &File, range: Range<u64>) -> Result<(), Error> {
        let parts = &mut *self.parts();
        let name = parts.stream(socket)?;
        is_there(parts.streams.is_open(name))?;
        let queued = Queued::file_range(file.shared_fd(), range);
        let sent = parts.streams.send(&parts.kernel, name, queued);
        sent.map(drop).map_err(|refused| refused.error)
    }

    /// As [`crate::Connection::allow_zero_copy`].
    ///
    /// # Errors
    /// [`Stale`] where it has ended.
    pub fn allow_zero_copy(&self, socket: Socket, is_allowed: bool) -> Result<(), Stale> {
        let parts = &mut *self.parts();
        let name = parts.stream(socket)?;
        is_there(parts.streams.allow_zero_copy(name, is_allowed))
    }

    /// Connects to `to`, within the time that `by` leaves: [`Event::Connected`] or [`Event::Failed`] follows.
    ///
    /// # Errors
    /// [`Error::Full`] where there are as many connections, or descriptors, as there may be; what the kernel said of a socket.
    pub fn connect(&self, to: SocketAddr, cookie: u64, by: Deadline) -> Result<Token, Error> {
        let parts = &mut *self.parts();
        let (kernel, watcher) = (&mut parts.kernel, Watcher::Cookie(cookie));
        let to = To::Address(Box::new(Address::of(to)));
        let begun = parts.connects.begin(kernel, &parts.streams, to, by, watcher, false);
        begun.map(|name| Kind::Connect.token(name)).map_err(|(error, _)| error)
    }

    /// Takes `address` for datagrams of up to `bytes_max`: those that come, as far as there is credit, are
    /// [`Event::Datagram`].
    ///
    /// # Errors
    /// As [`crate::UdpSocket::bind`].
    pub fn bind_datagrams(
        &self,
        address: SocketAddr,
        bytes_max: usize,
        cookie: u64,
    ) -> Result<Socket, Error> {
        let fd = bind_udp(address).map_err(Error::of)?;
        let parts = &mut *self.parts();
        let (kernel, lent) = (&mut parts.kernel, &mut parts.lent);
        let name = parts.datagrams.open(kernel, lent, fd, bytes_max, Form::Events, cookie)?;
        Ok(datagram_sockets::socket_of(kernel, name))
    }

    /// Sends `data` as one datagram to `to`: [`Event::Sent`] or [`Event::Failed`] follows, the latter with the socket's cookie.
    ///
    /// # Errors
    /// [`Refused`] with the data: [`Error::Full`] while 4,096 are being sent; `MSGSIZE` where it has more than 64 pieces.
    pub fn send_to(
        &self,
        socket: Socket,
        data: SharedData,
        to: SocketAddr,
    ) -> Result<Token, Refused<SharedData>> {
        let parts = &mut *self.parts();
        let Ok(name) = parts.datagrams(socket) else {
            return Err(Refused { error: Error::Stale, value: data });
        };
        let (kernel, watcher) = (&mut parts.kernel, Watcher::Cookie(0));
        let sent = parts.datagrams.send(kernel, name, data, &Address::of(to), None, watcher)?;
        Ok(Kind::SendTo.token(sent))
    }

    /// As [`Self::connect`], to whoever listens on a name of this machine.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub fn connect_unix(&self, name: &UnixName, cookie: u64, by: Deadline) -> Result<Token, Error> {
        let to = Address::unix(name.as_bytes()).ok_or(Error::Kernel(Errno::NAMETOOLONG))?;
        let parts = &mut *self.parts();
        let (kernel, watcher) = (&mut parts.kernel, Watcher::Cookie(cookie));
        let to = To::Address(Box::new(to));
        let begun = parts.connects.begin(kernel, &parts.streams, to, by, watcher, false);
        begun.map(|name| Kind::Connect.token(name)).map_err(|(error, _)| error)
    }

    /// Ends this side's direction behind what is queued; the peer may go on sending.
    ///
    /// # Errors
    /// [`Stale`] where it has ended.
    pub fn shutdown(&self, socket: Socket) -> Result<(), Stale> {
        let parts = &mut *self.parts();
        let name = parts.stream(socket)?;
        is_there(parts.streams.shutdown(name))
    }

    /// Closes behind what is queued; of a listener, stops accepting. [`Event::Closed`] is the last event.
    ///
    /// # Errors
    /// [`Stale`] where it has ended.
    pub fn close(&self, socket: Socket) -> Result<(), Stale> {
        let parts = &mut *self.parts();
        if let Ok(name) = parts.listener(socket) {
            is_there(parts.listeners.is_open(name))?;
            parts.listeners.close(&mut parts.kernel, name);
            return Ok(());
        }
        if let Ok(name) = parts.datagrams(socket) {
            is_there(parts.datagrams.is_open(name))?;
            parts.datagrams.close(&mut parts.kernel, name);
            return Ok(());
        }
        let name = parts.stream(socket)?;
        is_there(parts.streams.end(name, Ending::Close))
    }

    /// Closes at once: the peer gets a reset. What is queued comes back in [`Event::Closed`].
    ///
    /// # Errors
    /// [`Stale`] where it has ended.
    pub fn abort(&self, socket: Socket) -> Result<(), Stale> {
        let parts = &mut *self.parts();
        let name = parts.stream(socket)?;
        is_there(parts.streams.end(name, Ending::Abort))
    }

    /// Takes a connection out of the channel, behind what is queued: [`Event::Detached`] brings its descriptor, or
    /// [`Event::Attached`] says why it stays.
    ///
    /// # Errors
    /// [`Stale`] where it has ended.
    pub fn into_fd(&self, socket: Socket) -> Result<(), Stale> {
        let parts = &mut *self.parts();
        let name = parts.stream(socket)?;
        is_there(parts.streams.end(name, Ending::Detach))
    }

    /// Takes a connection in that came about elsewhere, with what was received of it and not taken.
    ///
    /// # Errors
    /// [`Refused`] with what was put in: [`Error::Full`] where there are as many connections as there may be; what the
    /// kernel said where it is no connected socket.
    pub fn adopt(
        &self,
        connection: impl Into<Detached>,
        cookie: u64,
    ) -> Result<Socket, Refused<Detached>> {
        let detached = connection.into();
        if let Err(errno) = Streams::check_connected(&detached.fd) {
            return Err(Refused { error: Error::of(errno), value: detached });
        }
        let parts = &mut *self.parts();
        let kernel = &mut parts.kernel;
        let name = parts
            .streams
            .attach(kernel, detached, Form::Events, false)
            .map_err(|(error, value)| Refused { error, value })?;
        parts.streams.register(name, cookie, None);
        parts.streams.tell_unread(kernel, name);
        Ok(socket_of(kernel, name))
    }

    /// Sets a timer: [`Event::Fired`] follows, never early.
    ///
    /// # Errors
    /// [`Error::Full`] where the channel has 65,536 of them.
    pub fn timer(&self, at: Deadline, cookie: u64) -> Result<Token, Error> {
        let name = self.parts().timers.set(at, Watcher::Cookie(cookie)).ok_or(Error::Full)?;
        Ok(Kind::Timer.token(name))
    }

    /// Wishes an operation ended that was begun with a cookie; datagrams that are being sent go on. A timer that has not fired never does; of others the one event
    /// that they end in says whether the wish or they were faster.
    pub fn cancel(&self, token: Token) {
        let parts = &mut *self.parts();
        let name = name_of(token);
        match Kind::of(token) {
            Some(Kind::Timer) => drop(parts.timers.cancel(name)),
            Some(Kind::Connect) => parts.connects.cancel(&mut parts.kernel, name),
            Some(Kind::File) => parts.files.cancel(&mut parts.kernel, name),
            _ => {}
        }
    }
}
