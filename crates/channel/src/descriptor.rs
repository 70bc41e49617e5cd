//! A descriptor names a connection for system calls of our own; one in the ring's table has none until it asks for one.
#![expect(
    unsafe_code,
    reason = "borrows what an open stream has, and takes in what the kernel made"
)]

use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use levada_ring::Target;

/// The descriptor of an open stream: the one beside its place, or its only one. The borrow is the stream's, which hands
/// over its close by being changed.
pub(crate) fn of_stream<'a>(
    beside: Option<&'a OwnedFd>,
    target: &'a Target,
) -> Option<BorrowedFd<'a>> {
    match (beside, target) {
        (Some(beside), _) => Some(beside.as_fd()),
        // SAFETY: the target is a stream's, and open as long as nobody changes the stream.
        (None, Target::Fd(fd)) => Some(unsafe { BorrowedFd::borrow_raw(*fd) }),
        (None, Target::Direct(_)) => None,
    }
}

/// The descriptor that a completion brought.
pub(crate) fn taken_in(result: u32) -> OwnedFd {
    let fd = RawFd::try_from(result).expect("a descriptor is not negative");
    // SAFETY: the kernel made it for the operation that asked for it, and told nobody else.
    unsafe { OwnedFd::from_raw_fd(fd) }
}
