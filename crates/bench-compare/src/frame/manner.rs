//! The manner of a comparison is what its entrants are, and so how long they are measured and what their costs mean.

use crate::frame::pace::Pace;

/// What the entrants of a comparison are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Manner {
    /// OS processes on core 0 that are loaded from core 1.
    Servers,
    /// Threads that do one thing over and over, each on a core of its own.
    Loops,
    /// OS processes that fill memory once and are then looked at.
    Fills,
    /// OS processes that are filled once and then do one thing over and over, on one thread or two.
    Stores,
    /// OS processes with a cache in each, which all see the same requests.
    Caches,
    /// As those, and each replays all requests once: what is counted comes out the same each time.
    Replays,
}

impl Manner {
    /// How many rounds there are, and how long each measures.
    pub(crate) fn pace(self, is_quick: bool) -> Pace {
        match (self, is_quick) {
            (Self::Servers, false) => Pace::FULL,
            (Self::Servers, true) => Pace::QUICK,
            (Self::Loops, false) => Pace::FULL_LOOPS,
            (Self::Loops, true) => Pace::QUICK_LOOPS,
            (Self::Fills, false) => Pace::FULL_FILLS,
            (Self::Fills, true) => Pace::QUICK_FILLS,
            (Self::Stores, false) => Pace::FULL_STORES,
            (Self::Caches, false) => Pace::FULL_STORES,
            (Self::Replays, false) => Pace::FULL_REPLAYS,
            (Self::Replays, true) => Pace::QUICK_FILLS,
            (Self::Stores | Self::Caches, true) => Pace::QUICK_LOOPS,
        }
    }

    /// What a cost is, for the page.
    pub(crate) fn method(self) -> &'static str {
        match self {
            Self::Servers => {
                "The server has core 0, the client core 1. Costs are CPU time of the server's OS processes."
            }
            Self::Loops => {
                "Threads are pinned, the first to core 0, a second to core 1, and begin together. Costs are time for one turn \
                 of a thread's loop."
            }
            Self::Stores => {
                "Each entrant is an OS process of its own with its values in it; threads are pinned, the first to core 0, a \
                 second to core 1. Costs are time for one turn of a thread's loop."
            }
            Self::Caches => {
                "Each entrant is an OS process of its own with its cache in it; threads are pinned, the first to core 0, a \
                 second to core 1. All see the same requests in the same order."
            }
            Self::Replays => {
                "Each entrant is an OS process of its own with its cache in it. All see the same requests in the same order, \
                 once; what is counted comes out the same each time."
            }
            Self::Fills => {
                "Each entrant fills a fresh OS process; costs are what the kernel counts as resident."
            }
        }
    }

    /// What the entrants are reached over, as it stands behind the cores.
    pub(crate) fn road(self) -> &'static str {
        match self {
            Self::Servers => ", loopback",
            Self::Loops | Self::Fills | Self::Stores | Self::Caches | Self::Replays => "",
        }
    }

    /// The rounds in words.
    pub(crate) fn rounds(self, round_count: usize, window_ms: u128) -> String {
        let several = if round_count == 1 { "" } else { "s" };
        match self {
            Self::Servers | Self::Loops | Self::Stores => {
                format!("{round_count} round{several} of {window_ms} ms")
            }
            Self::Fills | Self::Caches | Self::Replays => format!("{round_count} round{several}"),
        }
    }
}
