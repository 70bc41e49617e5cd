//! A request's end is an empty line or a number of bytes, and finding it is all the parsing that the floor does.

/// How a connection's requests end, and how much of an end has been seen.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RequestEnd {
    EmptyLine {
        last_four: u32,
    },
    /// All requests are of one length.
    Length {
        request_bytes: u64,
        heard_bytes: u64,
    },
}

const EMPTY_LINE: u32 = u32::from_be_bytes(*b"\r\n\r\n");

impl RequestEnd {
    pub(crate) const fn empty_line() -> Self {
        Self::EmptyLine { last_four: 0 }
    }

    pub(crate) const fn after(request_bytes: u64) -> Self {
        Self::Length { request_bytes, heard_bytes: 0 }
    }

    /// How many requests end in `bytes`, which follow those of the call before.
    pub(crate) fn count_in(&mut self, bytes: &[u8]) -> u32 {
        match self {
            Self::EmptyLine { last_four } => {
                let mut count = 0;
                for byte in bytes {
                    *last_four = *last_four << 8 | u32::from(*byte);
                    count += u32::from(*last_four == EMPTY_LINE);
                }
                count
            }
            Self::Length { request_bytes, heard_bytes } => {
                *heard_bytes += bytes.len() as u64;
                let count = *heard_bytes / *request_bytes;
                *heard_bytes %= *request_bytes;
                u32::try_from(count).expect("at most as many as there are bytes in a block")
            }
        }
    }

    /// How long a buffer is in which a request fits, if that is not long, and never below `least_bytes`.
    pub(crate) fn buffer_bytes(self, least_bytes: usize) -> usize {
        match self {
            Self::EmptyLine { .. } => least_bytes,
            Self::Length { request_bytes, .. } => {
                let request_bytes = usize::try_from(request_bytes).unwrap_or(usize::MAX);
                request_bytes.min(BUFFER_BYTES_MAX).next_multiple_of(1024).max(least_bytes)
            }
        }
    }
}

const BUFFER_BYTES_MAX: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_found_however_it_is_cut() {
        let two = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n\r\n";
        for cut_bytes in 1..=two.len() {
            let mut end = RequestEnd::empty_line();
            let count: u32 = two.chunks(cut_bytes).map(|part| end.count_in(part)).sum();
            assert_eq!(count, 2, "cut to {cut_bytes}");
            let mut end = RequestEnd::after(two.len() as u64 / 3);
            let count: u32 = two.chunks(cut_bytes).map(|part| end.count_in(part)).sum();
            assert_eq!(count, 3, "three of a length, cut to {cut_bytes}");
        }
    }

    #[test]
    fn a_buffer_is_not_longer_than_a_request_needs() {
        assert_eq!(RequestEnd::empty_line().buffer_bytes(4096), 4096);
        assert_eq!(RequestEnd::after(1500).buffer_bytes(1024), 2048);
        assert_eq!(RequestEnd::after(1 << 20).buffer_bytes(1024), 64 * 1024);
    }
}
