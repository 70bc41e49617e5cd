//! What a core counts of the requests that it answers.

use levada_process::Message;

/// Counts of one core since its start.
#[derive(Clone, Copy, Debug, Default, Eq, Message, PartialEq)]
pub(crate) struct Counters {
    pub(crate) connections: u64,
    pub(crate) connections_open: u64,
    pub(crate) connections_refused: u64,
    pub(crate) requests: u64,
    /// By the first digit of the status, from 1 to 5.
    pub(crate) replies: [u64; 5],
    pub(crate) body_bytes: u64,
    pub(crate) front_hits: u64,
    pub(crate) front_misses: u64,
    pub(crate) front_entries: u64,
    /// Of the misses, those of files that were known, and whose bytes had gone or been retired.
    pub(crate) front_misses_lost: u64,
    pub(crate) malformed: u64,
    pub(crate) timeouts: u64,
    pub(crate) streamed: u64,
    pub(crate) stream_failures: u64,
}

impl Counters {
    /// Counts an answer.
    #[inline]
    pub(crate) fn replied(&mut self, status: u16, body_bytes: u64) {
        self.requests += 1;
        self.body_bytes += body_bytes;
        let class = usize::from(status / 100).saturating_sub(1).min(4);
        self.replies[class] += 1;
    }

    /// Counts an answer no more, because it cannot be given.
    pub(crate) fn unreplied(&mut self, status: u16, body_bytes: u64) {
        self.requests -= 1;
        self.body_bytes -= body_bytes;
        let class = usize::from(status / 100).saturating_sub(1).min(4);
        self.replies[class] -= 1;
    }

    /// Adds another core's counts.
    pub(crate) fn add(&mut self, other: &Self) {
        self.connections += other.connections;
        self.connections_open += other.connections_open;
        self.connections_refused += other.connections_refused;
        self.requests += other.requests;
        self.replies.iter_mut().zip(other.replies).for_each(|(ours, theirs)| *ours += theirs);
        self.body_bytes += other.body_bytes;
        self.front_hits += other.front_hits;
        self.front_misses += other.front_misses;
        self.front_entries += other.front_entries;
        self.front_misses_lost += other.front_misses_lost;
        self.malformed += other.malformed;
        self.timeouts += other.timeouts;
        self.streamed += other.streamed;
        self.stream_failures += other.stream_failures;
    }
}
