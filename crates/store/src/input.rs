//! The input of a connection is what came and was not answered yet: a block in place, or what a command has so far.
//!
//! A command that lies whole in its block is read there. Only what is left of one that goes on in the next block is copied: a
//! line, or a short value with its line.

use levada_shared::ExclusiveBuf;

/// Bytes of commands, in order. Empty, it holds no memory.
#[derive(Debug, Default)]
pub(crate) struct Input {
    block: Option<ExclusiveBuf>,
    /// How much of the block was answered.
    taken_bytes: usize,
    /// Where a command that began in one block goes on in the next.
    carried: Vec<u8>,
}

impl Input {
    /// Puts what came behind what is there.
    pub(crate) fn push(&mut self, block: ExclusiveBuf) {
        if self.carried.is_empty() && self.block.is_none() {
            self.taken_bytes = 0;
            self.block = Some(block);
        } else {
            self.carry();
            self.carried.extend_from_slice(&block);
        }
    }

    /// Puts a copy of these behind what is there.
    pub(crate) fn push_copy(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.carry();
            self.carried.extend_from_slice(bytes);
        }
    }

    /// What is there.
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        if !self.carried.is_empty() {
            return &self.carried;
        }
        self.block.as_deref().and_then(|block| block.get(self.taken_bytes..)).unwrap_or_default()
    }

    /// The first `bytes` are answered.
    #[inline]
    pub(crate) fn take(&mut self, bytes: usize) {
        if self.carried.is_empty() {
            self.taken_bytes += bytes;
            if self.block.as_ref().is_none_or(|block| self.taken_bytes >= block.len()) {
                self.block = None;
            }
        } else if bytes >= self.carried.len() {
            self.carried = Vec::new();
        } else {
            self.carried.drain(..bytes);
        }
    }

    /// Lets go of the block: what is left of it is copied.
    #[inline]
    pub(crate) fn carry(&mut self) {
        if let Some(block) = self.block.take() {
            self.carried.extend_from_slice(block.get(self.taken_bytes..).unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use levada_shared::{Account, Options, SharedHeap};

    fn account() -> Account {
        let heap = SharedHeap::new(Options { bytes_max: 8 << 20, arenas: 1, ..Options::default() })
            .expect("addresses");
        heap.account("test", u64::MAX).expect("an account")
    }

    fn block(account: &Account, bytes: &[u8]) -> ExclusiveBuf {
        let mut block = account.buf(bytes.len()).expect("room");
        block.write(bytes).expect("room");
        block
    }

    #[test]
    fn what_goes_on_in_the_next_block_is_joined_and_an_empty_input_holds_nothing() {
        let account = account();
        let mut input = Input::default();
        input.push(block(&account, b"get a\r\nget b"));
        input.take(7);
        assert_eq!(input.bytes(), b"get b");
        input.carry();
        assert_eq!((input.bytes(), account.charged_bytes()), (&b"get b"[..], 0));
        input.push(block(&account, b"c\r\nget d\r\n"));
        assert_eq!(input.bytes(), b"get bc\r\nget d\r\n");
        input.take(8);
        assert_eq!(input.bytes(), b"get d\r\n");
        input.take(7);
        assert!(input.bytes().is_empty() && input.carried.capacity() == 0);
        assert_eq!(account.charged_bytes(), 0);
    }
}
