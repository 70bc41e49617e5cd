//! `mg`, and `gat`: reads that may change what they read, and of which one wins the right to fill an item anew.

use levada_memcache::{Get, ItemFacts, Life, MetaGet, Refusal, Reply};

use crate::item::Note;
use crate::items::{Change, Found, How};
use crate::work::{Work, left_of};

/// How often an item that comes and goes is asked for anew before it counts as absent.
const ATTEMPTS_MAX: u32 = 8;

impl Work<'_> {
    /// One key of `gat`.
    pub(crate) fn touch_and_get(&mut self, get: &Get<'_>, key: &[u8], life: Life) {
        self.counters.cmd_get += 1;
        self.counters.cmd_touch += 1;
        let items = &self.hall.items;
        let guard = items.look();
        let found = items.find(&guard, key);
        match found.filter(|_| items.touch(key, life)) {
            Some(found) => {
                self.counters.touch_hits += 1;
                self.counters.get_hits += 1;
                self.send_value(key, get.with_cas, &found);
            }
            None => {
                self.counters.touch_misses += 1;
                self.counters.get_misses += 1;
            }
        }
    }

    /// One `mg` that may change its item.
    pub(crate) fn meta_get(&mut self, get: &MetaGet<'_>) {
        self.with_key(get.key, |work, key| {
            work.counters.cmd_get += 1;
            for _ in 0..ATTEMPTS_MAX {
                let items = &work.hall.items;
                let guard = items.look();
                let found = items.find(&guard, key);
                let Some(create) = get.create.filter(|_| found.is_none()) else {
                    return work.meta_found(get, key, found);
                };
                drop(guard);
                let life = create.life(work.unix_s);
                let note = Note::put(work.now_s, get.key.is_base64()).won();
                let note = if get.leaves_no_trace { note } else { note.read(work.now_s) };
                let how = How { client_flags: 0, life, note };
                let mut is_absent = false;
                let made = items.change(key, work.scratch, |old, _| {
                    is_absent = old.is_none();
                    if is_absent { Change::Put(how) } else { Change::Keep }
                });
                match made {
                    Ok(Some(cas)) => {
                        work.counters.get_misses += 1;
                        return work.meta_made(get, cas, life);
                    }
                    Ok(None) => {} // somebody else was first
                    Err(_) => return work.refuse(Refusal::OutOfMemory),
                }
            }
            work.meta_found(get, key, None);
        });
    }

    /// Answers for an item that was made for this command.
    fn meta_made(&mut self, get: &MetaGet<'_>, cas: u64, life: Life) {
        let facts = ItemFacts {
            cas,
            left_s: left_of(life),
            is_created: true,
            is_won: true,
            is_key_base64: get.key.is_base64(),
            ..ItemFacts::default()
        };
        self.reply(&get.hit(facts));
        if get.wants_value {
            self.reply(&Reply::ValueEnd);
        }
    }

    /// Answers for an item that was looked up.
    #[inline]
    pub(crate) fn meta_found(&mut self, get: &MetaGet<'_>, key: &[u8], found: Option<Found<'_>>) {
        let Some(found) = found else {
            self.counters.get_misses += 1;
            if get.touch.is_some() {
                self.counters.cmd_touch += 1;
                self.counters.touch_misses += 1;
            }
            return self.reply(&get.miss());
        };
        self.counters.get_hits += 1;
        let item = found.item();
        let mut facts = item.facts(self.now_s);
        let touch = get.touch.map(|touch| touch.life(self.unix_s));
        if let Some(life) = touch {
            facts.left_s = left_of(life);
        }
        let left_s = if get.is_recache_after_touch { facts.left_s } else { facts.left_before_s };
        let wants_anew = matches!((get.recache, left_s), (Some(below), Some(left_s)) if {
            left_s < left_of(below.life(self.unix_s)).unwrap_or(0)
        });
        if item.note.is_stale() || item.note.is_won() || wants_anew {
            (facts.is_won, facts.is_claimed) = self.win(key, item.note, wants_anew);
        }
        if let Some(life) = touch {
            self.counters.cmd_touch += 1;
            self.counters.touch_hits += 1;
            // What goes at once is still answered.
            let _is_there: bool = self.hall.items.touch(key, life);
        }
        self.reply(&get.hit(facts));
        if get.wants_value {
            self.send_data(&found);
        }
        if !get.leaves_no_trace {
            self.take_note(key, &found);
        }
    }

    /// Whether this reader wins the right to fill the item anew, and whether somebody had won it before: the first who asks
    /// wins.
    fn win(&mut self, key: &[u8], seen: Note, wants_anew: bool) -> (bool, bool) {
        let mut now = seen;
        let may_win = |note: Note| !note.is_won() && (note.is_stale() || wants_anew);
        let is_there = self.hall.items.note(key, &mut |note| {
            now = note;
            if may_win(note) { note.won() } else { note }
        });
        (is_there && may_win(now), now.is_won())
    }
}
