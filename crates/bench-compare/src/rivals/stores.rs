//! Who takes part in `pile`: ours, the bare loop, and what programs keep values in, over two allocators.

use std::process::Command;

use crate::frame::comparison::Side;
use crate::frame::fault::Fault;
use crate::machine::allocator::{GLIBC, MIMALLOC, VARIABLE};
use crate::machine::program::Places;
use crate::machine::worker::Worker;
use crate::stores::store_work::{StoreBy, StoreSetting};

/// One who takes part: his name, side, kind and allocator.
pub(crate) type Keeping = (&'static str, Side, StoreBy, &'static str);

pub(crate) const OURS: Keeping = ("levada", Side::Ours, StoreBy::Levada, GLIBC);
pub(crate) const OURS_BY_CELL: Keeping = ("levada, a cell", Side::Ours, StoreBy::LevadaCell, GLIBC);
pub(crate) const OURS_ROOMY: Keeping =
    ("levada, room for two", Side::Ours, StoreBy::LevadaRoomy, GLIBC);
pub(crate) const BARE: Keeping = ("bare loop, huge pages", Side::Floor, StoreBy::Bare, GLIBC);
pub(crate) const BARE_SMALL: Keeping =
    ("bare loop, small pages", Side::FloorToo, StoreBy::BareSmallPages, GLIBC);
pub(crate) const BOXES: [Keeping; 2] = [
    ("Box pushed, glibc", Side::Rival("Box"), StoreBy::Boxes, GLIBC),
    ("Box pushed, mimalloc", Side::Rival("Box by mimalloc"), StoreBy::Boxes, MIMALLOC),
];
pub(crate) const MAPS: [Keeping; 2] = [
    ("HashMap + Box, glibc", Side::Rival("HashMap"), StoreBy::Map, GLIBC),
    ("HashMap + Box, mimalloc", Side::Rival("HashMap by mimalloc"), StoreBy::Map, MIMALLOC),
];
pub(crate) const FAST_MAPS: [Keeping; 2] = [
    ("HashMap of foldhash + Box, glibc", Side::Rival("foldhash"), StoreBy::FastMap, GLIBC),
    ("HashMap of foldhash + Box, mimalloc", Side::Rival("foldhash"), StoreBy::FastMap, MIMALLOC),
];
pub(crate) const SLOTS: [Keeping; 2] = [
    ("slotmap", Side::Rival("slotmap"), StoreBy::SlotMap, GLIBC),
    ("sharded-slab", Side::Rival("sharded-slab"), StoreBy::Slab, GLIBC),
];

/// What makes each allocator keep what was given back to it, and take huge pages, as ours does.
pub(crate) const FOR_SPEED: [(&str, &str); 5] = [
    ("MIMALLOC_PURGE_DELAY", "-1"),
    ("MIMALLOC_ALLOW_LARGE_OS_PAGES", "1"),
    ("MALLOC_TRIM_THRESHOLD_", "4294967296"),
    ("MALLOC_MMAP_THRESHOLD_", "33554432"),
    ("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1"),
];

/// For what an allocator is set.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Aim {
    Speed,
    /// As it is.
    Memory,
}

/// Starts this program as a worker on a store.
/// # Errors
/// If it cannot be started.
pub(crate) fn start(
    places: &Places,
    allocator: &str,
    aim: Aim,
    setting: StoreSetting,
) -> Result<Worker, Fault> {
    let mut command = Command::new(&places.own_program);
    command.args(setting.to_arguments()).env(VARIABLE, allocator);
    if aim == Aim::Speed {
        command.envs(FOR_SPEED);
    }
    Worker::start(command)
}
