//! What holds of the service on real sockets: each command and error, then what it costs and how it bears abuse.
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    reason = "in tests, and in what they are made of, it is an assertion"
)]

mod alone;
mod client;
mod rig;

mod classic;
mod counts;
mod limits;
mod recorded;
mod splits;
mod together;
mod values;
