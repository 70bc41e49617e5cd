//! The floor: the least that a server on this kernel can do, as a program of its own.

pub(crate) mod epoll_loop;
pub(crate) mod listener;
pub(crate) mod reply;
pub(crate) mod request_end;
pub(crate) mod ring_loop;
pub(crate) mod serve_bare;
