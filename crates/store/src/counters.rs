//! What a core counts of the commands that it executes, by the names of the reference where it has one.

use levada_process::Message;

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Counts of one core since its start, or since they were reset.
        #[derive(Clone, Copy, Debug, Default, Eq, Message, PartialEq)]
        #[expect(missing_docs, reason = "each name says what is counted")]
        #[non_exhaustive]
        pub struct Counters {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Counters {
            /// Adds another core's counts.
            pub(crate) fn add(&mut self, other: &Self) {
                $(self.$name += other.$name;)*
            }

            /// Each count by its name.
            #[must_use]
            pub fn rows(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name)),*]
            }
        }
    };
}

counters! {
    total_connections,
    rejected_connections,
    /// Keys that were looked for to be read.
    cmd_get,
    cmd_set,
    cmd_flush,
    cmd_touch,
    cmd_meta,
    get_hits,
    get_misses,
    delete_hits,
    delete_misses,
    incr_hits,
    incr_misses,
    decr_hits,
    decr_misses,
    cas_hits,
    cas_misses,
    cas_badval,
    touch_hits,
    touch_misses,
    bytes_read,
    bytes_written,
    total_items,
    store_too_large,
    store_no_memory,
    /// Commands of any kind.
    commands,
    malformed,
    /// Times that what came on a connection was looked at.
    passes,
    /// Of these, times that some of it had to wait until what was answered before had been sent.
    paused_sockets,
    /// Lookups in the table that were made together.
    lookups,
    lookup_runs,
    /// Bytes of values that were copied into replies, and into their places.
    bytes_copied_out,
    bytes_copied_in,
    /// Values that were sent by reference, and received straight into their places.
    holds,
    lent,
    idle_kicks,
    value_timeouts,
}
