//! A socket's address, as the kernel writes and reads it and as the program does.
#![expect(unsafe_code, reason = "an address is zeroed memory until somebody fills it")]
#![expect(clippy::cast_possible_truncation, reason = "families and lengths are small numbers")]

use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use crate::family::Family;

/// How long a name of this machine may be.
pub const UNIX_NAME_BYTES_MAX: usize = 107;

/// An address, or room for one. It must stay where it is until the operation has ended: keep it in a box.
#[derive(Clone)]
#[repr(C)]
pub struct Address {
    storage: libc::sockaddr_storage,
    length: libc::socklen_t,
}

impl Address {
    /// Room, empty.
    #[must_use]
    pub fn new() -> Self {
        // SAFETY: all fields are integers, for which zero is a value.
        let storage = unsafe { core::mem::zeroed() };
        Self { storage, length: size_of::<libc::sockaddr_storage>() as libc::socklen_t }
    }

    /// An address of the internet.
    #[must_use]
    pub fn of(address: SocketAddr) -> Self {
        let mut this = Self::new();
        let storage = &raw mut this.storage;
        this.length = match address {
            SocketAddr::V4(v4) => {
                let raw = libc::sockaddr_in {
                    sin_family: libc::AF_INET as libc::sa_family_t,
                    sin_port: v4.port().to_be(),
                    sin_addr: libc::in_addr { s_addr: v4.ip().to_bits().to_be() },
                    sin_zero: [0; 8],
                };
                // SAFETY: the storage has room and alignment for each form.
                unsafe { storage.cast::<libc::sockaddr_in>().write(raw) };
                size_of::<libc::sockaddr_in>() as libc::socklen_t
            }
            SocketAddr::V6(v6) => {
                let raw = libc::sockaddr_in6 {
                    sin6_family: libc::AF_INET6 as libc::sa_family_t,
                    sin6_port: v6.port().to_be(),
                    sin6_flowinfo: v6.flowinfo(),
                    sin6_addr: libc::in6_addr { s6_addr: v6.ip().octets() },
                    sin6_scope_id: v6.scope_id(),
                };
                // SAFETY: as above.
                unsafe { storage.cast::<libc::sockaddr_in6>().write(raw) };
                size_of::<libc::sockaddr_in6>() as libc::socklen_t
            }
        };
        this
    }

    /// A name of this machine: a path, or an abstract name where the first byte is zero. `None` where it is longer than
    /// [`UNIX_NAME_BYTES_MAX`], or a path holds a zero.
    #[must_use]
    pub fn unix(name: &[u8]) -> Option<Self> {
        let is_abstract = name.first() == Some(&0);
        if name.len() > UNIX_NAME_BYTES_MAX
            || name.is_empty()
            || (!is_abstract && name.contains(&0))
        {
            return None;
        }
        let mut this = Self::new();
        let mut raw = libc::sockaddr_un {
            sun_family: libc::AF_UNIX as libc::sa_family_t,
            sun_path: [0; 108],
        };
        for (place, byte) in raw.sun_path.iter_mut().zip(name) {
            *place = byte.cast_signed();
        }
        // SAFETY: the storage has room and alignment for each form.
        unsafe { (&raw mut this.storage).cast::<libc::sockaddr_un>().write(raw) };
        // A path ends with its zero; an abstract name has every byte counted.
        let ending = usize::from(!is_abstract);
        this.length = (core::mem::offset_of!(libc::sockaddr_un, sun_path) + name.len() + ending)
            as libc::socklen_t;
        Some(this)
    }

    /// The name of this machine that it is: a path, or an abstract one that begins with a zero. `None` for the internet's, and
    /// for a socket that has no name.
    #[must_use]
    pub fn unix_name(&self) -> Option<Vec<u8>> {
        if i32::from(self.storage.ss_family) != libc::AF_UNIX {
            return None;
        }
        // SAFETY: the family says which of the forms the storage holds; it has room and alignment for each.
        let raw = unsafe { (&raw const self.storage).cast::<libc::sockaddr_un>().read() };
        let bytes = (self.length as usize)
            .checked_sub(core::mem::offset_of!(libc::sockaddr_un, sun_path))?;
        let name: Vec<u8> =
            raw.sun_path.iter().take(bytes).map(|byte| byte.cast_unsigned()).collect();
        let is_abstract = name.first() == Some(&0);
        let end = if is_abstract {
            name.len()
        } else {
            name.iter().position(|byte| *byte == 0).unwrap_or(name.len())
        };
        (end > 0).then(|| name[..end].to_vec())
    }

    /// The address that the kernel wrote as these bytes, beginning with its family; as many as there are count.
    #[must_use]
    pub fn from_kernel(bytes: &[u8]) -> Self {
        let mut this = Self::new();
        let count = bytes.len().min(size_of::<libc::sockaddr_storage>());
        // SAFETY: both runs have `count` bytes, and the storage is integers, for which any bytes are a value.
        unsafe {
            core::ptr::copy_nonoverlapping(
                bytes.as_ptr(),
                (&raw mut this.storage).cast::<u8>(),
                count,
            )
        };
        this.length = count as libc::socklen_t;
        this
    }

    /// Its bytes, as the kernel has them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        let length = (self.length as usize).min(size_of::<libc::sockaddr_storage>());
        // SAFETY: the storage has so many bytes, all initialised: it was zeroed before any form was written.
        unsafe { core::slice::from_raw_parts((&raw const self.storage).cast::<u8>(), length) }
    }

    /// Its family, if it is one that sockets are made for here.
    #[must_use]
    pub fn family(&self) -> Option<Family> {
        match i32::from(self.storage.ss_family) {
            libc::AF_INET => Some(Family::V4),
            libc::AF_INET6 => Some(Family::V6),
            libc::AF_UNIX => Some(Family::Unix),
            _ => None,
        }
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

impl Default for Address {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unix_name() {
            Some(name) => f.debug_tuple("Address").field(&String::from_utf8_lossy(&name)).finish(),
            None => f.debug_tuple("Address").field(&self.get()).finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_comes_back_as_it_was_put_in() {
        for text in ["127.0.0.1:80", "[2001:db8::1]:65535", "[fe80::2%3]:1"] {
            let address: SocketAddr = text.parse().unwrap();
            assert_eq!(Address::of(address).get(), Some(address));
            assert_eq!(Address::of(address).unix_name(), None);
        }
    }

    #[test]
    fn a_name_of_this_machine_comes_back_as_it_was_put_in() {
        for name in [&b"/run/levada"[..], b"\0levada\0x", b"x", &[7; UNIX_NAME_BYTES_MAX]] {
            let address = Address::unix(name).unwrap();
            assert_eq!((address.unix_name().as_deref(), address.get()), (Some(name), None));
        }
        for name in [&b""[..], b"a\0b", &[7; UNIX_NAME_BYTES_MAX + 1]] {
            assert!(Address::unix(name).is_none(), "{name:?}");
        }
    }
}
