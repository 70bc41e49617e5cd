//! A channel does the same over every driver: each scene runs over a full ring, a plain one, and epoll.
//!
//! `LEVADA_IO=epoll` (or `uring`) leaves only that one; a driver that this machine does not have is named and left out.

mod by_reference;
mod connecting;
mod datagrams;
mod detaching;
mod ending;
mod entangled;
mod events;
mod files;
mod files_written;
mod filling;
mod fixed;
mod hazards;
mod last_send;
mod listeners;
mod receiving;
mod sending;
mod sharing;
mod stage;
mod unix;
mod whole;
