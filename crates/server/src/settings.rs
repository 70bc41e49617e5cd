//! Settings are all that can be said to the program, with what holds where nothing is said.
//!
//! The file's keys are these names; a key that is none of them is refused.

pub(crate) mod file;
pub(crate) mod memcached;
pub(crate) mod read;
mod verify;

use core::time::Duration;
use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::settings::memcached::{MemcachedSettings, TablesSettings};
use crate::units::{Address, ByteCount, Cores, EntryCount, Span};

/// All of them.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) listen: Vec<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) admin: Option<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) memory: Option<ByteCount>,
    pub(crate) cores: Cores,
    pub(crate) io: IoChoice,
    pub(crate) log: LogForm,
    /// How long answers in hand may take when the program is told to stop.
    pub(crate) grace: Span,
    pub(crate) limits: LimitSettings,
    pub(crate) cache: CacheSettings,
    pub(crate) memcached: MemcachedSettings,
    pub(crate) site: Vec<SiteSettings>,
}

/// How to talk to the kernel.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum IoChoice {
    /// The best that works here
    #[default]
    Auto,
    /// io_uring, or refuse to start
    Uring,
    /// epoll
    Epoll,
}

/// How requests are logged.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogForm {
    /// Not at all
    #[default]
    Off,
    /// The common log format
    Common,
    /// The combined log format: with referrer and browser
    Combined,
    /// A JSON object a line, with the causality id
    Json,
}

/// What a peer may take of us.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LimitSettings {
    pub(crate) uri: ByteCount,
    pub(crate) head: ByteCount,
    pub(crate) fields: usize,
    pub(crate) body: ByteCount,
    pub(crate) header: Span,
    pub(crate) idle: Span,
    pub(crate) write_stall: Span,
    pub(crate) connections: usize,
}

/// What is kept of files, and of items.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CacheSettings {
    pub(crate) max_file: ByteCount,
    pub(crate) revalidate: Span,
    /// How much is kept softly, all cores together; all that the heap has where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) back: Option<ByteCount>,
    /// How much of that is held whatever is needed, all cores together; an eighth of the heap where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hot: Option<ByteCount>,
    /// How many files are kept, all cores together; one for each 16 KiB of memory where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) entries: Option<usize>,
    /// How many files each core knows; a core's part of the entries where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) front: Option<EntryCount>,
    /// What all items may take of their memory; all of it where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<ByteCount>,
    /// The parts of that at which items begin to go, writers evict first, and nothing more is taken.
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) max: f64,
    /// The part of it that no shortness of the machine's memory takes away.
    pub(crate) keep_min: f64,
    /// Whether any is given back then.
    pub(crate) give_back: bool,
    pub(crate) table: TablesSettings,
}

/// One site.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SiteSettings {
    pub(crate) hosts: Vec<String>,
    pub(crate) root: PathBuf,
    pub(crate) index: Vec<String>,
    pub(crate) listing: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) not_found: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fallback: Option<String>,
    pub(crate) precompressed: bool,
    pub(crate) dotfiles: bool,
    pub(crate) etag: TagSource,
    pub(crate) security_headers: bool,
    /// The origin that may read replies: `*`, or `https://example.org`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cors: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) headers: Vec<HeaderSettings>,
}

/// What entity tags are made from.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TagSource {
    /// The file's length and time.
    #[default]
    Time,
    /// Its bytes.
    Content,
}

/// Fields for certain paths.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeaderSettings {
    pub(crate) paths: String,
    pub(crate) set: BTreeMap<String, String>,
}

const fn seconds(count: u64) -> Span {
    Span(Duration::from_secs(count))
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            admin: None,
            memory: None,
            cores: Cores::All,
            io: IoChoice::Auto,
            log: LogForm::Off,
            grace: seconds(10),
            limits: LimitSettings::default(),
            cache: CacheSettings::default(),
            memcached: MemcachedSettings::default(),
            site: Vec::new(),
        }
    }
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            uri: ByteCount(8 << 10),
            head: ByteCount(32 << 10),
            fields: 100,
            body: ByteCount(64 << 10),
            header: seconds(10),
            idle: seconds(75),
            write_stall: seconds(60),
            connections: 65_536,
        }
    }
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self {
            max_file: ByteCount(8 << 20),
            revalidate: seconds(1),
            back: None,
            hot: None,
            entries: None,
            front: None,
            limit: None,
            low: 0.90,
            high: 0.94,
            max: 0.97,
            keep_min: 0.125,
            give_back: true,
            table: TablesSettings::default(),
        }
    }
}

impl Default for SiteSettings {
    fn default() -> Self {
        Self {
            hosts: Vec::new(),
            root: PathBuf::from("."),
            index: vec!["index.html".to_owned()],
            listing: false,
            not_found: None,
            fallback: None,
            precompressed: true,
            dotfiles: false,
            etag: TagSource::Time,
            security_headers: false,
            cors: None,
            headers: Vec::new(),
        }
    }
}
