//! A scan walks through all entries of a table, a few bins at a time, while others use it.
//!
//! It walks upwards, and for ten seconds after each step entries that move do so too: each that is there throughout is seen at
//! least once. When entries went down since the last call, as bins were joined or the scan rested for longer, it begins the
//! shard anew; only then, or when bins were split, one is seen twice.

use levada_pile::{Guard, KeptRecord};

use crate::index::bins::{Bins, Spot};
use crate::index::entry::Entry;
use crate::keys::key::Key;
use crate::table::body::{Body, Found};
use crate::table::hit::Hit;
use crate::table::typed::Table;
use crate::values::Values;

/// Where a scan goes on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Cursor {
    shard: u32,
    bin: u32,
    falls: u32,
}

impl Cursor {
    /// Where a scan begins.
    pub const START: Self = Self { shard: 0, bin: 0, falls: 0 };
}

impl<K: Key + ?Sized, V: Values> Table<K, V> {
    /// Shows entries with their keys from `from` on, until about `budget` were shown; where to go on, `None` at the end.
    ///
    /// ```
    /// use levada_cache::{Bytes, Cache, CacheOptions, Cursor, How, Pile, TableOptions};
    ///
    /// let pile = Pile::builder("p").limit_bytes(8 << 20).build()?;
    /// let cache = Cache::over(&pile, CacheOptions::limit(8 << 20))?;
    /// let table = cache.table::<str, Bytes>("words", TableOptions::default())?;
    /// table.put("one", b"1", How::default())?;
    /// let mut keys = Vec::new();
    /// let mut from = Some(Cursor::START);
    /// while let Some(cursor) = from {
    ///     from = table.scan(cursor, 100, &mut |key, _| keys.push(key.to_vec()));
    /// }
    /// assert_eq!(keys, [b"one"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn scan(
        &self,
        from: Cursor,
        budget: u32,
        see: &mut dyn FnMut(&[u8], Hit<'_, V>),
    ) -> Option<Cursor> {
        let guard = self.cache.pin();
        let mut shown = 0;
        let body = &*self.body;
        body.scan(&guard, from, &mut |key, found| {
            if let Some(hit) = Hit::new(body, &guard, found) {
                see(key, hit);
            }
            shown += 1;
            shown < budget
        })
    }
}

impl Body {
    /// Shows entries until `see` says that it is enough; where to go on.
    fn scan<'g>(
        &'g self,
        guard: &'g Guard<'_>,
        from: Cursor,
        see: &mut dyn FnMut(&'g [u8], Found<'g>) -> bool,
    ) -> Option<Cursor> {
        let mut goes_on = true;
        let mut cursor = from;
        while let Some(shard) = self.shards.get(cursor.shard as usize) {
            shard.scan_goes_on(self.pile.now_s());
            let falls = shard.falls();
            if falls != cursor.falls {
                cursor = Cursor { bin: 0, falls, ..cursor };
            }
            let bins = self.bins(cursor.shard);
            while cursor.bin < bins.count() {
                if !goes_on {
                    return Some(cursor);
                }
                let era = self.era();
                for (spot, entry) in bins.entries(cursor.bin).filter(|(_, entry)| entry.is_of(era))
                {
                    let Some((entry, record)) = self.record_at(guard, bins, spot, entry) else {
                        continue;
                    };
                    let Some((key, value)) = self.keep.split(&record, self.key_bytes) else {
                        continue;
                    };
                    goes_on &= see(key, Found { spot, entry, record, value });
                }
                cursor.bin += 1;
            }
            if shard.falls() != falls {
                continue;
            }
            let next = cursor.shard + 1;
            let falls = self.shards.get(next as usize).map_or(0, |shard| shard.falls());
            cursor = Cursor { shard: next, bin: 0, falls };
        }
        None
    }

    /// The record of the entry at a spot; if it was replaced since it was read, of that which is there now.
    fn record_at<'g>(
        &'g self,
        guard: &'g Guard<'_>,
        bins: Bins<'_>,
        spot: Spot,
        mut entry: Entry,
    ) -> Option<(Entry, KeptRecord<'g>)> {
        loop {
            if let Some(record) = self.keep.at(guard, entry.place()) {
                return Some((entry, record));
            }
            let now = bins.at(spot);
            if now.is_none() || now.place() == entry.place() {
                return None; // gone, expired, or further up by now
            }
            entry = now;
        }
    }
}
