//! Memory is what the machine has, or what the control group that we are in may have of it.

use std::path::Path;

/// How much there is, in bytes.
pub(crate) fn memory_bytes() -> u64 {
    let info = rustix::system::sysinfo();
    let machine_bytes = info.totalram.saturating_mul(u64::from(info.mem_unit.max(1)));
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    group_limit(Path::new("/sys/fs/cgroup"), &groups)
        .map_or(machine_bytes, |limit| limit.min(machine_bytes))
}

/// The lowest limit of the group and those around it (control groups, version 2).
fn group_limit(root: &Path, groups: &str) -> Option<u64> {
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let limit = |folder: &Path| {
        std::fs::read_to_string(folder.join("memory.max")).ok()?.trim().parse::<u64>().ok()
    };
    let own = root.join(group);
    own.ancestors().take_while(|folder| folder.starts_with(root)).filter_map(limit).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tightest_limit_around_counts() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("a/b");
        std::fs::create_dir_all(&inner).unwrap();
        std::fs::write(inner.join("memory.max"), "max\n").unwrap();
        std::fs::write(folder.path().join("a/memory.max"), "1048576\n").unwrap();
        assert_eq!(group_limit(folder.path(), "1:cpu:/x\n0::/a/b\n"), Some(1 << 20));
        assert_eq!(group_limit(folder.path(), "0::/\n"), None);
        assert_eq!(group_limit(folder.path(), ""), None);
    }

    #[test]
    fn there_is_memory() {
        assert!(memory_bytes() > 1 << 20);
    }
}
