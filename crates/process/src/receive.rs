//! Receiving takes in what other cores and threads have for this one: once in a pass, so that it comes in batches.
//!
//! ```text
//! gate ──► lanes that are named, at most 256 units of each: controls act, messages go to mail, answers land
//!      ──► the outside: answers, messages, and last the bells, when all that was sent before they rang is in
//! ```
#![expect(
    unsafe_code,
    reason = "answers land where they were addressed to; their types are those of the address"
)]

use crate::cancel;
use crate::charge::{charge_landing, move_into};
use crate::circle;
use crate::control::Control;
use crate::deliver;
use crate::flush;
use crate::follow;
use crate::gauges::count;
use crate::kill;
use crate::lane::LaneIn;
use crate::link;
use crate::monitor;
use crate::parcel::{Arrived, Cargo, Envelope};
use crate::pid::CoreId;
use crate::port::{OUTSIDE_BIT, Port};
use crate::remote;
use crate::state::State;
use crate::waiting;
use crate::waits::{Opened, Outcome};
use levada_queue::Named;
use std::rc::Rc;

/// How many units of a lane, and how many messages from outside, are taken in a pass.
const PASS_MAX: usize = 256;

/// Takes in what there is; whether there is more than a pass takes.
pub(crate) fn receive(state: &Rc<State>) -> bool {
    let named = state.port.gate.take();
    let (unread, outside_unread) = {
        let inbound = &mut *state.inbound.borrow_mut();
        (std::mem::take(&mut inbound.unread), inbound.outside_unread)
    };
    if named.is_empty() && unread.is_empty() && !outside_unread {
        return false;
    }
    take_new_lanes(state);
    for index in lanes_to_read(state, named, &unread) {
        read_lane(state, index);
    }
    for core in state.outbound.cores() {
        if named.has(Port::lane_bit(core)) {
            called_by(state, core);
        }
    }
    if named.has(OUTSIDE_BIT) || outside_unread {
        from_outside(state);
    }
    let inbound = state.inbound.borrow();
    !inbound.unread.is_empty() || inbound.outside_unread
}

fn take_new_lanes(state: &Rc<State>) {
    for lane in state.port.take_lanes() {
        let index = usize::from(lane.from().number());
        let before = {
            let lanes = &mut state.inbound.borrow_mut().lanes;
            if lanes.len() <= index {
                lanes.resize_with(index + 1, || None);
            }
            lanes[index].replace(lane)
        };
        // An older core of that number left it behind; what it still said comes before what the new one says.
        if let Some(before) = before {
            close_lane(state, before);
        }
    }
}

/// Does what is left in a lane that ends.
fn close_lane(state: &Rc<State>, lane: LaneIn) {
    let from = lane.from();
    lane.close(|arrived| act(state, from, arrived));
}

/// Does what is left in all lanes, since this core leaves and nobody is let in any more: whoever said something hears that its
/// process is gone. Which cores still have lanes to this one.
pub(crate) fn close_lanes(state: &Rc<State>) -> Vec<CoreId> {
    take_new_lanes(state);
    let lanes = std::mem::take(&mut state.inbound.borrow_mut().lanes);
    let lanes = lanes.into_iter().flatten();
    lanes
        .filter_map(|lane| {
            let (from, is_there) = (lane.from(), !lane.is_abandoned());
            close_lane(state, lane);
            is_there.then_some(from)
        })
        .collect()
}

fn lanes_to_read(state: &State, named: Named, unread: &[usize]) -> Vec<usize> {
    let lanes = &state.inbound.borrow().lanes;
    let there = lanes
        .iter()
        .enumerate()
        .filter_map(|(index, lane)| lane.as_ref().map(|lane| (index, lane.from())));
    there
        .filter(|(index, from)| named.has(Port::lane_bit(*from)) || unread.contains(index))
        .map(|(index, _)| index)
        .collect()
}

fn read_lane(state: &Rc<State>, index: usize) {
    // Taken out while it is read: what arrives may run code that is not ours.
    let Some(mut lane) = state.inbound.borrow_mut().lanes[index].take() else { return };
    let from = lane.from();
    let taken = lane.take(PASS_MAX, |arrived| act(state, from, arrived));
    if taken > 0
        && lane.relieves()
        && let Some(port) = Port::of(from)
    {
        state.raise(port);
    }
    put_lane_back(state, index, lane, taken >= PASS_MAX);
}

fn put_lane_back(state: &Rc<State>, index: usize, mut lane: LaneIn, is_unread: bool) {
    if lane.is_over() {
        let from = lane.from();
        close_lane(state, lane);
        // A later core of that number may be there already, and have a lane of ours.
        if state.outbound.leads_nowhere(from) {
            remote::core_gone(state, from);
        }
        return;
    }
    let inbound = &mut *state.inbound.borrow_mut();
    if is_unread {
        inbound.unread.push(index);
    }
    inbound.lanes[index] = Some(lane);
}

/// Another core raised our gate: it has something for us, or room for what we have for it, or it is gone.
fn called_by(state: &State, core: CoreId) {
    if state.outbound.leads_nowhere(core) {
        return remote::core_gone(state, core);
    }
    if state.outbound.relieved(core) {
        remote::relieved(state, core);
    }
}

fn from_outside(state: &Rc<State>) {
    // Bells first, and those for a last sender acted on last: who rang one sent before what he had to send.
    let mut unsent = std::mem::take(&mut state.inbound.borrow_mut().unsent);
    let mut rung = Vec::new();
    state.port.porch.answer(|slot| rung.push(slot));
    for slot in rung.into_iter().filter(|slot| *slot < state.table.made()) {
        if state.port.porch.word(slot).senders() == 0 {
            unsent.push(slot);
        }
        state.wake_all(slot);
    }
    for answer in state.port.take_answers() {
        answer.open(|arrived| act(state, state.core, arrived));
    }
    let mut taken = 0;
    while taken < PASS_MAX
        && let Some(message) = collect(state)
    {
        deliver::from_outside(state, message);
        taken += 1;
    }
    state.inbound.borrow_mut().outside_unread = taken == PASS_MAX;
    if !state.outside_is_drained() {
        // Who is half-way in raises the gate when he is done.
        return state.inbound.borrow_mut().unsent.append(&mut unsent);
    }
    for slot in unsent {
        if state.port.porch.word(slot).senders() == 0 {
            deliver::last_sender_gone(state, slot);
        }
    }
}

fn collect(state: &State) -> Option<Envelope> {
    let submitted = state.inbound.borrow_mut().collector.as_mut()?.collect()?;
    Some(submitted.take_in(|room, visit| move_into(state, room, visit)))
}

/// Does what a parcel is for.
#[inline]
fn act(state: &Rc<State>, from: CoreId, arrived: Arrived<'_>) {
    match arrived {
        Arrived::Message { slot, generation, note, cargo } => {
            deliver::from_lane(state, slot, generation, note, cargo)
        }
        Arrived::Answer { index, generation, cargo } => {
            land(state, Opened { index, generation }, Outcome::Answered, cargo)
        }
        Arrived::Returned { index, generation, cargo } => {
            land(state, Opened { index, generation }, Outcome::Returned, cargo)
        }
        Arrived::Control(control) => obey(state, from, control),
    }
}

fn land(state: &State, wait: Opened, outcome: Outcome, mut cargo: Cargo<'_>) {
    let charged = charge_landing(state, wait, &mut cargo);
    // What comes back is his who sent it, whether he has room for it or not.
    if outcome == Outcome::Answered && !waiting::fits(state, wait, charged) {
        return state.contained(|| drop(cargo));
    }
    // SAFETY: an answer's parcel is made with a `ReplyTo` of its type, a returned request's of the wait of a call with its type.
    match unsafe { state.waits.land_cargo(wait, outcome, cargo) } {
        Ok(wakee) => state.wake(wakee),
        Err(late) => {
            count(&state.counts.replies_late);
            state.contained(|| drop(late));
        }
    }
}

/// Does what another core says.
fn obey(state: &Rc<State>, from: CoreId, control: Control) {
    count_control(state, &control);
    match control {
        Control::Ask { to, weight_bytes } => deliver::asked(state, from, to, weight_bytes),
        Control::Grant { to, messages, bytes, serial } => {
            remote::granted(state, to, messages, bytes, serial)
        }
        Control::Recall { to } => remote::recalled(state, to),
        Control::Return { to, messages, bytes, serial } => {
            deliver::returned(state, from, to, messages, bytes, serial)
        }
        Control::Shut { to, why } => remote::shut(state, to, why),
        Control::Kill { whom, by, why } => kill::kill(state, whom, by, why),
        Control::Cancel { whom } => cancel::cancel(state, whom),
        Control::Link { whom, with } => link::linked(state, whom, with),
        Control::Unlink { whom, with } => link::unlinked(state, whom, with),
        Control::LinkEnded { whom, with } => link::ended(state, whom, with),
        Control::Monitor { whom, teller } => monitor::watch_for(state, whom, teller),
        Control::Demonitor { whom, teller } => monitor::unwatch(state, whom, teller),
        Control::Listen { call, listener } => waiting::listen(state, call, listener),
        Control::Unlisten { call, listener } => waiting::unlisten(state, call, listener),
        Control::End { call, how } => waiting::end_call(state, call, how),
        Control::Flush { to, teller } => flush::asked(state, to, teller),
        Control::Unflush { to, teller } => flush::forget(state, to, teller),
        Control::Probe(probe) => circle::probed(state, *probe),
        Control::TakeBack { from, call } => circle::take_back(state, from, call),
        Control::Report(report) => follow::pass_on(state, report),
        Control::Run(run) => state.contained(run),
    }
}

/// Counts what another core says by what it is about.
fn count_control(state: &State, control: &Control) {
    let counts = &state.counts;
    count(match control {
        Control::Ask { .. }
        | Control::Grant { .. }
        | Control::Recall { .. }
        | Control::Return { .. }
        | Control::Shut { .. } => &counts.controls_room,
        Control::Monitor { .. }
        | Control::Demonitor { .. }
        | Control::Listen { .. }
        | Control::Unlisten { .. }
        | Control::Flush { .. }
        | Control::Unflush { .. }
        | Control::Probe(_)
        | Control::TakeBack { .. }
        | Control::End { .. } => &counts.controls_watch,
        Control::Kill { .. }
        | Control::Cancel { .. }
        | Control::Link { .. }
        | Control::Unlink { .. }
        | Control::LinkEnded { .. }
        | Control::Run(_) => &counts.controls_life,
        Control::Report(_) => &counts.controls_report,
    });
}
