//! A message is what one receive brings where bytes are not all: who sent them, or descriptors that come with them.
//!
//! ```text
//! block  [head 16][name 128 or none][control 80 or none][payload ...]
//! ```
//! The head says how long each of the three is, and what was cut; it is io_uring's own (`io_uring_recvmsg_out`), and the other
//! drivers write the same.

#![expect(unsafe_code, reason = "a message header is zeroed memory until it is filled")]

use core::ops::Range;
use std::os::fd::RawFd;

use crate::address::Address;

/// How many descriptors come with one message at most; the kernel closes what is above.
pub const DESCRIPTORS_MAX: usize = 16;

/// What comes beside the bytes.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum MessageForm {
    /// Who sent them.
    From,
    /// Descriptors.
    Descriptors,
}

impl MessageForm {
    /// Bytes for the sender's address.
    #[must_use]
    pub const fn name_bytes(self) -> usize {
        match self {
            Self::From => size_of::<libc::sockaddr_storage>(),
            Self::Descriptors => 0,
        }
    }

    /// Bytes for what the kernel puts beside the payload.
    #[must_use]
    pub const fn control_bytes(self) -> usize {
        match self {
            Self::From => 0,
            Self::Descriptors => CONTROL_HEAD_BYTES + DESCRIPTORS_MAX * size_of::<RawFd>(),
        }
    }

    /// Whether a message without bytes is the end of a connection, and not one that somebody sent.
    #[must_use]
    pub const fn is_of_a_connection(self) -> bool {
        matches!(self, Self::Descriptors)
    }

    /// What is asked of the kernel: the true length of what was cut, descriptors closed on exec. For a connection the first would
    /// mean nothing, and for TCP something else.
    pub(crate) const fn flags(self) -> i32 {
        match self {
            Self::From => libc::MSG_TRUNC | libc::MSG_CMSG_CLOEXEC,
            Self::Descriptors => libc::MSG_CMSG_CLOEXEC,
        }
    }

    /// A header that says how much room each part has, and names none.
    #[expect(clippy::cast_possible_truncation, reason = "an address is 128 bytes")]
    pub(crate) const fn header(self) -> libc::msghdr {
        // SAFETY: all fields are integers and pointers, for which zero is a value.
        let mut header: libc::msghdr = unsafe { core::mem::zeroed() };
        header.msg_namelen = self.name_bytes() as libc::socklen_t;
        header.msg_controllen = self.control_bytes();
        header
    }

    /// Bytes of a block before its control part.
    pub(crate) const fn control_start(self) -> usize {
        HEAD_BYTES + self.name_bytes()
    }

    /// Bytes of a block before its payload.
    #[must_use]
    pub const fn payload_start(self) -> usize {
        self.control_start() + self.control_bytes()
    }
}

/// What a block begins with.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct MessageHead {
    /// How long the sender's address is; the room is cut where that is longer.
    pub name_bytes: u32,
    /// How long the control part is.
    pub control_bytes: u32,
    /// How long the payload is, or was before it was cut.
    pub payload_bytes: u32,
    /// `MSG_TRUNC`, `MSG_CTRUNC`.
    pub flags: u32,
}

/// The length of a [`MessageHead`] in a block.
pub const HEAD_BYTES: usize = 16;

/// The length of a control part's own head, `struct cmsghdr`.
pub(crate) const CONTROL_HEAD_BYTES: usize = 16;

/// A message, read from the block that it came in.
#[derive(Clone, Debug)]
pub struct Message {
    /// Who sent it, if its form says so.
    pub from: Option<Address>,
    /// Where in the block its payload is.
    pub payload: Range<usize>,
    /// Whether it was longer than the block's room.
    pub is_cut: bool,
    /// Whether descriptors were left out.
    pub lacks_descriptors: bool,
    /// Descriptors that came with it: open, and the reader's to close.
    pub descriptors: Vec<RawFd>,
}

impl MessageHead {
    /// As it stands in a block.
    #[must_use]
    pub fn to_bytes(self) -> [u8; HEAD_BYTES] {
        let mut bytes = [0; HEAD_BYTES];
        let words = [self.name_bytes, self.control_bytes, self.payload_bytes, self.flags];
        for (place, word) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(words) {
            *place = word.to_le_bytes();
        }
        bytes
    }

    /// As it was read from a block.
    pub(crate) fn of(bytes: [u8; HEAD_BYTES]) -> Self {
        let word = |index: usize| {
            let at = index * 4;
            u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        let (name_bytes, control_bytes) = (word(0), word(1));
        Self { name_bytes, control_bytes, payload_bytes: word(2), flags: word(3) }
    }
}

impl Message {
    /// The message in a block that a receive of that form filled. `None` where it is no message: the block is too short.
    #[must_use]
    pub fn read(block: &[u8], form: MessageForm) -> Option<Self> {
        let head = MessageHead::of(*block.first_chunk()?);
        let payload_start = form.payload_start();
        let there = block.len().checked_sub(payload_start)?;
        let payload_bytes = (head.payload_bytes as usize).min(there);
        let name_end = form.control_start();
        let name = &block[HEAD_BYTES..name_end];
        let name = &name[..(head.name_bytes as usize).min(name.len())];
        let control = &block[name_end..payload_start];
        let control = &control[..(head.control_bytes as usize).min(control.len())];
        let flag = |flag: i32| head.flags & flag.cast_unsigned() != 0;
        Some(Self {
            from: (name.len() >= 2).then(|| Address::from_kernel(name)),
            payload: payload_start..payload_start + payload_bytes,
            is_cut: flag(libc::MSG_TRUNC),
            lacks_descriptors: flag(libc::MSG_CTRUNC),
            descriptors: descriptors_in(control),
        })
    }
}

/// The descriptors in a control part. There may be other contents, if the socket was told to bring them.
fn descriptors_in(mut control: &[u8]) -> Vec<RawFd> {
    let mut descriptors = Vec::new();
    while let Some((head, _)) = control.split_first_chunk::<CONTROL_HEAD_BYTES>() {
        let (length, kind) = head.split_at(8);
        let length = u64::from_le_bytes(*length.first_chunk().expect("eight bytes"));
        let length = usize::try_from(length).unwrap_or(usize::MAX).min(control.len());
        let content = control.get(CONTROL_HEAD_BYTES..length).unwrap_or_default();
        let rights = [libc::SOL_SOCKET.to_le_bytes(), libc::SCM_RIGHTS.to_le_bytes()];
        if kind == rights.as_flattened() {
            let fds = content.as_chunks::<4>().0;
            descriptors.extend(fds.iter().map(|fd| RawFd::from_le_bytes(*fd)));
        }
        let next = length.max(CONTROL_HEAD_BYTES).next_multiple_of(8);
        control = control.get(next..).unwrap_or_default();
    }
    descriptors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_who_sent_it_and_what_was_cut() {
        let from = "192.0.2.7:4242".parse().unwrap();
        let mut block = MessageHead {
            name_bytes: 16,
            payload_bytes: 900,
            flags: libc::MSG_TRUNC.cast_unsigned(),
            ..MessageHead::default()
        }
        .to_bytes()
        .to_vec();
        block.extend(Address::of(from).as_bytes());
        block.resize(MessageForm::From.payload_start(), 0);
        block.extend(b"payload");
        let message = Message::read(&block, MessageForm::From).unwrap();
        assert_eq!(message.from.unwrap().get(), Some(from));
        assert_eq!(&block[message.payload], b"payload");
        assert!(message.is_cut && message.descriptors.is_empty());
        assert!(Message::read(&block[..100], MessageForm::From).is_none());
    }

    #[test]
    fn a_control_part_that_lies_about_its_length_names_only_what_is_there() {
        let form = MessageForm::Descriptors;
        for length in [0_u32, 15, 16, 24, 80, 4000, u32::MAX] {
            let mut block =
                MessageHead { control_bytes: 24, payload_bytes: 1, ..MessageHead::default() }
                    .to_bytes()
                    .to_vec();
            block.extend(length.to_le_bytes());
            block.extend([0; 4]);
            block.extend(libc::SOL_SOCKET.to_le_bytes());
            block.extend(libc::SCM_RIGHTS.to_le_bytes());
            block.extend(7_i32.to_le_bytes());
            block.extend(8_i32.to_le_bytes());
            block.resize(form.payload_start(), 0);
            block.push(b'x');
            let message = Message::read(&block, form).unwrap();
            assert!(message.descriptors.len() <= 2, "{length}");
            assert_eq!(message.descriptors, [7, 8][..message.descriptors.len()]);
            assert_eq!(&block[message.payload], b"x");
        }
    }
}
