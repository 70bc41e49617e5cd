//! A body is a table without its types: shards, records, limits, and how entries are read.
//!
//! ```text
//! record = header 8 | expiry 4? | created 4? | until 4? | notes 4 x 0..2 | key length 0..2 | key | value
//! ```
//! What stands between expiry and key changes in place, under the lock of the entry's shard; the rest never changes.
//!
//! Cost: a hit reads the key's two bins, asked for at once, and its record; it writes nothing once the entry is known to be
//! asked for often, but a count in its thread's own line.

use core::fmt;
use core::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use foldhash::quality::{FixedState, RandomState};
use levada_pile::{Guard, KeptRecord, Life, Pile, Place};

use crate::index::address::Address;
use crate::index::bins::{Bins, Spot};
use crate::index::entry::{Entry, Era, Look};
use crate::index::whole::Index;
use crate::keys::framing::is_same;
use crate::options::{Mode, TableOptions};
use crate::room::ledger::Ledger;
use crate::room::sum::Sum;
use crate::sync::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use crate::table::counts::Reads;
use crate::table::records::Records;
use crate::table::shard::Shard;

/// What an entry is charged beside its slot: its part of bins, mark and ghost.
pub(crate) const ENTRY_BYTES: u64 = 17;

/// A table without its types.
pub(crate) struct Body {
    pub(crate) name: Box<str>,
    /// How many bytes each key has, if all have as many.
    pub(crate) key_bytes: Option<usize>,
    /// As it was made; what changes is beside it.
    pub(crate) made: TableOptions,
    pub(crate) pile: Pile,
    pub(crate) keep: Records,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) index: Index,
    pub(crate) shards: Box<[Shard]>,
    /// By how many bits the upper half of a hash is shifted for the number of its shard.
    pub(crate) shard_shift: u32,
    pub(crate) seed: Seed,
    /// What shards have drawn.
    pub(crate) sum: Sum,
    /// How much more than it needs a shard draws.
    pub(crate) credit_bytes: u64,
    pub(crate) limit_bytes: AtomicU64,
    pub(crate) reserve_bytes: AtomicU64,
    pub(crate) weight: AtomicU32,
    pub(crate) level: AtomicU8,
    /// Zero: for ever.
    pub(crate) max_age_s: AtomicU32,
    /// Zero: not at all.
    pub(crate) idle_s: AtomicU32,
    /// How often it was cleared.
    pub(crate) clears: AtomicU64,
    /// Entries of how many clearings ago may still be there: those from this one on.
    pub(crate) drained: AtomicU64,
    /// Whether any entry was ever given a life.
    pub(crate) has_lives: AtomicBool,
    pub(crate) reads: Reads,
    /// The shard that pays next where it is the table that does.
    pub(crate) hand: AtomicU32,
}

/// What keys are hashed with.
pub(crate) enum Seed {
    Random(RandomState),
    Fixed(FixedState),
}

/// A record that was found under its key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found<'g> {
    pub(crate) spot: Spot,
    pub(crate) entry: Entry,
    pub(crate) record: KeptRecord<'g>,
    pub(crate) value: &'g [u8],
}

/// Where a key belongs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Whereabouts {
    pub(crate) shard: u32,
    pub(crate) address: Address,
}

impl Whereabouts {
    /// Of no key.
    pub(crate) const NONE: Self = Self { shard: 0, address: Address::NONE };
}

impl Body {
    /// Takes over what of the options can be changed.
    pub(crate) fn set(&self, options: &TableOptions) {
        let store = |to: &AtomicU32, value: u32| to.store(value, Ordering::Relaxed);
        self.limit_bytes.store(options.limit_bytes.unwrap_or(u64::MAX), Ordering::Relaxed);
        self.reserve_bytes.store(options.reserve_bytes, Ordering::Relaxed);
        store(&self.weight, options.weight.max(1));
        self.level.store(options.level, Ordering::Relaxed);
        store(&self.max_age_s, options.max_age.map_or(0, Life::as_secs));
        store(&self.idle_s, options.idle_s.unwrap_or(0));
    }

    pub(crate) fn shard_count(&self) -> u32 {
        u32::try_from(self.shards.len()).expect("few shards")
    }

    pub(crate) fn is_durable(&self) -> bool {
        self.made.mode == Mode::Durable
    }

    pub(crate) fn limit_bytes(&self) -> u64 {
        self.limit_bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn reserve_bytes(&self) -> u64 {
        self.reserve_bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn weight(&self) -> u32 {
        self.weight.load(Ordering::Relaxed)
    }

    /// The level of what says nothing else.
    pub(crate) fn level(&self) -> u8 {
        self.level.load(Ordering::Relaxed)
    }

    /// The life of what says nothing else.
    pub(crate) fn max_age(&self) -> Life {
        match self.max_age_s.load(Ordering::Relaxed) {
            0 => Life::FOREVER,
            seconds => Life::secs(seconds),
        }
    }

    pub(crate) fn idle_s(&self) -> Option<u32> {
        Some(self.idle_s.load(Ordering::Relaxed)).filter(|&idle_s| idle_s > 0)
    }

    /// The number of the word that a note is.
    pub(crate) fn note_word(&self, note: usize) -> usize {
        usize::from(self.made.ages) + usize::from(self.made.until) + note
    }

    /// The number of the word in which an end is that nothing renews.
    pub(crate) fn until_word(&self) -> Option<usize> {
        self.made.until.then_some(usize::from(self.made.ages))
    }

    #[inline]
    pub(crate) fn era(&self) -> Era {
        Era::of(self.clears.load(Ordering::SeqCst))
    }

    /// Where a key belongs.
    #[inline]
    pub(crate) fn whereabouts(&self, key: &[u8]) -> Whereabouts {
        let hash = match &self.seed {
            Seed::Random(state) => hash(state, key),
            Seed::Fixed(state) => hash(state, key),
        };
        let high = u32::try_from(hash >> 32).expect("32 bits are left");
        let shard = high.checked_shr(self.shard_shift).unwrap_or(0);
        Whereabouts { shard, address: Address::of(hash) }
    }

    #[inline]
    pub(crate) fn bins(&self, shard: u32) -> Bins<'_> {
        self.index.bins(shard, &self.shards[shard as usize].bins)
    }

    /// Asks for the lines of a key's two bins.
    #[inline]
    pub(crate) fn prefetch_bins(&self, at: Whereabouts) {
        let count = self.shards[at.shard as usize].bins.load(Ordering::Relaxed);
        self.index.prefetch(at.shard, at.address.bins(count));
    }

    /// Asks for the records of entries that may be this key's.
    #[inline]
    pub(crate) fn prefetch_record(&self, at: Whereabouts) {
        let look = Look::of(at.address.tag(), self.era());
        let bins = self.bins(at.shard);
        for bin in at.address.bins(bins.count()) {
            for (_, entry) in bins.entries(bin) {
                if look.is_like(entry) {
                    self.keep.prefetch(entry.place());
                }
            }
        }
    }

    /// What a record that an entry leads to is, if it is this key's and lives.
    #[inline]
    pub(crate) fn record_of<'g>(
        &'g self,
        guard: &'g Guard<'_>,
        entry: Entry,
        key: &[u8],
    ) -> Option<(KeptRecord<'g>, &'g [u8])> {
        let record = self.keep.at(guard, entry.place())?;
        let (found, value) = self.keep.split(&record, self.key_bytes)?;
        is_same(found, key).then_some((record, value))
    }

    /// Looks for a key's record without a lock, counting nothing.
    #[inline]
    pub(crate) fn find<'g>(
        &'g self,
        guard: &'g Guard<'_>,
        at: Whereabouts,
        key: &[u8],
    ) -> Option<Found<'g>> {
        let look = Look::of(at.address.tag(), self.era());
        let found =
            self.bins(at.shard).find(at.address, look, |entry| self.record_of(guard, entry, key));
        found.map(|(spot, entry, (record, value))| Found { spot, entry, record, value })
    }

    /// Looks for a key's record, and counts it as asked for.
    #[inline]
    pub(crate) fn get<'g>(
        &'g self,
        guard: &'g Guard<'_>,
        at: Whereabouts,
        key: &[u8],
    ) -> Option<Found<'g>> {
        let found = self.find(guard, at, key);
        self.reads.count(guard.reader_index(), found.is_some());
        let found = found?;
        self.bins(at.shard).ask_for(found.spot, found.entry);
        if self.idle_s.load(Ordering::Relaxed) > 0 {
            self.renew_idle(at, key, &found);
        }
        Some(found)
    }

    /// Looks for a key's record, and counts that as a read, but leaves no trace in what is evicted next.
    #[inline]
    pub(crate) fn peek<'g>(
        &'g self,
        guard: &'g Guard<'_>,
        at: Whereabouts,
        key: &[u8],
    ) -> Option<Found<'g>> {
        let found = self.find(guard, at, key);
        self.reads.count(guard.reader_index(), found.is_some());
        found
    }

    /// Lets the life of an entry begin anew that was asked for, once a sixteenth of it has passed.
    #[cold]
    fn renew_idle(&self, at: Whereabouts, key: &[u8], found: &Found<'_>) {
        let (Some(idle_s), Some(left_s)) = (self.idle_s(), found.record.left_s) else { return };
        if left_s <= idle_s - idle_s / 16 {
            self.renew(at, key, Life::secs(idle_s));
        }
    }

    /// What a record of that place hashes to, if it lives.
    pub(crate) fn address_at(&self, guard: &Guard<'_>, place: Place) -> Option<Address> {
        let record = self.keep.at(guard, place)?;
        let (key, _) = self.keep.split(&record, self.key_bytes)?;
        Some(self.whereabouts(key).address)
    }
}

impl Seed {
    pub(crate) fn fixed(seed: u64) -> Self {
        Self::Fixed(FixedState::with_seed(seed))
    }
}

#[inline]
fn hash(state: &impl BuildHasher, key: &[u8]) -> u64 {
    let mut hasher = state.build_hasher();
    hasher.write(key);
    hasher.finish()
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("name", &self.name).finish_non_exhaustive()
    }
}
