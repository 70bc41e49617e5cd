//! A family is how sockets address each other.

/// Such a way.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
    /// Names of this machine.
    Unix,
}

impl Family {
    /// The family of an address as the kernel has it, if sockets of it are made here.
    #[must_use]
    pub fn of_address(address: &[u8]) -> Option<Self> {
        // The family stands first in every form, in the machine's own order.
        #[expect(clippy::host_endian_bytes, reason = "the kernel of this machine reads it")]
        let family = i32::from(u16::from_ne_bytes(*address.first_chunk()?));
        [Self::V4, Self::V6, Self::Unix].into_iter().find(|known| known.number() == family)
    }

    /// As the kernel numbers it.
    pub(crate) const fn number(self) -> i32 {
        match self {
            Self::V4 => libc::AF_INET,
            Self::V6 => libc::AF_INET6,
            Self::Unix => libc::AF_UNIX,
        }
    }
}
