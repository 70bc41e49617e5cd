//! A birth is what a record is to be, before it has a place.

use crate::header::Kind;
use crate::life::Life;

/// What a record is to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Birth {
    pub(crate) kind: Kind,
    /// The type, for a kind that has one.
    pub(crate) tag: u32,
    pub(crate) life: Life,
    /// Whether it is the value behind another record, which no pointer of a user names.
    pub(crate) is_inner: bool,
}

impl Birth {
    pub(crate) fn of(kind: Kind, life: Life) -> Self {
        Self { kind, tag: 0, life, is_inner: false }
    }
}
