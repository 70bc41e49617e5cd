//! A circle is processes each of which waits for the next: none could ever go on, so the wait that closes it ends.
//!
//! ```text
//! bound     one task, one open wait, for the answer of a call or for room; not ready, receiving nothing, nothing unknown at work
//! on one core, when a pass ends     a bound process follows the chain of the bound by reading: home again ──► its wait ends
//! across cores, from 10 ms on       who waits for another core sends a probe along the chain; the lowest pid of those asks
//! home again ──► the probe goes back the same way, hop by hop, behind whatever each sent to who waits for it ──► the wait ends
//! ```
//!
//! No circle is found that is none. Who waits also for something else is not bound, and the chain ends with him: another wait (a
//! timer, a monitor), a message (`recv`, `during`), a task, or a waker that somebody keeps who is not known here. For room the
//! chain is followed only where nobody but the receiver can make some. For an answer it is followed to whom the call was made:
//! the request is in his mailbox, or he holds the reply, for who ever gave away a reply that he took, in a message, in an answer,
//! in a closure or in an [`Isolated`](crate::Isolated), is bound no more. On one core what is read is true at that moment, and an
//! answer lands as it is given. Across cores the way there only finds the chain; on the way back each wait is found open, behind
//! all that was sent for it by him whom it waits for, who himself was found waiting before: the first of them to go on would need
//! an answer of one that went on before it.
//!
//! Ended is the wait of the last to be bound on one core, and across cores that of the lowest pid of those that wait for another
//! core. A message that stood in line comes back; so does the request of a call that was not taken yet, out of the mailbox. One
//! that was taken does not: who took it holds a reply that nobody waits for. Waits of `ready` and `flush` do not end so.
//!
//! Cost: a look at the end of a turn whether the process receives; who waits at the end of a pass for a call or room looks at the
//! other's block.
//! A wait across cores has its one timer set to 10 ms, and a message along the chain each time that fires, up to every 160 ms.

use crate::address::WaitId;
use crate::block::Block;
use crate::control::{Control, Unanswered};
use crate::deliver;
use crate::flush;
use crate::gauges::count;
use crate::message::caller_of;
use crate::pid::Pid;
use crate::probe::{HOPS_MAX, Hop, Probe, Way};
use crate::state::{Deadline, State};
use crate::undelivered::give_back;
use crate::waiting;
use crate::waits::{Bond, Line, Opened, Outcome};

/// How far a chain is followed on one core; a longer one is left to its deadline.
const STEPS_MAX: usize = 1024;

/// Where a chain leads.
enum Leads {
    /// To one who can go on, or who is not known to be unable to.
    Nowhere,
    /// Back to where it began.
    Home,
    /// To a process of another core.
    Elsewhere(Pid),
    /// To one who waits for room that somebody else may make: not for ever.
    Unsure,
}

/// The turn of a process is over: if it is bound now, it is looked at when the pass is. Most that wait are answered before.
#[inline]
pub(crate) fn suspect(state: &State, slot: u32, block: &Block) {
    if block.only_wait().is_some() && block.begin_suspected() {
        state.suspects.borrow_mut().push(slot);
    }
}

/// The pass is over: has one of those that are bound closed a circle?
pub(crate) fn look(state: &State) {
    let mut suspects = std::mem::take(&mut *state.suspects.borrow_mut());
    for slot in suspects.drain(..) {
        let block = state.table.block(slot);
        block.end_suspected();
        if let Some(index) = block.only_wait() {
            look_at(state, state.table.pid(slot), block, index);
        }
    }
    let mut again = state.suspects.borrow_mut();
    if again.is_empty() {
        *again = suspects; // its memory is used again
    }
}

fn look_at(state: &State, who: Pid, block: &Block, index: u32) {
    let Some(bond) = bond(state, who, block, index) else { return };
    if follow(state, who, bond) && state.waits.set_looks(bond.wait, Some(0)) {
        state.set_deadline(bond.wait, Deadline::Look);
    }
}

/// Follows the chain from a process that is bound; whether to do it again later.
fn follow(state: &State, who: Pid, bond: Bond) -> bool {
    if !state.is_here(bond.peer) {
        return true; // common, and not for now
    }
    match walk(state, who, bond, |_| true) {
        Leads::Nowhere | Leads::Elsewhere(_) => false,
        Leads::Unsure => true,
        Leads::Home => {
            end(state, bond);
            false
        }
    }
}

/// For whom a process waits, if it waits for nothing else.
fn bond(state: &State, who: Pid, block: &Block, index: u32) -> Option<Bond> {
    let bond = state.waits.bond(index, who)?;
    block.extra().is_none_or(|extra| extra.tasks.is_empty()).then_some(bond)
}

/// The same of any process of this core.
fn bond_of(state: &State, who: Pid) -> Option<Bond> {
    let block = state.table.find_live(who)?;
    bond(state, who, block, block.only_wait()?)
}

/// Follows the chain of processes of this core that begins with `bond`, up to `home`. `each` hears of each further one that is bound,
/// and says whether to go on.
fn walk(state: &State, home: Pid, bond: Bond, mut each: impl FnMut(Hop) -> bool) -> Leads {
    let mut bond = bond;
    for _ in 0..STEPS_MAX {
        count(&state.counts.cycle_walk_steps);
        let peer = bond.peer;
        if !state.is_here(peer) {
            return Leads::Elsewhere(peer);
        }
        if let Some(line) = bond.line
            && !only_he_makes_room(state, line)
        {
            return Leads::Unsure;
        }
        if peer == home {
            return Leads::Home;
        }
        let Some(next) = bond_of(state, peer) else { return Leads::Nowhere };
        if !each(hop_of(state, peer, next)) {
            return Leads::Nowhere;
        }
        bond = next;
    }
    Leads::Nowhere
}

fn hop_of(state: &State, who: Pid, bond: Bond) -> Hop {
    Hop { who, wait: named(state, bond.wait), is_in_line: bond.line.is_some() }
}

/// The name of a wait of this core for others.
fn named(state: &State, wait: Opened) -> WaitId {
    WaitId { core: state.core, index: wait.index, generation: wait.generation }
}

/// Whether only the receiver can make room for who stands in a line of this core.
fn only_he_makes_room(state: &State, line: Line) -> bool {
    let block = state.table.block(line.mailbox.slot());
    is_full(block) || block.mail.leased() == 0 && state.lines.is_first(&block.line, line.place)
}

/// Whether a mailbox is full of messages that are in it, so that nobody but its receiver makes room.
fn is_full(block: &Block) -> bool {
    block.mail.queued() >= block.mail.bounds().messages
}

/// A wait has become old enough to be looked at once more.
pub(crate) fn look_again(state: &State, wait: Opened, looks: u8) {
    state.read_clock();
    let mut again = false;
    if let Some(who) = state.waits.waiter(wait)
        && let Some(bond) = bond_of(state, who)
        && bond.wait == wait
    {
        again = follow(state, who, bond);
        if again && !state.is_here(bond.peer) {
            let first = hop_of(state, who, bond);
            pass_on(state, Probe { hops: vec![first], way: Way::On(bond.peer) });
        }
    }
    // Who is not bound now looks again when a turn of his ends so.
    state.waits.set_looks(wait, again.then(|| looks.saturating_add(1)));
    state.set_alarm(wait);
}

/// Sends a probe on to where it goes, which is another core.
fn pass_on(state: &State, probe: Probe) {
    let to = match probe.way {
        Way::On(peer) => peer,
        Way::Back(index) => probe.hops[index].who,
    };
    state.tell(to.core(), Control::Probe(Box::new(probe))).unwrap_or_default();
}

/// A probe has come to this core.
pub(crate) fn probed(state: &State, probe: Probe) {
    match probe.way {
        Way::On(peer) => go_on(state, probe, peer),
        Way::Back(index) => go_back(state, probe, index),
    }
}

/// Follows a chain that comes from another core and leads to `peer` on this one.
fn go_on(state: &State, mut probe: Probe, peer: Pid) {
    let home = probe.hops[0].who;
    let is_in_line = probe.hops.last().is_some_and(|last| last.is_in_line);
    let Some(block) = state.table.find_live(peer) else { return };
    if is_in_line && !is_full(block) {
        return;
    }
    if peer == home {
        return come_home(state, probe);
    }
    let Some(bond) = bond_of(state, peer) else { return };
    // Of all that wait for another core the lowest asks, so that one of them ends.
    let asks_himself = |state: &State, hop: Hop| {
        hop.who < home && bond_of(state, hop.who).is_some_and(|bond| !state.is_here(bond.peer))
    };
    let mut hops = std::mem::take(&mut probe.hops);
    let mut add = |hop: Hop| {
        hops.push(hop);
        hops.len() <= HOPS_MAX && !asks_himself(state, hop)
    };
    if !add(hop_of(state, peer, bond)) {
        return;
    }
    let leads = walk(state, home, bond, add);
    match leads {
        Leads::Elsewhere(peer) => pass_on(state, Probe { hops, way: Way::On(peer) }),
        Leads::Home => come_home(state, Probe { hops, way: probe.way }),
        Leads::Nowhere | Leads::Unsure => {}
    }
}

/// The chain came home, to this core: it is gone back along.
fn come_home(state: &State, probe: Probe) {
    let last = probe.hops.len() - 1;
    if is_bound(state, &probe, 0) {
        back_from(state, probe, last);
    }
}

/// A probe has come back to a hop of this core.
fn go_back(state: &State, probe: Probe, index: usize) {
    if !is_bound(state, &probe, index) {
        return;
    }
    match index.checked_sub(1) {
        Some(before) => back_from(state, probe, before),
        None => end_first(state, &probe),
    }
}

/// Goes back to the hop at `index`, from the next one, which is on this core and was just found to be bound.
fn back_from(state: &State, probe: Probe, index: usize) {
    let hop = probe.hops[index];
    let next = probe.hops[(index + 1) % probe.hops.len()].who;
    let is_here = state.is_here(hop.who);
    let line = if is_here { bond_of(state, hop.who).and_then(|bond| bond.line) } else { None };
    let only_he = || match line {
        Some(line) => only_he_makes_room(state, line),
        None => state.table.find_live(next).is_some_and(is_full),
    };
    if hop.is_in_line && !only_he() {
        return;
    }
    let probe = Probe { way: Way::Back(index), ..probe };
    if is_here { go_back(state, probe, index) } else { pass_on(state, probe) }
}

/// Whether the process of a hop is bound as it was.
fn is_bound(state: &State, probe: &Probe, index: usize) -> bool {
    count(&state.counts.cycle_walk_steps);
    let hop = probe.hops[index];
    let next = probe.hops[(index + 1) % probe.hops.len()].who;
    bond_of(state, hop.who)
        .is_some_and(|bond| named(state, bond.wait) == hop.wait && bond.peer == next)
}

fn end_first(state: &State, probe: &Probe) {
    if let Some(bond) = bond_of(state, probe.hops[0].who) {
        end(state, bond);
    }
}

/// Ends a wait that closed a circle.
fn end(state: &State, bond: Bond) {
    let Bond { wait, peer, line } = bond;
    if line.is_some_and(|line| !line.is_message) {
        return; // who only wants to hear of room has nothing to be given back, and is told nothing
    }
    count(&state.counts.cycles);
    if line.is_some() {
        return end_in_line(state, wait);
    }
    state.waits.set_closed_circle(wait);
    let call = named(state, wait);
    if state.is_here(peer) {
        take_back(state, peer, call);
    } else if state.tell(peer.core(), Control::TakeBack { from: peer, call }).is_err() {
        deliver::settle(state, wait, Outcome::Cycle);
    }
}

fn end_in_line(state: &State, wait: Opened) {
    let Some((wakee, line, listened)) = state.waits.end_in_line(wait) else { return };
    waiting::leave_line(state, line);
    if listened {
        waiting::end_listening(state, wait, true);
    }
    state.wake(wakee);
}

/// Gives the request of a call back that closed a circle, if it is still in the mailbox; else says that it was taken.
pub(crate) fn take_back(state: &State, from: Pid, call: WaitId) {
    let block = state.table.find_live(from);
    let withdrawn = block.and_then(|block| {
        let behind = state.table.pop_picked(
            block,
            |visited| {
                let mut caller = None;
                state.contained(|| caller = caller_of(from, |by| visited(by)));
                caller == Some(call)
            },
            |behind, request| {
                give_back(state, call, request);
                behind
            },
        )?;
        Some((block, behind))
    });
    let Some((block, behind)) = withdrawn else {
        return waiting::end_call(state, call, Unanswered::Cycle);
    };
    flush::withdrawn(state, block, behind);
    deliver::advance(state, from.slot(), block, true);
}
