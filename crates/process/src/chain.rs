//! A chain is what led to the end of a process: step by step, back to where its request began.
//!
//! ```text
//! ended here ─► its cause names a step ─► the core that counted it knows who did it, and on behalf of which step before ─► ...
//! step found   in the events of that core;  else in its waits: who still waits for an answer says what he asked, however old
//! other core   the report goes there by the lane, as a control, and comes home when it is whole: nobody waits for it
//! ```
//!
//! Cost: nothing until a process fails. Then a look at the events for each link; at all waits of a core, where that is too old.
//! At most 32 links, and the first that is not known ends it.

use crate::cause::{Cause, Sequence};
use crate::control::Control;
use crate::events::{Event, What};
use crate::exit::Exit;
use crate::gauges::count;
use crate::host::Ended;
use crate::parcel::{Arrived, Envelope, Parcel};
use crate::pid::{CoreId, Pid};
use crate::port::Port;
use crate::state::State;
use std::fmt;

/// How many links a chain has at most.
const LINKS_MAX: usize = 32;

/// One process in a chain, and what it was at work on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Link {
    /// Which process.
    pub pid: Pid,
    /// The name that it was spawned with; none if it has gone since.
    pub name: Option<&'static str>,
    /// What it was at work on: the next link did this to it.
    pub by: By,
}

/// What made a process work.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum By {
    /// It took a message of this type.
    Message(&'static str),
    /// It was spawned.
    Spawned,
    /// It began the request, or was the first that was told of it. What was said to have led to it elsewhere, or zero.
    Began {
        /// The parent id of the trace context that came with the request.
        parent_id: u64,
    },
    /// This is not known any more: it was too long ago, or its core is gone.
    Lost,
    /// The chain is longer than what is told.
    Cut,
}

/// What led to the end of a process, the process itself first.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Chain {
    links: Vec<Link>,
}

impl Chain {
    /// The links, from the end back to the beginning.
    #[must_use]
    pub fn links(&self) -> &[Link] {
        &self.links
    }

    /// The last link, which is being looked at.
    fn last(&mut self) -> Option<&mut Link> {
        self.links.last_mut()
    }
}

impl fmt::Display for Chain {
    /// As `c<0.2.1> (App::Work) <- b<0.1.1> (spawned) <- a<0.0.1> (began)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, Link { pid, name, by }) in self.links.iter().enumerate() {
            let arrow = if place == 0 { "" } else { " <- " };
            write!(f, "{arrow}{}{pid} ({by})", name.unwrap_or(""))?;
        }
        Ok(())
    }
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(name) => f.write_str(name),
            Self::Spawned => f.write_str("spawned"),
            Self::Began { parent_id: 0 } => f.write_str("began"),
            Self::Began { parent_id } => write!(f, "began by {parent_id:016x}"),
            Self::Lost => f.write_str("lost"),
            Self::Cut => f.write_str("and so on"),
        }
    }
}

/// What is to be told of a process that ended, while its chain is being followed.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) pid: Pid,
    pub(crate) name: &'static str,
    pub(crate) exit: Exit,
    pub(crate) cause: Cause,
    pub(crate) message: &'static str,
    pub(crate) undelivered: u32,
    pub(crate) quarantined_bytes: u64,
    pub(crate) chain: Chain,
    /// The step to be looked at next, unless all is said.
    pub(crate) next: Option<Sequence>,
}

impl Report {
    fn tell(&self, state: &State) {
        state.host.0.ended(&Ended {
            pid: self.pid,
            name: self.name,
            exit: &self.exit,
            cause: self.cause,
            message: self.message,
            undelivered: self.undelivered,
            quarantined_bytes: self.quarantined_bytes,
            chain: &self.chain,
        });
    }

    fn end(&mut self, by: By) {
        self.next = None;
        if let Some(last) = self.chain.last() {
            last.by = by;
        }
    }

    fn lose(&mut self, state: &State) {
        count(&state.counts.cause_lost);
        self.end(By::Lost);
    }
}

/// Tells the host of a process that ended just now, at once, or when other cores have said what led to it.
pub(crate) fn tell(state: &State, mut report: Report) {
    report.chain.links.push(Link { pid: report.pid, name: Some(report.name), by: By::Lost });
    // Who is killed is none of his cause's doing, and many may be at once.
    let is_own_end = matches!(report.exit, Exit::Panicked { .. } | Exit::Failed { .. });
    report.next = (is_own_end && !report.cause.is_none()).then(|| report.cause.sequence());
    pass_on(state, Box::new(report));
}

/// Says what this core knows of the chain, and passes the report on to who knows more, or home.
pub(crate) fn pass_on(state: &State, mut report: Box<Report>) {
    let to = match follow(state, &mut report) {
        Some(core) => core,
        None if report.pid.core() == state.core => return report.tell(state),
        None => report.pid.core(),
    };
    if let Err(back) = send(state, to, report) {
        lost(state, back);
    }
}

/// A report could not be brought to another core: it is told with what is known, at home or by who has it.
pub(crate) fn lost(state: &State, mut report: Box<Report>) {
    if report.next.is_some() {
        report.lose(state);
        return pass_on(state, report);
    }
    report.tell(state);
}

/// Follows the chain as far as this core counted it; the core that knows the next step, if another does.
fn follow(state: &State, report: &mut Report) -> Option<CoreId> {
    while let Some(sequence) = report.next {
        if sequence.core_number() != state.core.number() {
            let core = Port::of(CoreId::new(sequence.core_number())).map(|port| port.core);
            if core.is_none() {
                report.lose(state);
            }
            return core;
        }
        let Some(event) = find(state, sequence) else {
            report.lose(state);
            return None;
        };
        let Event { parent, from, what, .. } = event;
        match what {
            What::Began => report.end(By::Began { parent_id: parent.to_bits() }),
            What::Spawned | What::Message(_) => {
                let by = match what {
                    What::Message(shape) => By::Message(shape.name()),
                    _ => By::Spawned,
                };
                report.end(by);
                if let Some(pid) = from {
                    let is_cut = report.chain.links.len() + 1 == LINKS_MAX;
                    let by = if is_cut { By::Cut } else { By::Lost };
                    report.chain.links.push(Link { pid, name: name_of(state, pid), by });
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

fn name_of(state: &State, pid: Pid) -> Option<&'static str> {
    let block = state.table.find(pid.slot(), pid.generation())?;
    Some(state.table.kind(block).name)
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
