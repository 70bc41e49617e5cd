//! Pressure lowers what a cache may have, until there was quiet for a while; what is above goes with the upkeep that follows.

use std::sync::Arc;

use levada_pages::Pressure;

use crate::cache::Cache;
use crate::room::ledger::{Ledger, Pays};

/// What a signal came to.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Relief {
    /// What the cache may have from now on.
    pub effective_bytes: u64,
    /// What of the pile is above that: it goes back with [`Cache::tend`], slice by slice.
    pub over_bytes: u64,
}

/// Which part of the limit comes back with each quiet window.
const BACK_PART: u64 = 20;

impl Cache {
    /// Takes a signal of the machine's memory. It takes no time: [`Cache::tend`] does what follows from it.
    ///
    /// ```
    /// use levada_cache::{Budget, Cache, CacheOptions, Pile, Pressure};
    ///
    /// let pile = Pile::builder("p").limit_bytes(64 << 20).build()?;
    /// let cache = Cache::over(&pile, CacheOptions::limit(64 << 20))?;
    /// let relief = cache.pressure(Pressure::Critical);
    /// assert_eq!(relief.effective_bytes, 32 << 20);
    /// while cache.tend(Budget::slice()).can_more {}
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[expect(clippy::must_use_candidate, reason = "the signal is the act")]
    pub fn pressure(&self, signal: Pressure) -> Relief {
        let ledger = self.ledger();
        let limit_bytes = ledger.limit_bytes();
        let now_bytes = ledger.effective_bytes();
        let backed_bytes = self.pile().backed_bytes();
        if ledger.options().gives_back {
            let effective_bytes = match signal {
                Pressure::Unchanged => now_bytes,
                Pressure::Quiet => limit_bytes.min(now_bytes + limit_bytes / BACK_PART),
                Pressure::Tight => now_bytes.min(backed_bytes),
                Pressure::Low => now_bytes - now_bytes / 8,
                Pressure::Critical => now_bytes / 2,
            };
            let least_bytes = ledger.least_bytes().min(limit_bytes);
            if effective_bytes != now_bytes {
                ledger.set_effective(effective_bytes.max(least_bytes.min(now_bytes)));
            }
        }
        let effective_bytes = ledger.effective_bytes();
        Relief { effective_bytes, over_bytes: backed_bytes.saturating_sub(effective_bytes) }
    }
}

impl Ledger {
    /// Whether pressure has left less than the limit.
    pub(crate) fn is_pressed(&self) -> bool {
        self.effective_bytes() < self.limit_bytes()
    }

    /// What no pressure takes away.
    fn least_bytes(&self) -> u64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a part of a limit, whose last digits do not matter"
        )]
        let part = (self.limit_bytes() as f64 * self.options().keep_min) as u64;
        let kept = |body: &Arc<dyn Pays>| match body.is_durable() {
            true => body.drawn_bytes(),
            false => body.reserve_bytes(),
        };
        part.max(self.payers().iter().map(kept).sum())
    }
}
