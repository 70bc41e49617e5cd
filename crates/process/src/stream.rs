//! A stream carries the bytes of frozen data from one process to another, no further ahead than a window.

pub(crate) mod between;
pub(crate) mod broken;
#[cfg(feature = "futures-io")]
pub(crate) mod copying;
pub(crate) mod open;
pub(crate) mod payer;
pub(crate) mod reader;
pub(crate) mod window;
pub(crate) mod writer;
