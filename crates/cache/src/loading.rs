//! Loading a value that is not there is done by one of those who want it; the others wait.

pub(crate) mod claim;
pub(crate) mod flight;
pub(crate) mod ticket;
