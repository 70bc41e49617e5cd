//! Traces that were recorded in real caches, read from the files in which they are handed around.
//!
//! ```text
//! .lis.zst    zstd over lines `first_block block_count ignored request_number`: a request for each of the blocks
//! .trace.xz   xz over keys of 32 bits, the high byte first
//! ```
//!
//! The files are not part of the project: they are looked for where `LEVADA_TRACES` says, or else beside the project.

use std::env;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// The variable that names the folder.
const VARIABLE: &str = "LEVADA_TRACES";

/// Where they are otherwise, seen from the project's root.
const BESIDE: &str = "../shared/data/traces";

/// How a file is to be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Form {
    Lines,
    Words,
}

/// The folder in which files are looked for.
pub(crate) fn folder() -> PathBuf {
    env::var_os(VARIABLE).map_or_else(|| PathBuf::from(BESIDE), PathBuf::from)
}

/// What to say of a file that is not there.
pub(crate) fn absence(file: &str) -> String {
    format!("no `{file}` in {BESIDE}: {VARIABLE} names the folder that has it")
}

/// The keys of a file.
/// # Errors
/// If it cannot be read, or is not of this form.
pub(crate) fn read(path: &Path, form: Form) -> io::Result<Vec<u64>> {
    let mut file = BufReader::new(File::open(path)?);
    match form {
        Form::Lines => {
            let text = ruzstd::decoding::StreamingDecoder::new(file).map_err(io::Error::other)?;
            keys_of_lines(BufReader::new(text))
        }
        Form::Words => {
            let mut words = Vec::new();
            let read = lzma_rs::xz_decompress(&mut file, &mut words);
            read.map_err(|error| io::Error::other(format!("{error:?}")))?;
            keys_of_words(&words)
        }
    }
}

fn keys_of_lines(text: impl Read) -> io::Result<Vec<u64>> {
    let mut keys = Vec::new();
    for line in BufReader::new(text).lines() {
        let line = line?;
        let mut words = line.split_whitespace().map(str::parse::<u64>);
        let (Some(Ok(first)), Some(Ok(count))) = (words.next(), words.next()) else {
            return Err(io::Error::other(format!("a line is not two numbers and more: {line}")));
        };
        keys.extend(first..first.saturating_add(count.min(BLOCKS_MAX)));
    }
    Ok(keys)
}

/// No request of a real trace is for more blocks.
const BLOCKS_MAX: u64 = 1 << 20;

fn keys_of_words(bytes: &[u8]) -> io::Result<Vec<u64>> {
    let (words, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(io::Error::other("a key is cut off"));
    }
    Ok(words.iter().map(|word| u64::from(u32::from_be_bytes(*word))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_request_for_each_of_its_blocks() {
        assert_eq!(keys_of_lines(&b"7 2 0 0\n100 1 0 1\n"[..]).unwrap(), [7, 8, 100]);
        for wrong in [&b"7\n"[..], b"7 x 0 0\n", b"-1 2 0 0\n", b"\n"] {
            assert!(keys_of_lines(wrong).is_err());
        }
    }

    #[test]
    fn a_word_has_its_high_byte_first_and_none_is_cut_off() {
        assert_eq!(keys_of_words(&[0, 0, 1, 2, 0xff, 0, 0, 0]).unwrap(), [258, 0xff00_0000]);
        assert!(keys_of_words(&[0, 0, 1]).is_err());
    }

    #[test]
    fn a_file_of_another_form_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("some");
        std::fs::write(&path, b"1 2 0 0\n").unwrap();
        assert!(read(&path, Form::Lines).is_err() && read(&path, Form::Words).is_err());
        assert!(read(&folder.path().join("none"), Form::Words).is_err());
    }
}
