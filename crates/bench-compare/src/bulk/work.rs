//! The work of a bulk server: whom it listens to, and what it sends.

use std::os::fd::OwnedFd;

#[derive(Debug)]
pub(crate) struct Work {
    /// It does not block.
    pub(crate) listener: OwnedFd,
    /// What is sent over and over, a write each time; as much is received at once.
    pub(crate) pattern: Vec<u8>,
}
