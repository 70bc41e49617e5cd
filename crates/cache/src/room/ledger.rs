//! The ledger of a cache says what all tables together may have, and who gives way when that is not enough.
//!
//! Who pays: tables above their limits; else the cheapest level that any table holds above its reserve, and there the table
//! with the greatest charge for its weight. A put makes nobody pay who is dearer than itself.

use core::fmt;
use std::sync::{Arc, Weak};

use crate::lock::Lock;
use crate::options::{CacheOptions, LEVELS};
use crate::room::sum::Sum;
use crate::room::watermarks::{Marked, Watermarks};
use crate::sync::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use crate::table::counts::Why;

/// A table, as one of those who share a limit.
pub(crate) trait Pays: Send + Sync {
    /// Whether it never gives way.
    fn is_durable(&self) -> bool;

    /// What it has drawn from its limit and the cache's.
    fn drawn_bytes(&self) -> u64;

    /// What others cannot take from it.
    fn reserve_bytes(&self) -> u64;

    /// The most that it may draw.
    fn limit_bytes(&self) -> u64;

    /// Its share beside others.
    fn weight(&self) -> u32;

    /// What the entries of each level are charged.
    fn level_bytes(&self) -> [u64; LEVELS];

    /// Lets entries of at most that level go, until so many bytes are free.
    fn evict(&self, bytes: u64, level_max: u8, why: Why) -> Freed;
}

/// What all tables of a cache share.
pub(crate) struct Ledger {
    pub(crate) sum: Sum,
    limit_bytes: AtomicU64,
    /// What pressure has left of the limit.
    effective_bytes: AtomicU64,
    low_bytes: AtomicU64,
    high_bytes: AtomicU64,
    max_bytes: AtomicU64,
    options: Lock<CacheOptions>,
    payers: Lock<Vec<Weak<dyn Pays>>>,
    is_alone: AtomicBool,
    /// Bytes that loads under way are charged.
    pub(crate) loads: Sum,
    /// How much more room the pile was lately found to lack.
    pub(crate) shortages: AtomicU32,
}

/// How much one decision of who pays is good for: the charge of some 32 short entries.
const DECISION_BYTES: u64 = 4 << 10;

impl Ledger {
    pub(crate) fn new(options: CacheOptions) -> Self {
        let ledger = Self {
            sum: Sum::default(),
            limit_bytes: AtomicU64::new(options.limit_bytes),
            effective_bytes: AtomicU64::new(options.limit_bytes),
            low_bytes: AtomicU64::new(0),
            high_bytes: AtomicU64::new(0),
            max_bytes: AtomicU64::new(0),
            options: Lock::new(options),
            payers: Lock::default(),
            is_alone: AtomicBool::new(true),
            loads: Sum::default(),
            shortages: AtomicU32::new(0),
        };
        ledger.set_effective(options.limit_bytes);
        ledger
    }

    pub(crate) fn options(&self) -> CacheOptions {
        *self.options.lock()
    }

    pub(crate) fn limit_bytes(&self) -> u64 {
        self.limit_bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn effective_bytes(&self) -> u64 {
        self.effective_bytes.load(Ordering::Relaxed)
    }

    /// Where the watermarks of what is effective stand.
    #[inline]
    pub(crate) fn marked(&self) -> Marked {
        Marked {
            low_bytes: self.low_bytes.load(Ordering::Relaxed),
            high_bytes: self.high_bytes.load(Ordering::Relaxed),
            max_bytes: self.max_bytes.load(Ordering::Relaxed),
        }
    }

    /// Sets the limit, and lets pressure begin anew with it.
    pub(crate) fn set_limit(&self, limit_bytes: u64) {
        self.options.lock().limit_bytes = limit_bytes;
        self.limit_bytes.store(limit_bytes, Ordering::Relaxed);
        self.set_effective(limit_bytes);
    }

    pub(crate) fn set_watermarks(&self, watermarks: Watermarks) {
        self.options.lock().watermarks = watermarks;
        self.set_effective(self.effective_bytes());
    }

    pub(crate) fn set_effective(&self, effective_bytes: u64) {
        let marked = self.options().watermarks.of(effective_bytes);
        self.effective_bytes.store(effective_bytes, Ordering::Relaxed);
        self.low_bytes.store(marked.low_bytes, Ordering::Relaxed);
        self.high_bytes.store(marked.high_bytes, Ordering::Relaxed);
        self.max_bytes.store(marked.max_bytes, Ordering::Relaxed);
    }

    /// The most that loads under way may be charged.
    pub(crate) fn loads_max_bytes(&self) -> u64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a part of a limit, whose last digits do not matter"
        )]
        let part = (self.limit_bytes() as f64 * self.options().loads_max) as u64;
        part
    }

    /// One more who shares the limit.
    pub(crate) fn join(&self, payer: Weak<dyn Pays>) {
        let mut payers = self.payers.lock();
        payers.retain(|payer| payer.strong_count() > 0);
        payers.push(payer);
        self.is_alone.store(payers.len() == 1, Ordering::Relaxed);
    }

    /// Whether there is but one table, which then pays for all.
    #[inline]
    pub(crate) fn is_alone(&self) -> bool {
        self.is_alone.load(Ordering::Relaxed)
    }

    pub(crate) fn payers(&self) -> Vec<Arc<dyn Pays>> {
        self.payers.lock().iter().filter_map(Weak::upgrade).collect()
    }

    /// Lets entries of at most that level go, until so many bytes are free. How many bytes, and how many entries.
    pub(crate) fn evict(&self, bytes: u64, level_max: u8, why: Why) -> Freed {
        let payers = self.payers();
        let mut freed = Freed::default();
        while freed.bytes < bytes {
            let part = (bytes - freed.bytes).min(DECISION_BYTES.max(bytes / 16));
            let Some(payer) = payer(&payers, level_max) else { break };
            let got = payer.body.evict(part.min(payer.most_bytes).max(1), payer.level_max, why);
            if got.bytes == 0 {
                break;
            }
            freed.bytes += got.bytes;
            freed.entries += got.entries;
        }
        freed
    }
}

/// What went.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Freed {
    pub(crate) bytes: u64,
    pub(crate) entries: u32,
}

struct Payer<'b> {
    body: &'b dyn Pays,
    level_max: u8,
    /// What it pays at most before another is asked.
    most_bytes: u64,
}

fn payer(payers: &[Arc<dyn Pays>], level_max: u8) -> Option<Payer<'_>> {
    let mut best: Option<(u8, f64, Payer<'_>)> = None;
    for body in payers.iter().filter(|body| !body.is_durable()) {
        let (charged_bytes, reserve_bytes) = (body.drawn_bytes(), body.reserve_bytes());
        let levels = body.level_bytes();
        let over_bytes = charged_bytes.saturating_sub(body.limit_bytes());
        let cheapest = (0..LEVELS).find(|&level| levels[level] > 0);
        let Some(cheapest) = cheapest.and_then(|level| u8::try_from(level).ok()) else { continue };
        if cheapest > level_max {
            continue;
        }
        if over_bytes > 0 {
            return Some(Payer { body: &**body, level_max, most_bytes: over_bytes });
        }
        let spare_bytes = charged_bytes.saturating_sub(reserve_bytes);
        if spare_bytes == 0 {
            continue;
        }
        #[expect(clippy::cast_precision_loss, reason = "compared, not counted")]
        let load = charged_bytes as f64 / f64::from(body.weight());
        let is_better = best.as_ref().is_none_or(|(level, best_load, _)| {
            cheapest < *level || (cheapest == *level && load > *best_load)
        });
        if is_better {
            let most_bytes = spare_bytes.min(levels[usize::from(cheapest)]);
            best = Some((cheapest, load, Payer { body: &**body, level_max: cheapest, most_bytes }));
        }
    }
    best.map(|(_, _, payer)| payer)
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").field("sum", &self.sum).finish_non_exhaustive()
    }
}
