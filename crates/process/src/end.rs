//! The end of a process undoes it in an order that tells nobody too early, whatever it ended by.
//!
//! ```text
//! intake closes ─► tasks, youngest first, and root are dropped: their calls are cancelled, requests that they held are dropped
//! ─► what was accepted and not taken goes back or is dropped ─► its own account closes ─► monitors are told ─► the slot rests until the last sender is gone
//! ```
//!
//! Each drop of the user's is contained for itself: one that panics keeps nothing else from its end.

use crate::block::{Block, Life, NOBODY};
use crate::chain::{Chain, Report};
use crate::closed::Closed;
use crate::deliver;
use crate::exit::{Down, Exit};
use crate::follow;
use crate::gauges::count;
use crate::pid::Pid;
use crate::state::State;
use crate::waiting;
use std::rc::Rc;

/// Ends the process in a slot.
pub(crate) fn end(state: &Rc<State>, slot: u32, exit: Exit) {
    let (block, pid) = (state.table.block(slot), state.table.pid(slot));
    let cause = block.cause.get();
    block.set_life(Life::Ending); // from here on nothing makes it ready
    block.receiver.set(NOBODY);
    deliver::shut(state, slot, block, Closed::Ended);
    state.course.enter(pid);
    state.course.task.set(0);
    state.course.cause.set(cause);
    state.course.crashing.set(exit.is_crash());
    while let Some(task) = block.extra().and_then(|extra| extra.tasks.take_youngest()) {
        state.contained(|| drop(task));
    }
    let root = block.root.take();
    state.contained(|| drop(root));
    let discarded = deliver::discard(state, slot, block);
    state.course.crashing.set(false);
    state.course.leave();
    let quarantined_bytes = leave_budget(state, pid, block);

    let extra = block.take_extra();
    let (monitors, dropped) =
        extra.map(|extra| (extra.monitors.take(), extra.undelivered.get())).unwrap_or_default();
    let undelivered = discarded + dropped;
    for teller in monitors {
        let down = Down { pid, exit: exit.clone(), undelivered, quarantined_bytes };
        drop(waiting::answer(state, teller, down));
    }
    let ended = match &exit {
        Exit::Normal => &state.counts.exits_normal,
        Exit::Failed { .. } => &state.counts.exits_failed,
        Exit::Panicked { .. } => &state.counts.exits_panicked,
        Exit::Killed { .. } | Exit::Unknown => &state.counts.exits_killed,
    };
    count(ended);
    let kind = state.table.kind(block);
    state.table.rest(slot);
    deliver::leave_if_unsent(state, slot);
    if !exit.is_normal() {
        let (name, message) = (kind.name, kind.shape.name());
        let (chain, next) = (Chain::default(), None);
        let report =
            Report { pid, name, exit, cause, message, undelivered, quarantined_bytes, chain, next };
        follow::tell(state, report);
    }
}

/// Closes the account of the process, if it has one and is the last under it; how much is still charged.
fn leave_budget(state: &State, pid: Pid, block: &Block) -> u64 {
    let Some(budget) = block.take_budget() else { return 0 };
    state.port.payers.remove(pid);
    let left_bytes = budget.leave();
    let quarantined = &state.counts.quarantined_bytes;
    quarantined.set(quarantined.get() + left_bytes);
    left_bytes
}
