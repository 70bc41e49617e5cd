//! A birth is what a record is to be, before it has a place.

use crate::header::Kind;
use crate::life::Life;
use crate::pointer::Pointer;

/// What a record is to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Birth {
    pub(crate) kind: Kind,
    /// The type, for a kind that has one.
    pub(crate) tag: u32,
    pub(crate) life: Life,
    /// Whether it is the value behind another record, which no pointer of a user names.
    pub(crate) is_inner: bool,
    /// The record that leads to such a value, where that is written down: a mount finds by it who leads where.
    pub(crate) owner: Option<Pointer>,
}

impl Birth {
    pub(crate) fn of(kind: Kind, life: Life) -> Self {
        Self { kind, tag: 0, life, is_inner: false, owner: None }
    }

    /// A value that the record `owner` is to lead to. It has no life of its own.
    pub(crate) fn inner(kind: Kind, tag: u32, owner: Pointer) -> Self {
        Self { kind, tag, life: Life::FOREVER, is_inner: true, owner: Some(owner) }
    }
}
