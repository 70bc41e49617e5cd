//! A report is what a web service counts and keeps, as numbers for whoever shows them.

use crate::counters::Counters;
use crate::storage_message::Kept;

/// All cores together, since the start; what is `open` or `kept` is so now.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(missing_docs, reason = "each name says what is counted")]
#[non_exhaustive]
pub struct WebReport {
    pub connections: u64,
    pub connections_open: u64,
    pub connections_refused: u64,
    pub requests: u64,
    /// By the first digit of the status, from 1 to 5.
    pub replies: [u64; 5],
    pub body_bytes: u64,
    pub malformed: u64,
    pub timeouts: u64,
    pub streamed: u64,
    pub stream_failures: u64,
    pub front_hits: u64,
    pub front_misses: u64,
    pub front_entries: u64,
    /// Of the misses, those of files whose bytes had been given up, or that had changed.
    pub front_misses_lost: u64,
    pub kept_entries: u64,
    pub kept_bytes: u64,
    /// Of these, those that are asked for most, and held whatever the pressure.
    pub hot_bytes: u64,
    pub storage_hits: u64,
    /// Answers and looks at the disk for files that were hot.
    pub storage_hits_hot: u64,
    /// Files that were kept, and whose bytes had been given up when they were asked for.
    pub storage_misses_lost: u64,
    pub loads: u64,
    pub checks: u64,
    pub shared_loads: u64,
    pub retired: u64,
    pub evicted: u64,
}

impl WebReport {
    pub(crate) fn of(counters: &Counters, kept: &Kept) -> Self {
        Self {
            connections: counters.connections,
            connections_open: counters.connections_open,
            connections_refused: counters.connections_refused,
            requests: counters.requests,
            replies: counters.replies,
            body_bytes: counters.body_bytes,
            malformed: counters.malformed,
            timeouts: counters.timeouts,
            streamed: counters.streamed,
            stream_failures: counters.stream_failures,
            front_hits: counters.front_hits,
            front_misses: counters.front_misses,
            front_entries: counters.front_entries,
            front_misses_lost: counters.front_misses_lost,
            kept_entries: kept.entries,
            kept_bytes: kept.bytes,
            hot_bytes: kept.hot_bytes,
            storage_hits: kept.hits,
            storage_hits_hot: kept.hits_hot,
            storage_misses_lost: kept.misses_lost,
            loads: kept.loads,
            checks: kept.checks,
            shared_loads: kept.shared_loads,
            retired: kept.retired,
            evicted: kept.evicted,
        }
    }
}
