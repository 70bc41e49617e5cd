//! The index finds a key's record: addresses, entries, and the bins that they stand in.

pub(crate) mod address;
pub(crate) mod bins;
pub(crate) mod entry;
pub(crate) mod whole;
