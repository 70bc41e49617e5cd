//! Full is a value: which limit was met, what would still have fitted, and what was put in.

use core::fmt;

use crate::counts::ledger::Refused;

/// A limit that a heap or a value keeps.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Limit {
    /// The account has no room left.
    Account,
    /// The heap has no memory left, or the block is longer than blocks can be (4 GiB).
    Heap,
    /// The value has as many pieces as one may have.
    Pieces,
    /// The buffer has no room left.
    Buffer,
    /// The account was closed.
    Closed,
    /// The account is one of another heap: bytes stay in the heap that they are in.
    OtherHeap,
}

/// A limit was met; nothing was charged, and `value` comes back as it was.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Full<T> {
    /// Which limit.
    pub limit: Limit,
    /// How many bytes would still have fitted; for [`Limit::Pieces`], how many pieces.
    pub room_bytes: u64,
    /// What was put in.
    pub value: T,
}

impl<T> Full<T> {
    /// The same limit about another value.
    pub(crate) fn about<U>(self, value: U) -> Full<U> {
        Full { limit: self.limit, room_bytes: self.room_bytes, value }
    }
}

impl Full<()> {
    /// An account refused.
    pub(crate) fn of_account(refused: Refused) -> Self {
        let limit = if refused.is_closed { Limit::Closed } else { Limit::Account };
        Self { limit, room_bytes: refused.room_bytes, value: () }
    }
}

impl<T> fmt::Display for Full<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let room = self.room_bytes;
        match self.limit {
            Limit::Account => write!(f, "the account is full: {room} bytes of room"),
            Limit::Heap => write!(f, "the shared heap is full: {room} bytes of room"),
            Limit::Pieces => write!(f, "the data has too many pieces: room for {room}"),
            Limit::Closed => write!(f, "the account is closed: it takes nothing new"),
            Limit::OtherHeap => write!(f, "the account is one of another heap than the data"),
            Limit::Buffer => write!(f, "the buffer is full: {room} bytes of room"),
        }
    }
}

impl<T: fmt::Debug> std::error::Error for Full<T> {}
