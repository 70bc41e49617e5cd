//! The memory limit is how much memory this OS process may come to use, whoever says so.

use std::path::Path;

use crate::group_folders::Hierarchies;
use crate::machine_memory::MachineMemory;
use crate::memory_group::MemoryGroups;
use crate::room::Room;

/// More than a hundred: page cache is always counted.
const ALL_PERCENT: u64 = 101;

/// What the machine has, or the tightest control group that we are in may have of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MemoryLimit {
    /// The least of the machine's memory and the limits of the control groups, versions 1 and 2.
    pub bytes: u64,
    /// How much of it is left now, page cache that can be taken back included. It need not be the group with the least
    /// limit that has the least left.
    pub left_bytes: u64,
}

/// Reads the limit that holds now. It looks for the control groups anew, in some ten to fifty system calls.
#[must_use]
pub fn memory_limit() -> MemoryLimit {
    limit_under(Path::new("/"))
}

fn limit_under(root: &Path) -> MemoryLimit {
    let machine = MachineMemory::under(root).and_then(|memory| memory.room());
    let Room { left_bytes, all_bytes } = machine.unwrap_or_else(asked_room);
    let mut limit = MemoryLimit { bytes: all_bytes, left_bytes };
    for group in &MemoryGroups::among(&Hierarchies::under(root)).groups {
        limit.bytes = limit.bytes.min(group.limit_bytes().unwrap_or(u64::MAX));
        let left_bytes = group.room(ALL_PERCENT).map_or(u64::MAX, |room| room.left_bytes);
        limit.left_bytes = limit.left_bytes.min(left_bytes);
    }
    limit.left_bytes = limit.left_bytes.min(limit.bytes);
    limit
}

/// What the kernel answers when asked without `/proc`: it does not say which page cache can be taken back.
fn asked_room() -> Room {
    let info = rustix::system::sysinfo();
    let bytes = |units: u64| units.saturating_mul(u64::from(info.mem_unit.max(1)));
    Room {
        left_bytes: bytes(info.freeram).saturating_add(bytes(info.bufferram)),
        all_bytes: bytes(info.totalram),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::fixture::Fixture;

    const MIB: u64 = 1 << 20;

    fn limit(machine: &Fixture) -> (u64, u64) {
        let MemoryLimit { bytes, left_bytes } = limit_under(machine.root());
        (bytes, left_bytes)
    }

    #[test]
    fn without_groups_the_machine_is_the_limit() {
        let machine = Fixture::new();
        machine.machine(8192, 4096);
        assert_eq!(limit(&machine), (8 * MIB, 4 * MIB));
    }

    #[test]
    fn the_tightest_limit_around_counts() {
        let machine = Fixture::new();
        machine.machine(8192, 6144);
        machine.unified("/a/b");
        machine.group("a/b", "max", MIB, 0);
        machine.group("a", "1048576", MIB / 2, MIB / 4);
        machine.group("", "4194304", 0, 0);
        assert_eq!(limit(&machine), (MIB, MIB / 4 * 3));
        machine.group("a", "max", MIB / 2, MIB / 4);
        assert_eq!(limit(&machine), (4 * MIB, 4 * MIB));
    }

    #[test]
    fn limits_of_version_1_count_too() {
        let machine = Fixture::new();
        machine.machine(8192, 6144);
        machine.legacy("/", "/a/b");
        machine.legacy_group("a/b", "9223372036854771712", MIB, 0);
        machine.legacy_group("a", "2097152", MIB, 0);
        assert_eq!(limit(&machine), (2 * MIB, MIB));
    }

    #[test]
    fn a_limit_above_the_machine_is_none_and_the_least_that_is_left_counts() {
        let machine = Fixture::new();
        machine.machine(2048, 1024);
        machine.unified("/a/b");
        machine.group("a/b", "16777216", 0, 0);
        assert_eq!(limit(&machine), (2 * MIB, MIB));
        machine.group("a", "8388608", 8 * MIB - 5, 0);
        assert_eq!(limit(&machine), (2 * MIB, 5));
    }

    #[test]
    fn no_more_is_left_than_the_limit() {
        let machine = Fixture::new();
        machine.machine(8192, 6144);
        machine.unified("/a");
        machine.write("sys/fs/cgroup/a/memory.max", "1048576\n"); // and no usage
        assert_eq!(limit(&machine), (MIB, MIB));
    }

    #[test]
    fn without_proc_the_kernel_is_asked() {
        let (bytes, left_bytes) = limit(&Fixture::new());
        assert!(bytes > MIB && left_bytes > 0 && left_bytes <= bytes);
    }

    #[test]
    fn there_is_memory() {
        let limit = memory_limit();
        assert!(limit.bytes > MIB && limit.left_bytes <= limit.bytes);
    }
}
