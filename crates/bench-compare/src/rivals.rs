//! Those who are compared: how each is found, set to its best, and started.

pub(crate) mod bare;
pub(crate) mod blocks;
pub(crate) mod bulk;
pub(crate) mod cache_servers;
pub(crate) mod caches;
pub(crate) mod crates;
pub(crate) mod echo;
pub(crate) mod iperf3;
pub(crate) mod key_value;
pub(crate) mod levada;
pub(crate) mod networks;
pub(crate) mod nginx;
pub(crate) mod programs;
pub(crate) mod static_web_server;
pub(crate) mod stores;
pub(crate) mod worlds;
pub(crate) mod wrk;
