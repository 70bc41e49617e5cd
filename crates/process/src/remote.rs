//! Sending to another core spends a lease on room in the mailbox there; without one it asks, and waits or comes back.
//!
//! ```text
//! lease covers it, lane has room   ──► staged: accepted, on its sure way
//! else                             ──► ask; who may wait stands in the lease's own line, in order
//! grant, or the lane was emptied   ──► the line moves up: messages out of their futures into the lane
//! ```

use crate::address::{Address, ReplyTo};
use crate::charge::charge_to;
use crate::closed::Closed;
use crate::control::Control;
use crate::deliver::{accepted, returned, settle};
use crate::events::What;
use crate::exit::{Down, Exit};
use crate::follow;
use crate::gauges::count;
use crate::lease::{Lease, Returned, UNUSED_MAX};
use crate::lines::{Waiting, Wants};
use crate::link;
use crate::mail::Note;
use crate::message::{Message, Visit};
use crate::parcel::{Arrived, Parcel};
use crate::pid::{CoreId, Pid};
use crate::port::Port;
use crate::refused::{Refusal, Uncharged};
use crate::shape::Shape;
use crate::state::{SWEEP, State};
use crate::undelivered::undelivered;
use crate::waits::{Line, Opened, Outcome};
use levada_shared::{Full, Limit};

/// Sends a message to another core, whose room was just taken out of the lease and the lane.
#[inline]
pub(crate) fn put<M: Message>(
    state: &State,
    port: &'static Port,
    to: Address<M>,
    weight_bytes: u32,
    message: M,
) {
    if Shape::of::<M>().boxed {
        count(&state.counts.messages_boxed);
    }
    let mut parcel = Parcel::new();
    let cause = state.next_cause(Some(to.pid()), What::Message(Shape::of::<M>()));
    parcel.message(to, Note { cause, weight_bytes }, message);
    state.put(port, &parcel);
}

/// Takes room for a message out of the lease on a mailbox of another core, and sees that there is some in the lane.
/// # Errors
/// Why there is none. [`Refusal::Full`] also if there is no lease yet: one is then asked for.
pub(crate) fn admit(
    state: &State,
    port: &'static Port,
    to: Pid,
    shape: &Shape,
    weight_bytes: u32,
) -> Result<(), Refusal> {
    let now = state.course.tick();
    let Ok(has_room) = state.outbound.has_room(port, Parcel::units_for(shape)) else {
        core_gone(state, port.core);
        return Err(Refusal::Closed(Closed::Ended));
    };
    let (spent, covers, asks) = {
        let leases = &mut *state.leases.borrow_mut();
        match leases.get(to) {
            Some(lease) => {
                let spent = has_room && lease.line.is_empty() && lease.spend(weight_bytes, now);
                let covers = lease.covers(weight_bytes);
                (spent, covers, lease.asks(!covers))
            }
            None => (false, false, true),
        }
    };
    if spent {
        if asks {
            ask(state, to, weight_bytes);
        }
        return Ok(());
    }
    // The word says more slowly, and without a lease, what the lease's core would say.
    let seen = port.porch.word(to.slot()).state();
    if let Some(why) = seen.closed {
        return Err(Refusal::Closed(why));
    }
    if weight_bytes > seen.bound_bytes {
        return Err(Refusal::TooLarge);
    }
    if !has_room && !asks && seen.full.drops() && covers {
        return Err(Refusal::Dropped); // what stands in the lane was there first
    }
    if asks {
        state.leases.borrow_mut().get_or_begin(to, now).asks(true);
        ask(state, to, weight_bytes);
    }
    Err(Refusal::Full)
}

/// Makes what `visit` shows that of the process whose mailbox the lease is on: what is on its way to it is its own already.
fn charge_lessor(
    state: &State,
    lease: &Lease,
    visit: impl FnMut(&mut Visit<'_>),
) -> Result<(), Full<()>> {
    lease.account.as_ref().map_or(Ok(()), |account| charge_to(state, account, visit))
}

/// Makes what a message carries the receiver's, for whose mailbox room was just taken out of a lease.
/// # Errors
/// Why not; the room is given back to the lease.
pub(crate) fn charge(
    state: &State,
    port: &'static Port,
    to: Pid,
    weight_bytes: u32,
    visit: impl FnMut(&mut Visit<'_>),
) -> Result<(), Uncharged> {
    let leases = &mut *state.leases.borrow_mut();
    let lease = leases.get(to).expect("room was just taken out of it");
    charge_lessor(state, lease, visit).map_err(|full| {
        lease.unspend(weight_bytes);
        // An account closes with its process, of whose end we may not have heard.
        match port.porch.word(to.slot()).state().closed {
            Some(why) if full.limit == Limit::Closed => Uncharged::Closed(why),
            _ => Uncharged::Full(full),
        }
    })
}

/// Whether a message would be accepted now; none if one has to wait to know.
pub(crate) fn is_ready(
    state: &State,
    port: &'static Port,
    to: Pid,
    weight_bytes: u32,
) -> Option<Result<(), Closed>> {
    let closed = if port.running().is_some() {
        port.porch.word(to.slot()).state().closed
    } else {
        Some(Closed::Ended)
    };
    if let Some(why) = closed {
        return Some(Err(why));
    }
    let leases = &mut *state.leases.borrow_mut();
    leases
        .get(to)
        .is_some_and(|lease| lease.line.is_empty() && lease.covers(weight_bytes))
        .then_some(Ok(()))
}

fn ask(state: &State, to: Pid, weight_bytes: u32) {
    count(&state.counts.lease_asks);
    state.tell(to.core(), Control::Ask { to, weight_bytes }).unwrap_or_default();
}

/// Puts somebody into the line for room in a mailbox of another core. It was refused as full just before, so a lease is asked for.
pub(crate) fn wait(
    state: &State,
    port: &'static Port,
    to: Pid,
    waiting: Waiting,
    units: usize,
    wait: Opened,
) {
    let is_message = matches!(waiting, Waiting::Message(_));
    let place = {
        let leases = &mut *state.leases.borrow_mut();
        state.lines.push(&leases.get_or_begin(to, state.course.tick()).line, waiting)
    };
    state.waits.stand_in_line(wait, Line { mailbox: to, place, is_message });
    if state.outbound.starve(port, units) != Ok(true) {
        advance(state, to);
    }
}

/// Lets the line for a mailbox of another core move up, as far as the lease and the lane have room.
pub(crate) fn advance(state: &State, to: Pid) {
    let Some(port) = Port::of(to.core()) else { return };
    loop {
        let Some((wants, units)) = first(state, to) else { return };
        let Ok(has_room) = state.outbound.has_room(port, units) else {
            return core_gone(state, to.core());
        };
        if !has_room && state.outbound.starve(port, units) != Ok(false) {
            return;
        }
        let (weight_bytes, takes) = match wants {
            Wants::Message(weight_bytes) => (weight_bytes, true),
            Wants::Room(weight_bytes) | Wants::Lease(weight_bytes) => (weight_bytes, false),
        };
        let (waiting, charged, asks) = {
            let leases = &mut *state.leases.borrow_mut();
            let Some(lease) = leases.get(to) else { return };
            let fits = lease.covers(weight_bytes);
            let mut waiting = fits.then(|| state.lines.pop(&lease.line)).flatten();
            let charged = match &mut waiting {
                Some(Waiting::Message(message)) if message.shape().charges => {
                    charge_lessor(state, lease, |by| message.visit(by))
                }
                _ => Ok(()),
            };
            if takes && charged.is_ok() {
                lease.spend(weight_bytes, state.course.tick());
            }
            (waiting, charged, lease.asks(!fits))
        };
        if asks {
            ask(state, to, weight_bytes);
        }
        match waiting {
            None => return,
            Some(Waiting::Message(message)) if let Err(full) = charged => {
                count(&state.counts.account_refused);
                settle(state, message.who().wait, Outcome::AccountFull(full));
            }
            Some(Waiting::Message(message)) => {
                let (mut parcel, who) = (Parcel::new(), message.who());
                if message.shape().boxed {
                    count(&state.counts.messages_boxed);
                }
                message.pack(to, &mut parcel);
                state.put(port, &parcel);
                accepted(state, who);
            }
            Some(Waiting::Room { wait, .. }) => settle(state, wait, Outcome::Accepted),
            Some(Waiting::Ask { .. } | Waiting::Outside { .. }) => {
                unreachable!("these wait at the mailbox's own core")
            }
        }
    }
}

/// What the first in line for a mailbox wants, and how many units of the lane.
fn first(state: &State, to: Pid) -> Option<(Wants, usize)> {
    let leases = &mut *state.leases.borrow_mut();
    let line = &leases.get(to)?.line;
    Some((state.lines.first(line)?, state.lines.first_units(line)))
}

/// The owner of a mailbox grants room in it.
pub(crate) fn granted(state: &State, to: Pid, messages: u16, bytes: u32, serial: u32) {
    {
        let leases = &mut *state.leases.borrow_mut();
        let lease = leases.get_or_begin(to, state.course.tick());
        lease.grant(messages, bytes, serial, state.course.tick());
        if lease.account.is_none() {
            lease.account = Port::of(to.core()).and_then(|port| port.payers.account_of(to));
        }
    }
    if state.sweeping.get().is_none() {
        sweep_later(state);
    }
    advance(state, to);
}

/// Sets the timer that looks for leases that are not used. It runs only while room is held: an idle core has none.
fn sweep_later(state: &State) {
    let timer = state.host.0.timer_set(state.now().after(UNUSED_MAX), SWEEP);
    count(&state.counts.timers);
    state.sweeping.set(Some(timer));
}

/// The owner of a mailbox asks back what is not used.
pub(crate) fn recalled(state: &State, to: Pid) {
    let returned = state.leases.borrow_mut().recall(to);
    give_back(state, to, returned.unwrap_or(Returned { messages: 0, bytes: 0, serial: 0 }));
}

/// A mailbox takes no more: who waits for it here is told, and the lease goes home.
pub(crate) fn shut(state: &State, to: Pid, why: Closed) {
    let lease = state.leases.borrow_mut().end(to);
    let Some(mut lease) = lease else { return };
    let unused = lease.take_unused();
    while let Some(waiting) = state.lines.pop(&lease.line) {
        match waiting {
            Waiting::Message(message) => settle(state, message.who().wait, Outcome::Refused(why)),
            Waiting::Room { wait, .. } => settle(state, wait, Outcome::Refused(why)),
            Waiting::Ask { .. } | Waiting::Outside { .. } => {
                unreachable!("these wait at the mailbox's own core")
            }
        }
    }
    give_back(state, to, unused);
}

fn give_back(state: &State, to: Pid, returned: Returned) {
    let Returned { messages, bytes, serial } = returned;
    state.tell(to.core(), Control::Return { to, messages, bytes, serial }).unwrap_or_default();
}

/// Gives back what was not used for long; looks again as long as there are leases.
pub(crate) fn sweep(state: &State) {
    state.sweeping.set(None);
    let unused = state.leases.borrow_mut().sweep(state.read_clock());
    for (to, returned) in unused {
        give_back(state, to, returned);
    }
    if state.leases.borrow().hold_room() {
        sweep_later(state);
    }
}

/// Gives all leases back, since this core leaves.
pub(crate) fn give_all_back(state: &State) {
    let all = state.leases.borrow_mut().clear();
    for (to, returned) in all {
        give_back(state, to, returned);
    }
}

/// The lane to a core was emptied: who waits for room in it moves up.
pub(crate) fn relieved(state: &State, core: CoreId) {
    let waited = state.leases.borrow().waited_for(core);
    waited.into_iter().for_each(|to| advance(state, to));
}

/// A core is gone: nobody there takes anything any more.
pub(crate) fn core_gone(state: &State, core: CoreId) {
    if let Some(lane) = state.outbound.cut(core) {
        lane.close(|arrived| lost(state, core, arrived));
    }
    let all = state.leases.borrow().at(core);
    all.into_iter().for_each(|to| shut(state, to, Closed::Ended));
    link::core_gone(state, core);
}

/// Ends what was on its way to a core that is gone, as that would have ended it.
fn lost(state: &State, core: CoreId, arrived: Arrived<'_>) {
    match arrived {
        Arrived::Message { slot, generation, cargo, .. } => {
            undelivered(state, Pid::new(core, slot, generation), cargo)
        }
        Arrived::Control(Control::Grant { to, messages, bytes, serial }) => {
            returned(state, core, to, messages, bytes, serial)
        }
        Arrived::Control(Control::Monitor { whom, teller }) => tell_here(
            state,
            teller,
            Down { pid: whom, exit: Exit::Unknown, undelivered: 0, quarantined_bytes: 0 },
        ),
        Arrived::Control(Control::Flush { teller, .. }) => {
            tell_here(state, teller, Some(Closed::Ended))
        }
        Arrived::Control(Control::Report(report)) => follow::lost(state, report),
        Arrived::Control(Control::Listen { listener, .. }) => tell_here(state, listener, ()),
        other => state.contained(|| drop(other)),
    }
}

/// Answers a wait of this core.
fn tell_here<R: Message>(state: &State, to: ReplyTo<R>, what: R) {
    debug_assert!(to.wait().core == state.core, "who is to be told asked from here");
    if let Ok(wakee) = state.waits.answer(to, what) {
        state.wake(wakee);
    }
}
