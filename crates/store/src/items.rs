//! Items stand in one table that all cores share: what a command does to them is one step for everybody.

use core::sync::atomic::{AtomicU64, Ordering};
use std::collections::HashMap;
use std::sync::Arc;

use levada_memcache::Life;
use levada_shared::{Account, SharedData};

use crate::item::{Head, Item, Note};

/// What is to become of an item.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change {
    /// Nothing.
    Keep,
    /// It goes.
    Remove,
    /// It gets the data that was written into the scratch.
    Put(How),
}

/// How data is put.
#[derive(Clone, Copy, Debug)]
pub(crate) struct How {
    pub(crate) client_flags: u32,
    pub(crate) life: Life,
    pub(crate) note: Note,
}

/// There is no room for an item.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct NoRoom;

/// What a look sees stays while it lasts.
#[derive(Debug)]
pub(crate) struct Looking;

/// Of all items.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ItemGauges {
    pub(crate) count: u64,
    pub(crate) charged_bytes: u64,
    pub(crate) limit_bytes: u64,
    pub(crate) evictions: u64,
    pub(crate) evicted_unread: u64,
    pub(crate) expired: u64,
}

/// An item that was found.
#[derive(Debug)]
pub(crate) struct Found {
    value: Arc<Vec<u8>>,
    note: Note,
    left_s: Option<u32>,
}

impl Found {
    /// It.
    #[inline]
    pub(crate) fn item(&self) -> Item<'_> {
        let (head, data) = Head::split(&self.value).expect("every value has a head");
        Item { head, data, note: self.note, left_s: self.left_s }
    }

    /// How much memory it takes.
    pub(crate) fn footprint_bytes(&self) -> u64 {
        self.value.len() as u64
    }

    /// Its data, for as long as it is sent.
    pub(crate) fn hold(&self, account: &Account) -> Option<SharedData> {
        account.copy_from(self.item().data).ok()
    }
}

#[derive(Debug)]
struct Kept {
    value: Arc<Vec<u8>>,
    note: Note,
    left_s: Option<u32>,
}

/// All items.
#[derive(Debug, Default)]
pub(crate) struct Items {
    #[expect(clippy::disallowed_types, reason = "stands in")]
    map: std::sync::Mutex<HashMap<Vec<u8>, Kept>>,
    cas: AtomicU64,
}

impl Items {
    pub(crate) fn look(&self) -> Looking {
        Looking
    }

    fn found(kept: &Kept) -> Found {
        Found { value: kept.value.clone(), note: kept.note, left_s: kept.left_s }
    }

    pub(crate) fn find(&self, _: &Looking, key: &[u8]) -> Option<Found> {
        self.map.lock().unwrap().get(key).map(Self::found)
    }

    pub(crate) fn find_many(
        &self,
        looking: &Looking,
        keys: &[&[u8]],
        each: &mut dyn FnMut(usize, Option<Found>),
    ) {
        for (index, key) in keys.iter().enumerate() {
            each(index, self.find(looking, key));
        }
    }

    fn next_cas(&self, _key: &[u8]) -> u64 {
        self.cas.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Puts an item, whatever was there. Its number.
    pub(crate) fn set(&self, key: &[u8], data: &[u8], how: How) -> Result<u64, NoRoom> {
        let cas = self.next_cas(key);
        let mut map = self.map.lock().unwrap();
        Self::put(&mut map, key, data, how, cas);
        Ok(cas)
    }

    fn put(map: &mut HashMap<Vec<u8>, Kept>, key: &[u8], data: &[u8], how: How, cas: u64) {
        let left_s = match how.life {
            Life::Never => None,
            Life::For(left_s) => Some(left_s),
            Life::AtOnce => {
                map.remove(key);
                return;
            }
        };
        let head = Head { client_flags: how.client_flags, cas };
        let value = [&head.to_bytes()[..], data].concat();
        let kept = Kept { value: Arc::new(value), note: how.note, left_s };
        map.insert(key.to_vec(), kept);
    }

    /// Lets `decide` say what is to become of an item, as it is when that is done: it may be asked several times. The item's
    /// number, if it was put.
    pub(crate) fn change(
        &self,
        _: &Looking,
        key: &[u8],
        scratch: &mut Vec<u8>,
        mut decide: impl FnMut(Option<Item<'_>>, &mut Vec<u8>) -> Change,
    ) -> Result<Option<u64>, NoRoom> {
        let mut map = self.map.lock().unwrap();
        let found = map.get(key).map(Self::found);
        match decide(found.as_ref().map(Found::item), scratch) {
            Change::Keep => Ok(None),
            Change::Remove => {
                map.remove(key);
                Ok(None)
            }
            Change::Put(how) => {
                let cas = self.next_cas(key);
                Self::put(&mut map, key, scratch, how, cas);
                Ok(Some(cas))
            }
        }
    }

    /// Whether it was there.
    pub(crate) fn remove(&self, key: &[u8]) -> bool {
        self.map.lock().unwrap().remove(key).is_some()
    }

    /// Gives it another life. Whether it was there.
    pub(crate) fn touch(&self, key: &[u8], life: Life) -> bool {
        let mut map = self.map.lock().unwrap();
        let left_s = match life {
            Life::Never => None,
            Life::For(left_s) => Some(left_s),
            Life::AtOnce => return map.remove(key).is_some(),
        };
        map.get_mut(key).map(|kept| kept.left_s = left_s).is_some()
    }

    /// Changes its note in place; `renew` gets the one that it has. False if it is not there.
    pub(crate) fn note(&self, key: &[u8], renew: &mut dyn FnMut(Note) -> Note) -> bool {
        let mut map = self.map.lock().unwrap();
        map.get_mut(key).map(|kept| kept.note = renew(kept.note)).is_some()
    }

    pub(crate) fn gauges(&self) -> ItemGauges {
        ItemGauges::default()
    }

    /// All go.
    pub(crate) fn clear(&self) {
        self.map.lock().unwrap().clear();
    }
}
