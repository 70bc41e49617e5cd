//! Limits are what a peer may make us read before we answer.

/// What a request's head may have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct HeadLimits {
    /// The target; a longer one is answered with 414.
    pub target_bytes_max: usize,
    /// All from the first byte to the empty line, both included; a longer one is answered with 431.
    pub head_bytes_max: usize,
    /// The fields; more are answered with 431.
    pub field_count_max: usize,
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self { target_bytes_max: 8 * 1024, head_bytes_max: 32 * 1024, field_count_max: 100 }
    }
}

/// What a body may have that is read only to be dropped; a longer one is answered with 413.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BodyLimits {
    /// The payload.
    pub payload_bytes_max: u64,
    /// All that chunks cost beside their payload: lengths, extensions, line ends, trailers. Without
    /// it, chunks of one byte with long extensions would pass any amount through a small limit of
    /// payload.
    pub chunk_bytes_max: u64,
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self { payload_bytes_max: 64 * 1024, chunk_bytes_max: 64 * 1024 }
    }
}
