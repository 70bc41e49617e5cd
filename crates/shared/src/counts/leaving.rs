//! Leaving is how a grant ends, strong or soft, and how a block goes that nothing keeps any more.
//!
//! The order is that of invariant C in `grant`: the word fell before, the state falls last. What belongs to the account
//! comes before that: once the state is left, another may free the block and its heap be dropped. Where the block is
//! shelved, the last steps are made under the shelf's lock, and opening that lock is the last touch: whoever frees the
//! block takes that lock too.

use crate::counts::around::{Around, Shelved};
use crate::counts::grant::{Ended, Grant};
use crate::counts::ledger::{AccountLine, BlockAddress};
use crate::counts::lines::Block;
use crate::counts::shelf::Shelf;
use crate::counts::state::Left;

/// The last strong handle of a grant has gone: uncharges its account, leaves the state, and frees what nobody holds.
pub(crate) fn leave(around: &impl Around, ended: Ended, is_home: bool, block: &Block) {
    let account = around.account(ended.account);
    if !is_home && ended.is_empty {
        remove_empty(around, account, block);
    }
    account.uncharge(u64::from(block.capacity_bytes()));
    let left = leave_state(around, block);
    settle(around, block, left);
}

/// A handle goes that is the only way to its block: nobody can look on, so nothing need be counted. False if it is not the
/// only way, and nothing has been done.
#[inline]
pub(crate) fn leave_private(around: &impl Around, home: &Grant<Block>, block: &Block) -> bool {
    let Some(account) = home.only_handle() else { return false };
    // In this order: see `State::is_private`.
    if !block.is_private() {
        return false;
    }
    home.clear();
    block.end_private();
    around.free_private(account, block);
    true
}

/// Takes a strong grant from the state.
pub(crate) fn leave_state(around: &impl Around, block: &Block) -> Left {
    if let Some(left) = block.state.leave_unshelved() {
        return left;
    }
    let shelved = around.shelf(block);
    let mut shelf = shelved.lock();
    let left = block.state.leave();
    match left {
        Left::SoftOnly => shelved.became_soft_only(block),
        Left::Freed { is_last: false } => shelf.take(around, block),
        Left::Freed { is_last: true } | Left::Kept | Left::Nameless => {}
    }
    left
}

/// Does what is left to do for a block after a step of its state.
pub(crate) fn settle(around: &impl Around, block: &Block, left: Left) {
    match left {
        Left::Kept | Left::SoftOnly => {}
        Left::Freed { is_last } => {
            if is_last {
                block.drop_weak_of_grants();
            }
            around.free(block);
        }
        Left::Nameless => around.forget(block),
    }
}

/// Adds a soft handle to a grant of which the caller has a strong one.
pub(crate) fn add_soft(around: &impl Around, grant: &Grant<Block>, block: &Block) {
    if grant.join_soft() {
        return;
    }
    let account = around.account(grant.account());
    account.begin_reference();
    {
        let mut shelf = around.shelf(block).lock();
        if block.state.join_soft() {
            shelf.put(around, block);
        }
    }
    if !grant.begin_soft() {
        // Another was first, and there cannot be two of one grant.
        account.end_reference();
        let left = leave_soft_state(around, block);
        debug_assert_eq!(left, Left::Kept, "the caller's strong handle keeps the block");
    }
}

/// The last soft handle of a grant has gone: leaves the state, and frees what nothing keeps.
pub(crate) fn leave_soft(around: &impl Around, ended: Ended, is_home: bool, block: &Block) {
    let account = around.account(ended.account);
    if !is_home && ended.is_empty {
        remove_empty(around, account, block);
    }
    account.end_reference();
    let left = leave_soft_state(around, block);
    settle(around, block, left);
}

fn leave_soft_state(around: &impl Around, block: &Block) -> Left {
    let shelved = around.shelf(block);
    let mut shelf = shelved.lock();
    let left = block.state.leave_soft();
    match left {
        Left::Freed { .. } => {
            shelved.no_longer_soft_only(block);
            shelf.take(around, block);
        }
        Left::Kept if block.state.soft_grants() == 0 => shelf.take(around, block),
        Left::Kept | Left::SoftOnly | Left::Nameless => {}
    }
    left
}

/// Says that the block is out of date, for who has a reference: what only soft grants keep is freed.
pub(crate) fn retire(around: &impl Around, block: &Block) {
    let shelved = around.shelf(block);
    let mut shelf = shelved.lock();
    if block.state.retire() {
        shelved.no_longer_soft_only(block);
        shelf.take(around, block);
        drop(shelf);
        around.free(block);
    }
}

/// Takes the bytes of the next victim on the shelf that `choose` finds there: they are the caller's to free. `None` if it
/// finds none.
pub(crate) fn steal<'a, A: Around>(
    around: &'a A,
    shelved: &Shelved,
    choose: impl FnOnce(&mut Shelf, &'a A) -> Option<&'a Block>,
) -> Option<&'a Block> {
    let mut shelf = shelved.lock();
    let block = choose(&mut shelf, around)?;
    shelved.no_longer_soft_only(block);
    Some(block)
}

/// After the last handle of a further grant went: takes its line out of the table, unless it was revived meanwhile or
/// another who dropped a last handle did so already.
fn remove_empty(around: &impl Around, account: &AccountLine, block: &Block) {
    let mut further = account.further.lock();
    if let Some(&index) = further.get(&BlockAddress::of(block))
        && around.line(index).is_empty()
    {
        further.remove(&BlockAddress::of(block));
        around.give_line(index);
        let is_last = block.drop_weak();
        debug_assert!(!is_last, "the grant that ends still knows the lines");
    }
}
