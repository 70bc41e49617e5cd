//! What holds of the service on real sockets: each topic of the protocol, then what it costs and how it bears abuse.
#![forbid(unsafe_code)]

mod client;
mod folder;
mod rig;

mod conditions;
mod content;
mod errors;
mod framing;
mod limits;
mod methods;
mod negotiation;
mod paths;
mod persistence;
mod ranges;
mod sites;
