//! A report is what a memcached service counts, all cores together, as numbers for whoever shows them.

use crate::counters::Counters;

/// All cores together; what is `open`, `receiving` or `items` is so now.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct StoreReport {
    /// What was counted.
    pub counters: Counters,
    /// Connections that are open.
    pub connections_open: u64,
    /// Bytes of values that were announced and have not arrived.
    pub receiving_bytes: u64,
    /// Items in the table, about.
    pub items: u64,
    /// What they are charged with.
    pub item_bytes: u64,
    /// What they may be charged with.
    pub limit_bytes: u64,
    /// Items that gave way to others, or to other needs for memory.
    pub evictions: u64,
    /// Puts that the table refused, by why.
    pub refused: [(&'static str, u64); 5],
}
