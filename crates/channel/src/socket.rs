//! A socket's name, by which the event form speaks of it: copied freely, and refused when what it named has gone.
//!
//! `socket 64 = kind 2 | index 30 | generation 24 | channel 8`

use core::fmt;

use levada_ring::Generation;

use crate::table::Name;

/// A listener, connection or socket of datagrams of one channel.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct Socket(u64);

/// The socket that was named has ended, or is another channel's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Stale;

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the socket has ended, or is not this channel's")
    }
}

impl std::error::Error for Stale {}

/// Which of a channel's tables a socket is in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(crate) enum SocketKind {
    Stream,
    Listener,
    Datagrams,
}

const INDEX_MAX: u32 = (1 << 30) - 1;

impl Socket {
    pub(crate) fn new(kind: SocketKind, name: Name, channel: u8) -> Self {
        debug_assert!(name.index <= INDEX_MAX, "tables are shorter than 2^30");
        Self(
            u64::from(kind as u8) << 62
                | u64::from(name.index) << 32
                | u64::from(name.generation.number()) << 8
                | u64::from(channel),
        )
    }

    /// The name in the table of `kind` of that channel, if that is where the socket is.
    #[expect(clippy::cast_possible_truncation, reason = "parts of a word are taken")]
    pub(crate) fn name(self, kind: SocketKind, channel: u8) -> Option<Name> {
        let is_there = (self.0 >> 62) as u8 == kind as u8 && self.0 as u8 == channel;
        is_there.then(|| Name {
            index: (self.0 >> 32) as u32 & INDEX_MAX,
            generation: Generation::numbered((self.0 >> 8) as u32),
        })
    }

    /// As a number, for tables and logs of the program's own.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Socket({:#x})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_comes_back_only_from_its_own_table_and_channel() {
        let name = Name { index: INDEX_MAX, generation: Generation::numbered(0xAB_CDEF) };
        let socket = Socket::new(SocketKind::Listener, name, 200);
        assert_eq!(socket.name(SocketKind::Listener, 200), Some(name));
        assert_eq!(socket.name(SocketKind::Stream, 200), None);
        assert_eq!(socket.name(SocketKind::Listener, 201), None);
    }
}
