//! A detached connection is an ordinary descriptor again, with what came and nobody has taken: it may go to any thread, to
//! another channel, to a library for encryption, to another OS process.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;

use levada_shared::ExclusiveBuf;

/// A connection that has left its channel.
#[derive(Debug)]
pub struct Detached {
    /// The socket: closed on exec, not blocking.
    pub fd: OwnedFd,
    /// What came before, in order: no byte of it comes again from the descriptor.
    pub unread: VecDeque<ExclusiveBuf>,
}

impl From<OwnedFd> for Detached {
    /// A connection of which nothing was read.
    fn from(fd: OwnedFd) -> Self {
        Self { fd, unread: VecDeque::new() }
    }
}
