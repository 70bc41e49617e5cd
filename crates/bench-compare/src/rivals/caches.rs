//! Who takes part in `cache`: what programs keep entries in, and policies alone as oracles.

use std::process::Command;

use crate::caches::cache_work::{CacheBy, CacheSetting};
use crate::frame::comparison::Side;
use crate::frame::fault::Fault;
use crate::machine::allocator::{GLIBC, MIMALLOC, VARIABLE};
use crate::machine::program::Places;
use crate::machine::worker::Worker;
use crate::rivals::stores::{Aim, FOR_SPEED};

/// One who takes part: his name, side, kind and allocator.
pub(crate) type Caching = (&'static str, Side, CacheBy, &'static str);

pub(crate) const MOKA: &str = "moka";
pub(crate) const QUICK_CACHE: &str = "quick_cache";
pub(crate) const FOYER: &str = "foyer";
pub(crate) const MAP: &str = "HashMap";
pub(crate) const SIMULATOR: &str = "the simulator";

pub(crate) const OURS: Caching = ("levada", Side::Ours, CacheBy::Levada, GLIBC);
pub(crate) const OURS_LONE: Caching =
    ("levada, a guard for each", Side::OursToo, CacheBy::Levada, GLIBC);
pub(crate) const OURS_DIGITS: Caching = ("levada", Side::Ours, CacheBy::LevadaDigits, GLIBC);

pub(crate) const RIVALS: [Caching; 5] = [
    ("quick_cache", Side::Rival(QUICK_CACHE), CacheBy::QuickCache, GLIBC),
    ("foyer, S3-FIFO", Side::Rival(FOYER), CacheBy::FoyerS3Fifo, GLIBC),
    ("foyer, LRU", Side::Rival(FOYER), CacheBy::FoyerLru, GLIBC),
    ("foyer, LFU", Side::Rival(FOYER), CacheBy::FoyerLfu, GLIBC),
    ("moka", Side::Rival(MOKA), CacheBy::Moka, GLIBC),
];

/// The same over an allocator that is faster for most of them.
pub(crate) const RIVALS_BY_MIMALLOC: [Caching; 4] = [
    ("quick_cache, mimalloc", Side::Rival(QUICK_CACHE), CacheBy::QuickCache, MIMALLOC),
    ("foyer, S3-FIFO, mimalloc", Side::Rival(FOYER), CacheBy::FoyerS3Fifo, MIMALLOC),
    ("foyer, LRU, mimalloc", Side::Rival(FOYER), CacheBy::FoyerLru, MIMALLOC),
    ("moka, mimalloc", Side::Rival(MOKA), CacheBy::Moka, MIMALLOC),
];

pub(crate) const MAPS: [Caching; 2] = [
    ("HashMap + Box", Side::Rival(MAP), CacheBy::Map, GLIBC),
    ("HashMap + Box, mimalloc", Side::Rival(MAP), CacheBy::Map, MIMALLOC),
];

/// The first is the one that ours is held against.
pub(crate) const ORACLES: [Caching; 3] = [
    ("S3-FIFO simulator", Side::Rival(SIMULATOR), CacheBy::S3FifoAlone, GLIBC),
    ("SIEVE simulator", Side::FloorToo, CacheBy::SieveAlone, GLIBC),
    ("LRU simulator", Side::FloorToo, CacheBy::LruAlone, GLIBC),
];

/// Starts this program as a worker on a cache.
/// # Errors
/// If it cannot be started.
pub(crate) fn start(
    places: &Places,
    allocator: &str,
    aim: Aim,
    setting: CacheSetting,
) -> Result<Worker, Fault> {
    let mut command = Command::new(&places.own_program);
    command.args(setting.to_arguments()).env(VARIABLE, allocator);
    if aim == Aim::Speed {
        command.envs(FOR_SPEED);
    }
    Worker::start(command)
}
