//! A table is a named set of entries with keys of one type and values of another.

use core::fmt;
use core::marker::PhantomData;
use std::sync::Arc;

use levada_pile::{Guard, Life, Version};

use crate::cache::Cache;
use crate::error::Refused;
use crate::how::How;
use crate::keys::key::Key;
use crate::sync::Ordering;
use crate::table::body::{Body, Found, Whereabouts};
use crate::table::hit::{Footprint, Hit};
use crate::table::writing::{Put, Rule, Stored};
use crate::values::{Bytes, Head, Values, write_bytes};

/// A handle to a table; clones name the same one, and any thread may use any of them.
pub struct Table<K: ?Sized, V> {
    pub(crate) body: Arc<Body>,
    pub(crate) cache: Cache,
    pub(crate) types: PhantomData<fn(&K) -> V>,
}

/// What is to become of an entry that was looked at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Edit<T> {
    /// It stays as it is.
    Keep,
    /// It has this value from now on.
    Put(T, How),
    /// It goes.
    Remove,
}

/// What an edit came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Edited {
    /// Nothing was changed.
    Kept,
    /// The new value was put.
    Put(Put),
    /// It is gone.
    Removed,
}

/// How many keys of a batch are asked for ahead of the one that is read.
const AHEAD: usize = 16;

/// How many keys of a batch are looked up at a time.
const BATCH: usize = 32;

impl<K: Key + ?Sized, V: Values> Table<K, V> {
    /// The name that it was given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.body.name
    }

    /// The cache that it is of.
    #[must_use]
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// The entry under a key, in place.
    ///
    /// ```
    /// use levada_cache::{Cache, CacheOptions, Bytes, How, Pile, TableOptions};
    ///
    /// let pile = Pile::builder("p").limit_bytes(8 << 20).build()?;
    /// let cache = Cache::over(&pile, CacheOptions::limit(8 << 20))?;
    /// let table = cache.table::<u64, Bytes>("numbers", TableOptions::default())?;
    /// table.put(&7, b"seven", How::default())?;
    /// let guard = cache.pin();
    /// assert_eq!(table.get(&guard, &7).map(|hit| hit.bytes()), Some(&b"seven"[..]));
    /// assert!(table.get(&guard, &8).is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    #[must_use]
    pub fn get<'g>(&'g self, guard: &'g Guard<'_>, key: &K) -> Option<Hit<'g, V>> {
        key.with_bytes(|key| {
            let found = self.body.get(guard, self.body.whereabouts(key), key)?;
            Hit::new(&self.body, guard, found)
        })
    }

    /// As [`Table::get`], if the entry was put or rejuvenated less than so many seconds ago; an older one is a miss, and stays.
    /// In a table that does not know ages, each is a miss.
    #[must_use]
    pub fn get_if<'g>(
        &'g self,
        guard: &'g Guard<'_>,
        key: &K,
        younger_than_s: u32,
    ) -> Option<Hit<'g, V>> {
        key.with_bytes(|key| {
            let at = self.body.whereabouts(key);
            let found = self.body.find(guard, at, key);
            let is_young = |found: &Found<'_>| {
                self.body.age_s(found).is_some_and(|age_s| age_s < younger_than_s)
            };
            if !found.as_ref().is_some_and(is_young) {
                self.body.reads.count(guard.reader_index(), false);
                return None;
            }
            Hit::new(&self.body, guard, self.body.get(guard, at, key)?)
        })
    }

    /// Many entries, each in its turn: their bins and records are asked for ahead, so that the processor waits for several at
    /// once. Each is current when it is read; together they are of no one instant.
    pub fn get_many<'g>(
        &'g self,
        guard: &'g Guard<'_>,
        keys: &[&K],
        each: &mut dyn FnMut(usize, Option<Hit<'g, V>>),
    ) {
        let body = &*self.body;
        for (batch, keys) in keys.chunks(BATCH).enumerate() {
            let mut at = [Whereabouts::NONE; BATCH];
            for (at, key) in at.iter_mut().zip(keys) {
                *at = key.with_bytes(|key| body.whereabouts(key));
                body.prefetch_bins(*at);
            }
            for &at in at.iter().take(AHEAD.min(keys.len())) {
                body.prefetch_record(at);
            }
            for (index, key) in keys.iter().enumerate() {
                if let Some(coming) = at.get(index + AHEAD).filter(|_| index + AHEAD < keys.len()) {
                    body.prefetch_record(*coming);
                }
                let found = key.with_bytes(|key| body.get(guard, at[index], key));
                each(batch * BATCH + index, found.and_then(|found| Hit::new(body, guard, found)));
            }
        }
    }

    /// The entry under a key, without a trace in what is evicted next.
    #[must_use]
    pub fn peek<'g>(&'g self, guard: &'g Guard<'_>, key: &K) -> Option<Hit<'g, V>> {
        key.with_bytes(|key| {
            let found = self.body.peek(guard, self.body.whereabouts(key), key)?;
            Hit::new(&self.body, guard, found)
        })
    }

    /// Whether there is an entry under a key; it leaves no trace in what is evicted next.
    #[must_use]
    pub fn contains(&self, key: &K) -> bool {
        let guard = self.cache.pin();
        self.peek(&guard, key).is_some()
    }

    /// What the entry under a key takes; it leaves no trace in what is evicted next.
    #[must_use]
    pub fn size_of(&self, key: &K) -> Option<Footprint> {
        let guard = self.cache.pin();
        self.peek(&guard, key).map(|hit| hit.footprint())
    }

    /// Puts a value, whatever there is under the key. Readers see the old one or the new one, whole.
    ///
    /// # Errors
    /// [`Refused`]; the old value stays then, unless `how` says otherwise.
    #[inline]
    pub fn put(&self, key: &K, value: &V::Value, how: How) -> Result<Put, Refused> {
        match self.store(key, value, &how, Rule::Any)? {
            Stored::Stored(put) => Ok(put),
            other => unreachable!("a put asks for nothing: {other:?}"),
        }
    }

    /// Puts a value if there is none under the key.
    ///
    /// # Errors
    /// As [`Table::put`].
    pub fn add(&self, key: &K, value: &V::Value, how: How) -> Result<Stored, Refused> {
        self.store(key, value, &how, Rule::Absent)
    }

    /// Puts a value if there is one under the key.
    ///
    /// # Errors
    /// As [`Table::put`].
    pub fn replace(&self, key: &K, value: &V::Value, how: How) -> Result<Stored, Refused> {
        self.store(key, value, &how, Rule::Present)
    }

    /// Puts a value if the one under the key is the one that was seen.
    ///
    /// # Errors
    /// As [`Table::put`].
    pub fn compare_put(
        &self,
        key: &K,
        seen: Version,
        value: &V::Value,
        how: How,
    ) -> Result<Stored, Refused> {
        self.store(key, value, &how, Rule::Same(seen))
    }

    fn store(
        &self,
        key: &K,
        value: &V::Value,
        how: &How,
        rule: Rule<'_>,
    ) -> Result<Stored, Refused> {
        let write = |head: Head<'_>, at_once| V::write(&self.body.keep, head, value, at_once);
        key.with_bytes(|key| self.body.put(key, how, rule, V::bytes(value), None, write))
    }

    /// Lets a value depend on the one before: `edit` is shown what there is under the key, and says what is to become of it.
    /// If anybody came between, it is asked again. An entry that its codec cannot read is removed, and shown as none.
    ///
    /// # Errors
    /// As [`Table::put`].
    pub fn edit<T: core::borrow::Borrow<V::Value>>(
        &self,
        key: &K,
        edit: &mut dyn FnMut(Option<&Hit<'_, V>>) -> Edit<T>,
    ) -> Result<Edited, Refused> {
        loop {
            let guard = self.cache.pin();
            let hit = self.read_or_remove(&guard, key, Body::peek, Some);
            let seen = hit.as_ref().map(Hit::version);
            let wish = edit(hit.as_ref());
            drop(hit);
            drop(guard);
            let done = match (wish, seen) {
                (Edit::Keep, _) | (Edit::Remove, None) => Some(Edited::Kept),
                (Edit::Remove, Some(seen)) => self.remove_if(key, seen).then_some(Edited::Removed),
                (Edit::Put(value, how), seen) => {
                    let rule = seen.map_or(Rule::Absent, Rule::Same);
                    match self.store(key, value.borrow(), &how, rule)? {
                        Stored::Stored(put) => Some(Edited::Put(put)),
                        Stored::Exists | Stored::Absent | Stored::Changed => None,
                    }
                }
            };
            if let Some(done) = done {
                return Ok(done);
            }
        }
    }

    /// The entry under a key that `find` finds, as `read` reads it. One that cannot be read, since its codec does not read what
    /// it wrote, goes: it is in the way of who would put another.
    pub(crate) fn read_or_remove<'g, R>(
        &'g self,
        guard: &'g Guard<'_>,
        key: &K,
        find: impl FnOnce(&'g Body, &'g Guard<'_>, Whereabouts, &[u8]) -> Option<Found<'g>>,
        read: impl FnOnce(Hit<'g, V>) -> Option<R>,
    ) -> Option<R> {
        key.with_bytes(|key| {
            let body = &*self.body;
            let found = find(body, guard, body.whereabouts(key), key)?;
            let value = Hit::new(body, guard, found).and_then(read);
            if value.is_none() {
                // No other: a readable one may have come in its place.
                body.remove(key, Some(found.record.version()));
            }
            value
        })
    }

    /// Removes the entry under a key. Whether there was one.
    pub fn remove(&self, key: &K) -> bool {
        key.with_bytes(|key| self.body.remove(key, None))
    }

    /// Removes the entry under a key, if it is the one that was seen. Whether it was.
    pub fn remove_if(&self, key: &K, seen: Version) -> bool {
        key.with_bytes(|key| self.body.remove(key, Some(seen)))
    }

    /// Lets an entry's life begin anew, of the same length: that with which it was put in a table that knows ages, else the
    /// table's own. Whether there was one.
    pub fn rejuvenate(&self, key: &K) -> bool {
        key.with_bytes(|key| {
            let life =
                |body: &Body, found: &Found<'_>| match (body.age_s(found), found.record.left_s) {
                    (Some(age_s), Some(left_s)) => {
                        Life::secs(age_s.saturating_add(left_s).saturating_sub(1))
                    }
                    (Some(_), None) => Life::FOREVER,
                    (None, _) => body.max_age(),
                };
            self.body.renew_with(self.body.whereabouts(key), key, life, true)
        })
    }

    /// Gives an entry another life; an end that nothing renews is never passed. Whether there was one.
    pub fn touch(&self, key: &K, life: Life) -> bool {
        key.with_bytes(|key| self.body.renew(self.body.whereabouts(key), key, life))
    }

    /// Changes one of an entry's notes in place. What it was before; `None` if there is no entry. `change` runs under the lock
    /// of the key's shard: it must be brief, and use no cache.
    ///
    /// # Panics
    /// If the table has fewer notes.
    pub fn note(&self, key: &K, note: usize, change: &mut dyn FnMut(u32) -> u32) -> Option<u32> {
        key.with_bytes(|key| self.body.note(key, note, change))
    }

    /// Empties the table at once; its memory follows with the upkeep. What is put after it stays.
    pub fn clear(&self) {
        self.body.clear();
    }

    /// What an entry with such a key and a value of so many bytes is charged.
    #[must_use]
    pub fn charge_bytes(&self, key: &K, value_bytes: usize) -> u64 {
        let life = self.body.life_of(&How::default());
        key.with_bytes(|key| self.body.charge_bytes(key, value_bytes, life))
    }
}

impl Table<[u8], Bytes> {
    /// As [`Table::put`], of a value in two parts.
    ///
    /// # Errors
    /// As [`Table::put`].
    pub fn put_parts(&self, key: &[u8], value: [&[u8]; 2], how: How) -> Result<Put, Refused> {
        let bytes = value[0].len() + value[1].len();
        let write = |head: Head<'_>, at_once| write_bytes(&self.body.keep, head, value, at_once);
        match self.body.put(key, &how, Rule::Any, bytes, None, write)? {
            Stored::Stored(put) => Ok(put),
            other => unreachable!("a put asks for nothing: {other:?}"),
        }
    }
}

impl<K: ?Sized, V> Clone for Table<K, V> {
    fn clone(&self) -> Self {
        Self { body: Arc::clone(&self.body), cache: self.cache.clone(), types: PhantomData }
    }
}

impl<K: ?Sized, V> fmt::Debug for Table<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.body.fmt(f)
    }
}

impl Body {
    /// What an entry is charged.
    pub(crate) fn charge_bytes(&self, key: &[u8], value_bytes: usize, life: Life) -> u64 {
        let prefix = crate::keys::framing::Length::of(key, self.key_bytes).as_bytes().len();
        let bytes = prefix + key.len() + value_bytes;
        self.keep.footprint_bytes(bytes, life) + crate::table::body::ENTRY_BYTES
    }

    /// Lets everything that was put so far be absent.
    pub(crate) fn clear(&self) {
        // Eight eras can be told from one another: with the seventh that was not drained yet, they are.
        let undrained = self.clears.load(Ordering::SeqCst) - self.drained.load(Ordering::Relaxed);
        if undrained >= 6 {
            self.drain(&mut || false);
        }
        self.clears.fetch_add(1, Ordering::SeqCst);
    }
}
