//! A datagram is what one send of a peer brings whole, or cut, or not at all.

use core::net::SocketAddr;

use levada_shared::SharedData;

/// A datagram that came.
#[derive(Clone, Debug)]
pub struct Datagram {
    /// Who sent it, where the peer is one of the internet.
    pub from: Option<SocketAddr>,
    /// Who sent it, where the peer is a name of this machine: a path, or an abstract name that begins with a zero.
    pub from_name: Option<Vec<u8>>,
    /// What it holds.
    pub bytes: SharedData,
    /// Whether it was longer than a block has room for, and the rest is lost.
    pub is_cut: bool,
}
