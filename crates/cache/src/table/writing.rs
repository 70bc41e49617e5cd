//! Writing puts records and lets them be found: the record is written first, then linked under the lock of its shard, and what
//! it replaces or evicts is deleted after.
//!
//! Cost: a put of a short value copies it once into its slot, takes one lock, and touches the two bins of its key, the page of
//! marks and, at the limit, those of whom it evicts.

use std::sync::Arc;

use levada_pile::{Budget, Guard, Life, Place, Version};

use crate::error::Refused;
use crate::how::How;
use crate::keys::framing::Length;
use crate::keys::key::KEY_BYTES_MAX;
use crate::loading::flight::{End, Flight};
use crate::room::asking;
use crate::room::ledger::Freed;
use crate::sync::Ordering;
use crate::table::body::{Body, ENTRY_BYTES, Found, Whereabouts};
use crate::table::charge::Charge;
use crate::table::counts::Why;
use crate::table::held::{Held, Linked, New, Short};
use crate::values::{Head, write_bytes};

/// What a put came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Put {
    /// Whether there was one already.
    pub is_replaced: bool,
    /// How many others went for it.
    pub evicted: u32,
}

/// What a put that asks for something first came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stored {
    /// It was put.
    Stored(Put),
    /// There is one already.
    Exists,
    /// There is none.
    Absent,
    /// It is another one than was seen.
    Changed,
}

/// What must hold for a record to be linked.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rule<'r> {
    /// Nothing.
    Any,
    /// There is no entry.
    Absent,
    /// There is one.
    Present,
    /// It is the one that was seen.
    Same(Version),
    /// This load of it is still under way: nobody has put or removed the key since.
    Flight(&'r Arc<Flight>),
}

/// A record that is written, and not linked yet.
#[derive(Debug)]
pub(crate) struct Written<'b> {
    pub(crate) place: Place,
    pub(crate) level: u8,
    /// How many entries went for its slot, and what was charged for it.
    pub(crate) evicted: u32,
    /// What was charged for it before it was there.
    pub(crate) charge: Option<Charge<'b>>,
}

/// How often room is looked for elsewhere before it is said that there is none.
const TRIES: u32 = 16;

/// What is evicted at once where the pile has no slot left, at least.
const SHORTAGE_BYTES: u64 = 64 << 10;

/// How long the pile may be made compact for one put, in microseconds.
const COMPACT_US: u32 = 2000;

impl Body {
    /// Which level an entry has that is put like this.
    pub(crate) fn level_of(&self, how: &How) -> u8 {
        how.level.map_or_else(|| self.level(), |level| level.min(7))
    }

    /// How long it lives.
    pub(crate) fn life_of(&self, how: &How) -> Life {
        let own = how.life.unwrap_or_else(|| self.max_age());
        let ends = [how.until_s.map(Life::secs), self.idle_s().map(Life::secs)];
        ends.into_iter().flatten().fold(own, earlier)
    }

    /// Its words, and how many they are.
    pub(crate) fn words_of(&self, how: &How) -> ([u32; 4], usize) {
        let mut words = [0; 4];
        let mut count = 0;
        let mut push = |word: u32| {
            words[count] = word;
            count += 1;
        };
        if self.made.ages {
            push(self.pile.now_s());
        }
        if self.made.until {
            push(how.until_s.map_or(u32::MAX, |until_s| self.pile.now_s().saturating_add(until_s)));
        }
        for note in 0..usize::from(self.made.notes) {
            push(how.notes[note]);
        }
        (words, count)
    }

    /// Puts a record that `write` writes, with a value of about so many bytes, for which `charge` was charged already.
    pub(crate) fn put(
        &self,
        key: &[u8],
        how: &How,
        rule: Rule<'_>,
        bytes: usize,
        charge: Option<Charge<'_>>,
        write: impl Fn(Head<'_>, bool) -> Result<Place, Refused>,
    ) -> Result<Stored, Refused> {
        let put = self.put_or_refuse(key, how, rule, bytes, charge, write);
        if let Err(refused) = put {
            self.refuse(self.whereabouts(key), refused);
            if how.drop_old {
                self.remove(key, None);
            }
        }
        put
    }

    fn put_or_refuse(
        &self,
        key: &[u8],
        how: &How,
        rule: Rule<'_>,
        bytes: usize,
        charge: Option<Charge<'_>>,
        write: impl Fn(Head<'_>, bool) -> Result<Place, Refused>,
    ) -> Result<Stored, Refused> {
        self.check_key(key)?;
        let at = self.whereabouts(key);
        if let Some(unlike) = self.is_unlike(at, key, rule) {
            return Ok(unlike);
        }
        let (level, life) = (self.level_of(how), self.life_of(how));
        let (words, count) = self.words_of(how);
        let length = Length::of(key, self.key_bytes);
        let head = Head { words: &words[..count], length: length.as_bytes(), key, life };
        let (place, evicted) = self.record(level, life, bytes, |at_once| write(head, at_once))?;
        self.link(at, key, Written { place, level, evicted, charge }, rule)
    }

    pub(crate) fn check_key(&self, key: &[u8]) -> Result<(), Refused> {
        if key.len() > KEY_BYTES_MAX {
            return Err(Refused::KeyTooLong { most_bytes: KEY_BYTES_MAX as u64 });
        }
        Ok(())
    }

    /// Refuses what would not fit if all others went, before any does.
    pub(crate) fn check_cost(&self, cost: u64) -> Result<(), Refused> {
        let most_bytes = self.limit_bytes().min(self.ledger.marked().max_bytes);
        if cost > most_bytes {
            return Err(Refused::TooLarge { most_bytes: most_bytes.saturating_sub(ENTRY_BYTES) });
        }
        Ok(())
    }

    /// Looks whether a rule holds, before a record is written for nothing.
    fn is_unlike(&self, at: Whereabouts, key: &[u8], rule: Rule<'_>) -> Option<Stored> {
        if matches!(rule, Rule::Any | Rule::Flight(_)) {
            return None;
        }
        let guard = self.pile.pin();
        let found = self.find(&guard, at, key);
        unlike(rule, found.as_ref())
    }

    /// A record of about so many bytes, and how many entries went for its slot: had at once, or after room was made in the
    /// pile.
    pub(crate) fn record<T>(
        &self,
        level: u8,
        life: Life,
        bytes: usize,
        make: impl Fn(bool) -> Result<T, Refused>,
    ) -> Result<(T, u32), Refused> {
        if life != Life::FOREVER && !self.has_lives.load(Ordering::Relaxed) {
            self.has_lives.store(true, Ordering::Relaxed);
        }
        match make(true) {
            Ok(made) => return Ok((made, 0)),
            Err(Refused::OutOfSpace) => {}
            Err(refused) => return Err(refused),
        }
        let mut evicted = 0;
        for round in 0..TRIES {
            match make(false) {
                Ok(made) => return Ok((made, evicted)),
                Err(Refused::OutOfSpace) => {}
                Err(refused) => return Err(refused),
            }
            // Slots of other lengths, or of what waits until nobody reads it; a long record's place must be in one, too.
            let freed = self.make_room_in_pile(level, bytes, round > 0);
            evicted += freed.entries;
            if freed == Freed::default() && round > 0 {
                break;
            }
        }
        make(false).map(|made| (made, evicted)).map_err(|refused| match refused {
            Refused::OutOfSpace if !self.is_durable() => Refused::NoVictim,
            refused => refused,
        })
    }

    /// Lets entries go until the pile may have a span or a page again, and moves together what is left; with `makes_way`, also
    /// those that are in the way of so long a record.
    fn make_room_in_pile(&self, level: u8, bytes: usize, makes_way: bool) -> Freed {
        self.ledger.shortages.fetch_add(1, Ordering::Relaxed);
        let wanted_bytes = (2 * bytes as u64).max(SHORTAGE_BYTES);
        let mut freed = self.ledger.evict(wanted_bytes, level, Why::Capacity);
        asking::for_level(level, || {
            if makes_way {
                let dropped = self.pile.make_way(bytes);
                freed.entries =
                    freed.entries.saturating_add(u32::try_from(dropped).unwrap_or(u32::MAX));
            }
            self.pile.tend(Budget::slice());
            self.pile.compact(Budget::microseconds(COMPACT_US));
        });
        freed
    }

    /// Lets a record be found; if it is refused, or the rule does not hold, the record goes.
    pub(crate) fn link(
        &self,
        at: Whereabouts,
        key: &[u8],
        written: Written<'_>,
        rule: Rule<'_>,
    ) -> Result<Stored, Refused> {
        let place = written.place;
        let linked = self.link_or_refuse(at, key, written, rule);
        if !matches!(linked, Ok(Stored::Stored(_))) {
            self.keep.delete(place);
        }
        linked
    }

    fn link_or_refuse(
        &self,
        at: Whereabouts,
        key: &[u8],
        written: Written<'_>,
        rule: Rule<'_>,
    ) -> Result<Stored, Refused> {
        let Written { place, level, mut evicted, charge } = written;
        let reserved_bytes = charge.as_ref().map_or(0, Charge::bytes);
        let cost = self.keep.slot_bytes(place) + ENTRY_BYTES;
        let new = New { place, level, cost };
        if cost > reserved_bytes {
            self.check_cost(cost)?;
        }
        let mut is_last = false;
        for _ in 0..TRIES {
            let guard = self.pile.pin();
            let mut held = self.hold(at.shard, &guard);
            let lack = loop {
                let found = held.find(at.address, key);
                let is_overtaken = match rule {
                    Rule::Flight(flight) => !held.is_under_way(key, flight),
                    _ => false,
                };
                let unlike = unlike(rule, found.as_ref());
                if let Some(unlike) = unlike.or(is_overtaken.then_some(Stored::Changed)) {
                    held.finish();
                    return Ok(unlike);
                }
                let old_cost = found.as_ref().map_or(0, |found| held.cost(found.entry.place()));
                let more_bytes = cost.saturating_sub(old_cost + reserved_bytes);
                match self.make_room(&mut held, more_bytes, level, is_last) {
                    Ok(None) => {}
                    // It may have been this key's entry that went.
                    Ok(Some(freed)) => {
                        evicted += freed.entries;
                        continue;
                    }
                    Err(lack) => break lack,
                }
                // Under the lock: nobody has what was reserved before the entry has it.
                held.unreserve(reserved_bytes);
                let linked = match &found {
                    Some(found) => {
                        held.replace(found.spot, found.entry, old_cost, new).map(|()| Linked::Done)
                    }
                    None => held.insert(at.address, new),
                };
                if linked != Ok(Linked::Done) {
                    held.reserve(reserved_bytes);
                }
                match linked {
                    Ok(Linked::Done) => {
                        charge.map(Charge::keep);
                        let is_replaced = found.is_some();
                        let counts = held.counts();
                        counts.puts += 1;
                        counts.replaces += u64::from(is_replaced);
                        counts.inserts += u64::from(!is_replaced);
                        counts.overwrites += u64::from(evicted > 0);
                        let flight = match held.state.flights.is_empty() {
                            true => None,
                            false => held.state.flights.remove(key),
                        };
                        held.finish();
                        if let Some(flight) = flight {
                            flight.end(End::Filled);
                        }
                        return Ok(Stored::Stored(Put { is_replaced, evicted }));
                    }
                    Ok(Linked::Crowded) => {
                        held.finish();
                        return Err(Refused::Crowded);
                    }
                    Err(short) => break Lack::Elsewhere(short),
                }
            };
            held.finish();
            drop(guard);
            let short = match lack {
                Lack::Refused(refused) => return Err(refused),
                Lack::Elsewhere(short) => short,
            };
            match self.make_room_elsewhere(short, cost, level) {
                Some(freed) => evicted += freed.entries,
                // Nobody gives way: what is left up to the last watermark is for that.
                None if short == Short::Cache && !is_last => is_last = true,
                None => break,
            }
        }
        Err(if self.is_durable() { Refused::OutOfSpace } else { Refused::NoVictim })
    }

    /// Draws room for so many bytes more in a shard that is held, and evicts about as many there if that is where they are to be
    /// had. What went: what was found before may be among that. With `is_last`, the room up to the last watermark is taken too.
    ///
    /// Above a limit that was lowered nothing more is drawn; the shard's own entries pay, and what is above goes with the upkeep.
    pub(crate) fn make_room(
        &self,
        held: &mut Held<'_>,
        bytes: u64,
        level: u8,
        is_last: bool,
    ) -> Result<Option<Freed>, Lack> {
        let marked = self.ledger.marked();
        let takes_all = self.is_durable() || is_last;
        let most_bytes = if takes_all { marked.max_bytes } else { marked.high_bytes };
        let short = match held.draw(bytes, most_bytes) {
            Ok(()) => return Ok(None),
            Err(short) => short,
        };
        if self.is_durable() && short == Short::Table {
            return Err(Lack::Refused(Refused::OutOfSpace));
        }
        let why = match short {
            Short::Table => Why::Quota,
            Short::Cache if level == 0 && !self.is_durable() => {
                return Err(Lack::Refused(Refused::High));
            }
            Short::Cache if self.ledger.is_alone() && self.reserve_bytes() == 0 => Why::Capacity,
            Short::Cache | Short::Pile => return Err(Lack::Elsewhere(short)),
        };
        if self.is_durable() {
            return Err(Lack::Elsewhere(short));
        }
        // A shard that has less than its share takes from the others, unless what they give would be drawn by nobody.
        let is_over = match short {
            Short::Table => self.sum.drawn() > self.limit_bytes(),
            _ => self.ledger.sum.drawn() > most_bytes,
        };
        let share_bytes = self.sum.drawn() / self.shards.len() as u64;
        if !is_over && held.charged_bytes() + share_bytes / 8 < share_bytes {
            return Err(Lack::Elsewhere(short));
        }
        let freed = held.evict(bytes, level, why);
        if freed.entries == 0 { Err(Lack::Elsewhere(short)) } else { Ok(Some(freed)) }
    }

    /// Lets others make room; `None` if nobody does.
    pub(crate) fn make_room_elsewhere(&self, short: Short, bytes: u64, level: u8) -> Option<Freed> {
        let freed = match short {
            Short::Table => self.evict_own(bytes, level, Why::Quota),
            Short::Cache => self.ledger.evict(bytes, level, Why::Capacity),
            Short::Pile => self.make_room_in_pile(level, 0, false),
        };
        (freed.entries > 0).then_some(freed)
    }

    /// Counts a refusal.
    pub(crate) fn refuse(&self, at: Whereabouts, refused: Refused) {
        let kind = match refused {
            Refused::OutOfSpace => 0,
            Refused::NoVictim => 1,
            Refused::High => 2,
            Refused::TooLarge { .. } => 3,
            Refused::Crowded => 4,
            Refused::Loads => 5,
            Refused::Unencodable => 6,
            Refused::Closed => 7,
            Refused::KeyTooLong { .. } => 8,
        };
        self.shards[at.shard as usize].state.lock().counts.refused[kind] += 1;
    }

    /// Removes a key's entry, if it is the one that was seen. Whether it was there.
    pub(crate) fn remove(&self, key: &[u8], seen: Option<Version>) -> bool {
        let at = self.whereabouts(key);
        let guard = self.pile.pin();
        let mut held = self.hold(at.shard, &guard);
        let found = held.find(at.address, key);
        let found = found.filter(|found| seen.is_none_or(|seen| found.record.version() == seen));
        if let Some(found) = &found {
            held.remove(found.spot, found.entry);
        }
        held.counts().removes[usize::from(found.is_none())] += 1;
        // Who loads it is told that he was overtaken; who waits for it asks anew.
        let is_awaited = seen.is_none() && !held.state.flights.is_empty();
        let flight = if is_awaited { held.state.flights.remove(key) } else { None };
        held.finish();
        if let Some(flight) = flight {
            flight.end(End::GivenUp);
        }
        found.is_some()
    }

    /// Gives an entry another life, as far as its end allows that nothing renews. Whether it was there.
    pub(crate) fn renew(&self, at: Whereabouts, key: &[u8], life: Life) -> bool {
        self.renew_with(at, key, |_, _| life, false)
    }

    /// As [`Body::renew`], with a life that depends on the record; with `is_young`, its age is zero again.
    pub(crate) fn renew_with(
        &self,
        at: Whereabouts,
        key: &[u8],
        life: impl Fn(&Self, &Found<'_>) -> Life,
        is_young: bool,
    ) -> bool {
        if !self.has_lives.load(Ordering::Relaxed) {
            self.has_lives.store(true, Ordering::Relaxed);
        }
        loop {
            let guard = self.pile.pin();
            let mut held = self.hold(at.shard, &guard);
            let Some(found) = held.find(at.address, key) else {
                held.counts().rejuvenates[1] += 1;
                held.finish();
                return false;
            };
            let mut new_life = life(self, &found);
            match self.until_s(&found) {
                // It is its last second, which no life is short enough for.
                Some(0) => {
                    held.counts().rejuvenates[0] += 1;
                    held.finish();
                    return true;
                }
                Some(until_s) => new_life = earlier(new_life, Life::secs(until_s)),
                None => {}
            }
            let is_for_ever = found.record.left_s.is_none();
            let is_renewed = self.keep.rejuvenate(found.record.place, new_life)
                || (is_for_ever && new_life == Life::FOREVER);
            if is_renewed {
                if is_young && self.made.ages {
                    found.record.words[0].store(self.pile.now_s(), Ordering::Relaxed);
                }
                held.counts().rejuvenates[0] += 1;
                held.finish();
                return true;
            }
            // It was put without a life, and has no room for one: a copy has.
            let seen = found.record.version();
            held.finish();
            if !is_for_ever {
                return false;
            }
            match self.copy_with(at, key, &guard, seen, new_life) {
                Ok(Stored::Changed) => {}
                copied => return matches!(copied, Ok(Stored::Stored(_))),
            }
        }
    }

    /// For how many seconds an entry may live at most, if it has an end that nothing renews.
    fn until_s(&self, found: &Found<'_>) -> Option<u32> {
        let until_s = found.record.words[self.until_word()?].load(Ordering::Relaxed);
        (until_s != u32::MAX).then(|| until_s.saturating_sub(self.pile.now_s()))
    }

    /// Puts a copy of the record at that place, with another life.
    fn copy_with(
        &self,
        at: Whereabouts,
        key: &[u8],
        guard: &Guard<'_>,
        seen: Version,
        life: Life,
    ) -> Result<Stored, Refused> {
        let found = self.find(guard, at, key);
        let Some(found) = found.filter(|found| found.record.version() == seen) else {
            return Ok(Stored::Changed);
        };
        let level = found.entry.level();
        let mut words = [0; 4];
        for (word, now) in words.iter_mut().zip(found.record.words) {
            *word = now.load(Ordering::Relaxed);
        }
        let words = &words[..found.record.words.len()];
        // What stands before the value is copied with it.
        let head = Head { words, length: &[], key: &[], life };
        let bytes = [found.record.bytes, &[]];
        let (copy, evicted) = self.record(level, life, bytes[0].len(), |at_once| {
            write_bytes(&self.keep, head, bytes, at_once)
        })?;
        let written = Written { place: copy, level, evicted, charge: None };
        self.link(at, key, written, Rule::Same(seen))
    }

    /// Changes one of an entry's notes under the lock of its shard. What it was before.
    pub(crate) fn note(
        &self,
        key: &[u8],
        note: usize,
        change: &mut dyn FnMut(u32) -> u32,
    ) -> Option<u32> {
        assert!(
            note < usize::from(self.made.notes),
            "a table has as many notes as it was made with"
        );
        let at = self.whereabouts(key);
        let guard = self.pile.pin();
        let held = self.hold(at.shard, &guard);
        let before = held.find(at.address, key).map(|found| {
            let word = &found.record.words[self.note_word(note)];
            let before = word.load(Ordering::Relaxed);
            word.store(change(before), Ordering::Relaxed);
            before
        });
        held.finish();
        before
    }
}

/// Where room is lacking.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Lack {
    /// Others must give way, whose locks are not taken under this one.
    Elsewhere(Short),
    Refused(Refused),
}

fn unlike(rule: Rule<'_>, found: Option<&Found<'_>>) -> Option<Stored> {
    match (rule, found) {
        (Rule::Any | Rule::Flight(_), _) | (Rule::Absent, None) | (Rule::Present, Some(_)) => None,
        (Rule::Absent, Some(_)) => Some(Stored::Exists),
        (Rule::Present | Rule::Same(_), None) => Some(Stored::Absent),
        (Rule::Same(seen), Some(found)) if found.record.version() == seen => None,
        (Rule::Same(_), Some(_)) => Some(Stored::Changed),
    }
}

/// The life that ends first.
fn earlier(one: Life, other: Life) -> Life {
    match (one, other) {
        (Life::FOREVER, life) | (life, Life::FOREVER) => life,
        (one, other) => Life::secs(one.as_secs().min(other.as_secs())),
    }
}
