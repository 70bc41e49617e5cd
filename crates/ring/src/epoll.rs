//! The driver over epoll: the same operations, tried when the core enters, and again when a descriptor is ready.

pub(crate) mod driver;
mod reading;
mod timeouts;
mod watch;
mod writing;
