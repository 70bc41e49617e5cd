//! A payer is whose account the pieces of a stream are charged to: that of the process that reads.

use crate::charge::{charge_to, set_aside};
use crate::here;
use crate::message::rehome;
use crate::pid::Pid;
use crate::state::State;
use levada_shared::{Account, Charged, Full, SharedData};

/// Whom a process of this core is charged to.
pub(crate) fn payer_of(state: &State, pid: Pid) -> Option<Account> {
    let block = state.table.find(pid.slot(), pid.generation());
    let own = block.and_then(|block| {
        block.with_budget(|budget| budget.map(|budget| budget.account().clone()))
    });
    own.or_else(|| state.account.clone())
}

/// Makes data the payer's.
/// # Errors
/// What the account still has room for; nothing has changed.
#[inline]
pub(crate) fn charge(payer: Option<&Account>, data: &mut SharedData) -> Result<(), Full<()>> {
    match payer {
        Some(payer) if data.lacks_bytes(payer) > 0 => charge_anew(payer, data),
        _ => Ok(()),
    }
}

#[cold]
fn charge_anew(payer: &Account, data: &mut SharedData) -> Result<(), Full<()>> {
    here::with(|state| match state {
        Some(state) => charge_to(state, payer, |visit| visit.charged(data)),
        None => {
            if let Some(mut room) = set_aside(payer, |visit| visit.charged(data))? {
                rehome(&mut room, |visit| visit.charged(data));
            }
            Ok(())
        }
    })
}

/// Takes a piece's share of the slice that the process has which runs; false if nothing is left, and others come first.
#[inline]
pub(crate) fn spend() -> bool {
    here::with(|state| {
        let running = state.filter(|state| state.course.pid.get().is_some());
        running.is_none_or(|state| state.ready.spend_message(|| state.read_clock()))
    })
}

/// Whether who waits here was cancelled.
pub(crate) fn is_cancelled() -> bool {
    here::with(|state| state.is_some_and(|state| state.course.cancelled.get()))
}
