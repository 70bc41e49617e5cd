//! Upkeep: whoever tends a pile lets time pass in it. Deleted slots become free, empty spans go back, and memory is had
//! ahead of its use.

use std::sync::Arc;

use crate::arena::Arena;
use crate::class::SPAN_BYTES;
use crate::pile::Pile;
use crate::spans::Prefer;
use crate::sync::Ordering;

/// What one round of upkeep did.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tended {
    /// Slots and spans that became free.
    pub freed: u64,
    /// Bytes that went back to the machine.
    pub given_back_bytes: u64,
    /// How far the pile is above its limit, after that was lowered.
    pub over_bytes: u64,
}

/// Of how many spans in use one spare one keeps its memory.
const SPARE_PART: u32 = 128;
const SPARE_MIN: u32 = 2;

/// How many spans of an earlier life are looked through at a time: some milliseconds.
const INHERITED_SPANS: u32 = 256;

impl Pile {
    /// Does what is due: call it when idle, and each 100 ms.
    ///
    /// Deleted slots become free, arenas that nobody used since the last call give their spans up, empty spans become
    /// anybody's, and memory beyond a reserve goes back to the machine.
    #[expect(clippy::must_use_candidate, reason = "the upkeep is the act")]
    pub fn tend(&self) -> Tended {
        let store = &self.store;
        store.look_through_some(INHERITED_SPANS);
        store.note_age();
        let arenas: Vec<Arc<Arena>> = store.arenas.lock().clone();
        for arena in &arenas {
            if arena.is_idle() && arena.has_spans() {
                arena.recall();
            }
        }
        let mut freed = store.reclaim();
        // Two epochs have passed since, unless a guard is in the way.
        let recalled = arenas.iter().filter(|arena| arena.is_recalled_long_ago());
        if recalled.map(|arena| arena.hand_over(&store.spans)).count() > 0 {
            freed += store.reclaim();
        }
        let over_bytes = store.spans.supply.limit.over_bytes();
        let stock = store.spans.supply.stock();
        let used = store.spans.supply.spans_opened().saturating_sub(stock.spare);
        let ahead_bytes = store.settings.commit_ahead_bytes.load(Ordering::Relaxed);
        let ahead = u32::try_from(ahead_bytes / u64::from(SPAN_BYTES)).unwrap_or(u32::MAX);
        let keep = if over_bytes > 0 { 0 } else { (used / SPARE_PART).max(SPARE_MIN).max(ahead) };
        let given_back_bytes = store.spans.supply.give_back(&store.spans.memory, keep, u32::MAX);
        if over_bytes == 0 {
            store.spans.supply.commit_ahead(&store.spans.memory, ahead_bytes);
        }
        Tended { freed, given_back_bytes, over_bytes: store.spans.supply.limit.over_bytes() }
    }

    /// Sets the limit from now on. How many bytes there are above it: growth is refused until `tend` and deletions have
    /// brought them back.
    #[expect(clippy::must_use_candidate, reason = "the new limit is the act")]
    pub fn set_limit(&self, limit_bytes: u64) -> u64 {
        self.store.spans.supply.limit.set(limit_bytes);
        self.store.spans.supply.limit.over_bytes()
    }

    /// Sets whether partly free spans are filled first, or empty ones.
    pub fn set_prefer(&self, prefer: Prefer) {
        self.store.settings.set_prefer(prefer);
    }
}
