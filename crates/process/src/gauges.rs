//! Gauges count what a core did and has; each core its own, to be added up by who reads them.

use std::cell::Cell;

macro_rules! gauges {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// What a core counted since it began.
        #[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
        #[non_exhaustive]
        pub struct Gauges {
            $($(#[$doc])* pub $name: u64,)*
        }

        /// The counts as they are made.
        #[derive(Debug, Default)]
        pub(crate) struct Counts {
            $(pub(crate) $name: Cell<u64>,)*
        }

        impl Counts {
            pub(crate) fn read(&self) -> Gauges {
                Gauges { $($name: self.$name.get(),)* }
            }
        }

        impl std::ops::Add for Gauges {
            type Output = Self;

            fn add(self, other: Self) -> Self {
                Self { $($name: self.$name + other.$name,)* }
            }
        }
    };
}

gauges! {
    /// Processes that live now.
    processes_live,
    /// Processes spawned.
    spawns,
    /// Processes that ended normally.
    exits_normal,
    /// Processes that returned an error.
    exits_failed,
    /// Processes that panicked.
    exits_panicked,
    /// Processes that were killed.
    exits_killed,
    /// Processes that were cancelled.
    exits_cancelled,
    /// Processes that ended because one that they were linked with did.
    exits_linked,
    /// Processes that ended because their mailbox was full.
    exits_overflow,
    /// Processes started anew by their supervisors.
    restarts,
    /// Panics in drops, wakers and others that end no process.
    panics_contained,
    /// Turns run.
    turns,
    /// Turns that a watchdog found to run too long.
    turns_over_limit,
    /// Messages accepted from processes of the same core.
    messages_same,
    /// Messages that came by lanes.
    messages_lane,
    /// Messages that came from threads that are no core.
    messages_outside,
    /// Messages that were too large to be carried without a box.
    messages_boxed,
    /// Sends that found a mailbox full and came back.
    mailbox_rejected,
    /// Sends that came back because the receiver's account had no room for what they carried.
    account_refused,
    /// Answers that did not fit the account of who called.
    answers_over_budget,
    /// Bytes of the shared heap that became a receiver's with a message or an answer.
    rehomed_bytes,
    /// Bytes that were still charged to accounts of processes when these closed.
    quarantined_bytes,
    /// Sends that found a mailbox full and waited.
    mailbox_waits,
    /// Messages that were dropped to make room for newer ones.
    mailbox_dropped_oldest,
    /// Messages that were dropped because there was no room for them.
    mailbox_dropped_newest,
    /// Processes that ended because their mailbox was full.
    mailbox_stops,
    /// Messages accepted that nobody took.
    undelivered,
    /// Streams opened.
    streams_opened,
    /// Times that a write found the window of its stream full and waited.
    stream_waits,
    /// Batches shown to other cores.
    publishes,
    /// Units in them.
    units_published,
    /// Of the batches, those of one unit.
    lane_batches_1,
    /// Those of 2 to 7 units.
    lane_batches_7,
    /// Those of 8 to 63 units.
    lane_batches_63,
    /// Those of 64 units and more.
    lane_batches_more,
    /// What other cores said about room in mailboxes.
    controls_room,
    /// About who is to be told of ends and calls.
    controls_watch,
    /// That processes are to be made, cancelled or killed, and about links between them.
    controls_life,
    /// What led to failures, passing by.
    controls_report,
    /// Sleeping cores woken.
    wakes,
    /// Leases asked for.
    lease_asks,
    /// Leases asked back.
    lease_recalls,
    /// Waits that are open now: calls, parked sends, timers.
    waits_open,
    /// Calls begun.
    calls,
    /// Replies that came too late.
    replies_late,
    /// Waits that ended because they closed a circle of processes that wait for each other.
    cycles,
    /// Steps from a process to the one that it waits for, in looking for circles.
    cycle_walk_steps,
    /// Timers set with the host.
    timers,
    /// Heaps that processes have of their own now.
    own_heaps_live,
    /// Chunks of 64 KiB that they have now to allocate from.
    own_heap_chunks_lent,
    /// Bytes that they have from the system now, and those that are kept for the next.
    own_heap_mapped_bytes,
    /// Times that one gave back its chunks since its process had nothing to do.
    own_heap_rests,
    /// Turns of processes that ended with a minor collection and no deeper one.
    own_heap_minors,
    /// With a stable one.
    own_heap_stables,
    /// With a slice of a major one.
    own_heap_major_slices,
    /// Bytes of survivors that were copied then.
    own_heap_copied_bytes,
    /// Bytes that were freed then.
    own_heap_freed_bytes,
    /// Chains of causes that end where nobody knows any more what came before.
    cause_lost,
}

/// Adds one.
#[inline]
pub(crate) fn count(gauge: &Cell<u64>) {
    gauge.set(gauge.get() + 1);
}
