//! The front end of a cache keeps nothing: it finds what the back end, or anybody else, still keeps, without asking.

use core::fmt;
use core::hash::Hash;

use hashbrown::Equivalent;

use crate::caches::cached::Cached;
use crate::caches::clock::Clock;
use crate::values::data::SharedData;
use crate::values::references::Lost;

/// How many entries are looked at for each that is put in, so that those go whose bytes have gone.
const SWEPT: usize = 2;

/// A table of weak references. One owner, no lock; a hit sends no message and keeps no memory but its holder's.
///
/// ```
/// # use levada_shared::WeakCache;
/// # let heap = levada_shared::SharedHeap::new(Default::default())?;
/// let mut found = WeakCache::new(100);
/// let page = heap.default_account().copy_from(b"home")?;
/// found.insert("/", &page);
/// assert_eq!(found.get(&"/").unwrap(), page);
/// drop(page); //                              who kept it keeps it no more
/// assert!(found.get(&"/").is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Cost: a hit is a look-up and an upgrade; the account that the value belonged to when it was put in is charged for what
/// is found. Entries are bounded, and each has 128 bytes of lines in the heap for as long as it stays behind its bytes.
pub struct WeakCache<K, V: Cached = SharedData> {
    known: Clock<K, V::Weak>,
    hits: u64,
    misses: u64,
    misses_lost: u64,
}

/// What a cache of weak references has done.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(missing_docs, reason = "each name says what is counted")]
#[non_exhaustive]
pub struct WeakCacheGauges {
    pub entries: u64,
    pub hits: u64,
    pub misses: u64,
    /// Of these, misses because the bytes had gone or were retired.
    pub misses_lost: u64,
}

impl<K: Hash + Eq, V: Cached> WeakCache<K, V> {
    /// A cache of at most so many entries; it takes memory as it fills.
    #[must_use]
    pub fn new(entries: usize) -> Self {
        Self { known: Clock::new(u64::MAX, entries), hits: 0, misses: 0, misses_lost: 0 }
    }

    /// The value of `key`, held; `None` if it is not known, or not there any more, or its account has no room to hold it.
    #[inline]
    pub fn get<Q: Hash + Equivalent<K> + ?Sized>(&mut self, key: &Q) -> Option<V> {
        self.get_by(key, V::of_weak)
    }

    /// What `hold` makes of the value of `key`, for who needs only some of it: what is not held is not paid for. `None` as
    /// with [`WeakCache::get`]; where `hold` says that something is gone or retired, the key is forgotten.
    #[inline]
    pub fn get_by<Q: Hash + Equivalent<K> + ?Sized, R>(
        &mut self,
        key: &Q,
        hold: impl FnOnce(&V::Weak) -> Result<R, Lost>,
    ) -> Option<R> {
        let Some(hit) = self.known.get(key) else {
            self.misses += 1;
            return None;
        };
        match hold(hit.value) {
            Ok(value) => {
                self.hits += 1;
                Some(value)
            }
            Err(lost) => {
                self.misses += 1;
                if matches!(lost, Lost::Gone | Lost::Retired) {
                    self.misses_lost += 1;
                    self.known.remove(key);
                }
                None
            }
        }
    }

    /// Knows a value from now on, in place of one of the same key. Others go as long as there are too many, and those that
    /// are met whose bytes have gone.
    pub fn insert(&mut self, key: K, value: &V) {
        self.known.sweep(SWEPT, |weak| !V::is_alive(weak));
        self.known.insert(key, value.weak(), 0, |_, _| {});
    }

    /// Forgets a key; its value stays as it is. False if it was not known.
    pub fn remove<Q: Hash + Equivalent<K> + ?Sized>(&mut self, key: &Q) -> bool {
        self.known.remove(key).is_some()
    }

    /// Forgets all keys.
    pub fn clear(&mut self) {
        self.known.drain().for_each(drop);
    }

    /// What it knows and has done.
    #[must_use]
    pub fn gauges(&self) -> WeakCacheGauges {
        let Self { hits, misses, misses_lost, .. } = *self;
        WeakCacheGauges { entries: self.known.len() as u64, hits, misses, misses_lost }
    }
}

impl<K: Hash + Eq, V: Cached> fmt::Debug for WeakCache<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WeakCache").field(&self.gauges()).finish()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::heap::SharedHeap;

    #[test]
    fn it_keeps_nothing_and_forgets_what_has_gone() {
        let heap = SharedHeap::new(crate::Options::default()).unwrap();
        let account = heap.default_account();
        let mut cache = WeakCache::new(10);
        for key in 0..100_u32 {
            let data = account.copy_from(&key.to_le_bytes()).unwrap();
            cache.insert(key, &data);
            assert_eq!(cache.get(&key).as_ref(), Some(&data));
        }
        assert_eq!(heap.gauges().used_bytes, 0);
        assert!(cache.gauges().entries <= 2, "dead ones are swept: {:?}", cache.gauges());
        assert_eq!((cache.get(&99), cache.gauges().misses_lost), (None, 1));
        heap.validate();
    }

    #[test]
    fn who_needs_only_some_of_a_value_holds_no_more_and_what_is_lost_is_forgotten() {
        let heap = SharedHeap::new(crate::Options::default()).unwrap();
        let account = heap.default_account();
        let mut cache = WeakCache::new(10);
        let data = account.copy_from(b"kept").unwrap();
        cache.insert(1, &data);
        assert_eq!(cache.get_by(&1, |weak| Ok(weak.len())), Some(4));
        assert_eq!(cache.get_by(&1, |weak| weak.try_upgrade()), Some(data));
        assert_eq!(cache.get_by(&2, |_| Ok(())), None);
        let full = Lost::Full { limit: crate::Limit::Account, room_bytes: 0 };
        assert_eq!(cache.get_by::<_, ()>(&1, |_| Err(full)), None);
        assert_eq!(cache.gauges().entries, 1, "what finds no room now may find it later");
        assert_eq!(cache.get_by(&1, |weak| weak.try_upgrade()), None);
        let gauges = cache.gauges();
        assert_eq!((gauges.entries, gauges.hits, gauges.misses, gauges.misses_lost), (0, 2, 3, 1));
    }

    #[test]
    fn entries_are_bounded_and_go_by_use() {
        let heap = SharedHeap::new(crate::Options::default()).unwrap();
        let account = heap.default_account();
        let held: Vec<SharedData> =
            (0..20_u8).map(|fill| account.copy_from(&[fill]).unwrap()).collect();
        let mut cache = WeakCache::new(8);
        for (key, data) in held.iter().enumerate() {
            cache.insert(key, data);
            assert!(cache.get(&0).is_some());
        }
        assert_eq!(cache.gauges().entries, 8);
        cache.insert(0, &held[5]);
        assert_eq!(cache.get(&0).as_ref(), Some(&held[5]));
        assert!(cache.remove(&0) && !cache.remove(&0));
        held[19].retire();
        assert_eq!(cache.get(&19), None);
        cache.clear();
        assert_eq!(cache.gauges().entries, 0);
        drop(cache);
        drop(held);
        assert_eq!((heap.gauges().lines_nameless, heap.gauges().used_bytes), (0, 0));
    }
}
