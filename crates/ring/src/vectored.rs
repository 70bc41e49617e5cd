//! A vectored send is a list of spans that leave as one, in the form that the kernel reads.
#![expect(
    unsafe_code,
    reason = "a message header is zeroed, and may be sent between threads with its spans"
)]

use core::fmt;

use crate::span::ReadSpan;

/// How many spans one operation carries at most.
pub const SPANS_MAX: usize = 64;

/// The spans and the header that names them. Its address must stay until the operation has ended: keep it in a box.
pub struct Vectored {
    spans: Vec<libc::iovec>,
    header: libc::msghdr,
}

// SAFETY: it holds addresses; who hands it to the kernel answers for what they point to.
unsafe impl Send for Vectored {}

impl Vectored {
    /// An empty list; it grows to what is put in once, and then allocates no more.
    #[must_use]
    pub fn new() -> Self {
        // SAFETY: all fields are integers and pointers, for which zero is a value.
        let header = unsafe { core::mem::zeroed() };
        Self { spans: Vec::new(), header }
    }

    /// Makes the list that of `spans`, as far as [`SPANS_MAX`] and `bytes_max` go; says how many bytes it has.
    pub fn fill(&mut self, spans: impl Iterator<Item = ReadSpan>, bytes_max: u32) -> u32 {
        self.spans.clear();
        let mut left = bytes_max;
        for span in spans.take(SPANS_MAX) {
            let bytes = span.bytes.min(left);
            if bytes == 0 {
                break;
            }
            left -= bytes;
            self.spans.push(libc::iovec {
                iov_base: span.start.cast_mut().cast(),
                iov_len: bytes as usize,
            });
        }
        self.header.msg_iov = self.spans.as_mut_ptr();
        self.header.msg_iovlen = self.spans.len();
        bytes_max - left
    }

    /// The one span, if it is one: a plain send carries it cheaper.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "filled from a u32")]
    pub fn single(&self) -> Option<ReadSpan> {
        match self.spans.as_slice() {
            [span] => Some(ReadSpan {
                start: span.iov_base.cast::<u8>().cast_const(),
                bytes: span.iov_len as u32,
            }),
            _ => None,
        }
    }

    /// How many bytes the spans have together.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "filled from a u32")]
    pub fn bytes(&self) -> u32 {
        self.spans.iter().map(|span| span.iov_len as u32).sum()
    }

    /// The header, for the kernel.
    #[must_use]
    pub fn header(&self) -> *const libc::msghdr {
        &raw const self.header
    }
}

impl Default for Vectored {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Vectored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vectored").field("spans", &self.spans.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_ends_at_its_bytes_and_at_its_spans() {
        let bytes = [0; 10];
        let mut list = Vectored::new();
        assert_eq!(list.fill([ReadSpan::of(&bytes); 3].into_iter(), 25), 25);
        assert_eq!(list.spans.iter().map(|span| span.iov_len).collect::<Vec<_>>(), [10, 10, 5]);
        assert!(list.single().is_none() && list.bytes() == 25);
        assert_eq!(list.fill(core::iter::repeat_n(ReadSpan::of(&bytes), 100), u32::MAX), 640);
        assert_eq!(list.fill([ReadSpan::of(&bytes)].into_iter(), u32::MAX), 10);
        assert_eq!(list.single().map(|span| span.bytes), Some(10));
    }
}
