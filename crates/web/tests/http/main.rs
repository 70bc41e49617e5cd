//! What holds of the service on real sockets: each topic of the protocol, then what it costs and how it bears abuse.
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    reason = "in tests, and in what they are made of, it is an assertion"
)]

mod alone;
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

mod abuse;
mod counts;
mod crowd;
mod drills;
mod ending;
mod freshness;
mod soft;
mod storage;
mod streaming;
