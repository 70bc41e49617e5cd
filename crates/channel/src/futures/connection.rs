//! A connection in the async form: futures that own nothing which the kernel sees.
//!
//! A future that is dropped detaches: what was queued is still sent, what comes stays for the next call. Dropping a
//! connection closes it in the background, behind what is queued.

use core::fmt;
use core::future::Future;
use core::marker::PhantomData;
use core::ops::Range;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::os::fd::{BorrowedFd, OwnedFd};

use levada_shared::{Account, ExclusiveBuf, SharedData};

use crate::channel::Channel;
use crate::connections::detached::Detached;
use crate::connections::queued::Queued;
use crate::connections::stream::{Ending, Form};
use crate::connections::streams::Streams;
use crate::error::{Error, Refused};
use crate::futures::file::File;
use crate::table::Name;

/// A connection, over a network or within this machine: see [`crate::TcpStream`] and [`crate::UnixStream`].
pub struct Connection<K> {
    channel: Channel,
    name: Name,
    /// Somebody else sees to its end.
    is_ended: bool,
    kind: PhantomData<K>,
}

/// Which connection a future is about.
#[derive(Clone, Copy, Debug)]
struct At<'a> {
    channel: &'a Channel,
    name: Name,
}

/// The next block, when it comes.
#[derive(Debug)]
#[must_use = "a future does nothing until it is awaited"]
pub struct Receiving<'a> {
    at: At<'a>,
}

/// A send that is under way, awaited or not.
#[derive(Debug)]
#[must_use = "await it to know when the bytes are with the peer's kernel, or drop it: they are sent all the same"]
pub struct Sending<'a> {
    at: At<'a>,
    until_bytes: u64,
}

/// Room for more to be sent.
#[derive(Debug)]
#[must_use = "a future does nothing until it is awaited"]
pub struct Room<'a> {
    at: At<'a>,
}

/// A buffer that is being filled.
#[derive(Debug)]
#[must_use = "await it, or drop it: what came is then received as everything else"]
pub struct ReceivingInto<'a> {
    at: At<'a>,
    refused: Option<(Error, ExclusiveBuf)>,
    is_over: bool,
}

/// A connection that is leaving its channel.
#[must_use = "await it for the descriptor; dropped, the connection is closed"]
pub struct Detaching<K> {
    channel: Channel,
    name: Name,
    is_over: bool,
    kind: PhantomData<K>,
}

/// A close that is under way, awaited or not.
#[must_use = "await it to know when the kernel has closed, or drop it: it is closed all the same"]
pub struct Closing {
    channel: Channel,
    name: Name,
}

impl<K> Connection<K> {
    pub(crate) fn from_parts(channel: Channel, name: Name) -> Self {
        Self { channel, name, is_ended: false, kind: PhantomData }
    }

    fn at(&self) -> At<'_> {
        At { channel: &self.channel, name: self.name }
    }

    /// Takes a connection in that came about elsewhere, with what was received of it and not taken.
    ///
    /// # Errors
    /// [`Refused`] with what was put in: [`Error::Full`] where there are as many connections as there may be; what the
    /// kernel said where it is no connected socket.
    pub(crate) fn attach(
        channel: &Channel,
        detached: Detached,
        passes_descriptors: bool,
    ) -> Result<Self, Refused<Detached>> {
        let parts = &mut *channel.parts();
        if let Err(errno) = Streams::check_connected(&detached.fd) {
            return Err(Refused { error: Error::of(errno), value: detached });
        }
        let (kernel, form) = (&mut parts.kernel, Form::Futures);
        match parts.streams.attach(kernel, detached, form, passes_descriptors) {
            Ok(name) => Ok(Self::from_parts(channel.clone(), name)),
            Err((error, value)) => Err(Refused { error, value }),
        }
    }

    /// The stream's name, for who sees to its end himself.
    pub(crate) fn into_parts(mut self) -> (Channel, Name) {
        self.is_ended = true;
        (self.channel.clone(), self.name)
    }

    /// The next block that the peer sent; `None` after its last.
    pub fn recv(&self) -> Receiving<'_> {
        Receiving { at: self.at() }
    }

    /// Queues `data` behind what is queued already. It leaves with the channel's next pass, together with what else is
    /// queued then; waiting for that is optional.
    ///
    /// # Errors
    /// [`Refused`] with the data: [`Error::Full`] while 1 MiB or more is queued, otherwise why nothing can be sent.
    pub fn send(&self, data: SharedData) -> Result<Sending<'_>, Refused<SharedData>> {
        let parts = &mut *self.channel.parts();
        let sent = parts.streams.send(&parts.kernel, self.name, data.into());
        let until_bytes = sent.map_err(Refused::of_data)?;
        Ok(Sending { at: self.at(), until_bytes })
    }

    /// Queues a range of a file behind what is queued already. Its bytes go from the kernel's cache to the socket, and are never
    /// in this program; a thread of the file pool waits for the disk. A file that is shorter ends the connection with a
    /// reset, since its peer was promised more.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub fn send_file(&self, file: &File, range: Range<u64>) -> Result<Sending<'_>, Refused<()>> {
        let queued = Queued::file_range(file.shared_fd(), range);
        self.queue(queued).map_err(|refused| Refused { error: refused.error, value: () })
    }

    pub(crate) fn queue(&self, queued: Queued) -> Result<Sending<'_>, Refused<Queued>> {
        let parts = &mut *self.channel.parts();
        let until_bytes = parts.streams.send(&parts.kernel, self.name, queued)?;
        Ok(Sending { at: self.at(), until_bytes })
    }

    /// Receives into `buffer`, behind what it holds, until `at_least` bytes more are in it, as far as it has room: for bodies
    /// whose length is known. What came before is copied in; the rest goes straight there.
    ///
    /// A future that is dropped loses nothing: what came into the buffer is what [`Self::recv`] brings next.
    pub fn recv_into(&self, buffer: ExclusiveBuf, at_least: usize) -> ReceivingInto<'_> {
        let parts = &mut *self.channel.parts();
        let refused = parts.streams.fill(&mut parts.kernel, self.name, buffer, at_least).err();
        ReceivingInto { at: self.at(), is_over: refused.is_some(), refused }
    }

    /// Lets another account pay for what is received, from its delivery on. While that has no room, what came waits, and nothing
    /// more is received.
    pub fn charge(&self, account: &Account) {
        self.channel.parts().streams.charge(self.name, account);
    }

    /// Lets sends of 16 KiB and more go to the network without a copy; what they hold is then held until the network has done
    /// with it. A connection whose sends are copied all the same, four times in a row, goes back to sending as others do.
    /// Worth measuring first: on loopback and on most virtual cards the kernel copies.
    pub fn allow_zero_copy(&self, is_allowed: bool) {
        self.channel.parts().streams.allow_zero_copy(self.name, is_allowed);
    }

    /// Takes the connection out of the channel, behind what is queued, as an ordinary descriptor: for another channel
    /// ([`crate::TcpStream::adopt`]), a library, another OS process. A future that is dropped closes it.
    pub fn into_fd(self) -> Detaching<K> {
        let (channel, name) = self.into_parts();
        channel.parts().streams.end(name, Ending::Detach);
        Detaching { channel, name, is_over: false, kind: PhantomData }
    }

    /// Waits until `until_bytes` of all that was ever queued are with the peer's kernel: see [`Sending::until_bytes`].
    pub fn sent(&self, until_bytes: u64) -> Sending<'_> {
        Sending { at: self.at(), until_bytes }
    }

    /// Waits until no more than a quarter of what may be queued is.
    pub fn room(&self) -> Room<'_> {
        Room { at: self.at() }
    }

    /// Ends this side's direction behind what is queued: the peer reads the end, and may go on sending.
    pub fn shutdown(&self) {
        self.channel.parts().streams.shutdown(self.name);
    }

    /// The descriptors that came, as soon as there are some.
    pub(crate) fn poll_descriptors(&self, waker: &Waker) -> Poll<Result<Vec<OwnedFd>, Error>> {
        let parts = &mut *self.channel.parts();
        parts.streams.poll_descriptors(&mut parts.kernel, self.name, waker)
    }

    /// What `ask` says of its descriptor, for questions that the kernel answers at once; one without a descriptor gets one.
    pub(crate) fn poll_descriptor<R>(
        &self,
        waker: &Waker,
        ask: impl FnOnce(BorrowedFd<'_>) -> R,
    ) -> Poll<Result<R, Error>> {
        let parts = &mut *self.channel.parts();
        parts.streams.poll_descriptor(&mut parts.kernel, self.name, waker, ask)
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

impl<K> Drop for Connection<K> {
    fn drop(&mut self) {
        if !self.is_ended {
            self.channel.parts().streams.end(self.name, Ending::Close);
        }
    }
}

impl Future for Receiving<'_> {
    type Output = Result<Option<ExclusiveBuf>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let parts = &mut *self.at.channel.parts();
        parts.streams.poll_recv(&mut parts.kernel, self.at.name, cx.waker())
    }
}

impl Future for ReceivingInto<'_> {
    type Output = Result<ExclusiveBuf, Refused<Option<ExclusiveBuf>>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some((error, buffer)) = self.refused.take() {
            return Poll::Ready(Err(Refused { error, value: Some(buffer) }));
        }
        let at = self.at;
        let polled = {
            let parts = &mut *at.channel.parts();
            parts.streams.poll_filled(&mut parts.kernel, at.name, cx.waker())
        };
        self.is_over = polled.is_ready();
        polled.map_err(|(error, value)| Refused { error, value })
    }
}

impl Drop for ReceivingInto<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            let parts = &mut *self.at.channel.parts();
            parts.streams.forget_filling(&mut parts.kernel, self.at.name);
        }
    }
}

impl<K: Unpin> Future for Detaching<K> {
    type Output = Result<Detached, Refused<Option<Connection<K>>>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = self.channel.parts().streams.poll_detached(self.name, cx.waker());
        self.is_over = polled.is_ready();
        polled.map_err(|error| {
            let is_there = self.channel.parts().streams.is_open(self.name);
            let stays = is_there.then(|| Connection::from_parts(self.channel.clone(), self.name));
            Refused { error, value: stays }
        })
    }
}

impl<K> Drop for Detaching<K> {
    fn drop(&mut self) {
        if !self.is_over {
            self.channel.parts().streams.forget_detaching(self.name);
        }
    }
}

impl<K> fmt::Debug for Detaching<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Detaching").field(&self.name.index).finish()
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
        self.at.channel.parts().streams.poll_sent(self.at.name, self.until_bytes, cx.waker())
    }
}

impl Future for Room<'_> {
    type Output = Result<(), Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.at.channel.parts().streams.poll_room(self.at.name, cx.waker())
    }
}

impl Future for Closing {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.channel.parts().streams.poll_closed(self.name, cx.waker())
    }
}

impl<K> fmt::Debug for Connection<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connection").field(&self.name.index).finish()
    }
}

impl fmt::Debug for Closing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Closing").field(&self.name.index).finish()
    }
}
