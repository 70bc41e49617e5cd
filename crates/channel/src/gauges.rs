//! What a channel counts.

use levada_ring::DriverGauges;

/// Counts of one channel; sum them over cores.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(missing_docs, reason = "each name says what is counted")]
#[non_exhaustive]
pub struct Gauges {
    pub driver: DriverGauges,
    pub passes: u64,
    pub streams_open: u64,
    pub datagram_sockets_open: u64,
    /// Datagrams that were longer than the room for them.
    pub datagrams_cut: u64,
    /// Bytes of zero-copy sends that the network has not said to be done with, and sends of them that were copied.
    pub zero_copy_unnoticed_bytes: u64,
    pub zero_copy_copied: u64,
    /// Files that were to be read past the page cache, and could not.
    pub direct_refusals: u64,
    pub files_in_flight: u64,
    pub timeouts_in_flight: u64,
    pub blocks_lent: u64,
    pub block_refusals: u64,
    pub receive_pauses: u64,
    pub accept_pauses: u64,
    pub stalls_aborted: u64,
    pub bytes_by_reference: u64,
    pub stale_completions: u64,
}
