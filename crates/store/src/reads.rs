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
enum Asker {
    Get {
        with_cas: bool,
        is_last: bool,
    },
    /// The one of this number among those of the run.
    Meta(usize),
}

/// A key that is to be looked up.
#[derive(Clone, Copy, Debug)]
struct Read<'b> {
    key: &'b [u8],
    asker: Asker,
    spot: Spot,
}

/// Keys that are to be looked up, at most so many. Its memory is used again by the next pass.
#[derive(Debug, Default)]
pub(crate) struct Run<'b> {
    reads: Vec<Read<'b>>,
    metas: Vec<MetaGet<'b>>,
}

/// The memory of a list of what borrows from another input, which is no more.
fn emptied<A, B>(mut list: Vec<A>) -> Vec<B> {
    list.clear();
    // Nothing is mapped; the standard library collects into the same memory.
    list.into_iter().map(|_| unreachable!("it was cleared")).collect()
}

impl<'b> Run<'b> {
    /// Room for one, with no key in it; its memory is that of another.
    pub(crate) fn emptied<'a>(self) -> Run<'a> {
        Run { reads: emptied(self.reads), metas: emptied(self.metas) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.reads.is_empty()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.reads.len() >= RUN_MAX
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
        self.reads.push(Read { key, asker: Asker::Get { with_cas, is_last }, spot });
    }

    #[inline]
    pub(crate) fn add_meta(&mut self, get: MetaGet<'b>, spot: Spot) {
        let asker = Asker::Meta(self.metas.len());
        self.reads.push(Read { key: get.key.text(), asker, spot });
        self.metas.push(get);
    }

    /// Looks all of them up, and answers: as far as there is room for answers. Where the first stands that was not answered, if
    /// there is one.
    pub(crate) fn answer(&mut self, work: &mut Work<'_>) -> Option<Spot> {
        let (reads, metas) = (&*self.reads, &*self.metas);
        let count = reads.len();
        if count == 0 {
            return None;
        }
        work.counters.lookup_runs += 1;
        work.counters.lookups += count as u64;
        let items = &work.hall.items;
        let guard = items.look();
        let mut left = None;
        let mut answer = |index: usize, found: Option<Found<'_>>| {
            let read = &reads[index];
            if left.is_some() || work.out.is_full() {
                left.get_or_insert(read.spot);
                return;
            }
            work.counters.cmd_get += 1;
            match read.asker {
                Asker::Get { with_cas, is_last } => {
                    if let Some(found) = found {
                        work.counters.get_hits += 1;
                        work.send_value(read.key, with_cas, &found);
                    } else {
                        work.counters.get_misses += 1;
                    }
                    if is_last {
                        work.counters.commands += 1;
                        work.reply(&Reply::End);
                    }
                }
                Asker::Meta(number) => {
                    work.counters.commands += 1;
                    work.counters.cmd_meta += 1;
                    work.meta_found(&metas[number], read.key, found);
                }
            }
        };
        if let [read] = reads {
            answer(0, items.find(&guard, read.key));
        } else {
            let mut keys = [&[][..]; RUN_MAX];
            keys.iter_mut().zip(reads).for_each(|(key, read)| *key = read.key);
            items.find_many(&guard, &keys[..count], &mut answer);
        }
        drop(guard);
        self.reads.clear();
        self.metas.clear();
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
