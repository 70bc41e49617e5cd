//! A table is opened by its name: made if there is none, else given to who asks for keys and values of the same types.

use core::any::type_name;
use core::marker::PhantomData;
use std::collections::BTreeMap;

use crate::cache::{Cache, Known};
use crate::error::{OptionError, TableError};
use crate::keys::key::Key;
use crate::options::TableOptions;
use crate::table::body::Body;
use crate::table::typed::Table;
use crate::values::Values;

impl Cache {
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
                let body = Body::new::<V>(pile, ledger, name, K::FIXED, options)?;
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
}

impl<K: Key + ?Sized, V: Values> Table<K, V> {
    /// Changes what of the options can be changed; of the others, nothing is said. What is above a new limit goes with the
    /// upkeep.
    ///
    /// # Errors
    /// [`OptionError`], and nothing has changed.
    pub fn set_options(&self, options: TableOptions) -> Result<(), OptionError> {
        self.cache.set_table(&self.body, &options)
    }
}
