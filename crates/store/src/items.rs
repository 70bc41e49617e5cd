//! Items stand in one table that all cores share: what a command does to them is one step for everybody.
//!
//! Cost: a read takes no lock; what is put is copied once, into its place.

use core::sync::atomic::{AtomicU64, Ordering};

use levada_cache::{
    Bytes, Cache, Guard, Hit, How as EntryHow, Lent, Life as EntryLife, Put, Refused, Stored,
    Table, TableError, TableOptions,
};
use levada_memcache::Life;
use levada_shared::{Account, ExclusiveBuf, SharedData};

use crate::item::{HEAD_BYTES, Head, Item, Note};

/// Which of an entry's notes is the item's.
const NOTE: usize = 0;

/// Keys share this many counters for their numbers, so that writers of different cores seldom meet at one.
const COUNTERS: usize = 64;

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

/// An item that was found.
#[derive(Debug)]
pub(crate) struct Found<'g>(Hit<'g, Bytes>);

impl<'g> Found<'g> {
    /// It.
    #[inline]
    pub(crate) fn item(&self) -> Item<'g> {
        let (head, data) = Head::split(self.0.bytes()).expect("every value has a head");
        Item { head, data, note: Note(self.0.note(NOTE)), left_s: self.0.left_s() }
    }

    /// How much memory it takes.
    pub(crate) fn footprint_bytes(&self) -> u64 {
        self.0.footprint().charged_bytes
    }

    /// Its data, for as long as it is sent: nothing is copied.
    pub(crate) fn hold(&self, account: &Account) -> Option<SharedData> {
        self.0.hold(account).ok()?.slice(HEAD_BYTES as u64..)
    }
}

/// Of all items.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ItemGauges {
    pub(crate) count: u64,
    pub(crate) charged_bytes: u64,
    pub(crate) limit_bytes: u64,
    pub(crate) evictions: u64,
    pub(crate) evicted_unread: u64,
    pub(crate) expired: u64,
    /// Puts that the table refused, by why.
    pub(crate) refused: [(&'static str, u64); 5],
}

/// A line that one counter has alone.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Counter(AtomicU64);

/// All items.
#[derive(Debug)]
pub(crate) struct Items {
    pub(crate) cache: Cache,
    table: Table<[u8], Bytes>,
    /// The last number that was given to an item of those keys.
    counters: Box<[Counter; COUNTERS]>,
}

impl Items {
    /// Those of the table of that name, which is made if there is none.
    pub(crate) fn new(cache: Cache, name: &str, options: TableOptions) -> Result<Self, TableError> {
        let table = cache.table(name, options.renewable().notes(1))?;
        let counters = Box::new([const { Counter(AtomicU64::new(0)) }; COUNTERS]);
        Ok(Self { cache, table, counters })
    }

    /// What is seen under this guard stays.
    #[inline]
    pub(crate) fn look(&self) -> Guard<'_> {
        self.cache.pin()
    }

    #[inline]
    pub(crate) fn find<'g>(&'g self, guard: &'g Guard<'_>, key: &[u8]) -> Option<Found<'g>> {
        self.table.get(guard, key).map(Found)
    }

    /// As [`Self::find`], without a trace in what is evicted next.
    pub(crate) fn peek<'g>(&'g self, guard: &'g Guard<'_>, key: &[u8]) -> Option<Found<'g>> {
        self.table.peek(guard, key).map(Found)
    }

    #[inline]
    pub(crate) fn find_many<'g>(
        &'g self,
        guard: &'g Guard<'_>,
        keys: &[&[u8]],
        each: &mut dyn FnMut(usize, Option<Found<'g>>),
    ) {
        self.table.get_many(guard, keys, &mut |index, hit| each(index, hit.map(Found)));
    }

    /// The next number for an item of this key: greater than all that such had, and no other key's.
    #[inline]
    fn next_cas(&self, key: &[u8]) -> u64 {
        let mut last = [0; 8];
        let tail = &key[key.len().saturating_sub(8)..];
        last[..tail.len()].copy_from_slice(tail);
        let mixed = u64::from_le_bytes(last).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let number = mixed >> (64 - COUNTERS.trailing_zeros());
        let counter = &self.counters[usize::try_from(number).expect("less than there are")].0;
        // Relaxed: only that numbers differ matters.
        let count = counter.fetch_add(1, Ordering::Relaxed) + 1;
        count * COUNTERS as u64 + number
    }

    /// How many numbers were given.
    pub(crate) fn changes(&self) -> u64 {
        self.counters.iter().map(|counter| counter.0.load(Ordering::Relaxed)).sum()
    }

    /// Puts an item, whatever was there. Its number.
    #[inline]
    pub(crate) fn set(&self, key: &[u8], data: &[u8], how: How) -> Result<u64, NoRoom> {
        let cas = self.next_cas(key);
        let Some(entry_how) = entry_how(how) else {
            self.table.remove(key);
            return Ok(cas);
        };
        let head = Head { client_flags: how.client_flags, cas }.to_bytes();
        match self.table.put_parts(key, [&head, data], entry_how) {
            Ok(Put { .. }) => Ok(cas),
            Err(_) => Err(NoRoom),
        }
    }

    /// Room for an item's head and so many bytes more, in the place where it will stand. `None` where it would be gone at
    /// once, and where there is no room now: there may be when all of it has come.
    pub(crate) fn lend(
        &self,
        key: &[u8],
        block_bytes: usize,
        how: How,
        account: &Account,
    ) -> Option<(Lent<[u8]>, ExclusiveBuf)> {
        self.table.lend(key, HEAD_BYTES + block_bytes, entry_how(how)?, account).ok()
    }

    /// Puts the item that stands in lent room, behind the room for its head. Its number.
    pub(crate) fn set_lent(
        &self,
        key: &[u8],
        lent: Lent<[u8]>,
        mut buffer: ExclusiveBuf,
        client_flags: u32,
    ) -> Result<u64, NoRoom> {
        let cas = self.next_cas(key);
        buffer[..HEAD_BYTES].copy_from_slice(&Head { client_flags, cas }.to_bytes());
        lent.commit(buffer).map(|_| cas).map_err(|_| NoRoom)
    }

    /// Lets `decide` say what is to become of an item, as it is when that is done: it is asked again if somebody came between.
    /// The new data stands behind room for a head in `scratch`. The item's number, if it was put.
    pub(crate) fn change(
        &self,
        key: &[u8],
        scratch: &mut Vec<u8>,
        mut decide: impl FnMut(Option<Item<'_>>, &mut Vec<u8>) -> Change,
    ) -> Result<Option<u64>, NoRoom> {
        loop {
            let guard = self.look();
            let found = self.table.peek(&guard, key).map(Found);
            scratch.clear();
            scratch.extend_from_slice(&[0; HEAD_BYTES]);
            // What is in its last second cannot be given as short a life anew: changed again and again it would never end.
            let item = found.as_ref().map(Found::item).filter(|item| item.left_s != Some(1));
            let change = decide(item, scratch);
            let seen = found.map(|found| found.0.version());
            drop(guard);
            let how = match (change, seen) {
                (Change::Keep, _) | (Change::Remove, None) => return Ok(None),
                (Change::Remove, Some(seen)) => {
                    if self.table.remove_if(key, seen) {
                        return Ok(None);
                    }
                    continue;
                }
                (Change::Put(how), _) => how,
            };
            let cas = self.next_cas(key);
            let head = Head { client_flags: how.client_flags, cas };
            scratch[..HEAD_BYTES].copy_from_slice(&head.to_bytes());
            let is_done = match (entry_how(how), seen) {
                (None, None) => true,
                (None, Some(seen)) => self.table.remove_if(key, seen),
                (Some(how), None) => is_stored(self.table.add(key, scratch, how))?,
                (Some(how), Some(seen)) => {
                    is_stored(self.table.compare_put(key, seen, scratch, how))?
                }
            };
            if is_done {
                return Ok(Some(cas));
            }
        }
    }

    /// Whether it was there.
    pub(crate) fn remove(&self, key: &[u8]) -> bool {
        self.table.remove(key)
    }

    /// Gives it another life. Whether it was there.
    pub(crate) fn touch(&self, key: &[u8], life: Life) -> bool {
        match entry_life(life) {
            Some(life) => self.table.touch(key, life),
            None => self.table.remove(key),
        }
    }

    /// Changes its note in place; `renew` gets the one that it has. False if it is not there.
    pub(crate) fn note(&self, key: &[u8], renew: &mut dyn FnMut(Note) -> Note) -> bool {
        self.table.note(key, NOTE, &mut |note| renew(Note(note)).0).is_some()
    }

    pub(crate) fn gauges(&self) -> ItemGauges {
        let table = self.table.gauges();
        ItemGauges {
            count: table.count,
            charged_bytes: table.charged_bytes,
            limit_bytes: self.cache.limit_bytes(),
            evictions: table.evicted_capacity
                + table.evicted_quota
                + table.evicted_watermark
                + table.evicted_pressure
                + table.evicted_cleaning,
            evicted_unread: table.evicted_unread,
            expired: table.expired_found + table.swept,
            refused: [
                ("refused_out_of_space", table.refused[0]),
                ("refused_no_victim", table.refused[1]),
                ("refused_high", table.refused[2]),
                ("refused_too_large", table.refused[3]),
                ("refused_crowded", table.refused[4]),
            ],
        }
    }

    /// All go.
    pub(crate) fn clear(&self) {
        self.table.clear();
    }
}

fn is_stored(stored: Result<Stored, Refused>) -> Result<bool, NoRoom> {
    match stored {
        Ok(stored) => Ok(matches!(stored, Stored::Stored(_))),
        Err(_) => Err(NoRoom),
    }
}

/// `None` for what is gone at once.
///
/// The reference lets an item live for at most as long as was said, and up to a second less; an entry lives for at least as
/// long, and up to a second more, and never for less than one.
#[inline]
fn entry_life(life: Life) -> Option<EntryLife> {
    match life {
        Life::Never => Some(EntryLife::FOREVER),
        Life::For(seconds) => Some(EntryLife::secs(seconds.saturating_sub(1))),
        Life::AtOnce => None,
    }
}

#[inline]
fn entry_how(how: How) -> Option<EntryHow> {
    let life = entry_life(how.life)?;
    Some(EntryHow::default().life(life).notes([how.note.0, 0]))
}
