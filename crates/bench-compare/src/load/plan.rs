//! A plan says how a server is loaded, and for how long.

use std::time::Duration;

use crate::machine::road::Road;

/// How long a connection lives.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Lifetime {
    /// It is kept, and each answer is followed by the next request.
    Kept,
    /// It carries one request; the server closes, as `Connection: close` tells it, and then we.
    OneRequest,
    /// It carries so many requests; then we close it, and open another without waiting for the server.
    Requests(u32),
}

/// Which part of the load is measured.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Window {
    /// A time, after another that warms up; longer if by then there were fewer answers than connections.
    Timed { warm_up: Duration, length: Duration },
    /// A number of requests, from the first on.
    Counted(u64),
}

/// One load.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) server: Road,
    /// So many addresses are connected to in turn, from the server's on where it has one: each has its own ports, so that they last even
    /// where each connection leaves one behind that waits.
    pub(crate) address_count: u8,
    pub(crate) connection_count: u32,
    pub(crate) lifetime: Lifetime,
    pub(crate) window: Window,
    /// Long enough for a whole answer, if answers are short.
    pub(crate) block_bytes: u32,
}
