//! What goes out is written behind each other into a block that a core's connections share, range by range; long values stand
//! between the ranges by reference.

use bytes::BufMut;
use levada_memcache::{Reply, write_reply};
use levada_shared::{Account, ExclusiveBuf, Full, SharedData};

/// The length of a block. A range that nobody reads holds its whole block, so it is short.
const BLOCK_BYTES: usize = 16 << 10;

/// Most lines are no longer.
const LINE_BYTES: usize = 320;

/// Beyond so many bytes, or pieces, what there is is sent before more is answered.
const OUT_BYTES_MAX: u64 = 256 << 10;
const OUT_PIECES_MAX: usize = 128;

/// The replies of one pass.
pub(crate) struct Outgoing<'a> {
    account: &'a Account,
    block: &'a mut Option<ExclusiveBuf>,
    data: SharedData,
    /// There was no room for something: what comes behind it is left out.
    is_broken: bool,
    pub(crate) copied_bytes: u64,
    pub(crate) holds: u64,
}

impl<'a> Outgoing<'a> {
    /// Begins behind what the block holds for others.
    pub(crate) fn new(account: &'a Account, block: &'a mut Option<ExclusiveBuf>) -> Self {
        let data = SharedData::new();
        Self { account, block, data, is_broken: false, copied_bytes: 0, holds: 0 }
    }

    /// Who pays for what goes out.
    pub(crate) fn account(&self) -> &'a Account {
        self.account
    }

    /// Whether it is to be sent before more is answered.
    pub(crate) fn is_full(&self) -> bool {
        self.data.len() >= OUT_BYTES_MAX
            || self.data.piece_count() >= OUT_PIECES_MAX
            || self.is_broken
    }

    #[inline]
    pub(crate) fn reply(&mut self, reply: &Reply<'_>) {
        if let Some(block) = self.block {
            // A line of many parts is put together where they cost no calls.
            let mut line = [0; LINE_BYTES];
            let mut rest = &mut line[..];
            let is_line = matches!(reply, Reply::Value(_) | Reply::Meta(_))
                && write_reply(reply, &mut rest).is_ok();
            let line_bytes = LINE_BYTES - rest.len();
            if is_line && line_bytes <= block.room_bytes() {
                return block.put_slice(&line[..line_bytes]);
            }
            if !is_line && write_reply(reply, block).is_ok() {
                return;
            }
        }
        let text_bytes = reply.text_bytes();
        if let Some(block) = self.next_block(text_bytes) {
            let written = write_reply(reply, block);
            debug_assert!(written.is_ok(), "the room was counted before");
        }
    }

    /// Copies a value in.
    #[inline]
    pub(crate) fn copy(&mut self, mut bytes: &[u8]) {
        self.copied_bytes += bytes.len() as u64;
        loop {
            let Some(block) = self.block else {
                if self.next_block(1).is_none() {
                    return;
                }
                continue;
            };
            let (now, later) = bytes.split_at(bytes.len().min(block.room_bytes()));
            block.put_slice(now); // counted with the others when all is written
            if later.is_empty() {
                return;
            }
            bytes = later;
            if self.next_block(1).is_none() {
                return;
            }
        }
    }

    /// Puts a value in by reference.
    pub(crate) fn hold(&mut self, value: SharedData) {
        self.holds += 1;
        self.take_range();
        self.append(value);
    }

    /// All of it, and whether nothing was left out.
    pub(crate) fn finish(mut self) -> (SharedData, bool) {
        self.take_range();
        if self.copied_bytes > 0 {
            self.account
                .heap()
                .count_copy(usize::try_from(self.copied_bytes).unwrap_or(usize::MAX));
        }
        if self.block.as_ref().is_some_and(|block| block.room_bytes() == 0) {
            *self.block = None;
        }
        (self.data, !self.is_broken)
    }

    /// Another block, with room for so many bytes.
    fn next_block(&mut self, room_bytes: usize) -> Option<&mut ExclusiveBuf> {
        self.take_range();
        *self.block = None;
        match self.account.buf(room_bytes.max(BLOCK_BYTES)) {
            Ok(block) if !self.is_broken => Some(self.block.insert(block)),
            Ok(_) => None,
            Err(Full { .. }) => {
                self.is_broken = true;
                None
            }
        }
    }

    fn take_range(&mut self) {
        if let Some(block) = self.block {
            let range = block.freeze_filled();
            self.append(range);
        }
    }

    fn append(&mut self, data: SharedData) {
        if self.data.append(data).is_err() {
            self.is_broken = true;
        }
    }
}
