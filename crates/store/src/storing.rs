//! `set` and its like: data that came is put under a key, if what is there allows it.

use levada_cache::Lent;
use levada_memcache::{Mode, Refusal, Store, Stored};
use levada_shared::ExclusiveBuf;

use crate::item::{Item, Note};
use crate::items::{Change, How};
use crate::work::{Work, same_life};

/// What of an item that is there agrees with the number that was given.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Agrees {
    /// None was given.
    NotAsked,
    Yes,
    /// The one that is there is later, and a value may be stored as stale.
    Stale,
    No,
}

impl Work<'_> {
    /// Puts the data of a command that came whole.
    pub(crate) fn store(&mut self, store: &Store<'_>, data: &[u8]) {
        self.counters.cmd_set += 1;
        self.with_key(store.key, |work, key| {
            let how = work.how(store);
            let stored = if store.mode == Mode::Set && store.compare.is_none() {
                work.counters.bytes_copied_in += data.len() as u64;
                work.hall.items.set(key, data, how).map(|cas| Stored::Stored { cas })
            } else {
                work.store_if(store, key, data, how)
            };
            work.answer_stored(store, key, stored.ok());
        });
    }

    /// Puts the data of a command that stands in its place already.
    pub(crate) fn store_lent(
        &mut self,
        store: &Store<'_>,
        lent: Option<Lent<[u8]>>,
        buffer: ExclusiveBuf,
    ) {
        let Some(lent) = lent else { return };
        self.counters.cmd_set += 1;
        self.with_key(store.key, |work, key| {
            let cas = work.hall.items.set_lent(key, lent, buffer, store.client_flags);
            work.answer_stored(store, key, cas.ok().map(|cas| Stored::Stored { cas }));
        });
    }

    /// How an item is put.
    pub(crate) fn how(&self, store: &Store<'_>) -> How {
        How {
            client_flags: store.client_flags,
            life: store.exp.life(self.unix_s),
            note: Note::put(self.now_s, store.key.is_base64()),
        }
    }

    /// Answers, once it is known what became of it: `None` where there was no room.
    pub(crate) fn answer_stored(&mut self, store: &Store<'_>, key: &[u8], stored: Option<Stored>) {
        let Some(stored) = stored else {
            self.counters.store_no_memory += 1;
            self.drop_old(store, key);
            return self.reply(&store.refuse(Refusal::OutOfMemory));
        };
        if store.mode == Mode::Cas {
            match stored {
                Stored::Stored { .. } => self.counters.cas_hits += 1,
                Stored::Exists => self.counters.cas_badval += 1,
                _ => self.counters.cas_misses += 1,
            }
        }
        self.counters.total_items += u64::from(matches!(stored, Stored::Stored { .. }));
        self.reply(&store.reply(stored));
    }

    /// An item that was to be replaced and cannot be goes: it is older than what its writer has.
    fn drop_old(&self, store: &Store<'_>, key: &[u8]) {
        if store.mode == Mode::Set || store.is_meta() {
            // It may not be there.
            let _was_there: bool = self.hall.items.remove(key);
        }
    }

    /// Refuses a value that is longer than any may be.
    pub(crate) fn refuse_too_large(&mut self, store: &Store<'_>) {
        self.counters.store_too_large += 1;
        self.with_key(store.key, |work, key| work.drop_old(store, key));
        self.reply(&store.refuse(Refusal::TooLarge));
    }

    fn store_if(
        &mut self,
        store: &Store<'_>,
        key: &[u8],
        data: &[u8],
        how: How,
    ) -> Result<Stored, crate::items::NoRoom> {
        let mut stored = Stored::NotStored;
        let mut copied_bytes = 0;
        let item_bytes_max = self.config.limits.item_bytes_max;
        let put = self.hall.items.change(key, self.scratch, |old, new| {
            let decided = decide(store, old, how);
            copied_bytes = data.len();
            match decided {
                Ok(how) => {
                    let before = old.filter(|_| store.mode == Mode::Append);
                    let behind = old.filter(|_| store.mode == Mode::Prepend);
                    let old_bytes = before.or(behind).map_or(0, |old| old.data.len());
                    if old_bytes > 0
                        && is_too_large(key, &how, old_bytes + data.len(), item_bytes_max)
                    {
                        return Change::Keep;
                    }
                    new.extend_from_slice(before.map_or(&[], |old| old.data));
                    new.extend_from_slice(data);
                    new.extend_from_slice(behind.map_or(&[], |old| old.data));
                    copied_bytes = new.len();
                    Change::Put(how)
                }
                Err(refused) => {
                    stored = refused;
                    Change::Keep
                }
            }
        })?;
        let Some(cas) = put else { return Ok(stored) };
        self.counters.bytes_copied_in += 2 * copied_bytes as u64;
        Ok(Stored::Stored { cas })
    }
}

/// Whether an item that is made of two would be longer than any may be: counted as the reference does, whose header has up to
/// 63 bytes.
fn is_too_large(key: &[u8], how: &How, data_bytes: usize, item_bytes_max: usize) -> bool {
    let header_bytes = if how.client_flags == 0 { 59 } else { 63 };
    header_bytes + key.len() + data_bytes > item_bytes_max
}

/// How the data is put beside what is there, or what is said instead.
fn decide(store: &Store<'_>, old: Option<Item<'_>>, how: How) -> Result<How, Stored> {
    let Some(old) = old else {
        return match store.mode {
            Mode::Set | Mode::Add => Ok(how),
            Mode::Cas => Err(Stored::NotFound),
            Mode::Replace | Mode::Append | Mode::Prepend => Err(Stored::NotStored),
        };
    };
    let agrees = match store.compare {
        None | Some(0) => Agrees::NotAsked,
        Some(number) if number == old.head.cas => Agrees::Yes,
        Some(number) if store.stores_stale && number < old.head.cas => Agrees::Stale,
        Some(_) => Agrees::No,
    };
    let kept = How {
        client_flags: old.head.client_flags,
        life: same_life(old.left_s),
        note: how.note.named_as(old.note),
    };
    match (store.mode, agrees) {
        (Mode::Add, _) => Err(Stored::NotStored),
        (Mode::Set | Mode::Replace, _) | (Mode::Cas, Agrees::Yes) => Ok(how),
        (Mode::Cas, Agrees::Stale) => {
            Ok(How { life: kept.life, note: how.note.stale_as(old.note), ..how })
        }
        (Mode::Append | Mode::Prepend, Agrees::Yes | Agrees::NotAsked) => Ok(kept),
        (Mode::Cas | Mode::Append | Mode::Prepend, _) => Err(Stored::Exists),
    }
}
