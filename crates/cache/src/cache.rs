//! A cache is the tables over one pile, and what they may have together.

use core::fmt;
use std::collections::BTreeMap;
use std::sync::Arc;

use levada_pile::{Guard, Pile};

use crate::error::OptionError;
use crate::lock::Lock;
use crate::options::CacheOptions;
use crate::room::ledger::Ledger;
use crate::room::watermarks::Watermarks;
use crate::table::body::Body;

/// A handle to a cache; clones name the same one, and any thread may use any of them.
#[derive(Clone)]
pub struct Cache(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) pile: Pile,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) tables: Lock<BTreeMap<String, Known>>,
}

/// A table that has been made.
#[derive(Clone)]
pub(crate) struct Known {
    pub(crate) body: Arc<Body>,
    /// The names of the types of its keys and values.
    pub(crate) types: [&'static str; 2],
}

impl Cache {
    /// A cache over a pile, which may be used for other things too; they come out of the same limit of the pile.
    ///
    /// # Errors
    /// [`OptionError`].
    pub fn over(pile: &Pile, options: CacheOptions) -> Result<Self, OptionError> {
        options.check(pile.limit_bytes())?;
        Ok(Self(Arc::new(Inner {
            pile: pile.clone(),
            ledger: Arc::new(Ledger::new(options)),
            tables: Lock::default(),
        })))
    }

    /// Pins this thread: values can be read in place until the guard ends. Keep it for one batch of work, not for long: what
    /// is evicted meanwhile, by whomever, cannot be used again before.
    #[inline]
    #[must_use]
    pub fn pin(&self) -> Guard<'_> {
        self.0.pile.pin()
    }

    /// The pile under the cache.
    #[must_use]
    pub fn pile(&self) -> &Pile {
        &self.0.pile
    }

    pub(crate) fn ledger(&self) -> &Arc<Ledger> {
        &self.0.ledger
    }

    pub(crate) fn bodies(&self) -> Vec<Arc<Body>> {
        self.0.tables.lock().values().map(|known| Arc::clone(&known.body)).collect()
    }

    /// Empties all tables at once; their memory follows with the upkeep.
    pub fn clear_all(&self) {
        for body in self.bodies() {
            body.clear();
        }
    }

    /// What all tables together may take, overhead included.
    #[must_use]
    pub fn limit_bytes(&self) -> u64 {
        self.0.ledger.limit_bytes()
    }

    /// Sets the limit from now on. What is above goes with the upkeep; how many bytes that are, by what is charged.
    ///
    /// # Errors
    /// [`OptionError`], and nothing has changed.
    pub fn set_limit(&self, limit_bytes: u64) -> Result<u64, OptionError> {
        let ledger = &self.0.ledger;
        CacheOptions { limit_bytes, ..ledger.options() }.check(self.0.pile.limit_bytes())?;
        ledger.set_limit(limit_bytes);
        Ok(ledger.sum.drawn().saturating_sub(limit_bytes))
    }

    /// Sets the watermarks from now on.
    ///
    /// # Errors
    /// [`OptionError`], and nothing has changed.
    pub fn set_watermarks(&self, watermarks: Watermarks) -> Result<(), OptionError> {
        watermarks.check()?;
        self.0.ledger.set_watermarks(watermarks);
        Ok(())
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("pile", &self.0.pile.name()).finish_non_exhaustive()
    }
}
