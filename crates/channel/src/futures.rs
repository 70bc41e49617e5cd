//! The async form: futures that own nothing which the kernel sees.

pub(crate) mod acceptor;
pub(crate) mod connecting;
pub(crate) mod connection;
pub(crate) mod datagram_socket;
pub(crate) mod file;
pub(crate) mod file_room;
pub(crate) mod tcp;
pub(crate) mod ticket;
pub(crate) mod timeout;
pub(crate) mod timer;
pub(crate) mod unix;
pub(crate) mod unix_name;
