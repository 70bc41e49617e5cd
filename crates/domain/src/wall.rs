//! The wall clock, read at most once a second for all who ask on a core.
#![expect(clippy::disallowed_methods, reason = "this is the core's clock")]

use core::cell::Cell;
use std::time::{SystemTime, UNIX_EPOCH};

use levada_process::Tick;

const NS_PER_S: u64 = 1_000_000_000;

/// What the wall clock said, and when on the core's own clock its next second begins.
#[derive(Debug, Default)]
pub(crate) struct Wall {
    unix_s: Cell<u64>,
    next_at: Cell<Tick>,
    /// In a simulation: when it began.
    simulated: Option<Tick>,
}

/// The second at which simulations begin: a Sunday in 2001.
const SIMULATED_UNIX_S: u64 = 1_000_000_000;

impl Wall {
    /// A wall clock that goes by the core's own, which begins at `begin`: it is the same in every run.
    pub(crate) fn simulated(begin: Tick) -> Self {
        Self { simulated: Some(begin), ..Self::default() }
    }

    /// The seconds since 1970 that are full at `now`.
    pub(crate) fn unix_s(&self, now: Tick) -> u64 {
        if let Some(begin) = self.simulated {
            return SIMULATED_UNIX_S + now.since(begin).as_secs();
        }
        if now >= self.next_at.get() {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            self.unix_s.set(since.as_secs());
            let left_ns = NS_PER_S - u64::from(since.subsec_nanos());
            self.next_at.set(Tick::from_nanos(now.as_nanos() + left_ns));
        }
        self.unix_s.get()
    }
}
