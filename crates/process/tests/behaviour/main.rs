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
mod supervising;
