//! The driver over io_uring: one ring for each core, entered by its own thread only.

pub(crate) mod driver;
mod encode;
mod group;
mod messages;
pub(crate) mod probe;
mod setup;
mod trial;
