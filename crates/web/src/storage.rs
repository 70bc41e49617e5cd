//! The storage keeps files that were asked for, finds those that were not, and sees that nobody gets an old one.
//!
//! It is a process, one for each core; each key is one shard's. What is not kept is loaded by a process of its own, so
//! that a disk that is slow holds up nobody else; all who ask for the same meanwhile share that load. What is kept is
//! looked at again when its time is over, by the same loaders; a file that has changed is retired.

use core::time::Duration;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use levada_domain::Io;
use levada_process::{Bounds, Context, Failure, Mailbox, Reply, Sender};
use levada_shared::Account;

use crate::config::WebConfig;
use crate::entry::Entry;
use crate::key::{Key, Meant};
use crate::load::Loading;
use crate::second_chance::SecondChance;
use crate::storage_message::{Found, Kept, Loaded, ToStorage};

/// How many loaders run at a time; what is asked beyond waits in order.
const LOADS_MAX: usize = 16;

/// How many messages may wait for a storage process.
pub(crate) const MAILBOX: Bounds = Bounds { messages: 1024, bytes: 4 << 20 };

/// How long a connection waits for the storage before it answers 503.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The storage of one core.
pub(crate) struct Storage {
    context: Context,
    io: Io,
    own: Sender<ToStorage>,
    config: Arc<WebConfig>,
    account: Account,
    kept: SecondChance<Key, Entry>,
    /// Who waits for what is being loaded. One list for each load, the lists of folders as JSON apart.
    loading: HashMap<Load, Vec<Waiter>>,
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
        config: Arc<WebConfig>,
        account: Account,
    ) -> Result<(), Failure> {
        let mut storage = Self {
            context,
            own: inbox.sender(),
            kept: Self::cache(&config, io.cores().len()),
            io,
            config,
            account,
            loading: HashMap::new(),
            queued: VecDeque::new(),
            running: 0,
            counts: Kept::default(),
        };
        loop {
            match inbox.recv().await? {
                ToStorage::Find { key, as_json, reply } => {
                    storage.find(Load { key, as_json }, Waiter { reply, instead: false });
                }
                ToStorage::Loaded { key, as_json, loaded } => {
                    storage.loaded(Load { key, as_json }, loaded)
                }
                ToStorage::Reload(config) => storage.reload(config.into_inner()),
                ToStorage::Report(reply) => reply.send(storage.report()),
            }
        }
    }

    fn cache(config: &WebConfig, shards: usize) -> SecondChance<Key, Entry> {
        let shards = shards.max(1);
        SecondChance::new(
            config.cache.back_bytes_max / shards as u64,
            config.cache.entries_max / shards,
        )
    }

    fn find(&mut self, load: Load, waiter: Waiter) {
        let now = self.context.now();
        if let Some(entry) = self.kept.get(&load.key)
            && entry.is_fresh(now)
        {
            self.counts.hits += 1;
            Self::answer(waiter, Found::Entry(entry.clone()));
            return;
        }
        if let Some(waiters) = self.loading.get_mut(&load) {
            self.counts.shared_loads += 1;
            waiters.push(waiter);
            return;
        }
        self.loading.insert(load.clone(), vec![waiter]);
        if self.running < LOADS_MAX {
            self.begin(load);
        } else {
            self.queued.push_back(load);
        }
    }

    fn begin(&mut self, load: Load) {
        let Some(site) = self.config.sites.get(usize::from(load.key.site)).cloned() else {
            return self.loaded_by(load, Loaded::Found(Found::Nothing), false);
        };
        let known = self.kept.get(&load.key).map(|entry| entry.versions()).unwrap_or_default();
        self.counts.loads += 1;
        let (io, account, file_bytes_max) =
            (self.io.clone(), self.account.clone(), self.config.cache.file_bytes_max);
        let mut home = Home { own: self.own.clone(), load: Some(load.clone()) };
        let loader = move |_: Context, _: Mailbox<()>| async move {
            let Some(Load { key, as_json }) = home.load.clone() else { return Ok(()) };
            let loading =
                Loading { io: &io, site: &site, account: &account, file_bytes_max, as_json, known };
            let loaded = loading.load(&key).await;
            home.bring(loaded).await;
            Ok(())
        };
        if self.context.spawn("loader", loader).is_ok() {
            self.running += 1;
        } else {
            self.loaded_by(load, Loaded::Found(Found::Busy), false);
        }
    }

    fn loaded(&mut self, load: Load, loaded: Loaded) {
        self.running -= 1;
        if let Some(next) = self.queued.pop_front() {
            self.begin(next);
        }
        self.loaded_by(load, loaded, true);
    }

    /// Takes in what a loader brought and answers who waited. When the heap was full, a quarter of what is kept goes and
    /// the load is begun again, if it may be.
    fn loaded_by(&mut self, load: Load, loaded: Loaded, may_retry: bool) {
        let found = match loaded {
            Loaded::NoRoom if may_retry && self.kept.len() > 0 => {
                let room_bytes = self.kept.bytes() / 4 + 1;
                self.shrink(room_bytes);
                return self.begin(load);
            }
            Loaded::NoRoom => Found::Busy,
            Loaded::Same => {
                self.counts.checks += 1;
                let fresh_until_ns = self.fresh_until_ns();
                match self.kept.get(&load.key) {
                    Some(entry) => {
                        entry.fresh_until_ns = fresh_until_ns;
                        Found::Entry(entry.clone())
                    }
                    // It went to make room while it was looked at.
                    None => return self.begin(load),
                }
            }
            Loaded::Found(Found::Entry(mut entry)) => {
                entry.fresh_until_ns = self.fresh_until_ns();
                self.keep(load.key.clone(), entry.clone());
                Found::Entry(entry)
            }
            Loaded::Found(found) => {
                if let Some(old) = self.kept.remove(&load.key) {
                    self.counts.retired += 1;
                    old.retire();
                }
                found
            }
        };
        let waiters = self.loading.remove(&load).unwrap_or_default();
        for waiter in waiters {
            match self.instead_of(&load.key, &found) {
                Some(page) if !waiter.instead => {
                    let waiter = Waiter { instead: true, ..waiter };
                    self.find(Load { key: page, as_json: false }, waiter);
                }
                _ => Self::answer(waiter, found.clone()),
            }
        }
    }

    /// What is sent when there is nothing at `key`.
    fn instead_of(&self, key: &Key, found: &Found) -> Option<Key> {
        let site = self
            .config
            .sites
            .get(usize::from(key.site))
            .filter(|_| matches!(found, Found::Nothing))?;
        let page = |meant, path: &String| Key {
            site: key.site,
            meant,
            relative: path.clone().into_bytes(),
        };
        let fallback = site.fallback.as_ref().map(|path| page(Meant::File, path));
        fallback.or_else(|| site.not_found.as_ref().map(|path| page(Meant::NotFoundPage, path)))
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
        let bytes = entry.kept_bytes();
        let counts = &mut self.counts;
        if let Some(old) = self.kept.remove(&key) {
            counts.retired += 1;
            old.retire();
        }
        self.kept.insert(key, entry, bytes, |_| counts.evicted += 1);
    }

    fn shrink(&mut self, room_bytes: u64) {
        let counts = &mut self.counts;
        let keep_bytes = self.kept.bytes().saturating_sub(room_bytes);
        self.kept.shrink_to(keep_bytes, |gone| {
            counts.evicted += 1;
            gone.retire(); // so that the caches in front let go of it too
        });
    }

    fn fresh_until_ns(&self) -> u64 {
        self.context.now().after(self.config.cache.revalidate).as_nanos()
    }

    fn reload(&mut self, config: Arc<WebConfig>) {
        for old in self.kept.drain() {
            old.retire();
        }
        self.kept = Self::cache(&config, self.io.cores().len());
        self.config = config;
    }

    fn report(&self) -> Kept {
        Kept { entries: self.kept.len() as u64, bytes: self.kept.bytes(), ..self.counts }
    }
}

/// Where a loader brings what it found: also when it panicked, so that nobody waits for nothing.
struct Home {
    own: Sender<ToStorage>,
    load: Option<Load>,
}

impl Home {
    async fn bring(&mut self, loaded: Loaded) {
        if let Some(Load { key, as_json }) = self.load.take() {
            // The storage has gone: so has everybody who waited.
            let _ended: bool =
                self.own.send(ToStorage::Loaded { key, as_json, loaded }).await.is_err();
        }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Some(Load { key, as_json }) = self.load.take() {
            let failed = ToStorage::Loaded { key, as_json, loaded: Loaded::Found(Found::Failed) };
            let _ended: bool = self.own.try_send(failed).is_err();
        }
    }
}
