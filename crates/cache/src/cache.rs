//! A cache is the tables over one pile, and what they may have together.

use core::any::type_name;
use core::fmt;
use core::marker::PhantomData;
use std::collections::BTreeMap;
use std::sync::Arc;

use levada_pile::{Guard, Pile};

use crate::error::{OptionError, TableError};
use crate::keys::key::Key;
use crate::lock::Lock;
use crate::options::{CacheOptions, TableOptions};
use crate::room::ledger::Ledger;
use crate::room::watermarks::Watermarks;
use crate::table::body::Body;
use crate::table::typed::Table;
use crate::values::Values;

/// A handle to a cache; clones name the same one, and any thread may use any of them.
#[derive(Clone)]
pub struct Cache(Arc<Inner>);

struct Inner {
    pile: Pile,
    ledger: Arc<Ledger>,
    tables: Lock<BTreeMap<String, Known>>,
}

#[derive(Clone)]
struct Known {
    body: Arc<Body>,
    /// The names of the types of its keys and values.
    types: [&'static str; 2],
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

    /// The table of that name; it is made if there is none. It stays for as long as the cache, or a handle of it.
    ///
    /// # Errors
    /// [`TableError`]: there is one with other types or another mode, or the options are none.
    pub fn table<K: Key + ?Sized, V: Values>(
        &self,
        name: &str,
        options: TableOptions,
    ) -> Result<Table<K, V>, TableError> {
        options.check()?;
        let types = [type_name::<K>(), type_name::<V>()];
        let mut tables = self.0.tables.lock();
        let known = match tables.get(name) {
            Some(known) => {
                let differs = match known.types == types {
                    false => Some("types"),
                    true => known.body.made.differs(&options),
                };
                if let Some(what) = differs {
                    return Err(TableError::Mismatch { name: name.to_owned(), what });
                }
                known.clone()
            }
            None => {
                self.check_reserves(name, &tables, options.reserve_bytes)?;
                let (pile, ledger) = (&self.0.pile, &self.0.ledger);
                let body = Body::new(pile, ledger, name, K::FIXED, options)?;
                let known = Known { body, types };
                tables.insert(name.to_owned(), known.clone());
                known
            }
        };
        Ok(Table { body: known.body, cache: self.clone(), types: PhantomData })
    }

    fn check_reserves(
        &self,
        name: &str,
        tables: &BTreeMap<String, Known>,
        reserve_bytes: u64,
    ) -> Result<(), OptionError> {
        let others = tables.iter().filter(|(other, _)| other.as_str() != name);
        let others: u64 = others.map(|(_, known)| known.body.reserve_bytes()).sum();
        let reserve_bytes = others + reserve_bytes;
        let options = self.0.ledger.options();
        let low_bytes = options.watermarks.of(options.limit_bytes).low_bytes;
        if reserve_bytes > low_bytes {
            return Err(OptionError::Reserves { reserve_bytes, low_bytes });
        }
        Ok(())
    }

    /// Changes what of a table's options can be changed.
    pub(crate) fn set_table(&self, body: &Body, options: &TableOptions) -> Result<(), OptionError> {
        options.check()?;
        let tables = self.0.tables.lock();
        self.check_reserves(&body.name, &tables, options.reserve_bytes)?;
        body.set(options);
        Ok(())
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
