//! A charge is room that is charged to a table before there is an entry to show for it: reserved, or to be loaded.
//!
//! Who links the entry takes the charge over under the lock of its shard, so that nobody else has the room in between; who drops
//! it gives it back.

use crate::table::body::Body;

/// Room that is charged and no entry's yet. What drops it gives the charge back, for which it takes the lock of its shard.
#[derive(Debug)]
pub(crate) struct Charge<'b> {
    body: &'b Body,
    shard: u32,
    bytes: u64,
}

impl<'b> Charge<'b> {
    /// What the caller has kept track of.
    pub(crate) fn of(body: &'b Body, shard: u32, bytes: u64) -> Self {
        Self { body, shard, bytes }
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Lets the charge stay; the caller keeps track of it: of which shard, and how much.
    pub(crate) fn keep(mut self) -> (u32, u64) {
        (self.shard, core::mem::take(&mut self.bytes))
    }
}

impl Drop for Charge<'_> {
    fn drop(&mut self) {
        if self.bytes == 0 {
            return;
        }
        let guard = self.body.pile.pin();
        let mut held = self.body.hold(self.shard, &guard);
        held.unreserve(self.bytes);
        held.finish();
    }
}
