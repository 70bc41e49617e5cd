//! Writing puts records, updates them behind the same pointer, and ends them.

pub(crate) mod cell;
pub(crate) mod forward;
pub(crate) mod forward_table;
pub(crate) mod lending;
pub(crate) mod linked;
pub(crate) mod remove;
pub(crate) mod reserve;
pub(crate) mod roomy;
pub(crate) mod update;
