//! A scan says whether a head that comes in portions is worth reading again.
//!
//! A head is read from its front each time. A client that sends it byte by byte would make that
//! quadratic; the scan looks at each byte once and says "read" only where the answer can be another
//! than "not yet".
//! Cost: one pass over each new byte, eight at a time.

use super::limits::HeadLimits;
use crate::word::line_run_bytes;

/// What is remembered of a head between its portions.
#[derive(Clone, Copy, Debug, Default)]
pub struct HeadScan {
    /// Looked at; the next look begins here.
    scanned_bytes: usize,
    /// Where the line that is not ended yet begins.
    line_start: usize,
    /// A line with something in it has ended: an empty one is the end now.
    has_line: bool,
}

impl HeadScan {
    /// Nothing was looked at.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says whether [`parse_head`](super::parse_head) can say more of `bytes` than "not yet". They
    /// are all that came of the head so far, so each time they are longer and begin the same.
    ///
    /// It sees ends, limits and lone line feeds. Another byte that is wrong is seen when the head
    /// ends, or grows beyond its limit, or when the client's time is over.
    pub fn is_worth_parsing(&mut self, bytes: &[u8], limits: &HeadLimits) -> bool {
        while let Some(unseen) = bytes.get(self.scanned_bytes..) {
            let feed = self.scanned_bytes.saturating_add(line_run_bytes(unseen));
            if feed >= bytes.len() {
                self.scanned_bytes = bytes.len();
                break;
            }
            self.scanned_bytes = feed.saturating_add(1);
            let line = bytes.get(self.line_start..feed).unwrap_or_default();
            self.line_start = self.scanned_bytes;
            match line {
                [b'\r'] if self.has_line => return true,
                [b'\r'] => {}
                [.., b'\r'] => self.has_line = true,
                _ => return true, // a lone line feed, which is refused
            }
        }
        bytes.len() > limits.head_bytes_max
            || (!self.has_line && bytes.len() > limits.target_bytes_max)
    }
}
