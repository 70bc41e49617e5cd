//! Holding is how an account comes to a strong grant on a block: by sharing with a holder, or by upgrading a reference.
//!
//! The order is that of invariant C in `grant`: a count rises first in the block's state, then in the grant's word. Who
//! was not the first to raise the word gives the surplus back.

use crate::counts::around::Around;
use crate::counts::grant::{AccountNumber, Grant};
use crate::counts::leaving;
use crate::counts::ledger::{AccountLine, BlockAddress, FurtherGrants, GrantIndex, Purse, Refused};
use crate::counts::lines::{Block, Pair};
use crate::counts::state::Dead;
use crate::limit::{Full, Limit};
use crate::lock::Guard;

/// Which line an account's grant is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Held {
    /// The one beside the block's own.
    Home,
    /// One in the table of further grants.
    Further(GrantIndex),
}

/// Who asks for a hold.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum By {
    /// Somebody with a handle, so the block cannot go meanwhile.
    Holder,
    /// Somebody with a reference only.
    Reference,
}

/// Why there is no hold; nothing was charged.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refusal {
    Dead(Dead),
    Full(Full<()>),
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        Self::Full(Full::of_account(refused))
    }
}

impl Refusal {
    /// What a holder is refused by, whose block cannot be dead.
    pub(crate) fn into_full(self) -> Full<()> {
        match self {
            Self::Full(full) => full,
            Self::Dead(_) => unreachable!("a holder's block is there"),
        }
    }
}

/// Adds a handle of account `number` to the block of `pair`: to the grant it has, to the empty home, or to a new line.
///
/// A grant begins only under its account's lock, unless it is revived by who has a handle or finds one: so an account has
/// at most one grant on a block, and an empty line of its table is revived or removed, never both.
pub(crate) fn hold(
    around: &impl Around,
    number: AccountNumber,
    pair: &Pair,
    purse: &mut impl Purse,
    by: By,
) -> Result<Held, Refusal> {
    let block = &pair.block;
    if by == By::Reference
        && let Some(dead) = block.state.dead()
    {
        return Err(Refusal::Dead(dead));
    }
    if pair.home.join_existing(number) {
        return Ok(Held::Home);
    }
    let account = around.account(number);
    let mut further = None;
    if pair.home.is_empty() || pair.home.account() != number {
        let table = account.further.lock();
        if let Some(&index) = table.get(&BlockAddress::of(block))
            && around.line(index).join_existing(number)
        {
            return Ok(Held::Further(index));
        }
        further = Some(table);
    }
    // A grant begins: state first, then the charge, then the word.
    raise(around, block, by)?;
    if let Err(refused) = purse.pay(u64::from(block.capacity_bytes())) {
        drop(further);
        lower(around, block);
        return Err(refused.into());
    }
    let (held, is_first) = match pair.home.revive(number) {
        Some(is_first) => (Held::Home, is_first),
        None => {
            let mut table = further.unwrap_or_else(|| account.further.lock());
            let Some(found) = grant_in(around, number, pair, &mut table) else {
                drop(table);
                purse.refund(u64::from(block.capacity_bytes()));
                lower(around, block);
                return Err(Refusal::Full(Full { limit: Limit::Heap, room_bytes: 0, value: () }));
            };
            found
        }
    };
    if !is_first {
        purse.refund(u64::from(block.capacity_bytes()));
        lower(around, block);
    }
    Ok(held)
}

/// The grant of an account that has its lock: the one it has, the home if that is empty, or a new one. True if it had no
/// strong handle.
fn grant_in(
    around: &impl Around,
    number: AccountNumber,
    pair: &Pair,
    table: &mut Guard<'_, FurtherGrants>,
) -> Option<(Held, bool)> {
    let block = &pair.block;
    if let Some(is_first) = pair.home.revive(number) {
        return Some((Held::Home, is_first));
    }
    if let Some(&index) = table.get(&BlockAddress::of(block)) {
        let line = around.line(index);
        // Where its last handle went, who dropped it waits for this lock: the line lives on in our hands.
        let is_first = line.revive(number).unwrap_or_else(|| {
            assert!(line.claim_empty(number), "an empty line is revived under its account's lock");
            true
        });
        return Some((Held::Further(index), is_first));
    }
    if pair.home.claim_empty(number) {
        return Some((Held::Home, true));
    }
    let index = around.make_line()?;
    let line = around.line(index);
    let base = core::ptr::NonNull::new(block.base()).expect("a block with handles has a place");
    line.bind(core::ptr::NonNull::from(block), base, block.capacity_bytes());
    line.begin(number);
    block.add_weak();
    table.insert(BlockAddress::of(block), index);
    Some((Held::Further(index), true))
}

/// Adds a strong handle to a grant of which the caller has a soft one.
pub(crate) fn upgrade(
    around: &impl Around,
    grant: &Grant<Block>,
    block: &Block,
) -> Result<(), Refusal> {
    if let Some(dead) = block.state.dead() {
        return Err(Refusal::Dead(dead));
    }
    let number = grant.account();
    block.mark_used();
    if grant.join_existing(number) {
        return Ok(());
    }
    raise(around, block, By::Reference)?;
    let account = around.account(number);
    if let Err(refused) = around.charge(number, u64::from(block.capacity_bytes())) {
        lower(around, block);
        return Err(refused.into());
    }
    let is_first = grant.revive(number).expect("the caller's handle keeps the grant his account's");
    if !is_first {
        account.uncharge(u64::from(block.capacity_bytes()));
        lower(around, block);
    }
    Ok(())
}

/// Moves the only handle on a block that nobody else can reach from one account to another. False if it is not so, and
/// nothing has changed.
pub(crate) fn rename(
    from: (&AccountLine, AccountNumber),
    to: AccountNumber,
    pair: &Pair,
    purse: &mut impl Purse,
) -> Result<bool, Refusal> {
    let bytes = u64::from(pair.block.capacity_bytes());
    // In this order: see `State::is_private`.
    if !pair.home.has_one_handle(from.1) || !pair.block.is_private() {
        return Ok(false);
    }
    purse.pay(bytes)?;
    let is_renamed = pair.home.rename(from.1, to);
    assert!(is_renamed, "nobody else reaches a private block");
    from.0.uncharge(bytes);
    Ok(true)
}

fn raise(around: &impl Around, block: &Block, by: By) -> Result<(), Refusal> {
    match by {
        By::Holder => block.state.join(),
        By::Reference => {
            if block.state.join_upgrade().map_err(Refusal::Dead)? {
                around.shelf(block).no_longer_soft_only(block);
            }
            block.mark_used();
        }
    }
    Ok(())
}

/// Takes back what was raised.
fn lower(around: &impl Around, block: &Block) {
    let left = leaving::leave_state(around, block);
    leaving::settle(around, block, left);
}
