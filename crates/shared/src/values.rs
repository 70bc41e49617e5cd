//! Values are what a user has in hand: a buffer to fill, data to read, and what they are made of.

pub(crate) mod data;
pub(crate) mod exclusive;
pub(crate) mod interop;
pub(crate) mod lending;
pub(crate) mod part;
pub(crate) mod piece;
pub(crate) mod pieces;
pub(crate) mod references;
