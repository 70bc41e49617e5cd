//! What processes do, seen through the face of the crate.

mod calling;
mod chance;
mod charging;
mod circles;
mod during;
mod flushing;
mod graphs;
mod life;
mod outside;
mod random;
mod rig;
mod sending;
