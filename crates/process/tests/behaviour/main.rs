//! What processes do, seen through the face of the crate.

mod calling;
mod cancelling;
mod charging;
mod full;
mod life;
mod outside;
mod random;
mod rig;
mod sending;
mod streaming;
#[cfg(feature = "futures-io")]
mod streaming_copies;
mod streaming_model;
mod supervising;
