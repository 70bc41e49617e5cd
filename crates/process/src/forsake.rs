//! A mailbox is forsaken when it is dropped and its process goes on: it closes, and what is in it goes back or is dropped.

use crate::block::Block;
use crate::closed::Closed;
use crate::deliver;
use crate::flush;
use crate::state::State;

/// Closes a mailbox that nobody will take anything out of any more.
pub(crate) fn forsake(state: &State, slot: u32, block: &Block) {
    deliver::shut(state, slot, block, Closed::ByOwner);
    block.set_deaf();
    let discarded = deliver::discard(state, slot, block);
    deliver::count_undelivered(block, discarded);
    flush::end(state, block, block.closed().unwrap_or(Closed::ByOwner));
}
