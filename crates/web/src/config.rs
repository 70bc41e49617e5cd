//! What the web service is told: sites, limits, caches. All of it was checked before; nothing here can be wrong.

use core::time::Duration;

use levada_http::h1::{BodyLimits, HeadLimits};

use crate::site::Site;

/// The whole of it; a reload replaces it as one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WebConfig {
    /// The sites; a host that none names gets the first.
    pub sites: Vec<Site>,
    /// What a peer may take of us.
    pub limits: Limits,
    /// What is kept and known of files, and how long unseen.
    pub cache: CacheLimits,
    /// Whether each request is told to the log.
    pub is_logged: bool,
}

/// What a peer may take of us: bytes, time, connections.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// What a head may have.
    pub head: HeadLimits,
    /// What a body may have that is read to be dropped.
    pub body: BodyLimits,
    /// How long a head may take, from its first byte; of a connection's first, from the connection on.
    pub header: Duration,
    /// How long a connection may wait for its next request.
    pub idle: Duration,
    /// How many connections a core serves, if its channel and the limit on descriptors allow as many; more get a short
    /// 503.
    pub connections_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: HeadLimits::default(),
            body: BodyLimits::default(),
            header: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            connections_max: 65_536,
        }
    }
}

/// What is kept of files.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct CacheLimits {
    /// Longer files are streamed from the disk each time.
    pub file_bytes_max: u64,
    /// How long a file may go unlooked at, where changes of it are not told.
    pub revalidate: Duration,
    /// How many bytes the storage keeps, all its processes together. It keeps them softly: the heap takes from them what is
    /// needed for something else, so as much as the heap has is no harm.
    pub back_bytes_max: u64,
    /// How many bytes of these are held whatever is needed, all its processes together: those that are asked for most. A
    /// small part of the heap, and of what the account of the files may have.
    pub hot_bytes_max: u64,
    /// How many files the storage keeps, all its processes together.
    pub entries_max: usize,
    /// How many files each core knows in front of it. It keeps none of them.
    pub front_entries_max: usize,
}

impl Default for CacheLimits {
    fn default() -> Self {
        Self {
            file_bytes_max: 8 << 20,
            revalidate: Duration::from_secs(1),
            back_bytes_max: u64::MAX,
            hot_bytes_max: 32 << 20,
            entries_max: 100_000,
            front_entries_max: 100_000,
        }
    }
}

impl WebConfig {
    /// One site and the defaults.
    #[must_use]
    pub fn new(site: Site) -> Self {
        Self {
            sites: vec![site],
            limits: Limits::default(),
            cache: CacheLimits::default(),
            is_logged: false,
        }
    }

    /// The site that answers to `host`, by its number.
    pub(crate) fn site_of(&self, host: Option<levada_http::Host<'_>>) -> usize {
        if self.sites.len() > 1
            && let Some(host) = host
        {
            let is_its = |site: &Site| site.hosts.iter().any(|name| name.answers_to(&host));
            return self.sites.iter().position(is_its).unwrap_or(0);
        }
        0
    }
}
