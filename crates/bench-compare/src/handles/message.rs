//! A message is what is joined and taken apart again: a head, a payload, an end.

/// The lengths of its parts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Message {
    pub(crate) head_bytes: usize,
    pub(crate) payload_bytes: usize,
    pub(crate) end_bytes: usize,
}

impl Message {
    /// A message around a payload.
    pub(crate) const fn around(payload_bytes: usize) -> Self {
        Self { head_bytes: 64, payload_bytes, end_bytes: 16 }
    }

    /// The length of the whole.
    pub(crate) const fn whole_bytes(self) -> usize {
        self.head_bytes + self.payload_bytes + self.end_bytes
    }
}
