//! A table is a named set of entries: what it is made of, how it is read and how it is written.

pub(crate) mod body;
pub(crate) mod charge;
pub(crate) mod counts;
pub(crate) mod held;
pub(crate) mod hit;
pub(crate) mod lending;
pub(crate) mod making;
pub(crate) mod opening;
pub(crate) mod paying;
pub(crate) mod records;
pub(crate) mod reserve;
pub(crate) mod scan;
pub(crate) mod shard;
pub(crate) mod typed;
pub(crate) mod writing;
