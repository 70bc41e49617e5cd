//! Detaching: a connection leaves its channel as a descriptor, and comes into another as one; no byte is lost or doubled.

use core::task::{Poll, Waker};
use std::os::fd::{AsRawFd, BorrowedFd, IntoRawFd, OwnedFd};

use levada_ring::{Errno, Target};

use crate::connections::descriptor;
use crate::connections::detached::Detached;
use crate::connections::stream::{Ending, Flight, Form, Stream};
use crate::connections::streams::{Streams, socket_of};
use crate::error::Error;
use crate::event::Event;
use crate::kernel::{Kernel, wait};
use crate::table::Name;

impl Streams {
    /// Takes a connected socket in from elsewhere, with what was received of it and not taken. On a channel with a table of
    /// its own it stays an ordinary descriptor: that costs nothing on the way of its bytes.
    pub(crate) fn attach(
        &mut self,
        kernel: &mut Kernel,
        detached: Detached,
        form: Form,
        passes_descriptors: bool,
    ) -> Result<Name, (Error, Detached)> {
        if self.room_count() == 0 {
            return Err((Error::Full, detached));
        }
        if let Err(errno) = rustix::io::ioctl_fionbio(&detached.fd, true) {
            return Err((Error::of(errno), detached));
        }
        let Detached { fd, unread } = detached;
        kernel.driver.forget(fd.as_raw_fd()); // the number may have been another's who closed it by himself
        let target = Target::Fd(fd.into_raw_fd());
        let name = self.adopt(kernel, target, form, |stream| {
            stream.passes_descriptors = passes_descriptors;
            for block in unread {
                stream.credit_bytes -= Stream::cost(form, &block);
                stream.inbox.push(block);
            }
        });
        Ok(name.unwrap_or_else(|_| unreachable!("there was room")))
    }

    /// What an attached connection brought with it becomes events.
    pub(crate) fn tell_unread(&mut self, kernel: &mut Kernel, name: Name) {
        let socket = socket_of(kernel, name);
        let Some(stream) = self.table.get(name) else { return };
        while let Some(bytes) = stream.inbox.pop() {
            kernel.tell(Event::Received { socket, cookie: stream.cookie, bytes });
        }
    }

    /// Takes the next step of leaving: the channel has nothing in flight for it.
    pub(crate) fn detach(&mut self, kernel: &mut Kernel, name: Name) {
        let Some(stream) = self.table.get(name) else { return };
        if stream.install != Flight::No
            || stream.rare.as_ref().is_some_and(|rare| rare.zero_copy.unnoticed_bytes > 0)
        {
            return;
        }
        if let Some(error) = stream.rare().detach_error.take() {
            return self.stays(kernel, name, error);
        }
        match (stream.target, &stream.descriptor) {
            (Target::Fd(fd), _) => {
                stream.close = Flight::Out; // nothing is closed: it has another owner now
                stream.descriptor = Some(descriptor::given_up(fd));
                self.descriptors_held += 1;
                kernel.driver.forget(fd);
                self.is_detached(kernel, name);
            }
            (Target::Direct(_), Some(_)) => {
                stream.close = Flight::Out;
                kernel.close(name, stream.target);
            }
            (Target::Direct(_), None) => self.install(kernel, name),
        }
    }

    /// Asks for a descriptor beside its place, if that is not asked for already.
    pub(crate) fn install(&mut self, kernel: &mut Kernel, name: Name) {
        let Some(stream) = self.table.get(name) else { return };
        if let (Target::Direct(place), Flight::No) = (stream.target, stream.install) {
            stream.install = Flight::Out;
            self.descriptors_held += 1;
            kernel.install(name, place);
        }
    }

    /// No descriptor could be had: the connection goes on where it is.
    fn stays(&mut self, kernel: &mut Kernel, name: Name, error: Error) {
        let socket = socket_of(kernel, name);
        let Some(stream) = self.table.get(name) else { return };
        stream.ending = Ending::No;
        if stream.form == Form::Events {
            kernel.tell(Event::Attached { socket, cookie: stream.cookie, error });
            self.tell_unread(kernel, name);
            self.tell_end(kernel, name);
        } else {
            stream.rare().detach_error = Some(error);
            kernel.wake(&mut stream.writer);
        }
        self.arm(kernel, name);
    }

    /// It has left: what is here of it is its descriptor, and what came.
    pub(crate) fn is_detached(&mut self, kernel: &mut Kernel, name: Name) {
        let socket = socket_of(kernel, name);
        let Some(stream) = self.table.get(name) else { return };
        let Some(fd) = stream.descriptor.take() else { return };
        self.descriptors_held -= 1;
        let mut detached = Detached::from(fd);
        detached.unread.extend(core::iter::from_fn(|| stream.inbox.pop()));
        if let Some(rare) = &mut stream.rare {
            detached.unread.extend(rare.unpaid.drain(..));
        }
        if stream.form == Form::Events {
            let cookie = stream.cookie;
            self.table.remove(name);
            kernel.tell(Event::Detached { socket, cookie, detached });
        } else {
            stream.rare().detached = Some(detached);
            kernel.wake(&mut stream.writer);
        }
    }

    /// The connection, when it has left; forgets it with that.
    pub(crate) fn poll_detached(
        &mut self,
        name: Name,
        waker: &Waker,
    ) -> Poll<Result<Detached, Error>> {
        let Some(stream) = self.table.get(name) else { return Poll::Ready(Err(Error::Closed)) };
        let rare = stream.rare();
        if let Some(detached) = rare.detached.take() {
            self.table.remove(name);
            return Poll::Ready(Ok(detached));
        }
        if stream.ending == Ending::No
            && let Some(error) = stream.rare().detach_error.take()
        {
            return Poll::Ready(Err(error));
        }
        wait(&mut stream.writer, waker);
        Poll::Pending
    }

    /// What `ask` says of its descriptor, when it has one.
    pub(crate) fn poll_descriptor<R>(
        &mut self,
        kernel: &mut Kernel,
        name: Name,
        waker: &Waker,
        ask: impl FnOnce(BorrowedFd<'_>) -> R,
    ) -> Poll<Result<R, Error>> {
        let Some(stream) = self.table.get(name) else { return Poll::Ready(Err(Error::Closed)) };
        if let Some(fd) = stream.any_descriptor() {
            return Poll::Ready(Ok(ask(fd)));
        }
        if let Some(error) = stream.rare().detach_error.take() {
            return Poll::Ready(Err(error));
        }
        wait(&mut stream.writer, waker);
        stream.rare().asks_descriptor = true;
        self.install(kernel, name);
        Poll::Pending
    }

    /// Nobody waits any more for it to leave: it is closed.
    pub(crate) fn forget_detaching(&mut self, name: Name) {
        let has_left =
            |stream: &Stream| stream.rare.as_ref().is_some_and(|rare| rare.detached.is_some());
        if self.table.peek(name).is_some_and(has_left) {
            self.table.remove(name);
        } else {
            self.end(name, Ending::Close);
        }
        // Its place is being closed already: when that is done it is a close like any other, and nobody is given the
        // descriptor.
        if let Some(stream) = self.table.get(name)
            && stream.ending == Ending::Detach
        {
            stream.ending = Ending::Close;
        }
    }

    /// No descriptor was to be had: whoever asked for one is told.
    pub(crate) fn not_installed(&mut self, name: Name, errno: Errno) {
        let Some(stream) = self.table.get(name) else { return };
        let is_leaving = stream.ending == Ending::Detach;
        if core::mem::take(&mut stream.rare().asks_descriptor) || is_leaving {
            stream.rare().detach_error = Some(Error::of(errno));
        }
    }

    /// Room for a descriptor that is open elsewhere, if it is a connected socket.
    pub(crate) fn check_connected(fd: &OwnedFd) -> Result<(), Errno> {
        rustix::net::getpeername(fd).map(drop)
    }
}
