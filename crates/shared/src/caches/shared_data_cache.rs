//! The back end of a cache keeps everything softly and a small hot set strongly: so memory that others need is got back
//! from what is asked for least, and what is asked for most is not touched by that.

use core::fmt;
use core::hash::Hash;
use std::collections::VecDeque;

use hashbrown::Equivalent;

use crate::caches::cached::Cached;
use crate::caches::clock::{Clock, Hit};
use crate::values::data::SharedData;
use crate::values::references::Lost;

/// How many entries are looked at for each that is put in, so that those go whose bytes have gone.
const SWEPT: usize = 2;

/// What a cache may keep.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CacheLimits {
    /// How many entries at most.
    pub entries: usize,
    /// How many bytes of blocks at most, those that only the cache keeps and those that are hot together.
    pub soft_bytes: u64,
    /// How many bytes of them are held strongly, at most: no pressure takes these.
    pub hot_bytes: u64,
}

/// What a cache has done.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(missing_docs, reason = "each name says what is counted")]
#[non_exhaustive]
pub struct CacheGauges {
    pub entries: u64,
    pub soft_bytes: u64,
    pub hot_bytes: u64,
    pub hits: u64,
    pub hits_hot: u64,
    pub misses: u64,
    /// Of these, misses because the bytes had been given up to who needed the memory, or retired by others.
    pub misses_lost: u64,
    pub evicted: u64,
}

/// A table of soft references, with strong handles for what is asked for most. One owner, no lock.
///
/// ```
/// # use levada_shared::{CacheLimits, SharedDataCache};
/// # let heap = levada_shared::SharedHeap::new(Default::default())?;
/// let mut pages = SharedDataCache::new(CacheLimits { entries: 100, soft_bytes: 1 << 20, hot_bytes: 64 << 10 });
/// pages.insert("/", heap.default_account().copy_from(b"home")?);
/// assert_eq!(pages.get(&"/").unwrap().to_vec(), b"home");
/// heap.steal(u64::MAX); //                            memory is needed elsewhere
/// assert!(pages.get(&"/").is_none()); //              a miss: to be made again
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// An entry becomes hot when it is asked for again before the hand of the cache's clock comes by; a hot one that was not
/// asked for since it last was the oldest of them cools when there is no room for the next. Cost: a hit is a look-up and an
/// upgrade of each block, which is one compare-and-swap where the entry is hot.
pub struct SharedDataCache<K, V: Cached = SharedData> {
    kept: Clock<K, Kept<V>>,
    /// The places of hot entries, the oldest first; some may be another's by now.
    hot: VecDeque<usize>,
    hot_count: usize,
    limits: CacheLimits,
    gauges: CacheGauges,
}

struct Kept<V: Cached> {
    soft: V::Soft,
    bytes: u64,
    hot: Option<V>,
    /// It was asked for since it last was the oldest of the hot.
    stays_hot: bool,
}

impl<K: Hash + Eq, V: Cached> SharedDataCache<K, V> {
    /// A cache within `limits`; it takes memory as it fills.
    #[must_use]
    pub fn new(limits: CacheLimits) -> Self {
        Self {
            kept: Clock::new(limits.soft_bytes, limits.entries),
            hot: VecDeque::new(),
            hot_count: 0,
            limits,
            gauges: CacheGauges::default(),
        }
    }

    /// The value of `key`, held; `None` if it is not there, or no longer, or its account has no room to hold it.
    #[inline]
    pub fn get<Q: Hash + Equivalent<K> + ?Sized>(&mut self, key: &Q) -> Option<V> {
        let Some(Hit { value: kept, place, was_used }) = self.kept.get(key) else {
            self.gauges.misses += 1;
            return None;
        };
        let value = match V::of_soft(&kept.soft) {
            Ok(value) => value,
            Err(lost) => return self.lost(key, lost),
        };
        self.gauges.hits += 1;
        if kept.hot.is_some() {
            self.gauges.hits_hot += 1;
            kept.stays_hot = true;
        } else if was_used {
            self.heat(place, value.clone());
        }
        Some(value)
    }

    /// What is known of `key` beside its bytes, to be changed; nothing counts as used.
    pub fn peek_mut<Q: Hash + Equivalent<K> + ?Sized>(&mut self, key: &Q) -> Option<&mut V::Soft> {
        self.kept.peek(key).map(|kept| &mut kept.soft)
    }

    /// Keeps a value. One of the same key before is retired. Of others those go that are met and whose bytes have gone, and
    /// the coldest as long as there are too many: who holds them goes on, and what nobody holds is freed. The key comes back if the value is longer than all the room.
    pub fn insert(&mut self, key: K, value: V) -> Option<K> {
        self.remove(&key);
        let bytes = value.pinned_bytes();
        let kept = Kept { soft: value.soft(), bytes, hot: None, stays_hot: false };
        let is_too_long = bytes > self.limits.soft_bytes || self.limits.entries == 0;
        if is_too_long {
            return Some(key);
        }
        self.kept.sweep(SWEPT, |kept| kept.hot.is_none() && !V::is_kept(&kept.soft));
        let mut evicted = 0;
        let (hot_count, gauges) = (&mut self.hot_count, &mut self.gauges);
        self.kept.insert(key, kept, bytes, |_, gone| {
            evicted += 1;
            *hot_count -= cool(gauges, gone);
        });
        gauges.evicted += evicted;
        None
    }

    /// Forgets a key; its value is retired, so that no reference finds it any more. False if it was not there.
    pub fn remove<Q: Hash + Equivalent<K> + ?Sized>(&mut self, key: &Q) -> bool {
        let Some((_, gone)) = self.kept.remove(key) else { return false };
        V::retire(&gone.soft);
        self.hot_count -= cool(&mut self.gauges, gone);
        true
    }

    /// Lets go of all strong handles, and keeps everything softly: for who finds no memory, where what is hot lies
    /// scattered over all there is. How many bytes are soft that were not.
    pub fn cool(&mut self) -> u64 {
        for place in self.hot.drain(..) {
            if let Some(kept) = self.kept.at(place) {
                kept.hot = None;
            }
        }
        self.hot_count = 0;
        core::mem::take(&mut self.gauges.hot_bytes)
    }

    /// Forgets all keys; their values are retired.
    pub fn clear(&mut self) {
        for gone in self.kept.drain() {
            V::retire(&gone.soft);
        }
        self.hot.clear();
        (self.hot_count, self.gauges.hot_bytes) = (0, 0);
    }

    /// What it keeps and has done.
    #[must_use]
    pub fn gauges(&self) -> CacheGauges {
        let (entries, soft_bytes) = (self.kept.len() as u64, self.kept.bytes());
        CacheGauges { entries, soft_bytes, ..self.gauges }
    }

    #[cold]
    fn lost<Q: Hash + Equivalent<K> + ?Sized>(&mut self, key: &Q, lost: Lost) -> Option<V> {
        self.gauges.misses += 1;
        if matches!(lost, Lost::Gone | Lost::Retired) {
            self.gauges.misses_lost += 1;
            if let Some((_, gone)) = self.kept.remove(key) {
                self.hot_count -= cool(&mut self.gauges, gone);
            }
        }
        None
    }

    /// Holds an entry strongly, if there is room for it among the hot, or others cool for it.
    fn heat(&mut self, place: usize, value: V) {
        let bytes = value.pinned_bytes();
        if bytes > self.limits.hot_bytes {
            return;
        }
        // Each of the hot is passed at most once, if it was asked for.
        let mut passes = self.hot_count + 1;
        while self.gauges.hot_bytes + bytes > self.limits.hot_bytes {
            let Some(oldest) = self.hot.pop_front() else { return };
            let Some(kept) = self.kept.at(oldest).filter(|kept| kept.hot.is_some()) else {
                continue;
            };
            if core::mem::take(&mut kept.stays_hot) && passes > 0 {
                passes -= 1;
                self.hot.push_back(oldest);
            } else {
                kept.hot = None;
                self.hot_count -= 1;
                self.gauges.hot_bytes -= kept.bytes;
            }
        }
        if let Some(kept) = self.kept.at(place) {
            kept.hot = Some(value);
            kept.bytes = bytes;
            self.hot_count += 1;
            self.gauges.hot_bytes += bytes;
            self.hot.push_back(place);
        }
        self.forget_cool_places();
    }

    /// Places of entries that went while they were hot would gather.
    fn forget_cool_places(&mut self) {
        if self.hot.len() > 2 * self.hot_count + 16 {
            let kept = &mut self.kept;
            let mut seen = std::collections::HashSet::new();
            self.hot.retain(|place| {
                kept.at(*place).is_some_and(|kept| kept.hot.is_some()) && seen.insert(*place)
            });
        }
    }

    /// Compares table, ring, the hot ones and the counts.
    ///
    /// # Panics
    /// Where they disagree.
    #[cfg(all(test, not(loom)))]
    fn validate(&mut self) {
        self.kept.validate();
        let (mut hot_count, mut hot_bytes) = (0, 0);
        for place in 0..self.kept.places() {
            if let Some(kept) = self.kept.at(place)
                && kept.hot.is_some()
            {
                hot_count += 1;
                hot_bytes += kept.bytes;
                assert!(self.hot.contains(&place), "what is hot stands in line to cool");
            }
        }
        assert_eq!((hot_count, hot_bytes), (self.hot_count, self.gauges.hot_bytes), "hot counts");
        assert!(hot_bytes <= self.limits.hot_bytes, "no limit is passed");
    }
}

impl<K: Hash + Eq, V: Cached> fmt::Debug for SharedDataCache<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SharedDataCache").field(&self.gauges()).finish()
    }
}

/// Lets go of the strong handle of an entry that has gone; how many that were.
fn cool<V: Cached>(gauges: &mut CacheGauges, gone: Kept<V>) -> usize {
    let Some(hot) = gone.hot else { return 0 };
    gauges.hot_bytes -= gone.bytes;
    drop(hot);
    1
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::account::Account;
    use crate::heap::SharedHeap;
    use crate::options::Options;

    fn heap() -> SharedHeap {
        SharedHeap::new(Options { bytes_max: 16 << 20, ..Options::default() }).expect("16 MiB")
    }

    fn page(account: &Account, fill: u8) -> SharedData {
        account.copy_from(&[fill; 4000]).expect("room")
    }

    fn limits(entries: usize, soft_pages: u64, hot_pages: u64) -> CacheLimits {
        CacheLimits { entries, soft_bytes: soft_pages * 4096, hot_bytes: hot_pages * 4096 }
    }

    #[test]
    fn what_is_asked_for_again_is_hot_and_survives_what_takes_the_rest() {
        let heap = heap();
        let account = heap.default_account();
        let mut cache = SharedDataCache::new(limits(100, 100, 2));
        for key in 0..10 {
            assert_eq!(cache.insert(key, page(&account, key)), None);
        }
        for key in [3, 3, 7, 7] {
            assert_eq!(cache.get(&key).unwrap(), page(&account, key));
        }
        cache.validate();
        assert_eq!((account.charged_bytes(), cache.gauges().hot_bytes), (8192, 8192));
        heap.steal(u64::MAX);
        let found: Vec<u8> = (0..10).filter(|key| cache.get(key).is_some()).collect();
        assert_eq!(found, [3, 7]);
        cache.validate();
        let gauges = cache.gauges();
        assert_eq!((gauges.entries, gauges.misses, gauges.misses_lost, gauges.hits), (2, 8, 8, 6));
        assert_eq!(gauges.hits_hot, 2);
    }

    #[test]
    fn the_oldest_hot_one_that_is_not_asked_for_cools() {
        let heap = heap();
        let account = heap.default_account();
        let mut cache = SharedDataCache::new(limits(100, 100, 2));
        for key in 0..4 {
            cache.insert(key, page(&account, key));
        }
        for key in [0, 0, 1, 1, 0, 2, 2] {
            assert!(cache.get(&key).is_some());
            cache.validate();
        }
        heap.steal(u64::MAX);
        assert!(cache.get(&1).is_none() && cache.get(&0).is_some() && cache.get(&2).is_some());
    }

    #[test]
    fn what_was_given_up_is_swept_out_before_what_is_there_goes() {
        let heap = heap();
        let account = heap.default_account();
        let mut cache = SharedDataCache::new(limits(100, 100, 2));
        for key in 0..100 {
            cache.insert(key, page(&account, key));
        }
        assert!(cache.get(&99).is_some() && cache.get(&99).is_some(), "it is hot");
        heap.steal(u64::MAX);
        for key in 100..150 {
            cache.insert(key, page(&account, key));
        }
        cache.validate();
        let gauges = cache.gauges();
        assert!(gauges.entries <= 52 && gauges.soft_bytes <= 52 * 4096, "{gauges:?}");
        assert!((99..150).all(|key| cache.get(&key).is_some()));
    }

    #[test]
    fn what_cools_is_kept_softly_and_becomes_hot_again_when_it_is_asked_for() {
        let heap = heap();
        let account = heap.default_account();
        let mut cache = SharedDataCache::new(limits(100, 100, 2));
        for key in 0..4 {
            cache.insert(key, page(&account, key));
            assert!(cache.get(&key).is_some() && cache.get(&key).is_some());
        }
        assert_eq!((cache.cool(), cache.cool()), (8192, 0));
        cache.validate();
        assert_eq!((account.charged_bytes(), heap.gauges().soft_bytes), (0, 4 * 4096));
        assert_eq!(cache.get(&2).unwrap(), page(&account, 2));
        cache.validate();
        assert_eq!(cache.gauges().hot_bytes, 4096);
    }

    #[test]
    fn limits_hold_and_what_is_replaced_or_removed_is_retired() {
        let heap = heap();
        let account = heap.default_account();
        let mut cache = SharedDataCache::new(limits(3, 5, 1));
        for key in 0..10 {
            cache.insert(key, page(&account, key));
        }
        let gauges = cache.gauges();
        assert_eq!((gauges.entries, gauges.evicted, gauges.soft_bytes), (3, 7, 3 * 4096));
        assert_eq!(heap.gauges().used_bytes, 3 * 4096);
        let held = cache.get(&9).unwrap();
        let weak = held.weak();
        cache.insert(9, page(&account, 90));
        assert!(held.is_retired() && weak.upgrade().is_none());
        assert_eq!(cache.get(&9).unwrap(), page(&account, 90));
        assert!(cache.remove(&9) && !cache.remove(&9));
        assert_eq!(cache.insert(1, account.copy_from(&[1; 6 * 4096]).unwrap()), Some(1));
        cache.validate();
        cache.clear();
        cache.validate();
        drop(held);
        assert_eq!((heap.gauges().used_bytes, cache.gauges().entries), (0, 0));
    }

    #[test]
    fn any_program_keeps_counts_and_limits_and_finds_only_what_was_last_put() {
        let heap = heap();
        let account = heap.default_account();
        let mut cache = SharedDataCache::new(limits(12, 10, 4));
        let mut latest = std::collections::HashMap::new();
        let mut dice = 1_u64;
        for step in 0..20_000_u64 {
            dice = dice
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let (key, act) = ((dice >> 40) % 20, (dice >> 33) % 16);
            match act {
                0..4 => {
                    let fill = u8::try_from(step % 251).unwrap();
                    latest.insert(key, fill);
                    cache.insert(key, page(&account, fill));
                }
                4 => {
                    latest.remove(&key);
                    cache.remove(&key);
                }
                5 if (dice >> 50) & 7 == 0 => {
                    heap.steal(3 * 4096);
                }
                _ => {
                    if let Some(found) = cache.get(&key) {
                        assert_eq!(found.read::<u8>(7), latest.get(&key).copied());
                    }
                }
            }
            cache.validate();
        }
        assert!(cache.gauges().hits > 1000 && cache.gauges().misses_lost > 10);
        drop(cache);
        heap.validate();
        assert_eq!(heap.gauges().used_bytes, 0);
    }
}
