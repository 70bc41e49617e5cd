//! Reading finds the bytes of a record in place, and may hold them.

pub(crate) mod guard;
pub(crate) mod hold;
pub(crate) mod present;
pub(crate) mod scan;
pub(crate) mod shard;
