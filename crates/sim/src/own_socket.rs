//! Sockets that a program made itself, with calls of its own: asked what they are, when the simulation first meets them.
#![expect(unsafe_code, reason = "asks numbers that may be closed, or be no sockets")]

use std::os::fd::RawFd;

use levada_ring::Errno;

fn last_error() -> Errno {
    Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::BADF)
}

/// Of which kind it is: `SOCK_STREAM`, `SOCK_DGRAM`.
pub(crate) fn kind(fd: RawFd) -> Result<i32, Errno> {
    let mut kind: i32 = 0;
    let mut bytes = libc::socklen_t::try_from(size_of::<i32>()).expect("four");
    let place = (&raw mut kind).cast();
    // SAFETY: the place has room for the four bytes that are told.
    let asked =
        unsafe { libc::getsockopt(fd, libc::SOL_SOCKET, libc::SO_TYPE, place, &raw mut bytes) };
    if asked == 0 { Ok(kind) } else { Err(last_error()) }
}

/// The address that it is bound to, as the kernel writes it.
pub(crate) fn address(fd: RawFd) -> Result<Vec<u8>, Errno> {
    let mut room = [0_u64; 16]; // aligned as an address
    let mut bytes = libc::socklen_t::try_from(size_of_val(&room)).expect("short");
    let place = room.as_mut_ptr().cast();
    // SAFETY: the place has room for as many bytes as are told.
    if unsafe { libc::getsockname(fd, place, &raw mut bytes) } != 0 {
        return Err(last_error());
    }
    let all: Vec<u8> = room.iter().flat_map(|word| word.to_ne_bytes()).collect();
    Ok(all[..(bytes as usize).min(all.len())].to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use levada_ring::Address;
    use std::os::fd::AsRawFd;

    #[test]
    fn a_socket_says_its_kind_and_where_it_is_bound() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        assert_eq!(kind(socket.as_raw_fd()), Ok(libc::SOCK_DGRAM));
        let bound = Address::of(socket.local_addr().unwrap());
        assert_eq!(address(socket.as_raw_fd()).unwrap(), bound.as_bytes());
        assert!(kind(-1).is_err() && address(-1).is_err());
    }
}
