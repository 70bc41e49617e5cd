//! Tending a cache lets time pass in it: cleared entries go, it comes down to its low watermark, indexes shrink, and the pile
//! keeps spans ready for what comes.

use levada_pile::Budget;

use crate::cache::Cache;
use crate::room::ledger::Ledger;
use crate::sync::Ordering;
use crate::table::body::Body;
use crate::table::counts::Why;

/// What one round of upkeep did.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Tended {
    /// Entries that went: to get below a watermark or a limit, and of tables that were cleared.
    pub evicted: u64,
    /// Entries whose lives were over.
    pub swept: u64,
    /// Bytes that went back to the machine.
    pub given_back_bytes: u64,
    /// How far the cache or one of its tables is above its limit still.
    pub over_bytes: u64,
    /// Whether the budget was spent before all was done.
    pub can_more: bool,
}

/// Bytes that are evicted between two looks at the budget.
const STEP_BYTES: u64 = 32 << 10;

/// Bins that are joined, and shards that are looked at, between two looks at the budget.
const STEP_BINS: u32 = 32;

/// Which part of the limit the pile keeps free for what is put next, and how much more for each time it had none.
const SPARE_PART: u64 = 128;
const SPARE_PART_MAX: u64 = 16;

impl Cache {
    /// Does what is due, as far as the budget goes: call it when idle, and each 100 ms. It tends the pile too.
    #[expect(clippy::must_use_candidate, reason = "the upkeep is the act")]
    pub fn tend(&self, budget: Budget) -> Tended {
        let (pile, ledger) = (self.pile(), self.ledger());
        let mut spending = budget.spend();
        let bodies = self.bodies();
        let mut tended = Tended::default();
        for body in &bodies {
            let drained = body.drain(&mut || spending.is_over());
            tended.evicted += drained.entries;
            tended.can_more |= !drained.is_all;
            // Read once for each step: others draw and give meanwhile.
            let over = || body.sum.drawn().checked_sub(body.limit_bytes()).filter(|&over| over > 0);
            while let Some(over_bytes) = over().filter(|_| !body.is_durable()) {
                let freed = body.evict_own(over_bytes.min(STEP_BYTES), 7, Why::Quota);
                tended.evicted += u64::from(freed.entries);
                if freed.entries == 0 || spending.is_over() {
                    tended.can_more |= freed.entries > 0;
                    break;
                }
            }
            tended.can_more |= body.shape(&mut || spending.is_over());
        }
        // Down to the low watermark, though puts go on up to the high one.
        let why = if ledger.is_pressed() { Why::Pressure } else { Why::Watermark };
        let marked = ledger.marked();
        let over = || ledger.sum.drawn().checked_sub(marked.low_bytes).filter(|&over| over > 0);
        while let Some(over_bytes) = over() {
            let freed = ledger.evict(over_bytes.min(STEP_BYTES), 7, why);
            tended.evicted += u64::from(freed.entries);
            if freed.entries == 0 || spending.is_over() {
                tended.can_more |= freed.entries > 0;
                break;
            }
        }
        let piled = pile.tend(budget);
        tended.swept = piled.swept;
        tended.given_back_bytes = piled.given_back_bytes;
        let is_busy = piled.freed > 0 || piled.swept > 0 || piled.given_back_bytes > 0;
        tended.can_more |= piled.can_more && is_busy;
        if pile.backed_bytes() + ledger.spare_bytes() > ledger.effective_bytes() {
            let compacted = pile.compact(budget);
            tended.given_back_bytes += compacted.given_back_bytes;
            tended.can_more |= compacted.can_more;
        }
        tended.over_bytes = ledger.over_bytes(&bodies);
        tended
    }
}

impl Ledger {
    /// How much the pile should have free: the more, the oftener it had too little lately.
    fn spare_bytes(&self) -> u64 {
        let shortages = u64::from(self.shortages.swap(0, Ordering::Relaxed));
        let least = self.limit_bytes() / SPARE_PART;
        (least * (1 + shortages)).min(self.limit_bytes() / SPARE_PART_MAX)
    }

    fn over_bytes(&self, bodies: &[std::sync::Arc<Body>]) -> u64 {
        let over =
            |body: &std::sync::Arc<Body>| body.sum.drawn().saturating_sub(body.limit_bytes());
        let tables = bodies.iter().map(over).max().unwrap_or(0);
        tables.max(self.sum.drawn().saturating_sub(self.effective_bytes()))
    }
}

impl Body {
    /// Removes what was put before the table was cleared, until `is_over` says so.
    pub(crate) fn drain(&self, is_over: &mut dyn FnMut() -> bool) -> Drained {
        let clears = self.clears.load(Ordering::SeqCst);
        if self.drained.load(Ordering::Relaxed) == clears {
            return Drained { entries: 0, is_all: true };
        }
        let mut entries = 0;
        for shard in 0..self.shard_count() {
            let mut from = 0;
            loop {
                let guard = self.pile.pin();
                let mut held = self.hold(shard, &guard);
                let bins = held.bins.count();
                for bin in from..bins.min(from + STEP_BINS) {
                    entries += held.clear_bin(bin);
                }
                held.finish();
                from += STEP_BINS;
                if from >= bins {
                    break;
                }
                if entries > 0 && is_over() {
                    return Drained { entries, is_all: false };
                }
            }
        }
        // Cleared anew meanwhile: then the next walk is for that.
        self.drained.fetch_max(clears, Ordering::Relaxed);
        Drained { entries, is_all: true }
    }

    /// Lets the index shrink where it is sparse, and queues forget marks that stand for nothing. Whether there is more to do.
    fn shape(&self, is_over: &mut dyn FnMut() -> bool) -> bool {
        for shard in 0..self.shard_count() {
            loop {
                let guard = self.pile.pin();
                let mut held = self.hold(shard, &guard);
                let mut can_more = held.sift();
                let mut joined = 0;
                while joined < STEP_BINS && held.is_sparse() && held.shrink() {
                    joined += 1;
                }
                can_more |= joined == STEP_BINS;
                held.finish();
                if !can_more {
                    break;
                }
                if is_over() {
                    return true;
                }
            }
        }
        false
    }
}

/// How far the walk came that removes what was put before a clearing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drained {
    entries: u64,
    is_all: bool,
}
