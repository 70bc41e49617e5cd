//! A tail ends a reply's head with what changes from reply to reply.
//!
//! `Date: Sun, 06 Nov 1994 08:49:37 GMT CRLF [Connection: … CRLF] CRLF`
//!
//! Cost: there are three tails a second, whatever the load; a core composes them once and all its
//! replies share them.

use super::persistence::Persistence;
use crate::compose::{Compose, Sink};
use crate::date::HttpDate;

/// The end of a head.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Tail {
    /// When the reply is sent.
    pub date: HttpDate,
    /// What becomes of the connection.
    pub persistence: Persistence,
}

impl Tail {
    /// The longest of the three.
    pub const TEXT_BYTES_MAX: usize =
        "Date: ".len() + HttpDate::TEXT_BYTES + 2 + "Connection: keep-alive".len() + 2 + 2;
}

impl Compose for Tail {
    fn put_into(&self, sink: &mut impl Sink) {
        sink.put(b"Date: ");
        self.date.put_into(sink);
        sink.put(match self.persistence {
            Persistence::Keep => b"\r\n\r\n",
            Persistence::KeepSaid => b"\r\nConnection: keep-alive\r\n\r\n",
            Persistence::Close => b"\r\nConnection: close\r\n\r\n",
        });
    }
}
