//! Who waits for what is what there is to say of a core on which nothing happens any more.

use crate::block::{Life, NOBODY};
use crate::drive::Core;
use crate::events::What;
use crate::pid::Pid;
use std::fmt;

/// A process that lives, and what it waits for.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct WaitingProcess {
    /// Which process.
    pub pid: Pid,
    /// The name that it was spawned with.
    pub name: &'static str,
    /// All that it waits for; empty if it is nothing of this core's: a socket, a file, a future of its own.
    pub waits_for: Vec<WaitsFor>,
}

/// What a process waits for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum WaitsFor {
    /// A message, of this type.
    Message(&'static str),
    /// The answer to a request of this type.
    Answer {
        /// Whose mailbox the request was made to.
        from: Pid,
        /// The type of the request.
        to: &'static str,
    },
    /// Room in a mailbox.
    Room {
        /// Whose.
        of: Pid,
    },
    /// A moment, the end of a process, or that a call is over.
    Event,
}

impl fmt::Display for WaitsFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(name) => write!(f, "a message ({name})"),
            Self::Answer { from, to } => write!(f, "the answer of {from} to {to}"),
            Self::Room { of } => write!(f, "room in the mailbox of {of}"),
            Self::Event => f.write_str("a moment or an end"),
        }
    }
}

impl fmt::Display for WaitingProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{} waits for ", self.name, self.pid)?;
        if self.waits_for.is_empty() {
            return f.write_str("something of its own");
        }
        for (place, what) in self.waits_for.iter().enumerate() {
            let and = if place == 0 { "" } else { " and " };
            write!(f, "{and}{what}")?;
        }
        Ok(())
    }
}

impl Core {
    /// What each process waits for. It walks all processes and waits: a question for when nothing goes on.
    #[must_use]
    pub fn waiting(&self) -> Vec<WaitingProcess> {
        let state = self.state();
        let live = (0..state.table.made()).filter(|s| state.table.block(*s).life() == Life::Live);
        let mut waiting: Vec<_> = live
            .map(|slot| {
                let block = state.table.block(slot);
                let kind = state.table.kind(block);
                let receives = block.receiver.get() != NOBODY;
                let message = WaitsFor::Message(kind.shape.name());
                let waits_for = receives.then_some(message).into_iter().collect();
                WaitingProcess { pid: state.table.pid(slot), name: kind.name, waits_for }
            })
            .collect();
        state.waits.each_open(|slot, asked, line| {
            let what = match (asked, line) {
                (_, Some(line)) => WaitsFor::Room { of: line.mailbox },
                (Some(asked), None) => match (asked.what, asked.to) {
                    (What::Message(shape), Some(from)) => {
                        WaitsFor::Answer { from, to: shape.name() }
                    }
                    _ => WaitsFor::Event,
                },
                (None, None) => WaitsFor::Event,
            };
            let found = waiting.binary_search_by_key(&slot, |process| process.pid.slot());
            if let Ok(place) = found {
                waiting[place].waits_for.push(what);
            }
        });
        waiting
    }
}
