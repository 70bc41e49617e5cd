//! Stalls are how long programs have waited for memory, as the kernel counts it (pressure stall information).
//!
//! The kernel would also wake whoever writes a trigger to the file. We read the sums instead, when we look: that needs
//! no descriptor to wait on, and an ordinary user may do it for windows of any length on any kernel that counts.

use std::path::Path;

use crate::kernel_file::KernelFile;

/// The sums since the machine, or the group, began.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Stalls {
    /// Some tasks waited.
    pub(crate) some_us: u64,
    /// All that had work waited.
    pub(crate) full_us: u64,
}

/// A file that says them.
#[derive(Debug)]
pub(crate) struct StallFile(KernelFile);

impl StallFile {
    /// Opens `path`; nothing where that does not say stalls.
    pub(crate) fn at(path: &Path) -> Option<Self> {
        let file = Self(KernelFile::open(path).ok()?);
        file.stalls().map(|_| file) // a kernel that was told not to count has the file, and refuses to read it
    }

    /// The sums as they are now.
    pub(crate) fn stalls(&self) -> Option<Stalls> {
        self.0.read(|text| {
            Some(Stalls { some_us: total_us("some", text)?, full_us: total_us("full", text)? })
        })
    }
}

/// `some avg10=0.00 avg60=0.00 avg300=0.00 total=1980005`
fn total_us(kind: &str, text: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        if words.next()? != kind {
            return None;
        }
        words.find_map(|word| word.strip_prefix("total="))?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::fixture::Fixture;

    #[test]
    fn both_sums_are_read_at_each_asking() {
        let machine = Fixture::new();
        machine.stalls("memory", 1980, 1255);
        let file = StallFile::at(&machine.root().join("memory")).unwrap();
        assert_eq!(file.stalls(), Some(Stalls { some_us: 1980, full_us: 1255 }));
        machine.stalls("memory", 1981, 1256);
        assert_eq!(file.stalls(), Some(Stalls { some_us: 1981, full_us: 1256 }));
    }

    #[test]
    fn a_file_that_says_no_stalls_is_left_out() {
        let machine = Fixture::new();
        assert!(StallFile::at(&machine.root().join("memory")).is_none());
        let texts = [
            "",
            "some\nfull\n",
            "some total=\nfull total=1\n",
            "some total=1\n",
            "full total=1\n",
            "some total=1\nfull total=99999999999999999999\n",
        ];
        for text in texts {
            machine.write("memory", text);
            assert!(StallFile::at(&machine.root().join("memory")).is_none(), "{text:?}");
        }
    }
}
