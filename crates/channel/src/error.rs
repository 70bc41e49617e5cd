//! What can go wrong with a socket or a file, and what was put in.

use core::fmt;

use levada_ring::Errno;

use crate::socket::Stale;

/// Why an operation failed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// The peer, or the network, ended the connection.
    Reset,
    /// The socket is closed, or being closed, on this side.
    Closed,
    /// The peer took nothing for as long as the channel waits.
    Stalled,
    /// There are as many operations of this kind in flight as there may be.
    Full,
    /// What was named has ended, or is another channel's.
    Stale,
    /// The file is shorter than what was to be sent of it.
    Truncated,
    /// It did not come about in time.
    TimedOut,
    /// Nobody listens there.
    NobodyListens,
    /// There is no way there.
    Unreachable,
    /// The shared heap, or the account, has no room for what was to be received.
    NoMemory,
    /// What the kernel said otherwise.
    Kernel(Errno),
}

impl Error {
    /// The kernel's number as this crate's word for it.
    pub(crate) fn of(errno: Errno) -> Self {
        match errno {
            Errno::CONNRESET | Errno::PIPE | Errno::CONNABORTED | Errno::TIMEDOUT => Self::Reset,
            Errno::CANCELED => Self::Closed,
            Errno::CONNREFUSED => Self::NobodyListens,
            Errno::NETUNREACH | Errno::HOSTUNREACH => Self::Unreachable,
            errno => Self::Kernel(errno),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reset => f.write_str("the connection was reset"),
            Self::Closed => f.write_str("the socket is closed"),
            Self::Stalled => f.write_str("the peer took nothing for too long"),
            Self::Full => f.write_str("too many operations are in flight"),
            Self::Stale => Stale.fmt(f),
            Self::Truncated => f.write_str("the file is shorter than was promised"),
            Self::TimedOut => f.write_str("it took too long"),
            Self::NobodyListens => f.write_str("nobody listens there"),
            Self::Unreachable => f.write_str("there is no way there"),
            Self::NoMemory => f.write_str("the shared heap has no room"),
            Self::Kernel(errno) => errno.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

/// An operation was not begun; `value` comes back as it was.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Refused<T> {
    /// Why.
    pub error: Error,
    /// What was put in.
    pub value: T,
}

impl<T> fmt::Display for Refused<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<T: fmt::Debug> std::error::Error for Refused<T> {}

impl From<Stale> for Error {
    fn from(_: Stale) -> Self {
        Self::Stale
    }
}
