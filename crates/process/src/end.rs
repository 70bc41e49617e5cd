//! The end of a process undoes it in an order that tells nobody too early, whatever it ended by.
//!
//! ```text
//! intake closes ─► tasks, youngest first, and root are dropped: their calls are cancelled, requests that they held are dropped
//! ─► its own heap is undone ─► what was accepted and not taken goes back or is dropped ─► its own account closes ─► links, monitors and its supervisor are
//! told ─► the slot rests until the last sender is gone
//! ```
//!
//! One that is kept to be started anew keeps its intake, what is in it, its account and its slot. Each drop of the user's is contained
//! for itself: one that panics keeps nothing else from its end.

use crate::block::{Block, Extra, Life, NOBODY};
use crate::chain::{Chain, Report};
use crate::closed::Closed;
use crate::deliver;
use crate::exit::{Down, Exit};
use crate::flush;
use crate::follow;
use crate::gauges::count;
use crate::heap_turn;
use crate::link;
use crate::pid::Pid;
use crate::state::State;
use crate::waiting;
use std::rc::Rc;

/// Ends the process in a slot.
pub(crate) fn end(state: &Rc<State>, slot: u32, exit: Exit) {
    let (block, pid) = (state.table.block(slot), state.table.pid(slot));
    let (cause, kind) = (block.cause.get(), state.table.kind(block));
    let is_kept = block.is_supervised() && !state.stopping.get() && keeps(block, &exit);
    if is_kept {
        block.pause(); // from here on nothing makes it ready
        drop(block.take_doom());
        take_apart(state, pid, block, &exit);
    } else {
        block.set_life(Life::Ending); // the same
        block.receiver.set(NOBODY);
        deliver::shut(state, slot, block, Closed::Ended);
        take_apart(state, pid, block, &exit);
    }
    let discarded = if is_kept { 0 } else { deliver::discard(state, slot, block) };
    if !is_kept {
        flush::end(state, block, Closed::Ended);
    }
    state.course.crashing.set(false);
    state.course.leave();
    let quarantined_bytes = if is_kept { 0 } else { leave_budget(state, pid, block) };
    let extra = if is_kept { block.extra() } else { block.take_extra() };
    let dropped = extra.as_ref().map_or(0, |extra| extra.undelivered.take());
    let undelivered = discarded + dropped;
    if let Some(extra) = &extra {
        let down = Down { pid, exit: exit.clone(), undelivered, quarantined_bytes };
        tell(state, extra, &down, is_kept);
    }
    let ended = match &exit {
        Exit::Normal => &state.counts.exits_normal,
        Exit::Failed { .. } => &state.counts.exits_failed,
        Exit::Panicked { .. } => &state.counts.exits_panicked,
        Exit::Killed { .. } | Exit::Unknown => &state.counts.exits_killed,
        Exit::Cancelled => &state.counts.exits_cancelled,
        Exit::Linked { .. } => &state.counts.exits_linked,
        Exit::Overflow => &state.counts.exits_overflow,
    };
    count(ended);
    if !is_kept {
        state.table.rest(slot);
        deliver::leave_if_unsent(state, slot);
    }
    if !matches!(exit, Exit::Normal | Exit::Cancelled) {
        let (name, message) = (kind.name, kind.shape.name());
        let (chain, next) = (Chain::default(), None);
        let report =
            Report { pid, name, exit, cause, message, undelivered, quarantined_bytes, chain, next };
        follow::tell(state, report);
    }
}

/// Whether who supervises it wants it kept.
fn keeps(block: &Block, exit: &Exit) -> bool {
    let extra = block.extra();
    extra.is_some_and(|extra| extra.guard.borrow().as_ref().is_some_and(|guard| guard.keeps(exit)))
}

/// Drops all that it was doing.
fn take_apart(state: &State, pid: Pid, block: &Block, exit: &Exit) {
    state.course.enter(pid);
    state.course.task.set(0);
    state.course.cause.set(block.cause.get());
    state.course.crashing.set(exit.is_crash());
    while let Some(task) = block.extra().and_then(|extra| extra.tasks.take_youngest()) {
        state.contained(|| drop(task));
    }
    let root = block.root.take();
    state.contained(|| drop(root));
    heap_turn::end(state, block, pid);
}

/// Tells those who want to hear of it.
fn tell(state: &State, extra: &Rc<Extra>, down: &Down, is_kept: bool) {
    drop((extra.outcome.take(), extra.receiver.take(), extra.on_cancel.take()));
    link::end_all(state, down.pid, extra.links.take(), &down.exit);
    for teller in extra.monitors.take() {
        drop(waiting::answer(state, teller, down.clone()));
    }
    if let Some(guard) = &*extra.guard.borrow() {
        state.wake(guard.note(down.exit.clone(), is_kept));
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
