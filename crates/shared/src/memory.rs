//! Memory is where blocks lie: slabs of the reservation, cut by arenas into chunks and these into blocks.

pub(crate) mod arena;
pub(crate) mod class;
pub(crate) mod home;
pub(crate) mod orphans;
pub(crate) mod remote;
pub(crate) mod slab;
