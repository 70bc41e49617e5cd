//! Following a chain of causes back is done at the end of a process, by the cores that counted its steps.
//!
//! ```text
//! ended here ─► its cause names a step ─► the core that counted it knows who did it, and on behalf of which step before ─► ...
//! step found   in the events of that core;  else in its waits: who still waits for an answer says what he asked, however old
//! other core   the report goes there by the lane, as a control, and comes home when it is whole: nobody waits for it
//! ```
//!
//! Cost: nothing until a process fails. Then a look at the events for each link; at all waits of a core, where that is too old.
//! At most 32 links, and the first that is not known ends it.

use crate::cause::Sequence;
use crate::chain::{By, Link, Report};
use crate::control::Control;
use crate::events::{Event, What};
use crate::exit::Exit;
use crate::gauges::count;
use crate::host::Ended;
use crate::parcel::{Arrived, Envelope, Parcel};
use crate::pid::CoreId;
use crate::port::Port;
use crate::state::State;

/// How many links a chain has at most.
const LINKS_MAX: usize = 32;

fn say(state: &State, report: &Report) {
    state.host.0.ended(&Ended {
        pid: report.pid,
        name: report.name,
        exit: &report.exit,
        cause: report.cause,
        message: report.message,
        undelivered: report.undelivered,
        quarantined_bytes: report.quarantined_bytes,
        chain: &report.chain,
    });
}

fn end(report: &mut Report, by: By) {
    report.next = None;
    if let Some(last) = report.chain.last() {
        last.by = by;
    }
}

fn lose(state: &State, report: &mut Report) {
    count(&state.counts.cause_lost);
    end(report, By::Lost);
}

/// Tells the host of a process that ended just now, at once, or when other cores have said what led to it.
pub(crate) fn tell(state: &State, mut report: Report) {
    report.chain.push(Link { pid: report.pid, name: Some(report.name), by: By::Lost });
    // Who is killed is none of his cause's doing, and many may be at once.
    let is_own_end = matches!(report.exit, Exit::Panicked { .. } | Exit::Failed { .. });
    report.next = (is_own_end && !report.cause.is_none()).then(|| report.cause.sequence());
    pass_on(state, Box::new(report));
}

/// Says what this core knows of the chain, and passes the report on to who knows more, or home.
pub(crate) fn pass_on(state: &State, mut report: Box<Report>) {
    let to = match follow(state, &mut report) {
        Some(core) => core,
        None if report.pid.core() == state.core => return say(state, &report),
        None if is_home_gone(&report) => return say(state, &report),
        None => report.pid.core(),
    };
    if let Err(back) = send(state, to, report) {
        lost(state, back);
    }
}

/// Whether the core that the process was of has left, and its number may be another's.
fn is_home_gone(report: &Report) -> bool {
    let pid = report.pid;
    Port::of(pid.core()).is_none_or(|port| pid.generation() < port.generation())
}

/// A report could not be brought to another core: it is told with what is known, at home or by who has it.
pub(crate) fn lost(state: &State, mut report: Box<Report>) {
    if report.next.is_some() {
        lose(state, &mut report);
        return pass_on(state, report);
    }
    say(state, &report);
}

/// Follows the chain as far as this core counted it; the core that knows the next step, if another does.
fn follow(state: &State, report: &mut Report) -> Option<CoreId> {
    while let Some(sequence) = report.next {
        if sequence.core_number() != state.core.number() {
            // A step that is older than the core that has the number now was counted by one that is gone.
            let port = Port::of(CoreId::new(sequence.core_number()));
            let there = port.filter(|port| sequence.counter() >= port.first_step());
            if there.is_none() {
                lose(state, report);
            }
            return there.map(|port| port.core);
        }
        let Some(event) = find(state, sequence) else {
            lose(state, report);
            return None;
        };
        let Event { parent, from, what, .. } = event;
        match what {
            What::Began => end(report, By::Began { parent_id: parent.to_bits() }),
            What::Spawned | What::Message(_) => {
                let by = match what {
                    What::Message(shape) => By::Message(shape.name()),
                    _ => By::Spawned,
                };
                end(report, by);
                if let Some(pid) = from {
                    let is_cut = report.chain.links().len() + 1 == LINKS_MAX;
                    let by = if is_cut { By::Cut } else { By::Lost };
                    report.chain.push(Link { pid, name: state.table.name_of(pid), by });
                    report.next = (!is_cut).then_some(parent);
                }
            }
        }
    }
    None
}

/// What this core knows of a step that it counted.
fn find(state: &State, sequence: Sequence) -> Option<Event> {
    state
        .events
        .find(sequence)
        .or_else(|| state.waits.asked_with(sequence))
        .or_else(|| state.crashed.find(sequence))
}

/// Sends a report to another core.
/// # Errors
/// The report, if that core is gone.
fn send(state: &State, to: CoreId, report: Box<Report>) -> Result<(), Box<Report>> {
    let Some(port) = Port::of(to).filter(|port| to != state.core && port.running().is_some())
    else {
        return Err(report);
    };
    let mut parcel = Parcel::new();
    parcel.control(Control::Report(report));
    if state.stage(port, &parcel).is_ok() {
        return Ok(());
    }
    Envelope::of(&parcel).open(|arrived| match arrived {
        Arrived::Control(Control::Report(report)) => Err(report),
        _ => unreachable!("what was put in is what is there"),
    })
}
