//! What `heap` measures: blocks that are taken, filled, frozen, handed on and dropped, in an OS process for each entrant.

pub(crate) mod block_work;
pub(crate) mod bytes_blocks;
pub(crate) mod handing_on;
pub(crate) mod holding;
pub(crate) mod in_flight;
pub(crate) mod levada_blocks;
pub(crate) mod maker;
