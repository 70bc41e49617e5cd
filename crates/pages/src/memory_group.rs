//! A memory group is a control group whose memory may have a limit, one of those that we are in.
//!
//! Left of its limit is what nobody uses, and page cache: the kernel takes that away before it refuses memory. Memory
//! that is a file (`shmem`) is not among it, and the kernel does not count it as `inactive_file` or `active_file`.

use std::io::ErrorKind;
use std::path::Path;

use crate::group_folders::{Hierarchies, Version};
use crate::kernel_file::{KernelFile, number_of};
use crate::room::Room;

/// What a limit stays below: version 1 says "none" by a number near 2^63, which depends on the size of pages.
const LIMIT_BYTES_END: u64 = 1 << 62;

/// A control group with the files that say what its memory is.
#[derive(Debug)]
pub(crate) struct MemoryGroup {
    names: &'static Names,
    limit: KernelFile,
    usage: Option<KernelFile>,
    stat: Option<KernelFile>,
}

/// All memory groups that we are in and can see.
#[derive(Debug)]
pub(crate) struct MemoryGroups {
    pub(crate) groups: Vec<MemoryGroup>,
    /// None of them is hidden, and all of them can be read.
    pub(crate) are_whole: bool,
}

/// What a version calls it.
#[derive(Debug)]
struct Names {
    limit: &'static str,
    usage: &'static str,
    inactive_file: &'static str,
    active_file: &'static str,
}

const STAT: &str = "memory.stat";
const ONE: Names = Names {
    limit: "memory.limit_in_bytes",
    usage: "memory.usage_in_bytes",
    inactive_file: "total_inactive_file", // without `total`, groups inside are not in it
    active_file: "total_active_file",
};
const TWO: Names = Names {
    limit: "memory.max",
    usage: "memory.current",
    inactive_file: "inactive_file",
    active_file: "active_file",
};

impl MemoryGroups {
    /// Opens the files of those in `hierarchies`.
    pub(crate) fn among(hierarchies: &Hierarchies) -> Self {
        let mut found = Self { groups: Vec::new(), are_whole: hierarchies.are_whole };
        let of_version = [(Version::One, &hierarchies.one), (Version::Two, &hierarchies.two)];
        for (version, folders) in of_version {
            for folder in folders.iter().flat_map(|folders| folders.outwards()) {
                match MemoryGroup::at(folder, version) {
                    Ok(group) => {
                        found.are_whole &= group.is_whole();
                        found.groups.push(group);
                    }
                    // Version 2's outermost group has no limit, nor has one without the controller.
                    Err(kind) => found.are_whole &= kind == ErrorKind::NotFound,
                }
            }
        }
        found
    }
}

impl MemoryGroup {
    fn at(folder: &Path, version: Version) -> Result<Self, ErrorKind> {
        let names = match version {
            Version::One => &ONE,
            Version::Two => &TWO,
        };
        let open = |name| KernelFile::open(&folder.join(name));
        let limit = open(names.limit).map_err(|error| error.kind())?;
        Ok(Self { names, limit, usage: open(names.usage).ok(), stat: open(STAT).ok() })
    }

    /// Whether all of it can be read, now that it is opened.
    fn is_whole(&self) -> bool {
        self.written_limit_bytes().is_some()
            && self.usage_bytes().is_some()
            && self.file_bytes().is_some()
    }

    /// The most that may be used; nothing where there is no limit, or it cannot be read.
    pub(crate) fn limit_bytes(&self) -> Option<u64> {
        self.written_limit_bytes().filter(|bytes| *bytes < LIMIT_BYTES_END)
    }

    /// What is left of the limit; nothing where there is none, or something of it cannot be read.
    ///
    /// Page cache is asked for only where less than `enough_percent` is left without it: the kernel sums that up over
    /// all processors for whoever asks.
    pub(crate) fn room(&self, enough_percent: u64) -> Option<Room> {
        let all_bytes = self.limit_bytes()?;
        let usage_bytes = self.usage_bytes()?;
        let unused = Room { left_bytes: all_bytes.saturating_sub(usage_bytes), all_bytes };
        if !unused.is_below(enough_percent) {
            return Some(unused);
        }
        let with_cache = all_bytes.saturating_add(self.file_bytes()?).saturating_sub(usage_bytes);
        Some(Room { left_bytes: with_cache.min(all_bytes), all_bytes })
    }

    fn written_limit_bytes(&self) -> Option<u64> {
        self.limit.read(|text| match text.trim() {
            "max" => Some(u64::MAX),
            bytes => bytes.parse().ok(),
        })
    }

    fn usage_bytes(&self) -> Option<u64> {
        self.usage.as_ref()?.read(|text| text.trim().parse().ok())
    }

    fn file_bytes(&self) -> Option<u64> {
        self.stat.as_ref()?.read(|text| {
            let inactive_bytes = number_of(self.names.inactive_file, text)?;
            Some(inactive_bytes.saturating_add(number_of(self.names.active_file, text)?))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::fixture::Fixture;

    const ALWAYS: u64 = 101; // no room is so large that page cache would not be counted

    fn groups(machine: &Fixture) -> MemoryGroups {
        MemoryGroups::among(&Hierarchies::under(machine.root()))
    }

    fn rooms(machine: &Fixture) -> Vec<Option<(u64, u64)>> {
        let room = |group: &MemoryGroup| group.room(ALWAYS).map(|r| (r.left_bytes, r.all_bytes));
        groups(machine).groups.iter().map(room).collect()
    }

    #[test]
    fn page_cache_is_left_of_a_limit_too() {
        let machine = Fixture::new();
        machine.unified("/a");
        machine.group("a", "1000", 900, 301);
        assert_eq!(rooms(&machine), [Some((401, 1000))]);
        machine.legacy("/", "/a");
        machine.legacy_group("a", "1000", 900, 301);
        machine.legacy_group("", "9223372036854771712", 5000, 300);
        assert_eq!(rooms(&machine), [Some((401, 1000)), None]);
        assert!(groups(&machine).are_whole);
    }

    #[test]
    fn more_than_the_limit_is_never_left_and_less_than_nothing_neither() {
        let machine = Fixture::new();
        machine.unified("/a/b");
        machine.group("a/b", "1000", 100, 900); // the counts of a moment need not fit each other
        machine.group("a", "1000", 1100, 20);
        assert_eq!(rooms(&machine), [Some((1000, 1000)), Some((0, 1000))]);
    }

    #[test]
    fn page_cache_is_not_asked_for_while_enough_is_left_without_it() {
        let machine = Fixture::new();
        machine.unified("/a");
        machine.group("a", "1000", 900, 300);
        let group = groups(&machine).groups.remove(0);
        assert_eq!(group.room(10).unwrap().left_bytes, 100);
        assert_eq!(group.room(11).unwrap().left_bytes, 400);
    }

    #[test]
    fn no_limit_is_said_by_a_word_or_by_a_number_near_the_end() {
        let machine = Fixture::new();
        machine.unified("/a");
        for none in ["max", "9223372036854771712", "9223372036854710272", "18446744073709551615"] {
            machine.group("a", none, 900, 300);
            let found = groups(&machine);
            assert_eq!(found.groups[0].limit_bytes(), None, "{none}");
            assert_eq!(found.groups[0].room(ALWAYS), None);
            assert!(found.are_whole);
        }
    }

    #[test]
    fn groups_without_a_limit_file_are_not_lacking() {
        let machine = Fixture::new();
        machine.unified("/a");
        machine.folder("sys/fs/cgroup/a");
        let found = groups(&machine);
        assert!(found.groups.is_empty() && found.are_whole);
    }

    #[test]
    fn what_of_a_group_cannot_be_read_is_left_out_and_lacking() {
        for name in [TWO.limit, TWO.usage, STAT] {
            for garbage in [&b""[..], b"\xff", b"-1\n", b"1e9\n", b"99999999999999999999999\n"] {
                let machine = Fixture::new();
                machine.unified("/a");
                machine.group("a", "1000", 900, 300);
                machine.write(&format!("sys/fs/cgroup/a/{name}"), garbage);
                assert_eq!(rooms(&machine), [None], "{name} {garbage:?}");
                assert!(!groups(&machine).are_whole);
            }
        }
        let machine = Fixture::new();
        machine.unified("/a");
        machine.folder("sys/fs/cgroup/a/memory.max"); // opens, but is no file
        assert_eq!(rooms(&machine), [None]);
        assert!(!groups(&machine).are_whole);
    }

    #[test]
    fn a_limit_without_usage_is_a_limit_all_the_same() {
        let machine = Fixture::new();
        machine.unified("/a");
        machine.write("sys/fs/cgroup/a/memory.max", "1000\n");
        let found = groups(&machine);
        assert_eq!(found.groups[0].limit_bytes(), Some(1000));
        assert!(!found.are_whole);
    }
}
