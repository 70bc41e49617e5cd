//! A request's end is an empty line, and finding it is all the parsing that the floor does.

/// How much of an end has been seen.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RequestEnd {
    last_four: u32,
}

const EMPTY_LINE: u32 = u32::from_be_bytes(*b"\r\n\r\n");

impl RequestEnd {
    /// How many requests end in `bytes`, which follow those of the call before.
    pub(crate) fn count_in(&mut self, bytes: &[u8]) -> u32 {
        let mut count = 0;
        for byte in bytes {
            self.last_four = self.last_four << 8 | u32::from(*byte);
            count += u32::from(self.last_four == EMPTY_LINE);
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_found_however_it_is_cut() {
        let two = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n\r\n";
        for cut_bytes in 1..=two.len() {
            let mut end = RequestEnd::default();
            let count: u32 = two.chunks(cut_bytes).map(|part| end.count_in(part)).sum();
            assert_eq!(count, 2, "cut to {cut_bytes}");
        }
    }
}
