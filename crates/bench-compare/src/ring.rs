//! The kernel's ring as the load and the floor use it: sockets in places of its own table, lent blocks, kept messages.

pub(crate) mod blocks;
pub(crate) mod messages;
pub(crate) mod peer;
pub(crate) mod sockets;
