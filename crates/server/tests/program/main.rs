//! What holds of the program as its users run it: a child process, its sockets, its signals, what it writes.

mod faults;
mod group;
mod kernel;
mod memcached;
mod memory;
mod pages;
mod rig;
mod running;
