//! Bins are one shard's index: seven entries in a cache line, and a version by which a reader knows that none moved meanwhile.
//!
//! ```text
//! bin 64 = entry 8 x 7 | version 8            a key's entry is in one of its two bins
//! ```
//! Readers take no lock. A writer has the shard's lock, and moves an entry in this order: it is written where it goes, the
//! version of the bin that it leaves is raised, it is removed there. So a reader finds it in one of both, or sees that a
//! version or the number of bins is another than before, and looks again.
//!
//! While somebody walks through them, entries move to higher bins only, unless bins are joined: so who walks upwards misses none.
//!
//! Cost: a hit reads two cache lines, which are asked for at once, and writes none. An insert into two full bins looks for one
//! of fourteen that can go elsewhere, which their bins and tags say without their keys as a rule, and at worst through the
//! bins of these; an insert beyond the load splits one bin, whose at most seven keys are read once more.

use levada_pile::Place;

use crate::index::address::{Address, BINS_MAX, other_bin, split_by};
use crate::index::entry::{Entry, Look};
use crate::sync::{AtomicU32, AtomicU64, Ordering, fence};

/// Words of a bin.
pub(crate) const BIN_WORDS: usize = 8;
/// Entries of a bin.
pub(crate) const BIN_ENTRIES: u32 = 7;
const VERSION: usize = 7;

/// The fewest bins: a page of them; in models, whose atomics are few, one pair.
#[cfg(not(loom))]
pub(crate) const BINS_MIN: u32 = 64;
#[cfg(loom)]
pub(crate) const BINS_MIN: u32 = 2;

/// Where an entry stands: the number of its word.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Spot(u32);

/// One shard's bins. What changes them is called under the shard's lock alone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bins<'i> {
    words: &'i [AtomicU64],
    count: &'i AtomicU32,
}

/// What it took to put an entry into its bin.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Inserted {
    /// Whether another went to a lower bin for it.
    pub(crate) has_fallen: bool,
}

/// Neither of a key's bins has room, and none of their entries can go elsewhere.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Crowded;

/// What a record's key hashes to; `None` if its life is over.
pub(crate) type Rehash<'r> = &'r mut dyn FnMut(Place) -> Option<Address>;

impl<'i> Bins<'i> {
    /// The bins of a shard, of which so many are in use.
    #[inline]
    pub(crate) fn new(words: &'i [AtomicU64], count: &'i AtomicU32) -> Self {
        Self { words, count }
    }

    /// How many there are.
    #[inline]
    pub(crate) fn count(&self) -> u32 {
        // Acquire: with the number of bins comes what was moved into the last one.
        self.count.load(Ordering::Acquire)
    }

    #[inline]
    fn word(&self, bin: u32, index: usize) -> &'i AtomicU64 {
        &self.words[bin as usize * BIN_WORDS + index]
    }

    /// What stands at a spot.
    #[inline]
    pub(crate) fn at(&self, spot: Spot) -> Entry {
        // Acquire: with the entry comes its record, and that it is gone comes with the version that was raised before.
        Entry(self.words[spot.0 as usize].load(Ordering::Acquire))
    }

    #[inline]
    fn version(&self, bin: u32) -> u64 {
        self.word(bin, VERSION).load(Ordering::Acquire)
    }

    fn raise_version(&self, bin: u32) {
        let version = self.word(bin, VERSION);
        // Release: who sees it raised sees the entry where it went.
        version.store(version.load(Ordering::Relaxed).wrapping_add(1), Ordering::Release);
    }

    /// The spots of a bin.
    fn spots(bin: u32) -> impl Iterator<Item = Spot> {
        let first = bin << BIN_WORDS.ilog2();
        (first..first + BIN_ENTRIES).map(Spot)
    }

    /// All entries of a bin.
    pub(crate) fn entries(&self, bin: u32) -> impl Iterator<Item = (Spot, Entry)> + use<'i> {
        let bins = *self;
        Self::spots(bin)
            .map(move |spot| (spot, bins.at(spot)))
            .filter(|(_, entry)| !entry.is_none())
    }

    /// Looks for an entry without the lock: `see` says what it is if its record is the one that is looked for. It may be
    /// called more than once. Who asks is pinned.
    #[inline]
    pub(crate) fn find<R>(
        &self,
        address: Address,
        look: Look,
        mut see: impl FnMut(Entry) -> Option<R>,
    ) -> Option<(Spot, Entry, R)> {
        loop {
            let count = self.count();
            let bins = address.bins(count);
            let versions = bins.map(|bin| self.version(bin));
            let mut has_changed = false;
            for bin in bins {
                for spot in Self::spots(bin) {
                    let entry = self.at(spot);
                    if !look.is_like(entry) {
                        continue;
                    }
                    if let Some(seen) = see(entry) {
                        return Some((spot, entry, seen));
                    }
                    // Another key's, or one that was replaced since the entry was read.
                    let now = self.at(spot);
                    has_changed |= now.is_none() || now.place() != entry.place();
                }
            }
            // Before the versions: what was read above was read before them.
            fence(Ordering::Acquire);
            let is_still = !has_changed
                && bins.map(|bin| self.version(bin)) == versions
                && self.count() == count;
            if is_still {
                return None;
            }
        }
    }

    /// Looks for an entry, with the lock.
    #[inline]
    pub(crate) fn find_locked<R>(
        &self,
        address: Address,
        look: Look,
        mut see: impl FnMut(Entry) -> Option<R>,
    ) -> Option<(Spot, Entry, R)> {
        let mut spots = address.bins(self.count()).into_iter().flat_map(Self::spots);
        spots.find_map(|spot| {
            let entry = self.at(spot);
            if !look.is_like(entry) { None } else { see(entry).map(|seen| (spot, entry, seen)) }
        })
    }

    /// Counts a request, unless it is counted often enough or another changes the entry just now.
    #[inline]
    pub(crate) fn ask_for(&self, spot: Spot, entry: Entry) {
        if let Some(asked) = entry.asked_for() {
            let word = &self.words[spot.0 as usize];
            let (from, to) = (entry.0, asked.0);
            let _counted = word.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// Lets another entry stand there, or none.
    pub(crate) fn set(&self, spot: Spot, entry: Entry) {
        // Release: with the entry comes the record that it leads to.
        self.words[spot.0 as usize].store(entry.0, Ordering::Release);
    }

    fn vacant(&self, bin: u32) -> (u32, Option<Spot>) {
        let vacant = Self::spots(bin).filter(|&spot| self.at(spot).is_none());
        vacant.fold((0, None), |(count, first), spot| (count + 1, first.or(Some(spot))))
    }

    /// Puts a new entry into the emptier of its bins; where both are full, one of theirs goes to its other bin. `may_fall` says
    /// whether that may be a lower one, which a scan that is under way would miss.
    pub(crate) fn insert(
        &self,
        address: Address,
        entry: Entry,
        may_fall: bool,
        rehash: Rehash<'_>,
    ) -> Result<Inserted, Crowded> {
        let bins = address.bins(self.count());
        let [(room, first), (other_room, second)] = bins.map(|bin| self.vacant(bin));
        let emptier = if room >= other_room { first } else { second };
        let (spot, has_fallen) = match emptier {
            Some(spot) => (spot, false),
            None => self.displace(bins, may_fall, rehash).ok_or(Crowded)?,
        };
        self.set(spot, entry);
        Ok(Inserted { has_fallen })
    }

    /// Moves one of the entries of two full bins to its other bin; if none has room, one of those of another bin first. The spot
    /// that is vacant then, and whether an entry went down.
    fn displace(&self, bins: [u32; 2], may_fall: bool, rehash: Rehash<'_>) -> Option<(Spot, bool)> {
        for bin in bins {
            if let Some(moved) = self.make_vacant(bin, may_fall, bins, rehash) {
                return Some(moved);
            }
        }
        for bin in bins {
            for (spot, entry) in self.entries(bin) {
                let Some(other) = self.other_bin(bin, entry, may_fall, rehash) else { continue };
                if let Some((to, has_fallen)) = self.make_vacant(other, may_fall, bins, rehash) {
                    self.move_entry(bin, spot, to, entry);
                    return Some((spot, has_fallen || other < bin));
                }
            }
        }
        None
    }

    /// Moves one entry of a full bin to its other bin, but to none of `not`.
    fn make_vacant(
        &self,
        bin: u32,
        may_fall: bool,
        not: [u32; 2],
        rehash: Rehash<'_>,
    ) -> Option<(Spot, bool)> {
        let count = self.count();
        for (spot, entry) in self.entries(bin) {
            let may_go = |&other: &u32| {
                (may_fall || other > bin) && !not.contains(&other) && self.vacant(other).0 > 0
            };
            if !other_bin(bin, entry.tag(), count).iter().any(may_go) {
                continue;
            }
            // Where bin and tag leave two to choose from, the key is read.
            let other = self.other_bin(bin, entry, may_fall, rehash).filter(may_go);
            let Some(other) = other else { continue };
            if let (_, Some(to)) = self.vacant(other) {
                self.move_entry(bin, spot, to, entry);
                return Some((spot, other < bin));
            }
        }
        None
    }

    /// The other bin of an entry, if it may go there.
    fn other_bin(&self, bin: u32, entry: Entry, may_fall: bool, rehash: Rehash<'_>) -> Option<u32> {
        let count = self.count();
        let [one, two] = other_bin(bin, entry.tag(), count);
        let other = match one == two {
            true => Some(one),
            false => rehash(entry.place())?.bins(count).into_iter().find(|&other| other != bin),
        };
        other.filter(|&other| may_fall || other > bin)
    }

    fn move_entry(&self, from_bin: u32, from: Spot, to: Spot, entry: Entry) {
        self.set(to, entry);
        self.raise_version(from_bin);
        self.set(from, Entry::NONE);
    }

    /// Splits one bin, so that there is one more. `expired` is told of entries whose lives are over: they are removed.
    /// False where there can be no more.
    pub(crate) fn grow(&self, rehash: Rehash<'_>, expired: &mut dyn FnMut(Entry)) -> bool {
        let count = self.count();
        if count == BINS_MAX || (count as usize + 1) * BIN_WORDS > self.words.len() {
            return false;
        }
        let from = split_by(count);
        let mut to = Self::spots(count);
        let mut moved = [None; BIN_ENTRIES as usize];
        for ((spot, entry), moved) in self.entries(from).zip(&mut moved) {
            let Some(address) = rehash(entry.place()) else {
                self.set(spot, Entry::NONE);
                expired(entry);
                continue;
            };
            let (before, after) = (address.bins(count), address.bins(count + 1));
            let goes =
                before.iter().zip(after).any(|(&before, after)| before == from && after != from);
            if goes {
                let to = to.next().expect("a bin has room for another's entries");
                self.set(to, entry);
                *moved = Some(spot);
            }
        }
        // Release: with the number of bins comes what is in the last one.
        self.count.store(count + 1, Ordering::Release);
        self.raise_version(from);
        for spot in moved.into_iter().flatten() {
            self.set(spot, Entry::NONE);
        }
        true
    }

    /// Joins the last bin with the one that it was split from, so that there is one fewer; what does not fit there goes to its
    /// other bin. False where that has no room either, or there are too few bins.
    pub(crate) fn shrink(&self, rehash: Rehash<'_>) -> bool {
        let last = self.count() - 1;
        if last < BINS_MIN {
            return false;
        }
        let into = split_by(last);
        while self.entries(last).count() > self.vacant(into).0 as usize {
            if self.make_vacant(last, true, [into; 2], rehash).is_none() {
                return false;
            }
        }
        for (_, entry) in self.entries(last) {
            let (_, to) = self.vacant(into);
            self.set(to.expect("it was counted"), entry);
        }
        self.count.store(last, Ordering::Release);
        self.raise_version(last);
        for spot in Self::spots(last) {
            self.set(spot, Entry::NONE);
        }
        true
    }
}
