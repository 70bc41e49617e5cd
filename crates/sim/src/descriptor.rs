//! A stand-in is a real descriptor, of an empty file or a socket that leads nowhere, that means something of the simulation.
//!
//! Programs close descriptors themselves, so a number that the simulation made up would close another's file. Each
//! stand-in has an inode of its own: a number that was closed and opened again by another is known by that. What is asked
//! of a socket's descriptor by calls of the program's own is answered as of a connected one.
#![expect(
    unsafe_code,
    reason = "makes descriptors for its caller, and looks at numbers that may be closed"
)]

use std::collections::BTreeMap;
use std::os::fd::{BorrowedFd, IntoRawFd, RawFd};

use levada_ring::Errno;
use rustix::fs::{MemfdFlags, fstat, memfd_create};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

/// Which file an open descriptor means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Identity {
    device: u64,
    inode: u64,
}

/// The stand-ins, and what each means.
#[derive(Debug)]
pub(crate) struct StandIns<T> {
    by_fd: BTreeMap<RawFd, StandIn<T>>,
    made_count: u64,
}

#[derive(Clone, Copy, Debug)]
struct StandIn<T> {
    identity: Identity,
    /// The kernel's numbers are anybody's; the order of making is the seed's.
    serial: u64,
    /// An operation was about it, and nobody said that it goes.
    is_watched: bool,
    what: T,
}

/// What an open number means; nothing if it is closed.
fn identity(fd: RawFd) -> Option<Identity> {
    // SAFETY: it is used for one call, which says so if there is no such descriptor.
    let stat = fstat(unsafe { BorrowedFd::borrow_raw(fd) }).ok()?;
    Some(Identity { device: stat.st_dev, inode: stat.st_ino })
}

/// Whether a number is an open descriptor's.
pub(crate) fn is_open(fd: RawFd) -> bool {
    identity(fd).is_some()
}

impl<T: Copy> StandIns<T> {
    pub(crate) fn new() -> Self {
        Self { by_fd: BTreeMap::new(), made_count: 0 }
    }

    /// A new descriptor of a file, that means `what`; it is the caller's to close.
    pub(crate) fn make_file(&mut self, what: T) -> Result<RawFd, Errno> {
        let fd = memfd_create("levada-sim", MemfdFlags::CLOEXEC)?.into_raw_fd();
        self.mean(fd, what);
        Ok(fd)
    }

    /// A new descriptor of a connected socket, that means `what`; it is the caller's to close.
    pub(crate) fn make_socket(&mut self, what: T) -> Result<RawFd, Errno> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let (socket, other) = socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        drop(other); // who asks is told all the same that there was one
        let fd = socket.into_raw_fd();
        self.mean(fd, what);
        Ok(fd)
    }

    /// Lets a descriptor that was made elsewhere mean something.
    pub(crate) fn mean(&mut self, fd: RawFd, what: T) {
        let identity = identity(fd).expect("an open descriptor");
        self.made_count += 1;
        self.by_fd
            .insert(fd, StandIn { identity, serial: self.made_count, is_watched: false, what });
    }

    /// What it means, if it is still the same.
    pub(crate) fn find(&self, fd: RawFd) -> Option<T> {
        let known = self.by_fd.get(&fd)?;
        (identity(fd)? == known.identity).then_some(known.what)
    }

    /// Closes it, for a program that asked for that.
    pub(crate) fn close(&mut self, fd: RawFd) -> Option<T> {
        let what = self.find(fd)?;
        self.by_fd.remove(&fd);
        // SAFETY: it is the descriptor that the program means, which gives it up.
        unsafe { libc::close(fd) };
        Some(what)
    }

    /// An operation is about it: a driver may watch it from here on.
    pub(crate) fn watch(&mut self, fd: RawFd) {
        if let Some(known) = self.by_fd.get_mut(&fd) {
            known.is_watched = true;
        }
    }

    /// Its owner is about to close it: it is watched no more.
    pub(crate) fn forget(&mut self, fd: RawFd) {
        if let Some(known) = self.by_fd.get_mut(&fd) {
            known.is_watched = false;
        }
    }

    /// Those that programs have closed by themselves since the last time, and whether each was watched.
    pub(crate) fn take_closed(&mut self) -> Vec<(T, bool)> {
        let is_closed = |fd: &RawFd, known: &mut StandIn<T>| identity(*fd) != Some(known.identity);
        let mut closed: Vec<_> =
            self.by_fd.extract_if(.., is_closed).map(|(_, known)| known).collect();
        closed.sort_by_key(|known| known.serial);
        closed.into_iter().map(|known| (known.what, known.is_watched)).collect()
    }

    /// How many are open.
    pub(crate) fn count(&self) -> usize {
        self.by_fd.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::FromRawFd;

    #[test]
    fn a_number_that_was_closed_and_is_another_s_means_nothing() {
        let mut stand_ins = StandIns::new();
        let fd = stand_ins.make_file("ours").unwrap();
        assert_eq!(stand_ins.find(fd), Some("ours"));
        // SAFETY: it was made for the caller, who is this test.
        drop(unsafe { std::os::fd::OwnedFd::from_raw_fd(fd) });
        let other = memfd_create("other", MemfdFlags::CLOEXEC).unwrap();
        assert_eq!(stand_ins.find(fd), None);
        assert_eq!((stand_ins.take_closed(), stand_ins.count()), (vec![("ours", false)], 0));
        drop(other);
    }

    #[test]
    fn a_stand_in_is_closed_for_whoever_asks_for_that() {
        let mut stand_ins = StandIns::new();
        let fd = stand_ins.make_socket(7).unwrap();
        assert_eq!((stand_ins.close(fd), stand_ins.close(fd)), (Some(7), None));
    }
}
