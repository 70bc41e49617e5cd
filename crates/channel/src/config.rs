//! A channel's limits: each is a bound that is kept, not a size that is reached.

use core::time::Duration;

use levada_ring::Choice;

/// What a channel is opened with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ChannelConfig {
    /// Which driver is wanted.
    pub driver: Choice,
    /// The most connections. There are 256 listeners and 1,024 sockets of datagrams beside them.
    pub sockets_max: u32,
    /// How many blocks of 4 KiB are lent to the kernel for what peers send.
    pub receive_blocks: u16,
    /// The most operations on files in flight.
    pub files_max: u32,
    /// How many connections in the ring's table may have a descriptor beside their place, for long data that goes by
    /// reference; that of others is copied.
    pub descriptors_max: u32,
    /// How long a peer may take nothing of what is sent to it.
    pub write_stall: Duration,
}

impl Default for ChannelConfig {
    fn default() -> Self {
        Self {
            driver: Choice::Auto,
            sockets_max: 65_536,
            receive_blocks: 256,
            files_max: 64,
            descriptors_max: 256,
            write_stall: Duration::from_secs(60),
        }
    }
}
