//! Binding is taking a port for a group of cores: one socket each, between which the kernel shares connections out.

#![expect(unsafe_code, reason = "sets an option that no safe wrapper has")]

use core::fmt;
use core::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};

use levada_ring::Errno;
use rustix::net::sockopt;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, getsockname, listen, socket_with};

use crate::listening::reuseport::ListenSocket;

/// How many connections may wait to be accepted; the kernel takes less where `net.core.somaxconn` is lower.
const BACKLOG: i32 = 4096;

/// One core's listening socket, not yet with its channel.
#[derive(Debug)]
pub struct ListenPart {
    socket: ListenSocket,
    address: SocketAddr,
}

/// Why an address could not be taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BindError {
    /// The address that was wanted.
    pub address: SocketAddr,
    /// What the kernel said.
    pub errno: Errno,
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, errno } = self;
        match *errno {
            Errno::ADDRINUSE => {
                write!(f, "cannot listen on {address}: another program has that port")
            }
            Errno::ACCESS => {
                write!(f, "cannot listen on {address}: ports below 1024 need privileges")
            }
            Errno::ADDRNOTAVAIL => {
                write!(f, "cannot listen on {address}: this machine has no such address")
            }
            errno => write!(f, "cannot listen on {address}: {errno}"),
        }
    }
}

impl std::error::Error for BindError {}

impl ListenPart {
    /// Binds `address` for as many cores as `parts` says and begins to listen. Port 0 picks a free one, the same for all.
    ///
    /// With several parts the address is first taken alone: a port that another program owns is refused, not shared.
    ///
    /// # Errors
    /// [`BindError`] with what the kernel said.
    pub fn bind(address: SocketAddr, parts: usize) -> Result<Vec<Self>, BindError> {
        let first = Self::bind_one(address, false)?;
        if parts <= 1 {
            return first.listen().map(|part| vec![part]);
        }
        let address = first.address;
        drop(first);
        (0..parts).map(|_| Self::bind_one(address, true)?.listen()).collect()
    }

    fn bind_one(address: SocketAddr, shared: bool) -> Result<Self, BindError> {
        let refused = |errno| BindError { address, errno };
        let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let fd = socket_with(family, SocketType::STREAM, flags, None).map_err(refused)?;
        sockopt::set_socket_reuseaddr(&fd, true).map_err(refused)?;
        if address.is_ipv6() {
            // `[::]` beside `0.0.0.0` is what people write; each is its own listener here.
            sockopt::set_ipv6_v6only(&fd, true).map_err(refused)?;
        }
        if shared {
            sockopt::set_socket_reuseport(&fd, true).map_err(refused)?;
        }
        // Inherited by each connection: replies leave whole, so waiting for more would only delay them.
        sockopt::set_tcp_nodelay(&fd, true).map_err(refused)?;
        bind(&fd, &address).map_err(refused)?;
        let bound = getsockname(&fd).map_err(refused)?;
        let address = SocketAddr::try_from(bound).map_err(refused)?;
        Ok(Self { socket: ListenSocket::alone(fd), address })
    }

    fn listen(self) -> Result<Self, BindError> {
        listen(&self.socket, BACKLOG)
            .map_err(|errno| BindError { address: self.address, errno })?;
        Ok(self)
    }

    /// A socket that listens already: from systemd, or from the program before.
    ///
    /// # Errors
    /// What the kernel said; `NOTSOCK`, for one.
    pub fn adopt(fd: OwnedFd) -> Result<Self, Errno> {
        let address = SocketAddr::try_from(getsockname(&fd)?)?;
        rustix::io::ioctl_fionbio(&fd, true)?;
        Ok(Self { socket: ListenSocket::alone(fd), address })
    }

    /// The same socket for another core: both accept from one queue.
    ///
    /// # Errors
    /// What the kernel said; no descriptors, for one.
    pub fn try_clone(&self) -> Result<Self, Errno> {
        let fd = rustix::io::fcntl_dupfd_cloexec(&self.socket, 0)?;
        Ok(Self { socket: ListenSocket::alone(fd), address: self.address })
    }

    /// Leaves connections with the kernel until their peers have sent something, for about a second: whoever is silent
    /// longer is accepted all the same. For protocols in which the peer speaks first: the request is there when the
    /// connection is, which spares a wait for it (`TCP_DEFER_ACCEPT`, tcp(7)).
    ///
    /// # Errors
    /// What the kernel said.
    pub fn defer_accept(&self) -> Result<(), Errno> {
        let seconds: i32 = 1;
        let (level, name) = (libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT);
        let value = (&raw const seconds).cast();
        // SAFETY: the value lives across the call, and has the four bytes that are told.
        let set = unsafe { libc::setsockopt(self.socket.as_raw_fd(), level, name, value, 4) };
        if set == 0 {
            return Ok(());
        }
        let error = std::io::Error::last_os_error();
        Err(Errno::from_io_error(&error).unwrap_or(Errno::INVAL))
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn into_socket(self) -> ListenSocket {
        self.socket
    }

    pub(crate) fn socket_mut(&mut self) -> &mut ListenSocket {
        &mut self.socket
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_of_another_is_refused_also_for_a_group() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        for parts in [1, 2] {
            let error = ListenPart::bind(address, parts).unwrap_err();
            assert_eq!(error.errno, Errno::ADDRINUSE);
            assert!(error.to_string().contains("another program has that port"), "{error}");
        }
    }

    #[test]
    fn a_deferred_connection_comes_with_its_first_bytes() {
        let part = ListenPart::bind(([127, 0, 0, 1], 0).into(), 1).unwrap().remove(0);
        part.defer_accept().unwrap();
        let mut peer = std::net::TcpStream::connect(part.address()).unwrap();
        assert_eq!(rustix::net::accept(&part.socket).unwrap_err(), Errno::AGAIN);
        std::io::Write::write_all(&mut peer, b"hello").unwrap();
        assert!(rustix::net::accept(&part.socket).is_ok());
    }

    #[test]
    fn the_parts_of_a_group_share_one_port() {
        let parts = ListenPart::bind(([127, 0, 0, 1], 0).into(), 3).unwrap();
        assert_eq!(parts.len(), 3);
        assert!(
            parts
                .iter()
                .all(|part| part.address() == parts[0].address() && part.address().port() != 0)
        );
    }
}
