//! Connecting: a socket is made, the kernel is asked to connect it, and a deadline ends the asking.
#![expect(unsafe_code, reason = "lends the address to the kernel until it answers")]

use core::mem::ManuallyDrop;
use core::task::{Poll, Waker};
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd};

use levada_pages::KeptBytes;
use levada_ring::{Address, Deadline, Done, Errno, Family, Op, ReadSpan, Target};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with, sockopt};

use crate::connections::stream::{Ending, Form};
use crate::connections::streams::{Streams, socket_of};
use crate::due::Due;
use crate::error::Error;
use crate::event::Event;
use crate::kernel::{Kernel, Kind, Watcher};
use crate::table::{Name, Table};

/// How many connections may be coming about at a time.
const CONNECTS_MAX: u32 = 16_384;

/// All that are coming about.
#[derive(Debug)]
pub(crate) struct Connects {
    table: Table<Connect>,
    due: Due,
}

/// Whom to connect to: an address of our own, or as the kernel has it, in bytes that were given for the time.
#[derive(Debug)]
pub(crate) enum To {
    Address(Box<Address>),
    Given(KeptBytes),
}

impl To {
    fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Address(address) => address.as_bytes(),
            Self::Given(bytes) => bytes.as_bytes(),
        }
    }

    /// The bytes, if they were given.
    pub(crate) fn into_given(self) -> Option<KeptBytes> {
        match self {
            Self::Address(_) => None,
            Self::Given(bytes) => Some(bytes),
        }
    }
}

/// One of them.
///
/// # Invariants
/// 1. While `is_out`, the bytes of `to` stay where they are, in their box or with their owner, unchanged.
#[derive(Debug)]
struct Connect {
    to: ManuallyDrop<Option<To>>,
    socket: Option<OwnedFd>,
    passes_descriptors: bool,
    is_out: bool,
    is_late: bool,
    is_forgotten: bool,
    watcher: Watcher,
    answer: Option<Result<Name, Error>>,
}

impl Connects {
    pub(crate) fn new() -> Self {
        Self { table: Table::new(CONNECTS_MAX), due: Due::default() }
    }

    /// Begins to connect.
    ///
    /// # Errors
    /// [`Error::Full`] where there is no room for it; otherwise what the kernel said of the socket. What was put in comes back.
    pub(crate) fn begin(
        &mut self,
        kernel: &mut Kernel,
        streams: &Streams,
        to: To,
        by: Deadline,
        watcher: Watcher,
        passes_descriptors: bool,
    ) -> Result<Name, (Error, To)> {
        if streams.room_count() <= self.table.used_count() {
            return Err((Error::Full, to));
        }
        let socket = match make_socket(to.as_bytes()) {
            Ok(socket) => socket,
            Err(Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::NOBUFS) => {
                return Err((Error::Full, to));
            }
            Err(errno) => return Err((Error::of(errno), to)),
        };
        let span = ReadSpan::of(to.as_bytes());
        let fd = socket.as_raw_fd();
        let connect = Connect {
            to: ManuallyDrop::new(Some(to)),
            socket: Some(socket),
            passes_descriptors,
            is_out: true,
            is_late: false,
            is_forgotten: false,
            watcher,
            answer: None,
        };
        let name = self.table.insert(connect).map_err(|mut refused| {
            refused.is_out = false;
            (Error::Full, refused.to.take().expect("it was just put in"))
        })?;
        kernel.driver.forget(fd); // the number may have been another's who closed it by himself
        let op = Op::Connect { socket: Target::Fd(fd), to: span };
        // SAFETY: invariant 1, until `answered`.
        unsafe { kernel.driver.push(Kind::Connect.token(name), &op) };
        if by != Deadline::NEVER {
            self.due.push(by, name);
        }
        Ok(name)
    }

    /// The kernel has answered.
    pub(crate) fn answered(
        &mut self,
        kernel: &mut Kernel,
        streams: &mut Streams,
        name: Name,
        done: &Done,
    ) {
        let Some(connect) = self.table.get(name) else { return };
        connect.is_out = false;
        let Some(socket) = connect.socket.take() else { return };
        let is_wanted = !connect.is_forgotten && !connect.is_late;
        let form = match connect.watcher {
            Watcher::Future(_) => Form::Futures,
            Watcher::Cookie(_) => Form::Events,
        };
        let answer = match done.result {
            Ok(_) if is_wanted => {
                let passes_descriptors = connect.passes_descriptors;
                let target = Target::Fd(socket.into_raw_fd());
                let adopted = streams.adopt(kernel, target, form, |stream| {
                    stream.passes_descriptors = passes_descriptors;
                });
                adopted.map_err(|target| {
                    kernel.discard(target);
                    Error::Full
                })
            }
            result => {
                // Through the driver, which may know the descriptor: its number is the next one's.
                kernel.discard(Target::Fd(socket.into_raw_fd()));
                Err(match result {
                    _ if connect.is_late => Error::TimedOut,
                    Err(Errno::TIMEDOUT) => Error::TimedOut,
                    // Of a name of this machine: as many wait there as may.
                    Err(Errno::AGAIN) => Error::Full,
                    Err(errno) => Error::of(errno),
                    Ok(_) => Error::Closed,
                })
            }
        };
        self.tell(kernel, streams, name, answer);
    }

    fn tell(
        &mut self,
        kernel: &mut Kernel,
        streams: &mut Streams,
        name: Name,
        answer: Result<Name, Error>,
    ) {
        let Some(connect) = self.table.get(name) else { return };
        if connect.is_forgotten {
            self.remove(name);
            return;
        }
        match &mut connect.watcher {
            Watcher::Future(waker) => {
                kernel.wake(waker);
                connect.answer = Some(answer);
            }
            Watcher::Cookie(cookie) => {
                let (token, cookie) = (Kind::Connect.token(name), *cookie);
                self.remove(name);
                kernel.tell(match answer {
                    Ok(stream) => {
                        streams.register(stream, cookie, None);
                        let socket = socket_of(kernel, stream);
                        Event::Connected { token, cookie, socket }
                    }
                    Err(error) => {
                        Event::Failed { token, cookie, error, buffer: None, unwritten: None }
                    }
                });
            }
        }
    }

    fn remove(&mut self, name: Name) -> Option<(Result<Name, Error>, Option<KeptBytes>)> {
        let mut removed = self.table.remove(name)?;
        let table = &self.table;
        self.due.sweep(table.used_count(), |name| table.peek(name).is_some());
        let answer = removed.answer.take()?;
        Some((answer, removed.to.take().and_then(To::into_given)))
    }

    /// The connection, when it is there, and the bytes that were given for the time; forgets the asking with that.
    pub(crate) fn poll(
        &mut self,
        name: Name,
        waker: &Waker,
    ) -> Poll<(Result<Name, Error>, Option<KeptBytes>)> {
        match self.table.get(name) {
            None => Poll::Ready((Err(Error::Closed), None)),
            Some(connect) if connect.answer.is_none() => {
                connect.watcher.wait(waker);
                Poll::Pending
            }
            Some(_) => Poll::Ready(self.remove(name).unwrap_or((Err(Error::Closed), None))),
        }
    }

    /// Nobody wants the connection any more: one that comes about anyway is closed.
    pub(crate) fn forget(&mut self, kernel: &mut Kernel, streams: &mut Streams, name: Name) {
        let Some(connect) = self.table.get(name) else { return };
        connect.is_forgotten = true;
        if connect.is_out {
            kernel.driver.cancel(Kind::Connect.token(name));
        } else if let Some((Ok(stream), _)) = self.remove(name) {
            streams.end(stream, Ending::Close);
        }
    }

    /// Takes it back: it fails as if it had been closed, unless it was faster.
    pub(crate) fn cancel(&mut self, kernel: &mut Kernel, name: Name) {
        if self.table.peek(name).is_some_and(|connect| connect.is_out) {
            kernel.driver.cancel(Kind::Connect.token(name));
        }
    }

    /// Ends those that took too long.
    pub(crate) fn expire(&mut self, kernel: &mut Kernel) {
        while let Some(name) = self.due.pop(kernel.now) {
            if let Some(connect) = self.table.get(name).filter(|connect| connect.is_out) {
                connect.is_late = true;
                kernel.driver.cancel(Kind::Connect.token(name));
            }
        }
    }

    pub(crate) fn next_deadline(&self) -> Deadline {
        self.due.next()
    }

    /// Gives them all up, for a channel that ends.
    pub(crate) fn forget_all(&mut self, kernel: &mut Kernel, streams: &mut Streams) {
        let names: Vec<Name> = self.table.names().collect();
        names.into_iter().for_each(|name| self.forget(kernel, streams, name));
    }
}

impl Drop for Connect {
    /// An address that a kernel which never answered may still read stays for ever, and so does the socket.
    fn drop(&mut self) {
        if self.is_out {
            let _quarantined = ManuallyDrop::new(self.socket.take());
        } else {
            drop(self.to.take());
        }
    }
}

fn make_socket(to: &[u8]) -> Result<OwnedFd, Errno> {
    let family = match Family::of_address(to).ok_or(Errno::AFNOSUPPORT)? {
        Family::V4 => AddressFamily::INET,
        Family::V6 => AddressFamily::INET6,
        Family::Unix => AddressFamily::UNIX,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    if family != AddressFamily::UNIX {
        // As of those that are accepted: what is queued leaves whole, so waiting for more would only delay it.
        sockopt::set_tcp_nodelay(&socket, true)?;
    }
    Ok(socket)
}
