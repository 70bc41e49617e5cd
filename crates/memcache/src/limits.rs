//! Limits of what one line may ask for.

use crate::key::KEY_BYTES_MAX;

/// What a parser lets pass. Each may be changed while the connection lives.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// The longest key, as it stands on the line; never more than [`KEY_BYTES_MAX`].
    pub key_bytes_max: usize,
    /// The longest line of a `get`; lines of other commands have [`LINE_BYTES_MAX`] at most.
    pub line_bytes_max: usize,
    /// The longest entry, with its key and the reference's 57 to 61 bytes of header.
    pub item_bytes_max: u64,
}

/// The longest line of a command that is no `get`, without its end.
pub const LINE_BYTES_MAX: usize = 2_048;

impl Default for Limits {
    fn default() -> Self {
        Self { key_bytes_max: 250, line_bytes_max: 64 << 10, item_bytes_max: 1 << 20 }
    }
}

impl Limits {
    pub(crate) fn bounded(self) -> Self {
        Self { key_bytes_max: self.key_bytes_max.min(KEY_BYTES_MAX), ..self }
    }

    /// Counted as the reference does, so that what it takes is taken: its header and number, key and
    /// NUL, flags unless they are 0, value and CR LF.
    pub(crate) fn is_item_over(
        &self,
        key_bytes: usize,
        client_flags: u32,
        value_bytes: u32,
    ) -> bool {
        const HEADER_BYTES: u64 = 48 + 8 + 1 + 2;
        let flags_bytes = if client_flags == 0 { 0 } else { 4 };
        let item_bytes = u64::try_from(key_bytes)
            .unwrap_or(u64::MAX)
            .saturating_add(HEADER_BYTES)
            .saturating_add(flags_bytes)
            .saturating_add(value_bytes.into());
        item_bytes > self.item_bytes_max
    }
}
