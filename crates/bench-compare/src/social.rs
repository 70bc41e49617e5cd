//! What `social` measures: who knows whom, generated the same each time, kept by ours and by others, and walked through.

pub(crate) mod connection;
pub(crate) mod graph;
pub(crate) mod list_network;
pub(crate) mod network;
pub(crate) mod pile_network;
pub(crate) mod redis_network;
pub(crate) mod social_work;
pub(crate) mod tally;
pub(crate) mod walk;
