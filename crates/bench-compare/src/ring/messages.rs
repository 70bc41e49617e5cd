//! A message is bytes that a ring keeps as long as it lives, so that the kernel may read them whenever it looks.

use std::ops::Range;

/// Which of a ring's messages.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct MessageIndex(pub(crate) usize);

/// The messages of one ring; none is ever changed or taken away.
#[derive(Debug)]
pub(crate) struct Messages(Vec<Box<[u8]>>);

impl Messages {
    pub(crate) fn new(messages: Vec<Vec<u8>>) -> Self {
        Self(messages.into_iter().map(Vec::into_boxed_slice).collect())
    }

    /// A part of one message; no more than the kernel takes in one operation.
    pub(crate) fn part(&self, index: MessageIndex, from: usize) -> &[u8] {
        let message = &self.0[index.0];
        let end = message.len().min(from + u32::MAX as usize);
        let part: Range<usize> = from..end;
        &message[part]
    }

    pub(crate) fn bytes_of(&self, index: MessageIndex) -> usize {
        self.0[index.0].len()
    }
}
