//! What `cache` measures: entries under keys that a limit holds down, ours and the rivals', each kind in a file.

pub(crate) mod cache_work;
pub(crate) mod foyer_cache;
pub(crate) mod giving_back;
pub(crate) mod hitting;
pub(crate) mod holding;
pub(crate) mod keyed_cache;
pub(crate) mod levada_cache;
pub(crate) mod loading;
pub(crate) mod map_cache;
pub(crate) mod moka_cache;
pub(crate) mod quick_cache;
pub(crate) mod replaying;
