//! What the memcached service is told: limits and thresholds. All of it was checked before; nothing here can be wrong.

use core::time::Duration;

/// The whole of it; a reload replaces it as one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StoreConfig {
    /// What a peer may take of us.
    pub limits: StoreLimits,
    /// Values of so many bytes and more leave by reference; shorter ones are copied into the reply.
    pub hold_from_bytes: usize,
    /// Of a value that has not arrived whole, a rest of so many bytes and more is received straight into its place.
    pub receive_from_bytes: usize,
    /// Whether `flush_all` does what it says.
    pub may_flush: bool,
}

/// What a peer may take of us: bytes, time, connections.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct StoreLimits {
    /// How many connections there may be, all cores together; the next are told so and closed.
    pub connections_max: u64,
    /// How long a connection may be silent between two commands; for ever where nothing is said.
    pub idle: Option<Duration>,
    /// How long a value may take, from its command line on.
    pub value_within: Duration,
    /// The longest line that asks for keys. Others end a connection at 2,048 bytes.
    pub line_bytes_max: usize,
    /// The longest item: key, value and what stands before them.
    pub item_bytes_max: usize,
    /// How many bytes of values may be announced and not arrived, all connections together. Who announces more is not read
    /// until there is room.
    pub receiving_bytes_max: u64,
}

impl Default for StoreLimits {
    fn default() -> Self {
        Self {
            connections_max: 1_024,
            idle: None,
            value_within: Duration::from_secs(30),
            line_bytes_max: 64 << 10,
            item_bytes_max: 1 << 20,
            receiving_bytes_max: 16 << 20,
        }
    }
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            limits: StoreLimits::default(),
            hold_from_bytes: 4 << 10,
            receive_from_bytes: 16 << 10,
            may_flush: true,
        }
    }
}
