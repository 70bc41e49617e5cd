//! A fixture is a root folder in which files lie as a machine's kernel would show them; for tests.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

/// The root of a machine that does not exist.
#[derive(Debug)]
pub(crate) struct Fixture(TempDir);

impl Fixture {
    /// A machine without any file.
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn root(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file and the folders around it; who has the file open sees the new text.
    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Makes a folder: a file in whose place one stands can be opened but not read.
    pub(crate) fn folder(&self, path: &str) {
        fs::create_dir_all(self.root().join(path)).unwrap();
    }

    /// `/proc/meminfo`.
    pub(crate) fn machine(&self, total_kib: u64, available_kib: u64) {
        let text = format!(
            "MemTotal:  {total_kib:8} kB\nMemFree: 1 kB\nMemAvailable: {available_kib:8} kB\n"
        );
        self.write("proc/meminfo", text);
    }

    /// A stall file; `path` is below the root.
    pub(crate) fn stalls(&self, path: &str, some_us: u64, full_us: u64) {
        let line = |kind: &str, total_us: u64| {
            format!("{kind} avg10=0.00 avg60=1.50 avg300=0.00 total={total_us}\n")
        };
        self.write(path, line("some", some_us) + &line("full", full_us));
    }

    /// Mounts version 2 at `sys/fs/cgroup`, and puts us in `group`.
    pub(crate) fn unified(&self, group: &str) {
        self.write("proc/self/cgroup", format!("0::{group}\n"));
        self.write(
            "proc/self/mountinfo",
            "22 1 0:5 / /proc rw - proc proc rw\n31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n",
        );
        self.folder("sys/fs/cgroup");
    }

    /// Mounts version 1's memory controller at `sys/fs/cgroup/memory`, with `mount_root` there, and puts us in `group`.
    pub(crate) fn legacy(&self, mount_root: &str, group: &str) {
        self.write("proc/self/cgroup", format!("5:cpu:/elsewhere\n4:hugetlb,memory:{group}\n"));
        let mounts = format!(
            "33 31 0:30 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n35 31 0:32 {mount_root} /sys/fs/cgroup/memory rw - cgroup cgroup rw,hugetlb,memory\n"
        );
        self.write("proc/self/mountinfo", mounts);
        self.folder("sys/fs/cgroup/cpu");
        self.folder("sys/fs/cgroup/memory");
    }

    /// The files of a group of version 2, `folder` below its mount; of `file_bytes` of page cache half is active.
    pub(crate) fn group(&self, folder: &str, limit: &str, usage_bytes: u64, file_bytes: u64) {
        let folder = format!("sys/fs/cgroup/{folder}");
        self.write(&format!("{folder}/memory.max"), format!("{limit}\n"));
        self.write(&format!("{folder}/memory.current"), format!("{usage_bytes}\n"));
        let (active, inactive) = (file_bytes / 2, file_bytes - file_bytes / 2);
        let stat = format!("anon 5\nshmem 7\ninactive_file {inactive}\nactive_file {active}\n");
        self.write(&format!("{folder}/memory.stat"), stat);
    }

    /// The same of version 1.
    pub(crate) fn legacy_group(
        &self,
        folder: &str,
        limit: &str,
        usage_bytes: u64,
        file_bytes: u64,
    ) {
        let folder = format!("sys/fs/cgroup/memory/{folder}");
        self.write(&format!("{folder}/memory.limit_in_bytes"), format!("{limit}\n"));
        self.write(&format!("{folder}/memory.usage_in_bytes"), format!("{usage_bytes}\n"));
        let (active, inactive) = (file_bytes / 2, file_bytes - file_bytes / 2);
        let stat = format!(
            "cache 5\ninactive_file 1\nactive_file 1\ntotal_inactive_file {inactive}\ntotal_active_file {active}\n"
        );
        self.write(&format!("{folder}/memory.stat"), stat);
    }
}
