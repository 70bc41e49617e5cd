//! Those who are compared: how each is found, set to its best, and started.

pub(crate) mod bare;
pub(crate) mod echo;
pub(crate) mod levada;
pub(crate) mod nginx;
pub(crate) mod programs;
pub(crate) mod static_web_server;
pub(crate) mod wrk;
