//! The input of a connection is what came and was not answered yet: a block in place, or what a head has so far.
//!
//! A request that lies whole in its block is read there. Only what is left of one that goes on in the next block is
//! copied; that is the head of a request, never a payload.

use levada_http::h1::{HeadLimits, HeadScan};
use levada_shared::ExclusiveBuf;

/// Bytes of requests, in order. Empty, it holds no memory.
#[derive(Debug, Default)]
pub(crate) struct Input {
    block: Option<ExclusiveBuf>,
    /// How much of the block was answered.
    taken_bytes: usize,
    /// Where a head that began in one block goes on in the next.
    carried: Vec<u8>,
    scan: HeadScan,
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

    /// What is there.
    pub(crate) fn bytes(&self) -> &[u8] {
        if !self.carried.is_empty() {
            return &self.carried;
        }
        self.block.as_deref().and_then(|block| block.get(self.taken_bytes..)).unwrap_or_default()
    }

    /// Whether a head that came in portions could be whole, or wrong, by now; what lies in a block is worth a look.
    pub(crate) fn is_worth_a_look(&mut self, limits: &HeadLimits) -> bool {
        self.carried.is_empty() || self.scan.is_worth_parsing(&self.carried, limits)
    }

    /// The first `bytes` are answered.
    pub(crate) fn take(&mut self, bytes: usize) {
        self.scan = HeadScan::default();
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
    pub(crate) fn carry(&mut self) {
        if let Some(block) = self.block.take() {
            self.carried.extend_from_slice(block.get(self.taken_bytes..).unwrap_or_default());
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes().is_empty()
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
    fn what_is_taken_is_gone_and_an_empty_input_holds_no_block() {
        let account = account();
        let mut input = Input::default();
        input.push(block(&account, b"one two"));
        input.take(4);
        assert_eq!(input.bytes(), b"two");
        input.take(3);
        assert!(input.is_empty());
        assert_eq!(account.charged_bytes(), 0);
    }

    #[test]
    fn what_goes_on_in_the_next_block_is_joined() {
        let account = account();
        let mut input = Input::default();
        input.push(block(&account, b"answered GET / HT"));
        input.take(9);
        input.carry();
        assert_eq!((input.bytes(), account.charged_bytes()), (&b"GET / HT"[..], 0));
        input.push(block(&account, b"TP/1.1\r\n"));
        assert_eq!(input.bytes(), b"GET / HTTP/1.1\r\n");
        assert!(!input.is_worth_a_look(&HeadLimits::default()));
        input.push(block(&account, b"\r\nnext"));
        assert!(input.is_worth_a_look(&HeadLimits::default()));
        input.take(18);
        assert_eq!(input.bytes(), b"next");
        input.take(4);
        assert!(input.is_empty() && input.carried.capacity() == 0);
    }
}
