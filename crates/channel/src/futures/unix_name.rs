//! A name of this machine: a path in the file system, or an abstract one that goes with its last socket.

use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use levada_ring::{Errno, UNIX_NAME_BYTES_MAX};
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen as begin_to_listen,
    socket_with,
};

use crate::error::Error;

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 4096;

/// A name of this machine.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct UnixName(Vec<u8>);

impl UnixName {
    /// A path; `None` where it is empty, longer than 107 bytes, or holds a zero.
    #[must_use]
    pub fn path(path: &Path) -> Option<Self> {
        let bytes = path.as_os_str().as_bytes();
        let is_good =
            !bytes.is_empty() && bytes.len() <= UNIX_NAME_BYTES_MAX && !bytes.contains(&0);
        is_good.then(|| Self(bytes.to_vec()))
    }

    /// An abstract name, which is no file: it is free again when the last socket that has it is closed. `None` where it is
    /// longer than 106 bytes.
    #[must_use]
    pub fn abstract_name(name: &[u8]) -> Option<Self> {
        (name.len() < UNIX_NAME_BYTES_MAX).then(|| Self([&[0], name].concat()))
    }

    /// As the kernel has it: an abstract name begins with a zero.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn address(&self) -> Result<SocketAddrUnix, Errno> {
        match self.0.split_first() {
            Some((0, name)) => SocketAddrUnix::new_abstract_name(name),
            _ => SocketAddrUnix::new(self.0.as_slice()),
        }
    }
}

/// A socket of that kind with that name.
pub(crate) fn bound(name: &UnixName, kind: SocketType) -> Result<OwnedFd, Error> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let fd = socket_with(AddressFamily::UNIX, kind, flags, None).map_err(Error::of)?;
    let address = name.address().map_err(Error::of)?;
    bind(&fd, &address).map_err(Error::of)?;
    Ok(fd)
}

/// A socket with that name that listens.
pub(crate) fn listen(name: &UnixName) -> Result<OwnedFd, Error> {
    let fd = bound(name, SocketType::STREAM)?;
    begin_to_listen(&fd, BACKLOG).map_err(Error::of)?;
    Ok(fd)
}
