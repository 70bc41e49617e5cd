//! A peer's address, as the kernel writes it and as the program reads it.
#![expect(unsafe_code, reason = "an address is zeroed memory until the kernel fills it")]

use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// Room for the address of whoever connects. It must stay where it is until the operation has ended: keep it in a box.
#[repr(C)]
pub struct PeerAddress {
    storage: libc::sockaddr_storage,
    length: libc::socklen_t,
}

impl PeerAddress {
    /// Room, empty.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "an address is 128 bytes")]
    pub fn new() -> Self {
        // SAFETY: all fields are integers, for which zero is a value.
        let storage = unsafe { core::mem::zeroed() };
        Self { storage, length: size_of::<libc::sockaddr_storage>() as libc::socklen_t }
    }

    /// Where the kernel writes the address and its length, for room at `peer`.
    pub(crate) fn places(peer: *mut Self) -> (*mut libc::sockaddr, *mut libc::socklen_t) {
        let length = peer.wrapping_byte_add(core::mem::offset_of!(Self, length));
        (peer.cast(), length.cast())
    }

    /// Forgets what it holds, so that it can be filled again.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// The address, if it is of the internet.
    #[must_use]
    pub fn get(&self) -> Option<SocketAddr> {
        let storage = &raw const self.storage;
        match i32::from(self.storage.ss_family) {
            libc::AF_INET => {
                // SAFETY: the family says which of the forms the storage holds; it has room and alignment for each.
                let v4 = unsafe { storage.cast::<libc::sockaddr_in>().read() };
                let ip = Ipv4Addr::from_bits(u32::from_be(v4.sin_addr.s_addr));
                Some(SocketAddr::V4(SocketAddrV4::new(ip, u16::from_be(v4.sin_port))))
            }
            libc::AF_INET6 => {
                // SAFETY: as above.
                let v6 = unsafe { storage.cast::<libc::sockaddr_in6>().read() };
                let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
                let port = u16::from_be(v6.sin6_port);
                Some(SocketAddr::V6(SocketAddrV6::new(
                    ip,
                    port,
                    v6.sin6_flowinfo,
                    v6.sin6_scope_id,
                )))
            }
            _ => None,
        }
    }
}

impl Default for PeerAddress {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PeerAddress").field(&self.get()).finish()
    }
}
