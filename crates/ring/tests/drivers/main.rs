//! Every driver does the same with the same operations: each scene runs over a full ring, a plain one, epoll, and over rings
//! of kernels that lack one feature each.
//!
//! Where rings are denied the scenes run over epoll alone, and say so.
#![expect(unsafe_code, reason = "pushes operations on memory that the scenes keep alive, or leak")]

mod connections;
mod files;
mod lacking;
mod messages;
mod receiving;
mod sending;
mod stage;
mod waiting;
