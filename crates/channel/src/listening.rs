//! Listening: taking addresses, sharing connections out among cores, accepting within bounds, giving way.

pub(crate) mod bind;
pub(crate) mod listen_group;
pub(crate) mod listener;
pub(crate) mod listeners;
pub(crate) mod reuseport;
pub(crate) mod unix_part;
