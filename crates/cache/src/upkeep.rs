//! Upkeep is what is done for tables from time to time, and when the pile or the machine asks for it.

pub(crate) mod ears;
pub(crate) mod pressing;
pub(crate) mod tend;
