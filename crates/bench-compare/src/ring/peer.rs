//! A peer is a socket's far end, written as the kernel reads it.

use std::io;
use std::net::SocketAddrV4;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::machine::road::Road;

/// The address of one peer; it stays where it is while the kernel may read it.
pub(crate) enum Peer {
    Tcp(Box<libc::sockaddr_in>),
    Unix(Box<libc::sockaddr_un>),
}

impl Peer {
    /// # Errors
    /// If a path is longer than an address may be.
    pub(crate) fn at(road: &Road) -> io::Result<Self> {
        Ok(match road {
            Road::Tcp(address) => Self::Tcp(Box::new(tcp_address(*address))),
            Road::Unix(path) => Self::Unix(Box::new(unix_address(path)?)),
        })
    }

    pub(crate) fn family(&self) -> libc::c_int {
        match self {
            Self::Tcp(_) => libc::AF_INET,
            Self::Unix(_) => libc::AF_UNIX,
        }
    }

    /// Where the address begins, and how long it is.
    pub(crate) fn address(&self) -> (*const libc::sockaddr, libc::socklen_t) {
        let length = |bytes: usize| libc::socklen_t::try_from(bytes).expect("at most 110");
        match self {
            Self::Tcp(address) => ((&raw const **address).cast(), length(size_of_val(&**address))),
            Self::Unix(address) => ((&raw const **address).cast(), length(size_of_val(&**address))),
        }
    }
}

fn tcp_address(address: SocketAddrV4) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::sa_family_t::try_from(libc::AF_INET).expect("two"),
        sin_port: address.port().to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from(*address.ip()).to_be() },
        sin_zero: [0; 8],
    }
}

fn unix_address(path: &Path) -> io::Result<libc::sockaddr_un> {
    let mut address = libc::sockaddr_un {
        sun_family: libc::sa_family_t::try_from(libc::AF_UNIX).expect("one"),
        sun_path: [0; 108],
    };
    let bytes = path.as_os_str().as_bytes();
    // The last stays zero, and ends it.
    if bytes.len() >= address.sun_path.len() {
        return Err(io::Error::other("the path of a socket is too long"));
    }
    for (to, from) in address.sun_path.iter_mut().zip(bytes) {
        *to = from.cast_signed();
    }
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_written_in_the_order_of_the_network() {
        let address = tcp_address(SocketAddrV4::new([127, 0, 0, 1].into(), 0x1234));
        assert_eq!(u16::from_be(address.sin_port), 0x1234);
        assert_eq!(u32::from_be(address.sin_addr.s_addr), 0x7F00_0001);
    }

    #[test]
    fn a_path_ends_with_a_zero_or_is_refused() {
        let address = unix_address(Path::new("/a")).unwrap();
        assert_eq!(
            address.sun_path[..3].iter().map(|byte| byte.cast_unsigned()).collect::<Vec<_>>(),
            b"/a\0"
        );
        let longest = "a".repeat(107);
        assert!(unix_address(Path::new(&longest)).is_ok());
        assert!(unix_address(Path::new(&format!("{longest}a"))).is_err());
    }
}
