//! Content is what a served file holds: it follows from a seed, so every byte that arrives can be compared without a copy of it.
//!
//! Byte `n` of a file is byte `(seed + n) mod 65,521` of one table. The period is a prime: no block of a power of two
//! repeats, so bytes that were lost, doubled or moved by whole pages are seen.

use std::io::{self, Write};

const PERIOD_BYTES: usize = 65_521;

/// One file's bytes.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    pub(crate) seed: u64,
    pub(crate) length_bytes: u64,
    table: Vec<u8>,
}

impl Content {
    pub(crate) fn new(seed: u64, length_bytes: u64) -> Self {
        Self { seed, length_bytes, table: table() }
    }

    pub(crate) fn write_to(&self, sink: &mut impl Write) -> io::Result<()> {
        let mut offset = 0;
        while offset < self.length_bytes {
            let run = self.run_at(offset, self.length_bytes - offset);
            sink.write_all(run)?;
            offset += run.len() as u64;
        }
        Ok(())
    }

    /// Whether the file has these bytes at `offset`.
    pub(crate) fn has(&self, offset: u64, bytes: &[u8]) -> bool {
        let mut offset = offset;
        let mut rest = bytes;
        while !rest.is_empty() {
            let run = self.run_at(offset, rest.len() as u64);
            let (now, later) = rest.split_at(run.len());
            if now != run {
                return false;
            }
            offset += run.len() as u64;
            rest = later;
        }
        offset <= self.length_bytes
    }

    /// The longest run of the table that stands at `offset`, no longer than `bytes_max`.
    fn run_at(&self, offset: u64, bytes_max: u64) -> &[u8] {
        let period_bytes = PERIOD_BYTES as u64;
        let start = usize::try_from((self.seed + offset) % period_bytes).expect("below the period");
        let run = &self.table[start..];
        &run[..usize::try_from(bytes_max).unwrap_or(usize::MAX).min(run.len())]
    }
}

/// Bytes that look like nothing in particular, always the same (Marsaglia's xorshift).
fn table() -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    (0..PERIOD_BYTES).map(|_| next()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(content: &Content) -> Vec<u8> {
        let mut bytes = Vec::new();
        content.write_to(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn what_is_written_is_what_is_compared() {
        let content = Content::new(7, 200_000);
        let bytes = written(&content);
        assert_eq!(bytes.len(), 200_000);
        assert!(content.has(0, &bytes));
        assert!(content.has(65_500, &bytes[65_500..65_600]), "across the end of the table");
    }

    #[test]
    fn another_byte_another_place_or_another_file_is_seen() {
        let content = Content::new(7, 200_000);
        let mut bytes = written(&content);
        assert!(!content.has(4096, &bytes[..4096]), "a page at another's place");
        assert!(!Content::new(8, 200_000).has(0, &bytes));
        assert!(!content.has(199_999, &bytes[199_998..]), "more than the file has");
        bytes[150_000] ^= 1;
        assert!(!content.has(0, &bytes));
    }
}
