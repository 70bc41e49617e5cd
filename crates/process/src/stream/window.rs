//! A window is how far the writer of a stream may be ahead of its reader.

/// The most runs of bytes that a window lets be under way: twice as many fit one value.
const PIECES_MAX: u32 = 512;

/// How much a stream holds that its reader has not consumed: a write waits while it holds so many bytes, or so many pieces.
///
/// A piece is what [`SharedData::pieces`](levada_shared::SharedData::pieces) shows: a run of bytes in one block. What waits to be read
/// is less than the window and the piece that was written last, which is no larger than the window: larger ones are cut.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Window {
    /// Bytes; at least one. No frame that a reader wants to see whole may be longer.
    pub bytes: u64,
    /// Pieces; from 1 to 512. The stream has a place of 56 B for each from the first write on.
    pub pieces: u32,
}

impl Window {
    /// Asserts that it can be kept.
    pub(crate) fn check(self) {
        assert!(self.bytes > 0, "a window lets at least one byte through");
        let is_kept = (1..=PIECES_MAX).contains(&self.pieces);
        assert!(is_kept, "a window is of 1 to {PIECES_MAX} pieces");
    }

    /// Whether nothing more is written until something of that is consumed.
    #[inline]
    pub(crate) fn is_full(self, bytes: u64, pieces: u64) -> bool {
        bytes >= self.bytes || pieces >= u64::from(self.pieces)
    }
}

impl Default for Window {
    /// 256 KiB in at most 64 pieces.
    fn default() -> Self {
        Self { bytes: 256 << 10, pieces: 64 }
    }
}
