//! What processes do, seen through the face of the crate.

mod calling;
mod cancelling;
mod causes;
mod chance;
mod chaos;
mod charging;
mod charging_model;
mod circles;
mod dropping;
mod during;
mod fairness;
mod flushing;
mod full;
mod graphs;
mod life;
mod outside;
mod own_heaps;
mod panicking;
mod random;
mod restarting;
mod rig;
mod sending;
mod streaming;
#[cfg(feature = "futures-io")]
mod streaming_copies;
mod streaming_model;
mod supervising;
mod within;
