//! A birth is what a record is to be, before it has a place.

use crate::naming::header::Kind;
use crate::naming::life::Life;
use crate::naming::pointer::Pointer;

/// What a record is to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Birth {
    pub(crate) kind: Kind,
    /// The type, for a kind that has one.
    pub(crate) tag: u32,
    pub(crate) life: Life,
    /// Whether it has room for an expiry though it lives for ever.
    pub(crate) has_expiry: bool,
    /// Whether its slot begins at a multiple of 16, since what is in it is read as a value.
    pub(crate) is_aligned: bool,
    /// Whether it is the value behind another record, which no pointer of a user names.
    pub(crate) is_inner: bool,
    /// The record that leads to such a value, where that is written down: a mount finds by it who leads where.
    pub(crate) owner: Owner,
}

/// The record that leads to a value, or none; in two halves, so that it widens nothing that it is a part of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owner([u32; 2]);

impl Owner {
    pub(crate) const NONE: Self = Self([0; 2]);

    fn of(pointer: Pointer) -> Self {
        let bits = pointer.to_bits();
        let half = |bits: u64| u32::try_from(bits & u64::from(u32::MAX)).expect("32 bits");
        Self([half(bits), half(bits >> 32)])
    }

    #[inline]
    pub(crate) fn pointer(self) -> Option<Pointer> {
        Pointer::from_bits(u64::from(self.0[0]) | u64::from(self.0[1]) << 32)
    }
}

impl Birth {
    pub(crate) fn of(kind: Kind, life: Life) -> Self {
        let is_aligned = kind == Kind::Archived;
        let (has_expiry, is_inner, owner) = (false, false, Owner::NONE);
        Self { kind, tag: 0, life, has_expiry, is_aligned, is_inner, owner }
    }

    /// The same, where nobody will ask whose it is.
    pub(crate) fn without_owner(self) -> Self {
        Self { owner: Owner::NONE, ..self }
    }

    /// A value that the record `owner` is to lead to. It has no life of its own.
    pub(crate) fn inner(kind: Kind, tag: u32, owner: Pointer) -> Self {
        let owner = Owner::of(owner);
        Self { tag, is_inner: true, owner, ..Self::of(kind, Life::FOREVER) }
    }
}
