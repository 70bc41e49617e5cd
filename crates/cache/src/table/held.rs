//! A shard that is held is changed: entries come and go, room is made, marks are kept in order. What went is deleted when the
//! lock is open again.
//!
//! Nobody who holds one shard takes another's lock.

use std::sync::Arc;

use levada_pile::{Guard, Place};

use crate::index::address::Address;
use crate::index::bins::{BIN_ENTRIES, BINS_MIN, Bins, Crowded, Spot};
use crate::index::entry::{Entry, Era, Look, Queue};
use crate::loading::flight::Flight;
use crate::lock::Locked;
use crate::options::LEVELS;
use crate::order::ghost::Ghosts;
use crate::order::mark::Mark;
use crate::order::marks::PAGE_BYTES;
use crate::room::ledger::Freed;
use crate::sync::Ordering;
use crate::table::body::{Body, ENTRY_BYTES, Found};
use crate::table::counts::{Counts, Why};
use crate::table::shard::{Shard, State};

/// How far below the load at which the index grows it may grow for one key that is crowded, and by how many bins.
const AHEAD_PART: f64 = 0.9;
const SPLITS_AHEAD: u32 = 8;

/// How many marks are looked at for one that goes, before the next goes whatever is known of it.
const LOOKS_MAX: u32 = 4096;

/// Why there is no room in a shard as it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Short {
    /// The table is at its limit.
    Table,
    /// The cache is at its high watermark.
    Cache,
    /// The pile has no memory for the index.
    Pile,
}

/// A record that is to be linked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct New {
    pub(crate) place: Place,
    pub(crate) level: u8,
    /// What it is charged: its room was drawn.
    pub(crate) cost: u64,
}

/// A shard whose lock is taken.
pub(crate) struct Held<'b> {
    pub(crate) body: &'b Body,
    guard: &'b Guard<'b>,
    number: u32,
    shard: &'b Shard,
    pub(crate) bins: Bins<'b>,
    pub(crate) state: Locked<'b, State>,
    era: Era,
    gone: Gone,
    /// Whether the index could not grow for want of memory.
    lacks_page: bool,
}

/// Places that nothing leads to any more: few, as a rule.
#[derive(Debug, Default)]
struct Gone {
    first: [Option<Place>; 8],
    count: usize,
    more: Vec<Place>,
}

impl Gone {
    fn push(&mut self, place: Place) {
        match self.first.get_mut(self.count) {
            Some(first) => {
                *first = Some(place);
                self.count += 1;
            }
            None => self.more.push(place),
        }
    }

    fn forget_last(&mut self) {
        if self.more.pop().is_none() && self.count > 0 {
            self.count -= 1;
            self.first[self.count] = None;
        }
    }
}

impl Body {
    /// Takes a shard's lock.
    pub(crate) fn hold<'b>(&'b self, shard: u32, guard: &'b Guard<'_>) -> Held<'b> {
        Held::new(self, shard, guard)
    }
}

impl<'b> Held<'b> {
    pub(crate) fn new(body: &'b Body, number: u32, guard: &'b Guard<'_>) -> Self {
        let shard = &body.shards[number as usize];
        let state = shard.state.lock();
        // With the lock: an entry that is put after a clearing is of the new era.
        let era = body.era();
        Self {
            body,
            guard,
            number,
            shard,
            bins: body.bins(number),
            state,
            era,
            gone: Gone::default(),
            lacks_page: false,
        }
    }

    /// Opens the lock, and deletes what went. Of what was drawn and is not charged, what is beyond a little goes back to the
    /// limits; not before, since it may be what somebody has drawn here for a put that he is about to charge.
    pub(crate) fn finish(mut self) {
        let unused = self.state.granted_bytes - self.state.charged_bytes;
        let keeps = self.body.credit_bytes;
        if unused > 2 * keeps {
            self.give_back(unused - keeps);
        }
        let Self { body, state, gone, .. } = self;
        drop(state);
        for place in gone.first.into_iter().flatten().chain(gone.more) {
            body.keep.delete(place);
        }
    }

    pub(crate) fn counts(&mut self) -> &mut Counts {
        &mut self.state.counts
    }

    pub(crate) fn charged_bytes(&self) -> u64 {
        self.state.charged_bytes
    }

    pub(crate) fn guard(&self) -> &'b Guard<'b> {
        self.guard
    }

    pub(crate) fn era(&self) -> Era {
        self.era
    }

    /// What a record is charged.
    pub(crate) fn cost(&self, place: Place) -> u64 {
        self.body.keep.slot_bytes(place) + ENTRY_BYTES
    }

    /// A key's entry, if its life is not over.
    pub(crate) fn find(&self, address: Address, key: &[u8]) -> Option<Found<'b>> {
        let look = Look::of(address.tag(), self.era);
        let (body, guard) = (self.body, self.guard);
        let found = self.bins.find_locked(address, look, |entry| body.record_of(guard, entry, key));
        found.map(|(spot, entry, (record, value))| Found { spot, entry, record, value })
    }

    /// Whether this load of a key is still the one that is under way.
    pub(crate) fn is_under_way(&self, key: &[u8], flight: &Arc<Flight>) -> bool {
        self.state.flights.get(key).is_some_and(|now| Arc::ptr_eq(now, flight))
    }

    /// The entry that leads to this place, of a record with this address.
    pub(crate) fn find_place(&self, address: Address, place: Place) -> Option<(Spot, Entry)> {
        let bins = address.bins(self.bins.count());
        let mut entries = bins.into_iter().flat_map(|bin| self.bins.entries(bin));
        entries.find(|(_, entry)| entry.place() == place)
    }

    /// Draws room for so many bytes more from the limits, or says which of them is reached. `most_bytes` is what all tables
    /// together may have.
    pub(crate) fn draw(&mut self, bytes: u64, most_bytes: u64) -> Result<(), Short> {
        let body = self.body;
        let wanted = (self.state.charged_bytes + bytes).saturating_sub(self.state.granted_bytes);
        if wanted == 0 {
            return Ok(());
        }
        let mut short = Short::Table;
        for amount in [wanted.max(body.credit_bytes), wanted] {
            if !body.sum.draw(amount, body.limit_bytes()) {
                short = Short::Table;
                continue;
            }
            if !body.ledger.sum.draw(amount, most_bytes) {
                body.sum.give(amount);
                short = Short::Cache;
                continue;
            }
            self.state.granted_bytes += amount;
            return Ok(());
        }
        Err(short)
    }

    /// Gives back what was drawn and is not charged.
    pub(crate) fn give_back_credit(&mut self) {
        let unused = self.state.granted_bytes - self.state.charged_bytes;
        self.give_back(unused);
    }

    fn give_back(&mut self, bytes: u64) {
        if bytes > 0 {
            self.state.granted_bytes -= bytes;
            self.body.sum.give(bytes);
            self.body.ledger.sum.give(bytes);
        }
    }

    /// Charges what has been drawn.
    fn charge(&mut self, bytes: u64) {
        self.state.charged_bytes += bytes;
        debug_assert!(self.state.charged_bytes <= self.state.granted_bytes, "drawn, then charged");
    }

    /// Charges what has been drawn, for no entry yet.
    pub(crate) fn reserve(&mut self, bytes: u64) {
        self.charge(bytes);
        self.state.reserved_bytes += bytes;
    }

    /// Lets what was reserved be free, to be charged to an entry.
    pub(crate) fn unreserve(&mut self, bytes: u64) {
        self.state.reserved_bytes -= bytes;
        self.uncharge(bytes);
    }

    /// Charges less: what that leaves can be charged again without being drawn, for as long as the lock is held.
    fn uncharge(&mut self, bytes: u64) {
        self.state.charged_bytes -= bytes;
    }

    /// Evicts entries of at most that level, until so many bytes are free that were charged.
    pub(crate) fn evict(&mut self, bytes: u64, level_max: u8, why: Why) -> Freed {
        let mut freed = Freed::default();
        while freed.bytes < bytes {
            let Some(cost) = self.evict_one(level_max, why) else { break };
            freed.bytes += cost;
            freed.entries += 1;
        }
        freed
    }

    /// Evicts the entry whose turn it is. What it was charged.
    pub(crate) fn evict_one(&mut self, level_max: u8, why: Why) -> Option<u64> {
        let levels = (usize::from(level_max) + 1).min(LEVELS);
        let mut looks = 0;
        for level in 0..levels {
            while let Some(queue) = self.state.levels[level].next_to_go() {
                looks += 1;
                let Some(mark) = self.pop(level, queue) else { continue };
                let Some((spot, entry)) = self.marked(mark, level, queue) else {
                    self.state.levels[level].line(queue).marks.stale_is_gone();
                    continue;
                };
                if !entry.is_of(self.era) {
                    return Some(self.remove_popped(spot, entry, Why::Cleared));
                }
                let is_asked_for = match queue {
                    Queue::Small => entry.frequency() >= 2,
                    Queue::Main => entry.frequency() >= 1,
                };
                if !is_asked_for
                    || looks > LOOKS_MAX
                    || self.has_expired(entry)
                    || !self.has_page(level)
                {
                    return Some(self.evict_popped(mark, spot, entry, why));
                }
                match queue {
                    Queue::Small => {
                        let cost = self.cost(entry.place());
                        self.bins.set(spot, entry.promoted());
                        let level = &mut self.state.levels[level];
                        level.small.bytes -= cost;
                        level.small.entries -= 1;
                        level.main.bytes += cost;
                        level.main.entries += 1;
                        self.state.counts.promoted += 1;
                    }
                    Queue::Main => self.bins.set(spot, entry.with_frequency(entry.frequency() - 1)),
                }
                self.state.levels[level].main.marks.push(mark);
            }
        }
        None
    }

    fn evict_popped(&mut self, mark: Mark, spot: Spot, entry: Entry, why: Why) -> u64 {
        let why = if self.has_expired(entry) { Why::Expired } else { why };
        if entry.queue() == Queue::Small && why != Why::Expired {
            self.make_room_for_ghosts();
            self.state.ghosts.remember(mark.address());
        }
        if entry.frequency() == 0 && entry.queue() == Queue::Small {
            self.state.counts.evicted_unread += 1;
        }
        self.remove_popped(spot, entry, why)
    }

    fn has_expired(&self, entry: Entry) -> bool {
        self.body.has_lives.load(Ordering::Relaxed)
            && self.body.keep.at(self.guard, entry.place()).is_none()
    }

    /// Keeps as many ghosts as the main queues of a full cache hold entries.
    fn make_room_for_ghosts(&mut self) {
        let wanted = self.state.entries as usize / 10 * 9 + 1;
        let room = self.state.ghosts.room();
        if wanted > room + room / 8 || wanted + wanted / 8 + 64 < room {
            let (before, after) = (self.state.ghosts.bytes(), Ghosts::bytes_for(wanted));
            if after <= before || self.body.keep.charge_beside(after - before) {
                self.state.ghosts.make_room(wanted);
                self.body.keep.uncharge_beside(before.saturating_sub(after));
            }
        }
    }

    /// The entry that a mark stands for. Tag and stamp alone may be another's, whose mark this is not: so the key is read, in the
    /// line that is touched anyhow when the record goes.
    fn marked(&self, mark: Mark, level: usize, queue: Queue) -> Option<(Spot, Entry)> {
        let mut alike = self.alike(mark, level, queue);
        let (first, second) = (alike.next()?, alike.next());
        let level = &self.state.levels[level];
        if second.is_none() && level.marks(queue).stale() == 0 {
            return Some(first);
        }
        // It stands for one of them, or for none: their keys say which. Else an entry could lose its mark to another, and
        // never go.
        let mut expired = None;
        for (spot, entry) in [first].into_iter().chain(second).chain(alike) {
            match self.body.address_at(self.guard, entry.place()) {
                Some(address) if address == mark.address() => return Some((spot, entry)),
                Some(_) => {}
                None => expired = Some((spot, entry)),
            }
        }
        expired
    }

    /// The entries that a mark may stand for, by what is known of them without their keys.
    fn alike(
        &self,
        mark: Mark,
        level: usize,
        queue: Queue,
    ) -> impl Iterator<Item = (Spot, Entry)> + use<'b> {
        let bins = self.bins;
        let entries = mark.address().bins(bins.count()).into_iter();
        entries.flat_map(move |bin| bins.entries(bin)).filter(move |&(_, entry)| {
            mark.is_of(entry) && usize::from(entry.level()) == level && entry.queue() == queue
        })
    }

    fn pop(&mut self, level: usize, queue: Queue) -> Option<Mark> {
        let marks = &mut self.state.levels[level].line(queue).marks;
        let before = marks.pages();
        let mark = marks.pop();
        let freed = before - marks.pages();
        self.body.keep.uncharge_beside(freed * PAGE_BYTES);
        mark
    }

    /// Sees to it that one more mark has room in the main queue of a level.
    fn has_page(&mut self, level: usize) -> bool {
        !self.state.levels[level].main.marks.is_full() || self.body.keep.charge_beside(PAGE_BYTES)
    }

    /// Removes an entry whose mark was popped. What it was charged.
    fn remove_popped(&mut self, spot: Spot, entry: Entry, why: Why) -> u64 {
        self.state.counts.evicted[why as usize] += 1;
        self.unlink(spot, entry)
    }

    /// Removes an entry, whose mark stands for nothing from now on. What it was charged.
    pub(crate) fn remove(&mut self, spot: Spot, entry: Entry) -> u64 {
        let level = &mut self.state.levels[usize::from(entry.level())];
        level.line(entry.queue()).marks.one_is_stale();
        self.unlink(spot, entry)
    }

    /// As [`Held::remove`], of a record that is deleted by who asked for it.
    pub(crate) fn remove_kept(&mut self, spot: Spot, entry: Entry) {
        self.remove(spot, entry);
        self.gone.forget_last();
    }

    fn unlink(&mut self, spot: Spot, entry: Entry) -> u64 {
        self.bins.set(spot, Entry::NONE);
        self.account_gone(entry)
    }

    /// As for an entry that stands nowhere any more.
    fn account_gone(&mut self, entry: Entry) -> u64 {
        let cost = self.cost(entry.place());
        let line = self.state.levels[usize::from(entry.level())].line(entry.queue());
        line.bytes -= cost;
        line.entries -= 1;
        self.state.entries -= 1;
        self.uncharge(cost);
        self.gone.push(entry.place());
        cost
    }

    /// Gives an entry, which was charged `old_cost`, another record, level as it may be, and lets the old record go. Its place
    /// in the queue stays, unless its level changes.
    pub(crate) fn replace(
        &mut self,
        spot: Spot,
        entry: Entry,
        old_cost: u64,
        new: New,
    ) -> Result<(), Short> {
        let New { place, level, cost } = new;
        let now = entry.moved_to(place);
        let (from, to) = (usize::from(entry.level()), usize::from(level));
        let queue = entry.queue();
        if from == to {
            let line = self.state.levels[to].line(queue);
            line.bytes = line.bytes + cost - old_cost;
            self.bins.set(spot, now);
        } else {
            self.push_page(to, queue)?;
            let stamp = self.next_stamp();
            let line = self.state.levels[from].line(queue);
            line.bytes -= old_cost;
            line.entries -= 1;
            line.marks.one_is_stale();
            let address = self.body.address_at(self.guard, place);
            let line = self.state.levels[to].line(queue);
            line.bytes += cost;
            line.entries += 1;
            if let Some(address) = address {
                line.marks.push(Mark::new(address, stamp));
            }
            self.bins.set(spot, now.at_level(level).queued(queue, stamp));
        }
        self.gone.push(entry.place());
        if cost >= old_cost {
            self.charge(cost - old_cost);
        } else {
            self.uncharge(old_cost - cost);
        }
        Ok(())
    }

    fn next_stamp(&mut self) -> u32 {
        self.state.stamp = (self.state.stamp + 1) & 7;
        self.state.stamp
    }

    fn push_page(&mut self, level: usize, queue: Queue) -> Result<(), Short> {
        let is_full = self.state.levels[level].line(queue).marks.is_full();
        if !is_full || self.body.keep.charge_beside(PAGE_BYTES) { Ok(()) } else { Err(Short::Pile) }
    }

    /// Lets a record of a key that has none be found.
    pub(crate) fn insert(&mut self, address: Address, new: New) -> Result<Linked, Short> {
        let New { place, level, cost } = new;
        let is_known = self.state.ghosts.knows(address);
        let queue = if is_known { Queue::Main } else { Queue::Small };
        self.push_page(usize::from(level), queue)?;
        self.grow_if_loaded();
        let stamp = self.next_stamp();
        let tag = address.tag();
        let entry = Entry::new(place, tag, stamp, level, queue, self.era);
        self.lacks_page = false;
        if !self.link(address, entry) && !self.link_for_another(address, entry) {
            // Other bins would do, if there were memory for them.
            return if self.lacks_page { Err(Short::Pile) } else { Ok(Linked::Crowded) };
        }
        let line = self.state.levels[usize::from(level)].line(queue);
        line.marks.push(Mark::new(address, stamp));
        line.bytes += cost;
        line.entries += 1;
        self.state.entries += 1;
        if is_known {
            // Not before: a put that is refused may come again.
            self.state.ghosts.forget(address);
            self.state.counts.ghost_hits += 1;
        }
        self.charge(cost);
        Ok(Linked::Done)
    }

    fn link(&mut self, address: Address, entry: Entry) -> bool {
        let body = self.body;
        let may_fall = !self.shard.is_scanned(|| body.pile.now_s());
        if self.link_now(address, entry, may_fall) {
            return true;
        }
        if self.clear_out(address) && self.link_now(address, entry, may_fall) {
            return true;
        }
        // Rather than refuse, it lets a scan begin its shard anew.
        if !may_fall && self.link_now(address, entry, true) {
            return true;
        }
        // Ahead of the load, but not far: the split may be of one of the two bins, or let another entry move. Keys that were
        // chosen to meet in two bins let the index grow no further.
        let is_loaded = self.load() >= self.body.made.load_high * AHEAD_PART;
        is_loaded && (0..SPLITS_AHEAD).any(|_| self.grow() && self.link_now(address, entry, true))
    }

    /// Lets the cheapest of those go that stand in a key's two bins, if the table may evict: rather one of fourteen than the key
    /// that is wanted now.
    fn link_for_another(&mut self, address: Address, entry: Entry) -> bool {
        if self.body.is_durable() {
            return false;
        }
        let bins = self.bins;
        let all = address.bins(bins.count()).into_iter().flat_map(|bin| bins.entries(bin));
        let cheaper = all.filter(|(_, other)| other.level() <= entry.level());
        let cheapest = cheaper.min_by_key(|(_, other)| (other.level(), other.frequency()));
        let Some((spot, other)) = cheapest else { return false };
        self.state.counts.evicted[Why::Capacity as usize] += 1;
        self.remove(spot, other);
        self.link_now(address, entry, true)
    }

    fn link_now(&mut self, address: Address, entry: Entry, may_fall: bool) -> bool {
        let (body, guard) = (self.body, self.guard);
        let mut rehash = |place| body.address_at(guard, place);
        match self.bins.insert(address, entry, may_fall, &mut rehash) {
            Ok(inserted) => {
                self.shard.count_falls(u32::from(inserted.has_fallen));
                true
            }
            Err(Crowded) => false,
        }
    }

    /// What part of the index is in use.
    fn load(&self) -> f64 {
        f64::from(self.state.entries) / f64::from(self.bins.count() * BIN_ENTRIES)
    }

    /// Removes what is of no use any more from a key's two bins. Whether there was anything.
    fn clear_out(&mut self, address: Address) -> bool {
        let mut has_room = false;
        for bin in address.bins(self.bins.count()) {
            let bins = self.bins;
            for (spot, entry) in bins.entries(bin) {
                let why = match (entry.is_of(self.era), self.has_expired(entry)) {
                    (false, _) => Why::Cleared,
                    (true, true) => Why::Expired,
                    (true, false) => continue,
                };
                self.state.counts.evicted[why as usize] += 1;
                self.remove(spot, entry);
                has_room = true;
            }
        }
        has_room
    }

    /// Removes the entries of a bin that were put before the table was cleared. How many.
    pub(crate) fn clear_bin(&mut self, bin: u32) -> u64 {
        let mut cleared = 0;
        let bins = self.bins;
        for (spot, entry) in bins.entries(bin) {
            if !entry.is_of(self.era) {
                self.state.counts.evicted[Why::Cleared as usize] += 1;
                self.remove(spot, entry);
                cleared += 1;
            }
        }
        cleared
    }

    fn grow_if_loaded(&mut self) {
        if self.load() >= self.body.made.load_high {
            self.grow();
        }
    }

    /// Splits one bin, if there is memory for one more.
    fn grow(&mut self) -> bool {
        let page_bytes = self.body.index.page_bytes_behind(self.bins.count()).unwrap_or(0);
        if page_bytes > 0 && !self.body.keep.charge_beside(page_bytes) {
            self.lacks_page = true;
            return false;
        }
        let (body, guard) = (self.body, self.guard);
        let mut expired = [None; BIN_ENTRIES as usize];
        let mut count = 0;
        let has_grown = self.bins.grow(&mut |place| body.address_at(guard, place), &mut |entry| {
            expired[count] = Some(entry);
            count += 1;
        });
        for entry in expired.into_iter().flatten() {
            let level = &mut self.state.levels[usize::from(entry.level())];
            level.line(entry.queue()).marks.one_is_stale();
            self.state.counts.evicted[Why::Expired as usize] += 1;
            self.account_gone(entry);
        }
        if has_grown {
            self.state.counts.grown += 1;
        } else if page_bytes > 0 {
            self.body.keep.uncharge_beside(page_bytes);
        }
        has_grown
    }

    /// Joins the last bin with another, if that has room.
    pub(crate) fn shrink(&mut self) -> bool {
        let (body, guard) = (self.body, self.guard);
        let has_shrunk = self.bins.shrink(&mut |place| body.address_at(guard, place));
        self.shard.count_falls(1);
        if !has_shrunk {
            return false;
        }
        self.state.counts.shrunk += 1;
        let count = self.bins.count();
        if let Some(page_bytes) = self.body.index.page_bytes_behind(count) {
            self.body.index.give_back(self.number, count);
            self.body.keep.uncharge_beside(page_bytes);
        }
        true
    }

    /// Whether so few entries are there that bins should be joined.
    pub(crate) fn is_sparse(&self) -> bool {
        let room = f64::from(self.bins.count() * BIN_ENTRIES);
        self.bins.count() > BINS_MIN
            && f64::from(self.state.entries) < room * self.body.made.load_low
    }

    /// Looks through one page of marks in each queue that has too many that stand for nothing. Whether there are more.
    pub(crate) fn sift(&mut self) -> bool {
        let mut has_more = false;
        for level in 0..LEVELS {
            for queue in [Queue::Small, Queue::Main] {
                if !self.state.levels[level].line(queue).marks.is_stale() {
                    continue;
                }
                let mut marks = core::mem::take(&mut self.state.levels[level].line(queue).marks);
                let before = marks.pages();
                marks.sift(|mark| self.alike(mark, level, queue).next().is_some());
                self.body.keep.uncharge_beside((before - marks.pages()) * PAGE_BYTES);
                has_more |= marks.is_stale();
                self.state.levels[level].line(queue).marks = marks;
            }
        }
        has_more
    }
}

/// What became of a new entry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Linked {
    Done,
    /// Its two bins are full.
    Crowded,
}
