//! What processes do, seen through the face of the crate.

mod calling;
mod causes;
mod charging;
mod life;
mod outside;
mod random;
mod rig;
mod sending;
