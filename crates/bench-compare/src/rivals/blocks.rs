//! Who takes part in `heap`: ours, and `Bytes` over each allocator.

use std::process::Command;

use crate::blocks::block_work::{BlockSetting, BlocksBy};
use crate::frame::comparison::Side;
use crate::frame::fault::Fault;
use crate::machine::allocator::{GLIBC, JEMALLOC, MIMALLOC, VARIABLE};
use crate::machine::program::Places;
use crate::machine::worker::Worker;

/// The version of mimalloc that this program is built with.
const BYTES_MIMALLOC: &str =
    if cfg!(feature = "mimalloc-2") { "Bytes, mimalloc 2" } else { "Bytes, mimalloc 3" };

/// What makes each allocator keep the memory that was given back to it, as our heap does.
const SETTINGS: [(&str, &str); 4] = [
    ("MIMALLOC_PURGE_DELAY", "-1"),
    ("_RJEM_MALLOC_CONF", "dirty_decay_ms:-1,muzzy_decay_ms:-1"),
    ("MALLOC_TRIM_THRESHOLD_", "4294967296"),
    ("MALLOC_MMAP_THRESHOLD_", "33554432"),
];

/// An entrant's name, side, kind and allocator. Ours takes its lists from glibc; its blocks are its own.
pub(crate) const ENTRANTS: [(&str, Side, BlocksBy, &str); 4] = [
    ("levada", Side::Ours, BlocksBy::Levada, GLIBC),
    (BYTES_MIMALLOC, Side::Rival("mimalloc"), BlocksBy::Bytes, MIMALLOC),
    ("Bytes, jemalloc", Side::Rival("jemalloc"), BlocksBy::Bytes, JEMALLOC),
    ("Bytes, glibc", Side::Rival("glibc"), BlocksBy::Bytes, GLIBC),
];

/// Starts this program as a worker on blocks.
/// # Errors
/// If it cannot be started.
pub(crate) fn start(
    places: &Places,
    allocator: &str,
    setting: BlockSetting,
) -> Result<Worker, Fault> {
    let mut command = Command::new(&places.own_program);
    command.args(setting.to_arguments()).env(VARIABLE, allocator).envs(SETTINGS);
    Worker::start(command)
}
