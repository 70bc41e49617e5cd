//! The storage keeps files that were asked for, finds those that were not, and sees that nobody gets an old one.
//!
//! It keeps them softly, all that the heap has room for, until that is needed for something else, and holds the few that are
//! asked for most. It is a process, one for each core; each key is one shard's. What is not kept is loaded by a process of its own, so
//! that a disk that is slow holds up nobody else; all who ask for the same meanwhile share that load. What is kept is
//! looked at again when its time is over, by the same loaders; a file that has changed is retired.

use core::time::Duration;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use levada_domain::{Io, PerCore};
use levada_process::{Bounds, Context, Failure, Mailbox, Reply, Sender};
use levada_shared::{Account, CacheLimits, SharedDataCache};

use crate::config::WebConfig;
use crate::entry::Entry;
use crate::front::Front;
use crate::key::{Key, Meant};
use crate::loading::{Charged, Loading};
use crate::storage_message::{Found, Kept, Loaded, ToStorage};
use crate::waiting::Waiting;

/// How many loaders run at a time; what is asked beyond waits in order.
const LOADS_MAX: usize = 16;

/// How many loads wait for others to end, and how many wait for one. A disk that does not answer lets those who wait give
/// up and ask again, and what they asked before is still here: without these limits it would become ever more.
const QUEUED_MAX: usize = 4096;
const WAITERS_MAX: usize = 1 << 16;

/// How long a loader waits for room, once what was kept softly has given way. Then the answer is 503.
const ROOM_WITHIN: Duration = Duration::from_secs(1);

/// What is hot is held, and lies anywhere: more than so much of the heap would be in the way of what is not.
const HOT_PART_MAX: u64 = 4;

/// How many messages may wait for a storage process.
pub(crate) const MAILBOX: Bounds = Bounds { messages: 1024, bytes: 4 << 20 };

/// How long a connection waits for the storage before it answers 503.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The storage of one core.
pub(crate) struct Storage {
    context: Context,
    io: Io,
    front: PerCore<Front>,
    own: Sender<ToStorage>,
    config: Arc<WebConfig>,
    config_number: u32,
    /// Loaders of one before bring what nobody here waits for.
    incarnation: u64,
    charged: Charged,
    heap_bytes: u64,
    kept: SharedDataCache<Key, Entry>,
    /// Who waits for what is being loaded. One list for each load, the lists of folders as JSON apart.
    loading: HashMap<Load, Waiters>,
    /// Loads that wait for others to end.
    queued: VecDeque<Load>,
    running: usize,
    counts: Kept,
}

/// What is loaded once for all who wait for it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Load {
    key: Key,
    as_json: bool,
}

/// All who wait for a load, and the configuration that it is about.
struct Waiters {
    config: Arc<WebConfig>,
    list: Vec<Waiter>,
    /// What is looked at again: held, so that it is still there if nothing has changed.
    known: Option<Entry>,
}

/// Who waits for a load, and for what.
struct Waiter {
    reply: Reply<Found>,
    /// What he asked for is not there; this is the page to say so, or to be sent instead.
    instead: bool,
}

impl Storage {
    /// Runs the storage until its mailbox closes.
    pub(crate) async fn run(
        context: Context,
        mut inbox: Mailbox<ToStorage>,
        io: Io,
        front: PerCore<Front>,
        account: Account,
    ) -> Result<(), Failure> {
        // It may be started anew, when the configuration is no longer the first.
        let (config, config_number) = front.with(|front| front.current());
        let heap_bytes = account.heap().gauges().reserved_bytes;
        let incarnation = context.random();
        let mut storage = Self {
            context,
            own: inbox.sender(),
            kept: Self::cache(&config, heap_bytes, io.cores().len()),
            io,
            front,
            config,
            config_number,
            incarnation,
            charged: Charged::of(&account),
            heap_bytes,
            loading: HashMap::new(),
            queued: VecDeque::new(),
            running: 0,
            counts: Kept::default(),
        };
        loop {
            match inbox.recv().await? {
                ToStorage::Find { key, as_json, config, reply } => {
                    let config = config.into_inner();
                    storage.reload(key.config, &config);
                    storage.find(Load { key, as_json }, config, Waiter { reply, instead: false });
                }
                ToStorage::Loaded { key, as_json, loaded, incarnation } => {
                    if incarnation == storage.incarnation {
                        storage.loaded(&Load { key, as_json }, loaded);
                    }
                }
                ToStorage::Reload(number, config) => storage.reload(number, &config.into_inner()),
                ToStorage::Cool(reply) => reply.send(storage.kept.cool()),
                ToStorage::Report(reply) => reply.send(storage.report()),
            }
        }
    }

    fn cache(config: &WebConfig, heap_bytes: u64, shards: usize) -> SharedDataCache<Key, Entry> {
        let (cache, shards) = (&config.cache, shards.max(1));
        let share = |bytes: u64| bytes / shards as u64;
        SharedDataCache::new(CacheLimits {
            entries: cache.entries_max.div_ceil(shards),
            soft_bytes: share(cache.back_bytes_max.min(heap_bytes)),
            hot_bytes: share(cache.hot_bytes_max.min(heap_bytes / HOT_PART_MAX)),
        })
    }

    fn find(&mut self, load: Load, config: Arc<WebConfig>, waiter: Waiter) {
        let now = self.context.now();
        let known = match self.kept.get(&load.key) {
            Some(entry) if entry.is_fresh(now) => {
                self.counts.hits += 1;
                return Self::answer(waiter, Found::Entry(entry));
            }
            known => known,
        };
        let queued_count = self.queued.len();
        if let Some(waiters) = self.loading.get_mut(&load) {
            if waiters.list.len() >= WAITERS_MAX {
                return Self::answer(waiter, Found::Busy);
            }
            self.counts.shared_loads += 1;
            waiters.list.push(waiter);
            return;
        }
        if queued_count >= QUEUED_MAX {
            return Self::answer(waiter, Found::Busy);
        }
        let is_next = self.running < LOADS_MAX;
        // Who waits holds nothing.
        let known = known.filter(|_| is_next);
        self.loading.insert(load.clone(), Waiters { config, list: vec![waiter], known });
        if is_next {
            self.begin(load);
        } else {
            self.queued.push_back(load);
        }
    }

    fn begin(&mut self, load: Load) {
        // Nobody waits where it is not there.
        let Some(waiters) = self.loading.get_mut(&load) else { return };
        let config = Arc::clone(&waiters.config);
        // What was retired or given up is read anew, whatever the disk says of it.
        waiters.known = waiters.known.take().or_else(|| self.kept.get(&load.key));
        let known = waiters.known.as_ref().map(Entry::versions).unwrap_or_default();
        self.counts.loads += 1;
        let (io, charged) = (self.io.clone(), self.charged.clone());
        let keepers = self.front.with(|front| front.keepers());
        let incarnation = self.incarnation;
        let mut home = Home { own: self.own.clone(), load: Some(load.clone()), incarnation };
        let loader = move |context: Context, _: Mailbox<()>| async move {
            let Some(Load { key, as_json }) = home.load.clone() else { return Ok(()) };
            let site = &config.sites[usize::from(key.site)];
            let file_bytes_max = config.cache.file_bytes_max;
            let charged = &charged;
            let loading = Loading { io: &io, site, charged, file_bytes_max, as_json, known };
            let mut waiting = Waiting::within(ROOM_WITHIN);
            let loaded = loop {
                match loading.load(&key).await {
                    Ok(loaded) => break loaded,
                    Err(no_room) if waiting.wait(&context, &keepers, &no_room).await => {}
                    Err(_) => break Loaded::Found(Found::Busy),
                }
            };
            home.bring(loaded).await;
            Ok(())
        };
        if self.context.spawn("loader", loader).is_ok() {
            self.running += 1;
        } else {
            self.take_in(&load, Loaded::Found(Found::Busy));
        }
    }

    fn loaded(&mut self, load: &Load, loaded: Loaded) {
        self.running -= 1;
        if let Some(next) = self.queued.pop_front() {
            self.begin(next);
        }
        self.take_in(load, loaded);
    }

    /// Takes in what a loader brought and answers who waited.
    fn take_in(&mut self, load: &Load, loaded: Loaded) {
        let found = match loaded {
            Loaded::Same => {
                self.counts.checks += 1;
                let known = self.loading.get_mut(load).and_then(|waiters| waiters.known.take());
                let Some(mut entry) = known.filter(|entry| !entry.is_retired()) else {
                    return self.begin(load.clone()); // it was retired while it was looked at
                };
                entry.fresh_until_ns = self.fresh_until_ns();
                if let Some(kept) = self.kept.peek_mut(&load.key) {
                    kept.fresh_until_ns = entry.fresh_until_ns;
                }
                Found::Entry(entry)
            }
            Loaded::Found(Found::Entry(mut entry)) => {
                entry.fresh_until_ns = self.fresh_until_ns();
                self.keep(load.key.clone(), entry.clone());
                Found::Entry(entry)
            }
            Loaded::Found(found) => {
                self.counts.retired += u64::from(self.kept.remove(&load.key));
                found
            }
        };
        let Some(Waiters { config, list, .. }) = self.loading.remove(load) else { return };
        for waiter in list {
            match instead_of(&config, &load.key, &found) {
                Some(page) if !waiter.instead => {
                    let waiter = Waiter { instead: true, ..waiter };
                    self.find(Load { key: page, as_json: false }, Arc::clone(&config), waiter);
                }
                _ => Self::answer(waiter, found.clone()),
            }
        }
    }

    fn answer(waiter: Waiter, found: Found) {
        waiter.reply.send(match found {
            Found::Entry(entry) if entry.is_not_found => Found::NothingBut(entry),
            // The page to say so is not there either, or cannot be had: then it is said without.
            _ if waiter.instead && !matches!(found, Found::Entry(_)) => Found::Nothing,
            found => found,
        });
    }

    fn keep(&mut self, key: Key, entry: Entry) {
        if key.config != self.config_number {
            return; // it belongs to the configuration before
        }
        self.counts.retired += u64::from(self.kept.remove(&key));
        // What is too long for all the room is sent to who waits, and forgotten.
        let _is_too_long: bool = self.kept.insert(key, entry).is_some();
    }

    fn fresh_until_ns(&self) -> u64 {
        self.context.now().after(self.config.cache.revalidate).as_nanos()
    }

    /// Takes a configuration, if it is newer than the one that is there.
    fn reload(&mut self, number: u32, config: &Arc<WebConfig>) {
        if number > self.config_number {
            self.kept.clear();
            self.counts = self.report(); // what the cache counted until now
            self.kept = Self::cache(config, self.heap_bytes, self.io.cores().len());
            (self.config_number, self.config) = (number, Arc::clone(config));
        }
    }

    fn report(&self) -> Kept {
        let cache = self.kept.gauges();
        Kept {
            entries: cache.entries,
            bytes: cache.soft_bytes,
            hot_bytes: cache.hot_bytes,
            hits_hot: self.counts.hits_hot + cache.hits_hot,
            misses_lost: self.counts.misses_lost + cache.misses_lost,
            evicted: self.counts.evicted + cache.evicted,
            ..self.counts
        }
    }
}

/// What is sent when there is nothing at `key`.
fn instead_of(config: &WebConfig, key: &Key, found: &Found) -> Option<Key> {
    let site = &config.sites[usize::from(key.site)];
    let page = |meant, path: &String| {
        let relative = path.clone().into_bytes();
        matches!(found, Found::Nothing).then_some(Key { meant, relative, ..*key })
    };
    match (&site.fallback, &site.not_found) {
        (Some(path), _) => page(Meant::File, path),
        (None, Some(path)) => page(Meant::NotFoundPage, path),
        (None, None) => None,
    }
}

/// Where a loader brings what it found: also when it panicked, so that nobody waits for nothing.
struct Home {
    own: Sender<ToStorage>,
    load: Option<Load>,
    incarnation: u64,
}

impl Home {
    async fn bring(&mut self, loaded: Loaded) {
        if let Some(Load { key, as_json }) = self.load.take() {
            // The storage has gone: so has everybody who waited.
            let incarnation = self.incarnation;
            let brought = ToStorage::Loaded { key, as_json, loaded, incarnation };
            let _ended: bool = self.own.send(brought).await.is_err();
        }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Some(Load { key, as_json }) = self.load.take() {
            let (loaded, incarnation) = (Loaded::Found(Found::Failed), self.incarnation);
            let failed = ToStorage::Loaded { key, as_json, loaded, incarnation };
            let _ended: bool = self.own.try_send(failed).is_err();
        }
    }
}
