//! Persistence is whether a connection outlives its answer.

use super::version::Version;
use crate::field::Field;
use crate::fields::Fields;
use crate::list::members;

/// What becomes of the connection behind the answer, and what the answer says of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash)]
pub enum Persistence {
    /// It stays open, which HTTP/1.1 takes for granted: nothing is said.
    Keep,
    /// It stays open, which HTTP/1.0 believes only if it is said: `Connection: keep-alive`.
    KeepSaid,
    /// It is closed: `Connection: close`.
    Close,
}

impl Persistence {
    /// Says whether the connection stays open.
    pub fn keeps(self) -> bool {
        self != Self::Close
    }
}

/// What the client wants. `close` beats `keep-alive` whatever their order (RFC 9112, 9.3).
#[inline]
pub(super) fn persistence(fields: &Fields<'_>, version: Version) -> Persistence {
    if fields.first(Field::Connection).is_none() {
        return match version {
            Version::V10 => Persistence::Close,
            Version::V11 => Persistence::Keep,
        };
    }
    if version == Version::V11 && fields.only(Field::Connection) == Some(b"keep-alive") {
        return Persistence::Keep; // what nearly all say that say anything
    }
    let (mut close, mut keep_alive) = (false, false);
    for option in fields.all(Field::Connection).flat_map(members) {
        close |= option.eq_ignore_ascii_case(b"close");
        keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
    }
    match version {
        _ if close => Persistence::Close,
        Version::V11 => Persistence::Keep,
        Version::V10 if keep_alive => Persistence::KeepSaid,
        Version::V10 => Persistence::Close,
    }
}
