//! Loom explores every order of the counts' steps, within its bounds, on the very code that the heap runs.
//!
//! Handles read a cell that whoever frees the block writes: loom fails where the counts do not order the two. And as soon
//! as nothing of a scene is out any more, its heap is ended as an owner would drop it: loom fails where somebody still
//! touches a line of it then, or did before in a way that the counts do not order.

mod counts;
mod heaps;
mod loans;
mod lock;
mod scene;
mod transfers;
