//! Echo servers of one logic: whatever comes goes back, until the peer ends; and what a client says to them.

pub(crate) mod compio_echo;
pub(crate) mod epoll_echo;
pub(crate) mod levada_events;
pub(crate) mod levada_tasks;
pub(crate) mod monoio_echo;
pub(crate) mod part;
pub(crate) mod ring_echo;
pub(crate) mod serve_echo;
pub(crate) mod spare_buffers;
pub(crate) mod talk;
pub(crate) mod tokio_echo;
