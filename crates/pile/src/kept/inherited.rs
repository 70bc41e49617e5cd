//! What an earlier life of a pile left, as far as it is known by now: a mount reads no record, so they are counted later.

use crate::sync::{AtomicU32, AtomicU64};

/// The records that were found in spans that were looked through.
#[derive(Debug, Default)]
pub(crate) struct Inherited {
    /// All spans before this one were looked through, or will be by who is at it.
    pub(crate) cursor: AtomicU32,
    pub(crate) records: AtomicU64,
    pub(crate) used_bytes: AtomicU64,
}
