//! Commands that change what is there: numbers up and down, items away, marked as stale, or given another life.

use levada_memcache::{
    Arith, Counted, Delete, Deleted, Dump, ItemFacts, Refusal, Reply, Touch, number_in,
};

use crate::item::Note;
use crate::items::{Change, How};
use crate::work::{Work, left_of, same_life};

impl Work<'_> {
    /// `incr`, `decr`, `ma`.
    pub(crate) fn count(&mut self, arith: &Arith<'_>) {
        self.with_key(arith.key, |work, key| {
            let (unix_s, now_s) = (work.unix_s, work.now_s);
            let touch = arith.touch.map(|touch| touch.life(unix_s));
            let mut counted = Counted::NotFound;
            let mut is_text = false;
            let put = work.hall.items.change(key, work.scratch, |old, data| {
                (is_text, counted) = (false, Counted::NotFound);
                let Some(old) = old else {
                    let Some(create) = arith.create else { return Change::Keep };
                    let life = create.exp.life(unix_s);
                    put_decimal(create.initial, data);
                    let left_s = left_of(life);
                    let facts = ItemFacts { left_s, is_created: true, ..ItemFacts::default() };
                    counted = Counted::Number(create.initial, facts);
                    let note = Note::put(now_s, arith.key.is_base64());
                    return Change::Put(How { client_flags: 0, life, note });
                };
                if arith.compare.is_some_and(|compare| compare != 0 && compare != old.head.cas) {
                    counted = Counted::Exists;
                    return Change::Keep;
                }
                let Some(number) = number_in(old.data) else {
                    is_text = true;
                    return Change::Keep;
                };
                let number = arith.apply(number);
                put_decimal(number, data);
                let life = touch.unwrap_or(same_life(old.left_s));
                let facts = ItemFacts { left_s: left_of(life), ..old.facts(now_s) };
                counted = Counted::Number(number, facts);
                Change::Put(How { client_flags: old.head.client_flags, life, note: old.note })
            });
            let is_new = matches!(counted, Counted::Number(_, ItemFacts { is_created: true, .. }));
            let refusal = match put {
                Ok(_) if is_text => Some(Refusal::NotANumber),
                Ok(_) => None,
                Err(_) if is_new => Some(Refusal::OutOfMemoryForNew),
                Err(_) => Some(Refusal::OutOfMemoryForNumber),
            };
            if let Some(refusal) = refusal {
                return work.reply(&arith.refuse(refusal));
            }
            if let (Counted::Number(_, facts), Ok(Some(cas))) = (&mut counted, put) {
                facts.cas = cas;
            }
            let counters = &mut *work.counters;
            let (hits, misses) = if arith.is_increment {
                (&mut counters.incr_hits, &mut counters.incr_misses)
            } else {
                (&mut counters.decr_hits, &mut counters.decr_misses)
            };
            match counted {
                Counted::Number(..) if !is_new => *hits += 1,
                Counted::NotFound | Counted::Number(..) => *misses += 1,
                Counted::Exists | Counted::NotStored => {}
            }
            work.reply(&arith.reply(counted));
        });
    }

    /// `delete`, `md`.
    pub(crate) fn delete(&mut self, delete: &Delete<'_>) {
        self.with_key(delete.key, |work, key| {
            let deleted = if delete.compare.is_none() && !delete.invalidates {
                if work.hall.items.remove(key) { Deleted::Done } else { Deleted::NotFound }
            } else {
                match work.delete_if(delete, key) {
                    Some(deleted) => deleted,
                    None => return work.refuse(Refusal::OutOfMemory),
                }
            };
            match deleted {
                Deleted::Done => work.counters.delete_hits += 1,
                _ => work.counters.delete_misses += 1,
            }
            work.reply(&delete.reply(deleted));
        });
    }

    fn delete_if(&mut self, delete: &Delete<'_>, key: &[u8]) -> Option<Deleted> {
        let touch = delete.touch.map(|touch| touch.life(self.unix_s));
        let mut deleted = Deleted::NotFound;
        let changed = self.hall.items.change(key, self.scratch, |old, data| {
            deleted = Deleted::NotFound;
            let Some(old) = old else { return Change::Keep };
            if delete.compare.is_some_and(|compare| compare != old.head.cas) {
                deleted = Deleted::Exists;
                return Change::Keep;
            }
            deleted = Deleted::Done;
            if !delete.invalidates {
                return Change::Remove;
            }
            data.extend_from_slice(old.data);
            let life = touch.unwrap_or(same_life(old.left_s));
            Change::Put(How { client_flags: old.head.client_flags, life, note: old.note.stale() })
        });
        changed.ok().map(|_| deleted)
    }

    /// `touch`
    pub(crate) fn touch(&mut self, touch: &Touch<'_>) {
        self.counters.cmd_touch += 1;
        self.with_key(touch.key, |work, key| {
            let (items, now_s) = (&work.hall.items, work.now_s);
            let is_found = items.touch(key, touch.exp.life(work.unix_s));
            if is_found {
                // It counts as read. It may have gone meanwhile.
                let _is_there: bool = items.note(key, &mut |note| note.read(now_s));
                work.counters.touch_hits += 1;
            } else {
                work.counters.touch_misses += 1;
            }
            work.reply(&touch.reply(is_found));
        });
    }

    /// `me`
    pub(crate) fn dump(&mut self, dump: &Dump<'_>) {
        self.with_key(dump.key, |work, key| {
            let items = &work.hall.items;
            let guard = items.look();
            match items.peek(&guard, key) {
                Some(found) => {
                    let facts = found.item().facts(work.now_s);
                    work.reply(&dump.hit(facts, 1, found.footprint_bytes()));
                }
                None => work.reply(&Reply::Absent),
            }
        });
    }
}

/// A number as text.
fn put_decimal(mut number: u64, into: &mut Vec<u8>) {
    let begin = into.len();
    loop {
        let digit = u8::try_from(number % 10).expect("a digit");
        into.push(b'0' + digit);
        number /= 10;
        if number == 0 {
            break;
        }
    }
    into[begin..].reverse();
}
