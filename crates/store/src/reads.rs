//! Reads that follow each other are looked up together, also those of several commands, and answered in order.

use levada_memcache::{Get, MetaGet, Reply};

use crate::items::Found;
use crate::work::Work;

/// How many are looked up together.
pub(crate) const RUN_MAX: usize = 32;

/// Where in the input a key stands.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spot {
    /// Where its command begins.
    pub(crate) command_at: usize,
    /// How many keys of that stand before it.
    pub(crate) keys_before: usize,
}

/// Who asked for a key.
#[derive(Clone, Copy, Debug)]
enum Asker<'b> {
    Get { with_cas: bool, is_last: bool },
    Meta(MetaGet<'b>),
}

/// Keys that are to be looked up.
pub(crate) struct Run<'b> {
    keys: [&'b [u8]; RUN_MAX],
    askers: [Asker<'b>; RUN_MAX],
    spots: [Spot; RUN_MAX],
    count: usize,
}

impl<'b> Run<'b> {
    pub(crate) fn new() -> Self {
        let nobody = Asker::Get { with_cas: false, is_last: false };
        Self {
            keys: [&[]; RUN_MAX],
            askers: [nobody; RUN_MAX],
            spots: [Spot::default(); RUN_MAX],
            count: 0,
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.count == RUN_MAX
    }

    /// Whether the keys of this command can be looked up with others, since nothing is changed by it.
    pub(crate) fn takes(get: &Get<'_>) -> bool {
        get.touch.is_none()
    }

    /// Whether this one can be.
    pub(crate) fn takes_meta(get: &MetaGet<'_>) -> bool {
        get.create.is_none() && get.touch.is_none() && get.recache.is_none() && !get.key.is_base64()
    }

    /// Adds one of the keys of a command.
    #[inline]
    pub(crate) fn add(&mut self, key: &'b [u8], with_cas: bool, is_last: bool, spot: Spot) {
        self.push(key, Asker::Get { with_cas, is_last }, spot);
    }

    #[inline]
    pub(crate) fn add_meta(&mut self, get: MetaGet<'b>, spot: Spot) {
        self.push(get.key.text(), Asker::Meta(get), spot);
    }

    #[inline]
    fn push(&mut self, key: &'b [u8], asker: Asker<'b>, spot: Spot) {
        self.keys[self.count] = key;
        self.askers[self.count] = asker;
        self.spots[self.count] = spot;
        self.count += 1;
    }

    /// Looks all of them up, and answers: as far as there is room for answers. Where the first stands that was not answered, if
    /// there is one.
    pub(crate) fn answer(&mut self, work: &mut Work<'_>) -> Option<Spot> {
        let count = core::mem::take(&mut self.count);
        if count == 0 {
            return None;
        }
        work.counters.lookup_runs += 1;
        work.counters.lookups += count as u64;
        let items = &work.hall.items;
        let guard = items.look();
        let keys = &self.keys[..count];
        let mut left = None;
        items.find_many(&guard, keys, &mut |index, found| {
            if left.is_some() || work.out.is_full() {
                left.get_or_insert(self.spots[index]);
                return;
            }
            work.counters.cmd_get += 1;
            match self.askers[index] {
                Asker::Get { with_cas, is_last } => {
                    if let Some(found) = found {
                        work.counters.get_hits += 1;
                        work.send_value(keys[index], with_cas, &found);
                    } else {
                        work.counters.get_misses += 1;
                    }
                    if is_last {
                        work.counters.commands += 1;
                        work.reply(&Reply::End);
                    }
                }
                Asker::Meta(get) => {
                    work.counters.commands += 1;
                    work.counters.cmd_meta += 1;
                    work.meta_found(&get, keys[index], found);
                }
            }
        });
        left
    }
}

impl Work<'_> {
    /// Sends an item as `get` does, and takes note that it was read.
    #[inline]
    pub(crate) fn send_value(&mut self, key: &[u8], with_cas: bool, found: &Found<'_>) {
        let item = found.item();
        let head = levada_memcache::ValueHead {
            key,
            client_flags: item.head.client_flags,
            value_bytes: item.data.len() as u64,
            cas: with_cas.then_some(item.head.cas),
        };
        self.reply(&Reply::Value(head));
        self.send_data(found);
        self.take_note(key, found);
    }

    /// Sends the data of an item, and its end.
    #[inline]
    pub(crate) fn send_data(&mut self, found: &Found<'_>) {
        let data = found.item().data;
        if data.len() < self.config.hold_from_bytes {
            self.out.copy(data);
        } else {
            self.hold_data(found);
        }
        self.reply(&Reply::ValueEnd);
    }

    fn hold_data(&mut self, found: &Found<'_>) {
        match found.hold(self.out.account()) {
            Some(held) => self.out.hold(held),
            // As many are held as can be.
            None => self.out.copy(found.item().data),
        }
    }

    /// Takes note that an item was read, if that says anything new.
    #[inline]
    pub(crate) fn take_note(&mut self, key: &[u8], found: &Found<'_>) {
        let (note, now_s) = (found.item().note, self.now_s);
        if note.read(now_s) != note {
            // It may have gone meanwhile.
            let _is_there: bool = self.hall.items.note(key, &mut |note| note.read(now_s));
        }
    }
}
