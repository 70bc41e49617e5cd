//! A part of a Unix listener is what one core accepts from: all parts have one queue, since the kernel does not share such
//! connections out.

use levada_ring::Errno;

use crate::error::Error;
use crate::futures::unix_name::{self, UnixName};
use crate::listening::reuseport::ListenSocket;

/// One core's end of a socket that listens within this machine, not yet with its channel.
#[derive(Debug)]
pub struct UnixPart {
    socket: ListenSocket,
    name: UnixName,
}

impl UnixPart {
    /// Takes `name`, begins to listen, and gives as many cores as `parts` says an end of it. A path that is there already is
    /// refused, and never unlinked.
    ///
    /// # Errors
    /// What the kernel said: `ADDRINUSE` where the name is taken.
    pub fn bind(name: &UnixName, parts: usize) -> Result<Vec<Self>, Error> {
        let first = unix_name::listen(name)?;
        let clone = |_| rustix::io::fcntl_dupfd_cloexec(&first, 0);
        let clones: Result<Vec<_>, Errno> = (1..parts).map(clone).collect();
        let clones = clones.map_err(Error::of)?;
        let part = |fd| Self { socket: ListenSocket::alone(fd), name: name.clone() };
        Ok(core::iter::once(first).chain(clones).map(part).collect())
    }

    /// Where it listens.
    #[must_use]
    pub fn name(&self) -> &UnixName {
        &self.name
    }

    pub(crate) fn into_parts(self) -> (ListenSocket, UnixName) {
        (self.socket, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_share_a_queue_and_a_path_that_is_there_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let name = UnixName::path(&path).unwrap();
        let parts = UnixPart::bind(&name, 2).unwrap();
        assert!(parts.len() == 2 && parts.iter().all(|part| part.name() == &name));
        let _peer = std::os::unix::net::UnixStream::connect(&path).unwrap();
        let second = parts.into_iter().nth(1).unwrap(); // the first is closed
        assert!(rustix::net::accept(&second.socket).is_ok());
        assert_eq!(UnixPart::bind(&name, 1).unwrap_err(), Error::Kernel(Errno::ADDRINUSE));
    }
}
