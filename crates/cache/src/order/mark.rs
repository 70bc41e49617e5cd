//! A mark stands in a queue for an entry, and finds it again wherever it moved.
//!
//! `address 29 | stamp 3`: an entry with another stamp came later, and has a mark of its own.

use crate::index::address::Address;
use crate::index::entry::Entry;

/// What a queue is made of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Mark(pub(crate) u32);

const STAMP_SHIFT: u32 = 29;

impl Mark {
    pub(crate) fn new(address: Address, stamp: u32) -> Self {
        Self(address.to_bits() | (stamp & 7) << STAMP_SHIFT)
    }

    pub(crate) fn address(self) -> Address {
        Address::from_bits(self.0)
    }

    pub(crate) fn stamp(self) -> u32 {
        self.0 >> STAMP_SHIFT
    }

    /// Whether it stands for this entry of one of its bins, but for the queue that it is in.
    pub(crate) fn is_of(self, entry: Entry) -> bool {
        !entry.is_none() && entry.tag() == self.address().tag() && entry.stamp() == self.stamp()
    }
}
