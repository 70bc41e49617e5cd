//! Charging makes what a message carries of the shared heap its receiver's before it is let in: all of it, or nothing has changed.
//!
//! ```text
//! lacks      what the receiver's account has to have room for: nothing, if the handles are that account's already
//! reserve    so much, or the message comes back
//! rehome     every handle, out of the room set aside: nothing can fail any more
//! ```
//!
//! Cost: nothing for types that carry nothing of the shared heap, which is known when they are compiled; two loads for each piece
//! that is the receiver's already; else what a transfer costs. A block that is named by several handles of one message is counted
//! for each while room is reserved, and charged once.

use crate::block::Block;
use crate::message::{Visit, lacks_bytes, rehome};
use crate::parcel::Cargo;
use crate::state::State;
use crate::waits::Opened;
use levada_shared::{Account, Full, Reservation};

/// Makes what `visit` shows of a message that of the process at `block`.
/// # Errors
/// What its account still has room for; nothing has changed.
pub(crate) fn charge(
    state: &State,
    block: &Block,
    visit: impl FnMut(&mut Visit<'_>),
) -> Result<(), Full<()>> {
    block.with_budget(|budget| {
        let account = budget.map(|budget| budget.account()).or(state.account.as_ref());
        account.map_or(Ok(()), |account| charge_to(state, account, visit))
    })
}

/// Makes what `visit` shows of what is to land his who waits for it.
/// # Errors
/// What his account still has room for; nothing has changed.
pub(crate) fn charge_owner(
    state: &State,
    wait: Opened,
    visit: impl FnMut(&mut Visit<'_>),
) -> Result<(), Full<()>> {
    let Some(owner) = state.waits.owner(wait) else { return Ok(()) };
    charge(state, state.table.block(owner), visit)
}

/// The same of something whose type is not known here.
pub(crate) fn charge_landing(
    state: &State,
    wait: Opened,
    cargo: &mut Cargo<'_>,
) -> Result<(), Full<()>> {
    if !cargo.shape().charges {
        return Ok(());
    }
    charge_owner(state, wait, |by| cargo.visit(by))
}

/// Makes what `visit` shows that of an account.
/// # Errors
/// What it still has room for; nothing has changed.
pub(crate) fn charge_to(
    state: &State,
    account: &Account,
    mut visit: impl FnMut(&mut Visit<'_>),
) -> Result<(), Full<()>> {
    if let Some(mut room) = set_aside(account, &mut visit)? {
        move_into(state, &mut room, visit);
    }
    Ok(())
}

/// Sets room aside for what `visit` shows; none if nothing is lacked.
/// # Errors
/// What the account still has room for.
pub(crate) fn set_aside(
    account: &Account,
    visit: impl FnOnce(&mut Visit<'_>),
) -> Result<Option<Reservation>, Full<()>> {
    match lacks_bytes(account, visit) {
        0 => Ok(None),
        bytes => account.reserve(bytes).map(Some),
    }
}

/// Makes what `visit` shows that of who set the room aside.
pub(crate) fn move_into(state: &State, room: &mut Reservation, visit: impl FnOnce(&mut Visit<'_>)) {
    let before = room.left_bytes();
    rehome(room, visit);
    let rehomed = &state.counts.rehomed_bytes;
    rehomed.set(rehomed.get() + (before - room.left_bytes()));
}
