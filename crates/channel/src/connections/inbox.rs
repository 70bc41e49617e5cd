//! An inbox is what a socket has received and nobody has taken yet: usually nothing, or one block.

use std::collections::VecDeque;

use levada_shared::ExclusiveBuf;

/// Blocks in the order in which they came. The first needs no allocation.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    first: Option<ExclusiveBuf>,
    #[expect(
        clippy::box_collection,
        reason = "a socket is idle far more often than it has several blocks waiting"
    )]
    more: Option<Box<VecDeque<ExclusiveBuf>>>,
}

impl Inbox {
    #[inline]
    pub(crate) fn push(&mut self, block: ExclusiveBuf) {
        if self.first.is_none() {
            self.first = Some(block);
        } else {
            self.more.get_or_insert_default().push_back(block);
        }
    }

    /// Puts a block back before all others.
    pub(crate) fn push_front(&mut self, block: ExclusiveBuf) {
        if let Some(first) = self.first.replace(block) {
            self.more.get_or_insert_default().push_front(first);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    #[inline]
    pub(crate) fn pop(&mut self) -> Option<ExclusiveBuf> {
        let popped = self.first.take()?;
        if let Some(more) = &mut self.more {
            self.first = more.pop_front();
            if more.is_empty() {
                self.more = None;
            }
        }
        Some(popped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use levada_shared::{Options, SharedHeap};

    #[test]
    fn blocks_leave_in_the_order_in_which_they_came() {
        let heap = SharedHeap::new(Options { bytes_max: 8 << 20, arenas: 1, ..Options::default() })
            .unwrap();
        let account = heap.account("test", u64::MAX).unwrap();
        let mut inbox = Inbox::default();
        for byte in 0..5 {
            let mut block = account.buf(64).unwrap();
            block.write(&[byte]).unwrap();
            inbox.push(block);
        }
        let mut earlier = account.buf(64).unwrap();
        earlier.write(&[9]).unwrap();
        inbox.push_front(earlier);
        let popped: Vec<u8> = core::iter::from_fn(|| inbox.pop()).map(|block| block[0]).collect();
        assert_eq!(popped, [9, 0, 1, 2, 3, 4]);
        assert!(inbox.first.is_none() && inbox.more.is_none());
    }
}
