//! Servers that receive all that comes and send as much as the peer takes, both at once; and the client that paces them.

pub(crate) mod client;
pub(crate) mod epoll_bulk;
pub(crate) mod levada_events;
pub(crate) mod levada_tasks;
pub(crate) mod pattern;
pub(crate) mod ring_bulk;
pub(crate) mod serve_bulk;
pub(crate) mod work;
