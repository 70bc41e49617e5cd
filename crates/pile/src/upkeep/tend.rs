//! Upkeep: whoever tends a pile lets time pass in it. Deleted slots become free, expired records end, empty spans go back,
//! and memory is had ahead of its use.

use crate::pile::Pile;
use crate::places::class::SPAN_BYTES;
use crate::places::segment::GROUP_SPANS;
use crate::places::spans::Prefer;
use crate::threads::epoch::{self, OldGuard};
use crate::upkeep::budget::{Budget, Spending};

/// What one round of upkeep did.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Tended {
    /// Slots and spans that became free.
    pub freed: u64,
    /// Records that were ended since their lives were over.
    pub swept: u64,
    /// Bytes that went back to the machine.
    pub given_back_bytes: u64,
    /// How far the pile is above its limit, after that was lowered.
    pub over_bytes: u64,
    /// Whether the budget was spent before all was done.
    pub can_more: bool,
    /// A guard that was found to last too long, in any pile: each is told once. It keeps what is deleted from being used
    /// again; nothing is done about it.
    pub old_guard: Option<OldGuard>,
}

/// Of how many spans in use one spare one keeps its memory.
const SPARE_PART: u32 = 128;
const SPARE_MIN: u32 = 2;

/// How often is looked which arenas nobody uses, where a budget says that this is called often.
const IDLE_LOOK_MS: u64 = 100;

impl Pile {
    /// Does what is due, as far as the budget goes: call it when idle, and each 100 ms; or let a [`crate::Tender`] do so.
    ///
    /// Deleted slots become free, records whose lives are over end, arenas that nobody used for a while give their spans
    /// up, empty spans become anybody's, and memory beyond a reserve goes back to the machine. Above the limit it also
    /// compacts, as [`Pile::compact`].
    #[expect(clippy::must_use_candidate, reason = "the upkeep is the act")]
    pub fn tend(&self, budget: Budget) -> Tended {
        let store = &self.store;
        let mut spending = budget.begin(store.settings.tend_slice_us());
        store.look_through_within(&mut spending);
        store.note_age();
        store.sweeps.settle(store.seconds.now_s());
        if spending.is_unbounded() || store.is_idle_look_due(IDLE_LOOK_MS) {
            for arena in &store.arenas() {
                if arena.is_idle() && arena.has_spans() {
                    arena.recall();
                }
            }
        }
        let mut freed = store.reclaim_within(&mut spending);
        let swept = store.sweep(&mut spending);
        // Two epochs have passed since, unless a guard is in the way.
        let arenas = store.arenas();
        let recalled = arenas.iter().filter(|arena| arena.is_recalled_long_ago());
        let handed = recalled.map(|arena| arena.hand_over(&store.spans)).count();
        if handed > 0 || swept > 0 {
            freed += store.reclaim_within(&mut spending);
        }
        let mut given_back_bytes = self.balance(&mut spending);
        if store.spans.supply.limit.over_bytes() > 0 {
            given_back_bytes += store.compact(&mut spending).given_back_bytes;
        }
        Tended {
            freed,
            swept,
            given_back_bytes,
            over_bytes: store.spans.supply.limit.over_bytes(),
            can_more: spending.is_over(),
            old_guard: epoch::old_guard(store.seconds.clock_ms(), store.settings.guard_warn_ms()),
        }
    }

    /// Keeps as much memory ready as is fitting, and gives the rest back. The bytes given back.
    fn balance(&self, spending: &mut Spending) -> u64 {
        let store = &self.store;
        let supply = &store.spans.supply;
        let stock = supply.stock();
        let used = supply.spans_opened().saturating_sub(stock.spare);
        let ahead_bytes = store.settings.commit_ahead_bytes();
        let ahead = u32::try_from(ahead_bytes / u64::from(SPAN_BYTES)).unwrap_or(u32::MAX);
        let is_over = supply.limit.over_bytes() > 0;
        let keep = if is_over { 0 } else { (used / SPARE_PART).max(SPARE_MIN).max(ahead) };
        let given_back_bytes = store.give_back(keep, spending);
        if supply.limit.over_bytes() == 0 {
            supply.commit_ahead(&store.spans.memory, ahead_bytes, spending);
        }
        given_back_bytes
    }

    /// Sets the limit from now on; where there is more than that, compacts at once and without bound. How many bytes there
    /// are above it still: growth is refused until deletions, and `tend` after them, have brought them back.
    #[expect(clippy::must_use_candidate, reason = "the new limit is the act")]
    pub fn set_limit(&self, limit_bytes: u64) -> u64 {
        let limit = &self.store.spans.supply.limit;
        limit.set(limit_bytes);
        if limit.over_bytes() > 0 {
            self.compact(Budget::unbounded());
        }
        limit.over_bytes()
    }

    /// Sets whether partly free spans are filled first, or empty ones.
    pub fn set_prefer(&self, prefer: Prefer) {
        self.store.settings.set_prefer(prefer);
    }
}

impl crate::store::Store {
    /// Gives memory of spare spans back until only `keep` of them have any. The bytes given back.
    pub(crate) fn give_back(&self, keep: u32, spending: &mut Spending) -> u64 {
        let mut given_back_bytes = 0;
        while !spending.is_over() {
            let bytes = self.spans.supply.give_back(&self.spans.memory, keep, GROUP_SPANS);
            given_back_bytes += bytes;
            if bytes == 0 {
                break;
            }
        }
        given_back_bytes
    }
}
