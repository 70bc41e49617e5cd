//! A descriptor names a connection for system calls of our own; one in the ring's table has none until it asks for one.
#![expect(
    unsafe_code,
    reason = "borrows what an open stream has, and takes in what the kernel made"
)]

use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use levada_ring::{Done, Target};

use crate::connections::stream::Stream;
use crate::kernel::Kind;

impl Stream {
    /// A descriptor that means this stream: the one beside its place, or its only one.
    pub(crate) fn any_descriptor(&self) -> Option<BorrowedFd<'_>> {
        match (&self.descriptor, self.target) {
            (Some(beside), _) => Some(beside.as_fd()),
            // SAFETY: a stream's target was accepted for it, and is open until its close is handed over, for which the
            // stream is changed.
            (None, Target::Fd(fd)) => Some(unsafe { BorrowedFd::borrow_raw(fd) }),
            (None, Target::Direct(_)) => None,
        }
    }
}

/// The descriptor that a completion brought, if it did.
///
/// # Panics
/// If the completion is no answer to [`Kind::Install`]: of another the number may be anybody's.
pub(crate) fn taken_in(done: &Done) -> Option<OwnedFd> {
    assert!(Kind::of(done.token) == Some(Kind::Install), "only an installation makes a descriptor");
    let fd = RawFd::try_from(done.result.ok()?).expect("a descriptor is not negative");
    // SAFETY: the kernel made it for this very operation, whose one completion is taken in once.
    Some(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// A stream's only descriptor, which leaves with its connection: the caller has nothing in flight for it, and forgets it.
pub(crate) fn given_up(fd: RawFd) -> OwnedFd {
    // SAFETY: the stream owned it by this number, and gives it up here.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// A descriptor that came in a message; the one place that takes it.
pub(crate) fn of_message(fd: RawFd) -> OwnedFd {
    // SAFETY: the kernel made it for the receive that brought the message, which is read once.
    unsafe { OwnedFd::from_raw_fd(fd) }
}
