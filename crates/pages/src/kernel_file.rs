//! A kernel file is a short text that the kernel writes anew for whoever reads it from its beginning.
//!
//! Cost: one `pread` a reading, into a buffer on the stack; one descriptor for as long as it lives.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// More than any of the files has that are read here: the longest, `memory.stat`, has 2 to 3 KiB.
const TEXT_BYTES_MAX: usize = 8 << 10;

/// A file of the kernel's, open for as long as it is read now and then.
#[derive(Debug)]
pub(crate) struct KernelFile(File);

impl KernelFile {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        File::open(path).map(Self)
    }

    /// What `find` finds in the text as it is now; nothing where it cannot be read.
    pub(crate) fn read<T>(&self, find: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let mut buffer = [0; TEXT_BYTES_MAX];
        let filled_bytes = self.0.read_at(&mut buffer, 0).ok()?;
        let mut text = buffer.get(..filled_bytes)?;
        if filled_bytes == buffer.len() {
            // It may go on: a number that is cut in two would be another number.
            text = &text[..text.iter().rposition(|byte| *byte == b'\n')?];
        }
        find(core::str::from_utf8(text).ok()?)
    }
}

/// The number that stands second on the line whose first word is `key`.
pub(crate) fn number_of(key: &str, text: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        if words.next()? != key {
            return None;
        }
        words.next()?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::fixture::Fixture;

    fn all(file: &KernelFile) -> Option<String> {
        file.read(|text| Some(text.to_owned()))
    }

    #[test]
    fn a_text_is_read_from_its_beginning_each_time() {
        let machine = Fixture::new();
        machine.write("file", "first\n");
        let file = KernelFile::open(&machine.root().join("file")).unwrap();
        assert_eq!(all(&file).as_deref(), Some("first\n"));
        machine.write("file", "2nd\n");
        assert_eq!(all(&file).as_deref(), Some("2nd\n"));
    }

    #[test]
    fn a_number_that_the_buffer_cuts_in_two_is_not_read() {
        let machine = Fixture::new();
        let lead = "x 1\n".repeat(TEXT_BYTES_MAX / 4 - 1);
        machine.write("file", format!("{lead}y 23\n")); // the buffer ends behind the 2
        let file = KernelFile::open(&machine.root().join("file")).unwrap();
        assert_eq!(file.read(|text| number_of("y", text)), None);
        assert_eq!(file.read(|text| number_of("x", text)), Some(1));
    }

    #[test]
    fn what_is_no_text_is_not_read() {
        let machine = Fixture::new();
        machine.write("file", b"x \xff\n");
        machine.folder("folder");
        for name in ["file", "folder"] {
            let file = KernelFile::open(&machine.root().join(name)).unwrap();
            assert_eq!(all(&file), None, "{name}");
        }
    }

    #[test]
    fn a_number_is_found_by_its_whole_key() {
        let text = "total_file 1\nfile\nfile x\nfile -3\nfile 2 kB\nfile 3";
        assert_eq!(number_of("file", text), Some(2));
        assert_eq!(number_of("fil", text), None);
        assert_eq!(number_of("file", "file 99999999999999999999"), None);
    }
}
