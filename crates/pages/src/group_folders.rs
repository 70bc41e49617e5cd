//! Group folders are where the control groups that we are in lie as folders: our own, and those around it.
//!
//! `/proc/self/cgroup` says which group is ours, `/proc/self/mountinfo` where which part of its hierarchy is mounted:
//!
//! ```text
//! 4:memory:/docker/7f3/job                                                            the group
//! 35 31 0:32 /docker/7f3 /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory           what is mounted, where
//! /sys/fs/cgroup/memory/job, /sys/fs/cgroup/memory                                    its folders, own first
//! ```
//!
//! In a container the group may have a path that the mount does not show. Then the mount's root, which is the
//! container's own group or one around it, is all that can be seen, and stands for ours.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

/// Which of the two forms of control groups a hierarchy has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Version {
    /// One hierarchy for each controller; here, that of memory.
    One,
    /// One hierarchy for all.
    Two,
}

/// Our own group's folder in one hierarchy, and where those around it end.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct GroupFolders {
    own: PathBuf,
    mount: PathBuf,
}

/// What there is of memory's hierarchies.
#[derive(Debug)]
pub(crate) struct Hierarchies {
    pub(crate) one: Option<GroupFolders>,
    pub(crate) two: Option<GroupFolders>,
    /// We are in no group of memory's that has no folder here.
    pub(crate) are_whole: bool,
}

impl GroupFolders {
    pub(crate) fn own(&self) -> &Path {
        &self.own
    }

    /// Our own folder, and then those around it up to the mount.
    pub(crate) fn outwards(&self) -> impl Iterator<Item = &Path> {
        self.own.ancestors().take_while(|folder| folder.starts_with(&self.mount))
    }
}

impl Hierarchies {
    /// Looks for them below `root`.
    pub(crate) fn under(root: &Path) -> Self {
        let text = |path: &str| {
            let bytes = fs::read(root.join(path)).ok()?;
            Some(String::from_utf8_lossy(&bytes).into_owned()) // some other mount's name may be no text
        };
        let (Some(groups), Some(mounts)) = (text("proc/self/cgroup"), text("proc/self/mountinfo"))
        else {
            return Self { one: None, two: None, are_whole: false };
        };
        let find = |version| {
            let group = group(version, &groups)?;
            Some(folders(root, version, &mounts, group))
        };
        let (one, two) = (find(Version::One), find(Version::Two));
        // Where version 1 has memory, it does not matter that version 2, which has it not, is not mounted.
        let are_whole = !matches!((&one, &two), (Some(None), _) | (None, Some(None)));
        Self { one: one.flatten(), two: two.flatten(), are_whole }
    }
}

/// Our group's path in a hierarchy.
fn group(version: Version, groups: &str) -> Option<&Path> {
    groups.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':');
        let (number, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        let is_it = match version {
            Version::One => controllers.split(',').any(|controller| controller == "memory"),
            Version::Two => number == "0" && controllers.is_empty(),
        };
        is_it.then(|| Path::new(path))
    })
}

/// The folders of `group`, or what is seen in their place; nothing where the hierarchy is not mounted.
fn folders(root: &Path, version: Version, mounts: &str, group: &Path) -> Option<GroupFolders> {
    let mut instead = None;
    for line in mounts.lines() {
        let Some((part, place)) = mounted(version, line) else { continue };
        let mount = root.join(place.strip_prefix("/").unwrap_or(&place));
        if !mount.is_dir() {
            continue;
        }
        let own = group
            .strip_prefix(&part)
            .ok()
            // A path that leads up leaves what is mounted.
            .filter(|inner| inner.components().all(|name| matches!(name, Component::Normal(_))))
            .map(|inner| if inner == Path::new("") { mount.clone() } else { mount.join(inner) });
        if let Some(own) = own.filter(|own| own.is_dir()) {
            return Some(GroupFolders { own, mount });
        }
        instead = instead.or(Some(GroupFolders { own: mount.clone(), mount }));
    }
    instead
}

/// Which part of the hierarchy a line of mountinfo mounts, and where; nothing if it is about something else.
fn mounted(version: Version, line: &str) -> Option<(PathBuf, PathBuf)> {
    let (where_to, what) = line.split_once(" - ")?;
    let mut what = what.split(' ');
    let (kind, _source, options) = (what.next()?, what.next()?, what.next()?);
    let is_it = match version {
        Version::One => kind == "cgroup" && options.split(',').any(|option| option == "memory"),
        Version::Two => kind == "cgroup2",
    };
    let mut where_to = where_to.split(' ').skip(3);
    is_it.then_some((unescaped(where_to.next()?), unescaped(where_to.next()?)))
}

/// A path as it is; mountinfo writes blanks and backslashes as three octal digits.
fn unescaped(path: &str) -> PathBuf {
    let mut rest = path.as_bytes();
    let mut bytes = Vec::with_capacity(rest.len());
    while let [first, behind @ ..] = rest {
        rest = behind;
        let (b'\\', [high @ b'0'..=b'3', middle @ b'0'..=b'7', low @ b'0'..=b'7', behind @ ..]) =
            (*first, behind)
        else {
            bytes.push(*first);
            continue;
        };
        bytes.push((high - b'0') << 6 | (middle - b'0') << 3 | (low - b'0'));
        rest = behind;
    }
    OsString::from_vec(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::fixture::Fixture;

    /// The folders of a hierarchy, below the root.
    fn seen(machine: &Fixture, folders: Option<&GroupFolders>) -> Vec<String> {
        let below = |folder: &Path| {
            folder.strip_prefix(machine.root()).unwrap().to_str().unwrap().to_owned()
        };
        folders.map(|folders| folders.outwards().map(below).collect()).unwrap_or_default()
    }

    #[test]
    fn our_own_group_comes_first_and_the_mounts_root_last() {
        let machine = Fixture::new();
        machine.unified("/a/b");
        machine.folder("sys/fs/cgroup/a/b");
        let found = Hierarchies::under(machine.root());
        let folders = ["sys/fs/cgroup/a/b", "sys/fs/cgroup/a", "sys/fs/cgroup"];
        assert_eq!(seen(&machine, found.two.as_ref()), folders);
        assert!(found.one.is_none() && found.are_whole);
    }

    #[test]
    fn of_version_1_only_the_hierarchy_of_memory_counts() {
        let machine = Fixture::new();
        machine.legacy("/", "/a");
        machine.folder("sys/fs/cgroup/memory/a");
        machine.folder("sys/fs/cgroup/cpu/a");
        let found = Hierarchies::under(machine.root());
        let folders = ["sys/fs/cgroup/memory/a", "sys/fs/cgroup/memory"];
        assert_eq!(seen(&machine, found.one.as_ref()), folders);
        assert!(found.two.is_none() && found.are_whole);
    }

    #[test]
    fn a_mount_of_a_part_is_where_that_part_begins() {
        let machine = Fixture::new();
        machine.legacy("/docker/7f3", "/docker/7f3/job");
        machine.folder("sys/fs/cgroup/memory/job");
        let found = Hierarchies::under(machine.root());
        let folders = ["sys/fs/cgroup/memory/job", "sys/fs/cgroup/memory"];
        assert_eq!(seen(&machine, found.one.as_ref()), folders);
    }

    #[test]
    fn a_group_that_the_mount_does_not_show_is_stood_for_by_the_mounts_root() {
        for (mount_root, group) in [
            ("/", "/docker/7f3"),      // the folder is not there
            ("/docker/7f3", "/other"), // another part is mounted
            ("/", "/../cpu"),          // from outside a namespace; the folder beside is there
        ] {
            let machine = Fixture::new();
            machine.legacy(mount_root, group);
            let found = Hierarchies::under(machine.root());
            assert_eq!(seen(&machine, found.one.as_ref()), ["sys/fs/cgroup/memory"], "{group}");
            assert!(found.are_whole);
        }
    }

    #[test]
    fn a_later_mount_that_shows_the_group_is_taken_before_one_that_does_not() {
        let machine = Fixture::new();
        machine.write("proc/self/cgroup", "0::/a\n");
        let mounts = "1 1 0:1 /b /one rw - cgroup2 none rw\n1 1 0:1 / /with\\040blank rw - cgroup2 none rw\n";
        machine.write("proc/self/mountinfo", mounts);
        machine.folder("one");
        machine.folder("with blank/a");
        let found = Hierarchies::under(machine.root());
        assert_eq!(seen(&machine, found.two.as_ref()), ["with blank/a", "with blank"]);
    }

    #[test]
    fn a_group_of_memorys_that_is_mounted_nowhere_is_lacking() {
        let lacks = |groups: &str, mounts: &str| {
            let machine = Fixture::new();
            machine.write("proc/self/cgroup", groups);
            machine.write("proc/self/mountinfo", mounts);
            machine.folder("m");
            !Hierarchies::under(machine.root()).are_whole
        };
        let one = "1 1 0:1 / /m rw - cgroup cgroup rw,memory\n";
        assert!(!lacks("4:memory:/\n", one));
        assert!(!lacks("4:memory:/\n0::/\n", one), "version 1 has memory");
        assert!(lacks("4:memory:/\n", ""));
        assert!(lacks("0::/\n", one));
        assert!(lacks("4:memory:/\n", "1 1 0:1 / /hidden rw - cgroup cgroup rw,memory\n"));
        assert!(!lacks("5:cpu:/\n", ""), "no group limits memory");
        assert!(!Hierarchies::under(Fixture::new().root()).are_whole);
    }

    #[test]
    fn garbage_is_no_folder() {
        for text in ["", "\n", "::", "0:", "0::", " - ", "1 1 0:1 - cgroup2 x y", "\\", "a\\1"] {
            let machine = Fixture::new();
            machine.write("proc/self/cgroup", text);
            machine.write("proc/self/mountinfo", text);
            let found = Hierarchies::under(machine.root());
            assert!(found.one.is_none() && found.two.is_none(), "{text:?}");
        }
    }

    #[test]
    fn octal_digits_are_bytes_and_other_backslashes_are_themselves() {
        assert_eq!(unescaped("/a\\040b\\134c"), Path::new("/a b\\c"));
        assert_eq!(unescaped("\\40\\777\\"), Path::new("\\40\\777\\"));
    }
}
