//! A tally is what one load counted inside its window.

use crate::frame::histogram::Histogram;

#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) request_count: u64,
    /// Heads and bodies, as they came.
    pub(crate) heard_bytes: u64,
    pub(crate) elapsed_ns: u64,
    /// What the server's OS processes used meanwhile.
    pub(crate) cpu_ns: u64,
    /// What this thread, the client, used meanwhile.
    pub(crate) client_cpu_ns: u64,
    /// From the asking to the last byte; with one request a connection, from the connecting to the server's close.
    pub(crate) latency_ns: Histogram,
}
