//! How much of its memory an OS process has in fact, as the kernel counts it page by page.

use std::fs;
use std::io;

/// The resident bytes of this OS process.
/// # Errors
/// If the kernel does not tell.
pub(crate) fn own_resident_bytes() -> io::Result<u64> {
    resident_bytes(std::process::id())
}

/// The resident bytes of another.
/// # Errors
/// If the kernel does not tell.
pub(crate) fn resident_bytes(process: u32) -> io::Result<u64> {
    // Exact, where /proc/PID/status may lag behind by some pages for each thread.
    let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
    read(&rollup).ok_or_else(|| io::Error::other("the kernel does not tell what is resident"))
}

fn read(rollup: &str) -> Option<u64> {
    let line = rollup.lines().find_map(|line| line.strip_prefix("Rss:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resident_bytes_stand_behind_their_word() {
        let rollup = "5000-7fff ---p 00000000 00:00 0   [rollup]\nRss:    3 kB\nPss:   2 kB\n";
        assert_eq!(read(rollup), Some(3 * 1024));
        assert_eq!(read("Pss: 2 kB"), None);
    }
}
