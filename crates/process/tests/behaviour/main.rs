//! What processes do, seen through the face of the crate.

mod calling;
mod cancelling;
mod chance;
mod charging;
mod circles;
mod during;
mod fairness;
mod flushing;
mod graphs;
mod life;
mod outside;
mod random;
mod rig;
mod sending;
