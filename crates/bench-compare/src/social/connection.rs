//! A connection is one friend's side of a friendship, in 32 bytes.
//!
//! ```text
//! owner 4 | peer 4 | before 8 | since 4 | kind 4 | weight 8      before: the owner's connection before this one, or 0
//! ```

pub(crate) const CONNECTION_BYTES: usize = 32;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Connection {
    pub(crate) owner: u32,
    pub(crate) peer: u32,
    /// A handle; what it means is the network's business.
    pub(crate) before: u64,
    pub(crate) since: u32,
    pub(crate) kind: u32,
    pub(crate) weight: u64,
}

impl Connection {
    pub(crate) fn new(owner: u32, peer: u32, before: u64) -> Self {
        let kind = (owner ^ peer) & 7;
        Self { owner, peer, before, since: owner, kind, weight: u64::from(peer) }
    }

    #[inline]
    pub(crate) fn to_bytes(self) -> [u8; CONNECTION_BYTES] {
        let mut bytes = [0; CONNECTION_BYTES];
        bytes[..4].copy_from_slice(&self.owner.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.peer.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.before.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.since.to_le_bytes());
        bytes[20..24].copy_from_slice(&self.kind.to_le_bytes());
        bytes[24..].copy_from_slice(&self.weight.to_le_bytes());
        bytes
    }
}

/// Whom the connection in these bytes is with.
/// # Panics
/// If they are too few.
#[inline]
pub(crate) fn peer_in(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(*bytes[4..].first_chunk().expect("a connection has a peer"))
}

/// The handle of its owner's connection before.
/// # Panics
/// As above.
#[inline]
pub(crate) fn before_in(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(*bytes[8..].first_chunk().expect("a connection has one before or none"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_in_place_is_what_was_written() {
        let bytes = Connection::new(7, 9, 11).to_bytes();
        assert_eq!((peer_in(&bytes), before_in(&bytes)), (9, 11));
        assert_eq!(bytes[24], 9);
    }
}
