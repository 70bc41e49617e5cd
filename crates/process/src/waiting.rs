//! Waiting ends: by what was waited for, by time, or because who waited is no longer there; then others have to hear of it.

use crate::address::{ReplyTo, WaitId};
use crate::charge::charge_owner;
use crate::control::{Control, Unanswered};
use crate::deliver;
use crate::gauges::count;
use crate::message::Message;
use crate::parcel::{Envelope, Parcel};
use crate::port::Port;
use crate::remote;
use crate::state::State;
use crate::waits::{Left, Line, Opened, Outcome};
use levada_shared::Full;

/// Closes a wait, and undoes what it had elsewhere: its place in line, its timer, those who listen for its end. How it ended, and
/// whether it stood in line.
#[inline]
pub(crate) fn close(state: &State, opened: Opened) -> (Outcome, bool) {
    let (outcome, owner, left) = state.waits.close(opened);
    if let Some(block) = owner.and_then(|pid| state.table.find(pid.slot(), pid.generation())) {
        block.end_wait(opened.index);
    }
    (outcome, left.is_some_and(|left| undo(state, opened, outcome, left)))
}

#[cold]
fn undo(state: &State, opened: Opened, outcome: Outcome, left: Left) -> bool {
    if let Some(timer) = left.timer {
        state.host.0.timer_cancel(timer);
    }
    if let Some(line) = left.line {
        leave_line(state, line);
    }
    if left.listened {
        end_listening(state, opened, outcome != Outcome::Answered);
    }
    state.contained(|| drop(left.wakee));
    left.line.is_some()
}

/// Ends the waits of processes that were cancelled.
pub(crate) fn cancel(state: &State, picks: impl FnMut(u32) -> bool) {
    for opened in state.waits.cancellable(picks) {
        // Who was told of one before may have closed the next.
        if let Some(left) = state.waits.cancel(opened) {
            stopped(state, opened, left);
        }
    }
}

/// Undoes what a wait had elsewhere that ended before anything came, and wakes who waits.
pub(crate) fn stopped(state: &State, opened: Opened, left: Left) {
    let Left { wakee, timer, line, listened } = left;
    if let Some(timer) = timer {
        state.host.0.timer_cancel(timer);
    }
    if let Some(line) = line {
        leave_line(state, line);
    }
    if listened {
        end_listening(state, opened, true);
    }
    state.wake(wakee);
}

/// Takes somebody out of a line; who stands behind may fit where he did not.
pub(crate) fn leave_line(state: &State, line: Line) {
    let Line { mailbox, place, .. } = line;
    if state.is_here(mailbox) {
        let block = state.table.block(mailbox.slot());
        drop(state.lines.remove(&block.line, place));
        deliver::advance(state, mailbox.slot(), block, true);
        if deliver::is_over(block).is_some() {
            deliver::arrived(state, mailbox.slot(), block);
        }
        return;
    }
    if let Some(lease) = state.leases.borrow_mut().get(mailbox) {
        drop(state.lines.remove(&lease.line, place));
    }
    remote::advance(state, mailbox);
}

/// Tells those who listened for the end of a call that it has none, or forgets them.
pub(crate) fn end_listening(state: &State, opened: Opened, tell: bool) {
    let listeners = state.listeners.borrow_mut().remove(&opened.index);
    for listener in listeners.into_iter().flatten().filter(|_| tell) {
        answer(state, listener, ()).unwrap_or_default();
    }
}

/// Brings an answer to who waits for it.
/// # Errors
/// The answer, if nobody does any more, as far as can be seen from here.
pub(crate) fn answer<R: Message>(state: &State, to: ReplyTo<R>, answer: R) -> Result<(), R> {
    if to.wait().core == state.core {
        let wakee = state.waits.answer(to, answer)?;
        state.wake(wakee);
        return Ok(());
    }
    let Some(port) = Port::of(to.wait().core).filter(|port| port.running().is_some()) else {
        return Err(answer);
    };
    let mut parcel = Parcel::new();
    parcel.answer(to, answer);
    if state.stage(port, &parcel).is_err() {
        state.contained(|| drop(Envelope::of(&parcel)));
    }
    Ok(())
}

/// Brings the answer of a call to who waits for it, and makes what it carries his.
/// # Errors
/// The answer, if nobody waits for it any more, as far as can be seen from here, or his account has no room for it.
pub(crate) fn answer_call<R: Message>(
    state: &State,
    to: ReplyTo<R>,
    mut answered: R,
) -> Result<(), R> {
    if R::CHARGES && to.wait().core == state.core {
        let charged = charge_owner(state, opened(to.wait()), |by| answered.visit(by));
        if !fits(state, opened(to.wait()), charged) {
            return Err(answered);
        }
    }
    let done = answer(state, to, answered);
    if done.is_err() {
        count(&state.counts.replies_late);
    }
    done
}

/// Whether an answer found room in the account of who waits for it; else the call ends with that.
pub(crate) fn fits(state: &State, wait: Opened, charged: Result<(), Full<()>>) -> bool {
    if let Err(full) = charged {
        count(&state.counts.answers_over_budget);
        deliver::settle(state, wait, Outcome::OverBudget(full));
    }
    charged.is_ok()
}

/// Tells who called that there is no answer.
pub(crate) fn end_call(state: &State, call: WaitId, how: Unanswered) {
    if call.core != state.core {
        return state.tell(call.core, Control::End { call, how }).unwrap_or_default();
    }
    let outcome = match how {
        Unanswered::Crashed => {
            if let Some(asked) = state.waits.asked_in(opened(call)) {
                state.crashed.keep(asked);
            }
            Outcome::Crashed
        }
        Unanswered::Dropped => Outcome::Dropped,
        Unanswered::Cycle => Outcome::Cycle,
    };
    deliver::settle(state, opened(call), outcome);
}

/// Somebody wants to hear if a call of this core ends unanswered.
pub(crate) fn listen(state: &State, call: WaitId, listener: ReplyTo<()>) {
    if state.waits.set_listened(opened(call)) {
        state.listeners.borrow_mut().entry(call.index).or_default().push(listener);
    } else {
        answer(state, listener, ()).unwrap_or_default();
    }
}

/// Somebody no longer wants to hear.
pub(crate) fn unlisten(state: &State, call: WaitId, listener: WaitId) {
    let listeners = &mut *state.listeners.borrow_mut();
    if let Some(all) = listeners.get_mut(&call.index) {
        all.retain(|other| other.wait() != listener);
    }
}

fn opened(wait: WaitId) -> Opened {
    Opened { index: wait.index, generation: wait.generation }
}
