//! A vectored send is a list of spans that leave as one, in the form that the kernel reads.
#![expect(
    unsafe_code,
    reason = "a message header is zeroed, and may be sent between threads with its spans"
)]

use core::fmt;
use std::os::fd::RawFd;

use crate::address::Address;
use crate::message::DESCRIPTORS_MAX;
use crate::span::ReadSpan;

/// How many spans one operation carries at most.
pub const SPANS_MAX: usize = 64;

/// The spans and the header that names them, perhaps with whom they go to and with descriptors. Its address must stay until
/// the operation has ended: keep it in a box.
pub struct Vectored {
    spans: Vec<libc::iovec>,
    header: libc::msghdr,
    /// It goes now, or comes back with `AGAIN`.
    at_once: bool,
    /// What goes beside the bytes; few lists have any.
    beside: Option<Box<Beside>>,
}

/// What goes beside the bytes.
#[repr(C, align(8))]
struct Beside {
    /// `struct cmsghdr` and its content: descriptors, or a length.
    control: [u8; CONTROL_BYTES],
    address: Address,
}

/// Room for one control message with as many descriptors as go.
const CONTROL_BYTES: usize = 16 + DESCRIPTORS_MAX * size_of::<RawFd>();

// SAFETY: it holds addresses; who hands it to the kernel answers for what they point to.
unsafe impl Send for Vectored {}

impl Vectored {
    /// An empty list; it grows to what is put in once, and then allocates no more.
    #[must_use]
    pub fn new() -> Self {
        // SAFETY: all fields are integers and pointers, for which zero is a value.
        let header = unsafe { core::mem::zeroed() };
        Self { spans: Vec::new(), header, at_once: false, beside: None }
    }

    /// Sends it to `address`: for sockets of datagrams.
    pub fn set_address(&mut self, address: &Address) {
        let beside = self.beside.get_or_insert_default();
        beside.address = address.clone();
        self.header.msg_namelen = u32::try_from(address.as_bytes().len()).unwrap_or(0); // 128 at most
        self.header.msg_name = (&raw mut beside.address).cast();
    }

    /// Lets it come back with `AGAIN` where it would have to wait. For datagrams within this machine: a ring that tries those a
    /// second time sends them empty, since the kernel has used their bytes up the first time (seen on Linux 6.18).
    pub fn set_at_once(&mut self, at_once: bool) {
        self.at_once = at_once;
    }

    /// Whether it comes back rather than wait.
    #[must_use]
    pub fn is_at_once(&self) -> bool {
        self.at_once
    }

    /// Sends descriptors with its first byte. They stay the caller's, open until the operation has ended.
    ///
    /// # Panics
    /// If there are more than [`DESCRIPTORS_MAX`].
    pub fn set_descriptors(&mut self, descriptors: &[RawFd]) {
        assert!(
            descriptors.len() <= DESCRIPTORS_MAX,
            "a message carries {DESCRIPTORS_MAX} descriptors at most"
        );
        let content: Vec<u8> = descriptors.iter().flat_map(|fd| fd.to_le_bytes()).collect();
        self.set_control(libc::SOL_SOCKET, libc::SCM_RIGHTS, &content);
    }

    /// Lets the kernel, or the card, cut it into datagrams of this many bytes.
    pub fn set_datagram_bytes(&mut self, bytes: u16) {
        self.set_control(libc::SOL_UDP, libc::UDP_SEGMENT, &bytes.to_le_bytes());
    }

    fn set_control(&mut self, level: i32, kind: i32, content: &[u8]) {
        let beside = self.beside.get_or_insert_default();
        let length = 16 + content.len();
        beside.control[..8].copy_from_slice(&(length as u64).to_le_bytes());
        beside.control[8..12].copy_from_slice(&level.to_le_bytes());
        beside.control[12..16].copy_from_slice(&kind.to_le_bytes());
        beside.control[16..length].copy_from_slice(content);
        self.header.msg_control = beside.control.as_mut_ptr().cast();
        self.header.msg_controllen = length.next_multiple_of(8);
    }

    /// Sends nothing beside the bytes, and to whom the socket is connected.
    pub fn clear_beside(&mut self) {
        self.header.msg_name = core::ptr::null_mut();
        self.header.msg_namelen = 0;
        self.header.msg_control = core::ptr::null_mut();
        self.header.msg_controllen = 0;
    }

    /// The address that it goes to, if it names one.
    #[must_use]
    pub fn address(&self) -> Option<&Address> {
        if self.header.msg_name.is_null() { None } else { Some(&self.beside.as_deref()?.address) }
    }

    /// The spans, for who carries them himself.
    #[expect(clippy::cast_possible_truncation, reason = "filled from a u32")]
    pub fn spans(&self) -> impl Iterator<Item = ReadSpan> {
        self.spans.iter().map(|span| ReadSpan {
            start: span.iov_base.cast::<u8>().cast_const(),
            bytes: span.iov_len as u32,
        })
    }

    /// The spans, in the kernel's form.
    pub(crate) fn raw_spans(&self) -> &[libc::iovec] {
        &self.spans
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

    /// The one span, if that is all: a plain send carries it cheaper.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "filled from a u32")]
    pub fn single(&self) -> Option<ReadSpan> {
        match self.spans.as_slice() {
            [span] if self.header.msg_name.is_null() && self.header.msg_control.is_null() => {
                Some(ReadSpan {
                    start: span.iov_base.cast::<u8>().cast_const(),
                    bytes: span.iov_len as u32,
                })
            }
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

impl Default for Beside {
    fn default() -> Self {
        Self { control: [0; CONTROL_BYTES], address: Address::new() }
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
