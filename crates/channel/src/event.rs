//! An event is what a pass brings to who drives a channel by a loop of his own: MegaPipe's completion notification.
//!
//! Each carries the cookie that its socket was registered with, or that its operation was begun with.

use core::net::SocketAddr;
use std::collections::VecDeque;
use std::os::fd::OwnedFd;

use levada_ring::{Stat, Token};
use levada_shared::{ExclusiveBuf, SharedData};

use crate::connections::detached::Detached;
use crate::datagrams::datagram::Datagram;
use crate::error::Error;
use crate::socket::Socket;

/// Something that has happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// A connection came. It receives nothing before [`crate::Channel::recv`] gives it credit.
    Accepted {
        /// Where it came.
        listener: Socket,
        /// The listener's.
        cookie: u64,
        /// The connection.
        socket: Socket,
        /// Its peer, if the listener asks for that.
        peer: Option<SocketAddr>,
    },
    /// Bytes came, in order.
    Received {
        /// Whose.
        socket: Socket,
        /// Its own.
        cookie: u64,
        /// At least one.
        bytes: ExclusiveBuf,
    },
    /// The receive that was begun by [`crate::Channel::recv_into`] has ended.
    ReceivedInto {
        /// Whose.
        socket: Socket,
        /// Its own.
        cookie: u64,
        /// The buffer, filled further: less than was asked for only where no more comes. [`Event::End`] or [`Event::Closed`]
        /// says why.
        buffer: ExclusiveBuf,
    },
    /// A datagram came.
    Datagram {
        /// Whose.
        socket: Socket,
        /// Its own.
        cookie: u64,
        /// What came, and from whom.
        datagram: Datagram,
    },
    /// The peer has sent its last byte. Sending stays possible.
    End {
        /// Whose.
        socket: Socket,
        /// Its own.
        cookie: u64,
    },
    /// All bytes of one send are with the kernel; one event for each send, in order.
    Sent {
        /// Whose.
        socket: Socket,
        /// Its own.
        cookie: u64,
        /// How many there were.
        bytes: u64,
    },
    /// After a send was refused as [`Error::Full`]: no more than a quarter of what may be queued is.
    Writable {
        /// Whose.
        socket: Socket,
        /// Its own.
        cookie: u64,
    },
    /// A connection that was asked for is there.
    Connected {
        /// What [`crate::Channel::connect`] gave.
        token: Token,
        /// As it was asked for with; the connection's from here on.
        cookie: u64,
        /// The connection.
        socket: Socket,
    },
    /// A timer's moment has come.
    Fired {
        /// Which.
        token: Token,
        /// Its own.
        cookie: u64,
    },
    /// A file is open.
    Opened {
        /// Which.
        token: Token,
        /// Its own.
        cookie: u64,
        /// The file: [`crate::File::adopt`] takes it.
        file: OwnedFd,
    },
    /// A file was read.
    Read {
        /// Which.
        token: Token,
        /// Its own.
        cookie: u64,
        /// The buffer, filled further.
        buffer: ExclusiveBuf,
        /// Whether the file has no more.
        ended: bool,
    },
    /// All of the data is written.
    Written {
        /// Which.
        token: Token,
        /// Its own.
        cookie: u64,
    },
    /// What was written before is on the disk.
    Synced {
        /// Which.
        token: Token,
        /// Its own.
        cookie: u64,
    },
    /// What a file is.
    Stated {
        /// Which.
        token: Token,
        /// Its own.
        cookie: u64,
        /// What the kernel said.
        stat: Stat,
    },
    /// A connection has left the channel as a descriptor; its socket is stale from here on.
    Detached {
        /// Whose.
        socket: Socket,
        /// Its own.
        cookie: u64,
        /// The descriptor, and what came and was not taken.
        detached: Detached,
    },
    /// A connection that was to leave stays: there was no descriptor for it.
    Attached {
        /// Whose.
        socket: Socket,
        /// Its own.
        cookie: u64,
        /// Why.
        error: Error,
    },
    /// A [`crate::CoreWaker`] was used.
    Woken,
    /// An operation with a token came to nothing.
    Failed {
        /// Which.
        token: Token,
        /// Its own.
        cookie: u64,
        /// Why.
        error: Error,
        /// What was put in, where that was a buffer.
        buffer: Option<ExclusiveBuf>,
        /// What was put in, where that was data: what of it was not written.
        unwritten: Option<SharedData>,
    },
    /// The socket has ended; the last event of each. Its name is stale from here on.
    Closed {
        /// Whose.
        socket: Socket,
        /// Its own.
        cookie: u64,
        /// Why, if that is not because this side asked for it.
        error: Option<Error>,
        /// What was queued and not sent.
        unsent: Vec<SharedData>,
    },
}

/// Events in the order in which they happened, as many as there is room for: the others come with the next dispatch.
#[derive(Debug)]
pub struct Events {
    pub(crate) queue: VecDeque<Event>,
    pub(crate) count_max: usize,
}

impl Events {
    /// Room for `count_max` events.
    ///
    /// # Panics
    /// If that is none.
    #[must_use]
    pub fn with_capacity(count_max: usize) -> Self {
        assert!(count_max > 0, "without room for an event none ever comes");
        Self { queue: VecDeque::with_capacity(count_max), count_max }
    }

    /// Takes all of them out.
    pub fn drain(&mut self) -> impl Iterator<Item = Event> {
        self.queue.drain(..)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Moves events from `from` to the end, as far as there is room.
    pub(crate) fn take(&mut self, from: &mut VecDeque<Event>) {
        if self.queue.is_empty() && from.len() <= self.count_max {
            core::mem::swap(&mut self.queue, from); // both keep the room that they have
        } else {
            let count = from.len().min(self.count_max.saturating_sub(self.queue.len()));
            self.queue.extend(from.drain(..count));
        }
    }
}
