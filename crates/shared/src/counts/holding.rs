//! Holding is how an account comes to a grant on a block that another account brought in, and how it leaves it.
//!
//! The order is that of invariant C in `grant`: a count rises first in the block's state, then in the grant's word,
//! and falls first in the word. Who asks always has a handle of his own, so the block cannot go meanwhile.

use crate::counts::grant::{AccountNumber, Grant};
use crate::counts::ledger::{AccountLine, BlockAddress, GrantIndex, Refused};
use crate::counts::lines::{Block, Pair};
use crate::counts::state::Left;
use crate::limit::{Full, Limit};

/// Where lines for further grants come from.
pub(crate) trait Lines {
    fn make(&self) -> Option<GrantIndex>;
    fn line(&self, index: GrantIndex) -> &Grant<Block>;
    fn give(&self, index: GrantIndex);
}

/// Which line an account's grant is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Held {
    /// The one beside the block's own.
    Home,
    /// One in the table of further grants.
    Further(GrantIndex),
}

/// Adds a handle of account `number` to the block of `pair`: to the grant it has, to the empty home, or to a new line.
///
/// All of it runs under the account's lock: so an account has at most one grant on a block, and an empty line of its
/// table is revived or removed, never both.
pub(crate) fn hold(
    account: &AccountLine,
    number: AccountNumber,
    pair: &Pair,
    lines: &impl Lines,
) -> Result<Held, Full<()>> {
    let block = &pair.block;
    let mut further = account.further.lock();
    if pair.home.join_existing(number) {
        return Ok(Held::Home);
    }
    let known = further.get(&BlockAddress::of(block)).copied();
    if let Some(index) = known
        && lines.line(index).join_existing(number)
    {
        return Ok(Held::Further(index));
    }
    // A grant begins: state first, then the charge, then the word.
    block.state.join();
    if let Err(Refused { room_bytes }) = account.charge(u64::from(block.capacity_bytes())) {
        unjoin(block);
        return Err(Full { limit: Limit::Account, room_bytes, value: () });
    }
    if let Some(index) = known {
        // Its last handle went, and who dropped it waits for this lock: the line lives on in our hands.
        assert!(
            lines.line(index).claim_empty(number),
            "an empty line is revived under its account's lock only"
        );
        return Ok(Held::Further(index));
    }
    if pair.home.claim_empty(number) {
        return Ok(Held::Home);
    }
    let Some(index) = lines.make() else {
        account.uncharge(u64::from(block.capacity_bytes()));
        unjoin(block);
        return Err(Full { limit: Limit::Heap, room_bytes: 0, value: () });
    };
    let line = lines.line(index);
    let base = core::ptr::NonNull::new(block.base()).expect("a block with handles has a place");
    line.bind(core::ptr::NonNull::from(block), base, block.capacity_bytes());
    line.begin(number);
    further.insert(BlockAddress::of(block), index);
    Ok(Held::Further(index))
}

/// After the last handle of a further grant went: takes its line out of the table, unless it was revived meanwhile or
/// another who dropped a last handle did so already.
pub(crate) fn remove_empty(account: &AccountLine, block: &Block, lines: &impl Lines) {
    let mut further = account.further.lock();
    if let Some(&index) = further.get(&BlockAddress::of(block))
        && lines.line(index).is_empty()
    {
        further.remove(&BlockAddress::of(block));
        lines.give(index);
    }
}

/// Ends a grant whose word is down; true says that the block is the caller's to free.
///
/// Uncharging comes first: once the state is left, another may free the block and its heap be dropped.
pub(crate) fn leave(account: &AccountLine, block: &Block) -> bool {
    account.uncharge(u64::from(block.capacity_bytes()));
    block.state.leave() == Left::Freed
}

fn unjoin(block: &Block) {
    let left = block.state.leave();
    assert!(left == Left::Kept, "who shares a block has a handle on it");
}
