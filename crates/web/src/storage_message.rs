//! What the storage is asked and what it answers.

use levada_process::{Isolated, Message, Reply};
use levada_shared::SharedData;
use std::sync::Arc;

use crate::config::WebConfig;
use crate::entry::Entry;
use crate::key::Key;

/// A message to a storage process.
#[derive(Debug, Message)]
pub(crate) enum ToStorage {
    /// What is there?
    Find {
        key: Key,
        /// A list of a folder is wanted as JSON.
        as_json: bool,
        /// The configuration that the key is about: it may be newer here than there, or older.
        config: Isolated<Arc<WebConfig>>,
        reply: Reply<Found>,
    },
    /// A loader has ended, of the storage's incarnation with this number.
    Loaded { key: Key, as_json: bool, loaded: Loaded, incarnation: u64 },
    /// The configuration is another from now on: its number, and itself.
    Reload(u32, Isolated<Arc<WebConfig>>),
    /// There is no room: keep what is hot softly, as the rest. How many bytes is that?
    Cool(Reply<u64>),
    /// What is kept?
    Report(Reply<Kept>),
}

impl ToStorage {
    /// Asks what is there for `key`, a key of that configuration.
    pub(crate) fn find(
        key: Key,
        as_json: bool,
        config: Arc<WebConfig>,
        reply: Reply<Found>,
    ) -> Self {
        let config = Isolated::new(config, size_of::<WebConfig>());
        Self::Find { key, as_json, config, reply }
    }
}

/// What was found.
#[derive(Clone, Debug, Message)]
pub(crate) enum Found {
    /// A file.
    Entry(Entry),
    /// A folder, of which the path lacks the slash at its end.
    Folder,
    /// The list of a folder.
    List { text: SharedData, is_json: bool },
    /// Nothing.
    Nothing,
    /// Nothing, and the page that says so.
    NothingBut(Entry),
    /// Something that may not be read.
    Forbidden,
    /// No room, or too much to do: later perhaps.
    Busy,
    /// The disk, or the file system, failed.
    Failed,
}

/// What a loader brings home.
#[derive(Debug, Message)]
pub(crate) enum Loaded {
    /// An answer.
    Found(Found),
    /// Nothing has changed since the versions that it was given.
    Same,
}

/// What a storage process keeps.
#[derive(Clone, Copy, Debug, Default, Message)]
pub(crate) struct Kept {
    pub(crate) entries: u64,
    pub(crate) bytes: u64,
    pub(crate) hot_bytes: u64,
    pub(crate) hits: u64,
    pub(crate) hits_hot: u64,
    pub(crate) misses_lost: u64,
    pub(crate) loads: u64,
    pub(crate) checks: u64,
    pub(crate) shared_loads: u64,
    pub(crate) retired: u64,
    pub(crate) evicted: u64,
}

impl Kept {
    /// Adds another shard's.
    pub(crate) fn add(&mut self, other: &Self) {
        self.entries += other.entries;
        self.bytes += other.bytes;
        self.hot_bytes += other.hot_bytes;
        self.hits += other.hits;
        self.hits_hot += other.hits_hot;
        self.misses_lost += other.misses_lost;
        self.loads += other.loads;
        self.checks += other.checks;
        self.shared_loads += other.shared_loads;
        self.retired += other.retired;
        self.evicted += other.evicted;
    }
}
