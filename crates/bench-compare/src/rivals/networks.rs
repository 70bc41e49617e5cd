//! Who takes part in `social`: ours, adjacency by the standard library, and Redis.

use std::process::Command;

use crate::frame::comparison::Side;
use crate::frame::fault::Fault;
use crate::machine::allocator::{GLIBC, MIMALLOC, VARIABLE};
use crate::machine::program::Places;
use crate::machine::worker::Worker;
use crate::social::social_work::{NetworkBy, SocialSetting};

/// One who takes part: his name, side, kind and allocator.
pub(crate) type Knowing = (&'static str, Side, NetworkBy, &'static str);

pub(crate) const OURS: Knowing = ("levada", Side::Ours, NetworkBy::Levada, GLIBC);

pub(crate) const RIVALS: [Knowing; 4] = [
    ("Vec<Vec<Connection>>, glibc", Side::Rival("lists"), NetworkBy::Lists, GLIBC),
    ("Vec<Vec<Box<Connection>>>, glibc", Side::Rival("boxes"), NetworkBy::BoxLists, GLIBC),
    ("Vec<Vec<Box<Connection>>>, mimalloc", Side::Rival("boxes"), NetworkBy::BoxLists, MIMALLOC),
    ("Redis sets, of numbers alone", Side::Rival("Redis"), NetworkBy::Redis, GLIBC),
];

/// Huge pages, as ours has.
const SETTINGS: [(&str, &str); 2] =
    [("MIMALLOC_ALLOW_LARGE_OS_PAGES", "1"), ("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1")];

/// Starts this program as one who keeps a network.
/// # Errors
/// If it cannot be started.
pub(crate) fn start(
    places: &Places,
    allocator: &str,
    setting: SocialSetting,
) -> Result<Worker, Fault> {
    let mut command = Command::new(&places.own_program);
    command.args(setting.to_arguments()).env(VARIABLE, allocator).envs(SETTINGS);
    Worker::start(command)
}
