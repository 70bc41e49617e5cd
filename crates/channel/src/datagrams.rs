//! Sockets of datagrams as their channel keeps them.

pub(crate) mod datagram;
pub(crate) mod datagram_sockets;
