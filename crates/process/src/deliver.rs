//! Delivering is what happens at the mailbox of a process of this core: accept, let wait, grant, close, and give back.
//!
//! ```text
//! offer     there is room, and nobody waits   ──► into the mail, wake the receiver;  else back to the sender
//! advance   room was made                     ──► the line moves up: messages out of their futures, leases granted, rooms told
//! shut      no more is accepted               ──► the line is told, lessees are told; what is in the mail stays
//! ```

use crate::address::Address;
use crate::block::{Block, Extra, Lessee, Life, NOBODY, OTHER};
use crate::bounds::Full;
use crate::charge::charge;
use crate::closed::Closed;
use crate::control::Control;
use crate::events::What;
use crate::exit::Exit;
use crate::gauges::count;
use crate::lease::grant_of;
use crate::lines::{InFuture, Waiting, Wants, Who};
use crate::mail::Note;
use crate::message::Message;
use crate::parcel::{Arrived, Cargo, Envelope};
use crate::pid::{CoreId, Pid};
use crate::refused::Refusal;
use crate::shape::Shape;
use crate::state::State;
use crate::table::Held;
use crate::undelivered::undelivered;
use crate::waits::{Opened, Outcome};
use std::rc::Rc;

/// Whether a mailbox of this core has room for a message now, and the way in.
/// # Errors
/// Why not.
#[inline]
pub(crate) fn admit<M: Message>(
    state: &State,
    to: Address<M>,
    weight_bytes: u32,
) -> Result<Held<'_, M>, Refusal> {
    let Some(held) = state.table.held(to) else { return Err(Refusal::Closed(Closed::Ended)) };
    let block = held.block;
    if block.is_open() && block.mail.has_room(weight_bytes) && block.line.is_empty() {
        return Ok(held);
    }
    make_room(state, held.slot, block, weight_bytes).map(|()| held)
}

/// Deals with a message for which there is no room, as the mailbox wants it.
/// # Errors
/// What becomes of the message, if that did not make room.
#[cold]
fn make_room(state: &State, slot: u32, block: &Block, weight_bytes: u32) -> Result<(), Refusal> {
    if let Some(why) = closed(block) {
        return Err(Refusal::Closed(why));
    }
    if weight_bytes > block.mail.bounds().bytes {
        return Err(Refusal::TooLarge);
    }
    match state.table.kind(block).full {
        Full::Wait | Full::Reject => Err(Refusal::Full),
        _ if block.mail.has_room(weight_bytes) => Ok(()), // who waits here waits for no room
        Full::DropNewest => Err(Refusal::Dropped),
        Full::DropOldest => {
            // What a message does when it is dropped may fill the mailbox again.
            while !block.mail.has_room(weight_bytes) {
                let dropped =
                    state.table.pop_cargo(block, |_, cargo| state.contained(|| drop(cargo)));
                assert!(dropped.is_some(), "an empty mailbox has room for what is not too large");
                count(&state.counts.mailbox_dropped_oldest);
                if let Some(extra) = block.extra().filter(|_| block.is_flushed()) {
                    extra.marks.borrow_mut().withdraw(0); // who waits for it hears with the next that is taken
                }
            }
            Ok(())
        }
        Full::Stop => {
            count(&state.counts.mailbox_stops);
            shut(state, slot, block, Closed::Overflow);
            block.doom(Exit::Overflow);
            state.wake_root(slot, block);
            Err(Refusal::Closed(Closed::Overflow))
        }
    }
}

/// Counts a message that was not accepted.
pub(crate) fn count_refusal(state: &State, why: Refusal) {
    count(match why {
        Refusal::Dropped => &state.counts.mailbox_dropped_newest,
        Refusal::Full | Refusal::Closed(_) | Refusal::TooLarge => &state.counts.mailbox_rejected,
    });
}

/// Puts a message into a mailbox that was just found to have room for it.
#[inline]
pub(crate) fn put<M: Message>(
    state: &State,
    held: &Held<'_, M>,
    slot: u32,
    weight_bytes: u32,
    message: M,
) {
    held.block.mail.hold(weight_bytes);
    if Shape::of::<M>().boxed {
        count(&state.counts.messages_boxed);
    }
    let cause = state.next_cause(Some(held.pid()), What::Message(Shape::of::<M>()));
    held.push(&state.pool, Note { cause, weight_bytes }, message);
    count(&state.counts.messages_same);
    arrived(state, slot, held.block);
}

/// Why a mailbox takes no more, if it does not.
#[inline]
pub(crate) fn closed(block: &Block) -> Option<Closed> {
    if block.life() == Life::Live { block.closed() } else { Some(Closed::Ended) }
}

/// Wakes who waits for a message.
#[inline]
pub(crate) fn arrived(state: &State, slot: u32, block: &Block) {
    if block.receiver.get() != NOBODY {
        wake_receiver(state, slot, block);
    }
}

fn wake_receiver(state: &State, slot: u32, block: &Block) {
    match block.receiver.replace(NOBODY) {
        0 => state.wake_root(slot, block),
        OTHER => {
            if let Some(waker) = block.extra().and_then(|extra| extra.receiver.take()) {
                state.contained(|| waker.wake());
            }
        }
        task => state.wake_task(slot, task),
    }
}

/// Whether the receiver has had all that it will ever get.
#[inline]
pub(crate) fn is_over(block: &Block) -> Option<Closed> {
    let why = block.closed()?;
    (block.mail.queued() == 0 && block.line.is_empty() && !block.is_lent()).then_some(why)
}

/// Lets the line move up as far as there is room. `grants`: also to those who ask for leases, which go out in one go at the end of
/// a turn, not one by one as messages are taken.
pub(crate) fn advance(state: &State, slot: u32, block: &Block, grants: bool) {
    while let Some(wants) = state.lines.first(&block.line) {
        let fits = match wants {
            Wants::Message(weight_bytes) | Wants::Room(weight_bytes) => {
                block.mail.has_room(weight_bytes)
            }
            Wants::Lease(weight_bytes) => grants && grant_for(block, weight_bytes).is_some(),
        };
        if !fits {
            if !matches!(wants, Wants::Lease(_)) || grants {
                recall(state, slot, block);
            }
            return;
        }
        match state.lines.pop(&block.line).expect("the first was just looked at") {
            Waiting::Message(message) => take_from_future(state, slot, block, message),
            Waiting::Room { wait, .. } => settle(state, wait, Outcome::Accepted),
            Waiting::Ask { core, weight_bytes } => grant(state, slot, block, core, weight_bytes),
            Waiting::Outside { message, weight_bytes } => {
                block.mail.hold(weight_bytes);
                release_place(state);
                message.open(|arrived| push_outside(state, slot, block, arrived));
            }
        }
    }
    // The last sender may have gone while what it sent stood in line.
    check_senders(state, slot, block);
}

/// Moves a message out of the future that sends it, if the receiver's account has room for what it carries.
fn take_from_future(state: &State, slot: u32, block: &Block, mut message: InFuture) {
    let who = message.who();
    if message.shape().charges
        && let Err(full) = charge(state, block, |by| message.visit(by))
    {
        count(&state.counts.account_refused);
        return settle(state, who.wait, Outcome::AccountFull(full));
    }
    if message.shape().boxed {
        count(&state.counts.messages_boxed);
    }
    block.mail.hold(message.note().weight_bytes);
    state.table.push_waiting(block, &state.pool, message);
    count(&state.counts.messages_same);
    accepted(state, who);
    arrived(state, slot, block);
}

/// Tells who waited with a message that it was accepted.
pub(crate) fn accepted(state: &State, who: Who) {
    if who.is_call {
        state.waits.request_accepted(who.wait);
    } else {
        settle(state, who.wait, Outcome::Accepted);
    }
}

/// Ends a wait without a value.
pub(crate) fn settle(state: &State, wait: Opened, outcome: Outcome) {
    if let Some(wakee) = state.waits.settle(wait, outcome) {
        state.wake(wakee);
    }
}

fn push_outside(state: &State, slot: u32, block: &Block, arrived_parcel: Arrived<'_>) {
    let Arrived::Message { note, cargo, .. } = arrived_parcel else {
        unreachable!("only messages are let into a line from outside")
    };
    let what = What::Message(cargo.shape());
    let cause = state.outside_cause(state.table.pid_of(slot, block), what);
    let note = Note { cause, ..note };
    state.table.push_cargo(block, &state.pool, note, cargo);
    count(&state.counts.messages_outside);
    arrived(state, slot, block);
}

/// Accepts a message of a thread that is no core: it holds a place of the outside queue until it is in the mail.
pub(crate) fn from_outside(state: &State, message: Envelope) {
    let (slot, generation, weight_bytes) = message.message().expect("threads submit messages only");
    let Some(block) = state.table.find(slot, generation).filter(|block| closed(block).is_none())
    else {
        release_place(state);
        count(&state.counts.undelivered);
        return state.contained(|| drop(message));
    };
    if block.deals_on_arrival() {
        release_place(state);
        return match room_on_arrival(state, slot, block, weight_bytes) {
            Ok(()) => {
                block.mail.hold(weight_bytes);
                message.open(|arrived| push_outside(state, slot, block, arrived));
            }
            Err(why) => {
                count_refusal(state, why);
                state.contained(|| drop(message));
            }
        };
    }
    state.lines.push(&block.line, Waiting::Outside { message, weight_bytes });
    advance(state, slot, block, true);
}

/// Gives back the place that a message held in the outside queue. Who waits for one is called at the end of the pass.
fn release_place(state: &State) {
    let inbound = &mut *state.inbound.borrow_mut();
    if let Some(collector) = &mut inbound.collector {
        collector.release(1);
        inbound.places_freed = true;
    }
}

/// A core asks for room in a mailbox.
pub(crate) fn asked(state: &State, core: CoreId, to: Pid, weight_bytes: u32) {
    let block = state.table.find(to.slot(), to.generation());
    let Some(block) = block.filter(|block| closed(block).is_none()) else {
        let why = block.and_then(closed).unwrap_or(Closed::Ended);
        state.tell(core, Control::Shut { to, why }).unwrap_or_default();
        return;
    };
    state.lines.push(&block.line, Waiting::Ask { core, weight_bytes });
    advance(state, to.slot(), block, true);
}

/// What a core may be granted that asks for a message of this weight; none if there is no room.
fn grant_for(block: &Block, weight_bytes: u32) -> Option<(u16, u32)> {
    if block.deals_on_arrival() {
        return Some((0, 0));
    }
    grant_of(block.mail.room(), weight_bytes)
}

/// Grants a core room, which the caller found.
fn grant(state: &State, slot: u32, block: &Block, core: CoreId, weight_bytes: u32) {
    let (messages, bytes) = grant_for(block, weight_bytes).expect("found by who calls this");
    let extra = block.extra_or_new();
    let serial = {
        let lessees = &mut *extra.lessees.borrow_mut();
        let lessee = lessee_of(lessees, core);
        lessee.serial = lessee.serial.wrapping_add(1);
        (lessee.holds, lessee.recalled) = (true, false);
        lessee.serial
    };
    block.mail.lease(messages, bytes);
    if state
        .tell(core, Control::Grant { to: state.table.pid(slot), messages, bytes, serial })
        .is_err()
    {
        block.mail.end_lease(messages, bytes);
    }
}

fn lessee_of(lessees: &mut Vec<Lessee>, core: CoreId) -> &mut Lessee {
    let index = lessees.iter().position(|lessee| lessee.core == core).unwrap_or_else(|| {
        lessees.push(Lessee { core, serial: 0, holds: false, recalled: false });
        lessees.len() - 1
    });
    &mut lessees[index]
}

/// Asks back what cores hold and do not use now, since somebody starves here.
fn recall(state: &State, slot: u32, block: &Block) {
    let Some(extra) = block.extra() else { return };
    for core in holders(&extra, |lessee| !std::mem::replace(&mut lessee.recalled, true)) {
        count(&state.counts.lease_recalls);
        state.tell(core, Control::Recall { to: state.table.pid(slot) }).unwrap_or_default();
    }
}

/// The cores that hold a lease and are picked.
fn holders(extra: &Rc<Extra>, pick: impl Fn(&mut Lessee) -> bool) -> Vec<CoreId> {
    let lessees = &mut *extra.lessees.borrow_mut();
    lessees
        .iter_mut()
        .filter(|lessee| lessee.holds)
        .filter_map(|lessee| pick(lessee).then_some(lessee.core))
        .collect()
}

/// A core gives back what it did not use of its lease.
pub(crate) fn returned(
    state: &State,
    core: CoreId,
    to: Pid,
    messages: u16,
    bytes: u32,
    serial: u32,
) {
    let Some(block) = state.table.find_live(to) else { return };
    block.mail.end_lease(messages, bytes);
    if let Some(extra) = block.extra() {
        let lessees = &mut *extra.lessees.borrow_mut();
        let lessee = lessee_of(lessees, core);
        // A grant may have crossed this on its way.
        lessee.holds &= lessee.serial != serial;
        lessee.recalled = false;
    }
    advance(state, to.slot(), block, true);
    if is_over(block).is_some() {
        arrived(state, to.slot(), block);
    }
}

/// A message that came by a lane, under a lease.
#[inline]
pub(crate) fn from_lane(state: &State, slot: u32, generation: u32, note: Note, cargo: Cargo<'_>) {
    let Some(block) = state.table.find(slot, generation).filter(|block| block.life() == Life::Live)
    else {
        let pid = Pid::new(state.core, slot, generation);
        return undelivered(state, pid, cargo);
    };
    if block.is_deaf() || block.deals_on_arrival() {
        return from_lane_otherwise(state, slot, block, note, cargo);
    }
    block.mail.use_lease();
    state.table.push_cargo(block, &state.pool, note, cargo);
    count(&state.counts.messages_lane);
    arrived(state, slot, block);
}

/// The same where nobody will take it, or where it comes without room set aside.
#[cold]
fn from_lane_otherwise(state: &State, slot: u32, block: &Block, note: Note, cargo: Cargo<'_>) {
    let is_free = block.deals_on_arrival();
    if block.is_deaf() {
        if !is_free {
            block.mail.forgo_lease(note.weight_bytes);
        }
        count_undelivered(block, 1);
        return undelivered(state, state.table.pid(slot), cargo);
    }
    match room_on_arrival(state, slot, block, note.weight_bytes) {
        Ok(()) => {
            block.mail.hold(note.weight_bytes);
            state.table.push_cargo(block, &state.pool, note, cargo);
            count(&state.counts.messages_lane);
            arrived(state, slot, block);
        }
        Err(Refusal::Dropped) => {
            count(&state.counts.mailbox_dropped_newest);
            state.contained(|| drop(cargo));
        }
        Err(_) => undelivered(state, state.table.pid(slot), cargo),
    }
}

/// Finds room for a message that was accepted on its way, also in a mailbox that has been closed meanwhile.
fn room_on_arrival(
    state: &State,
    slot: u32,
    block: &Block,
    weight_bytes: u32,
) -> Result<(), Refusal> {
    if block.mail.has_room(weight_bytes) {
        return Ok(());
    }
    make_room(state, slot, block, weight_bytes)
}

/// The last sender of a process has gone: its mailbox closes, or its slot, if it only rests, is left.
pub(crate) fn last_sender_gone(state: &State, slot: u32) {
    let block = state.table.block(slot);
    match block.life() {
        Life::Live => check_senders(state, slot, block),
        Life::Resting => leave_if_unsent(state, slot),
        Life::Ending | Life::Vacant => {}
    }
}

/// Leaves the slot of a process that has ended, if no sender is left that could name it.
pub(crate) fn leave_if_unsent(state: &State, slot: u32) {
    if state.port.porch.word(slot).senders() == 0 {
        state.table.leave(slot);
    }
}

/// Closes a mailbox if no sender is left, and all that they sent is in.
pub(crate) fn check_senders(state: &State, slot: u32, block: &Block) {
    if block.life() != Life::Live
        || block.closed().is_some()
        || state.port.porch.word(slot).senders() > 0
    {
        return;
    }
    if !state.outside_is_drained() {
        // Something of theirs may be on its way in: looked at again when that is over.
        let unsent = &mut state.inbound.borrow_mut().unsent;
        if !unsent.contains(&slot) {
            unsent.push(slot);
        }
    } else if block.is_lent() {
        recall(state, slot, block);
    } else if block.line.is_empty() {
        shut(state, slot, block, Closed::NoSenders);
    }
}

/// Closes a mailbox: whoever waits in line is refused, whoever holds a lease is told. What came from outside was accepted, and
/// stays in line.
pub(crate) fn shut(state: &State, slot: u32, block: &Block, why: Closed) {
    state.port.porch.word(slot).close(why);
    if block.closed().is_some() {
        return;
    }
    block.close(why);
    refuse_line(state, slot, block, why);
    arrived(state, slot, block);
}

fn refuse_line(state: &State, slot: u32, block: &Block, why: Closed) {
    let to = state.table.pid(slot);
    while let Some(waiting) =
        state.lines.remove_first(&block.line, |waiting| !matches!(waiting, Waiting::Outside { .. }))
    {
        match waiting {
            Waiting::Message(message) => settle(state, message.who().wait, Outcome::Refused(why)),
            Waiting::Room { wait, .. } => settle(state, wait, Outcome::Refused(why)),
            Waiting::Ask { core, .. } => {
                state.tell(core, Control::Shut { to, why }).unwrap_or_default()
            }
            Waiting::Outside { .. } => unreachable!("not picked"),
        }
    }
    if let Some(extra) = block.extra() {
        for core in holders(&extra, |_| true) {
            state.tell(core, Control::Shut { to, why }).unwrap_or_default();
        }
    }
}

/// Notes messages that its process will not take, for the notice of its end.
pub(crate) fn count_undelivered(block: &Block, messages: u32) {
    if messages > 0 {
        let counted = &block.extra_or_new().undelivered;
        counted.set(counted.get() + messages);
    }
}

/// Gives back or drops all that a process accepted and will not take; says how much that was.
pub(crate) fn discard(state: &State, slot: u32, block: &Block) -> u32 {
    let (pid, mut discarded) = (state.table.pid(slot), 0);
    while state.table.pop_cargo(block, |_, cargo| undelivered(state, pid, cargo)).is_some() {
        discarded += 1;
    }
    while let Some(waiting) = state.lines.pop(&block.line) {
        let Waiting::Outside { message, .. } = waiting else {
            unreachable!("a closed mailbox has nobody else in line")
        };
        release_place(state);
        count(&state.counts.undelivered);
        state.contained(|| drop(message));
        discarded += 1;
    }
    discarded
}
