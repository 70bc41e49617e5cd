//! An exit is how a process ended, and what those hear of it who watched.

use crate::closed::Closed;
use crate::failure::Failure;
use crate::message::{Message, Visit};
use crate::pid::Pid;
use std::fmt;

/// How a process ended.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Exit {
    /// Its root returned `Ok`, or passed on that its mailbox is closed.
    Normal,
    /// Its root returned an error.
    Failed {
        /// The error and its sources.
        text: Box<str>,
    },
    /// It panicked.
    Panicked {
        /// Where, as `file:line:column`.
        at: Box<str>,
        /// What the panic said.
        text: Box<str>,
    },
    /// It was killed.
    Killed {
        /// By which process; none if its core ended it.
        by: Option<Pid>,
        /// Why.
        why: &'static str,
    },
    /// Its mailbox was full, and is of the kind that then ends its process.
    Overflow,
    /// One that it was linked with ended otherwise than normally.
    Linked {
        /// Which one.
        pid: Pid,
    },
    /// It was cancelled, and passed that on.
    Cancelled,
    /// There is no such process; how it ended is no longer known.
    Unknown,
}

impl Exit {
    /// How it ended whose root returned this.
    pub(crate) fn of(outcome: Result<(), Failure>) -> Self {
        match outcome.map_err(Failure::into_text) {
            Err(Err(Closed::Cancelled)) => Self::Cancelled,
            Ok(()) | Err(Err(_)) => Self::Normal,
            Err(Ok(text)) => Self::Failed { text },
        }
    }

    /// Whether it ended as it meant to.
    #[must_use]
    pub fn is_normal(&self) -> bool {
        matches!(self, Self::Normal)
    }

    /// Whether it was stopped in the middle of things.
    pub(crate) fn is_crash(&self) -> bool {
        !matches!(self, Self::Normal | Self::Failed { .. } | Self::Cancelled)
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Normal => f.write_str("ended"),
            Self::Failed { text } => write!(f, "failed: {text}"),
            Self::Panicked { at, text } => write!(f, "panicked at {at}: {text}"),
            Self::Killed { by: Some(pid), why } => write!(f, "killed by {pid}: {why}"),
            Self::Killed { by: None, why } => write!(f, "killed: {why}"),
            Self::Overflow => f.write_str("ended because its mailbox was full"),
            Self::Linked { pid } => write!(f, "ended with {pid}, which it was linked with"),
            Self::Cancelled => f.write_str("was cancelled"),
            Self::Unknown => f.write_str("is not there"),
        }
    }
}

impl Message for Exit {
    const FLAT: bool = false;
    const CHARGES: bool = false;

    fn visit(&mut self, visit: &mut Visit<'_>) {
        match self {
            Self::Failed { text } => text.visit(visit),
            Self::Panicked { at, text } => {
                at.visit(visit);
                text.visit(visit);
            }
            Self::Normal
            | Self::Killed { .. }
            | Self::Overflow
            | Self::Linked { .. }
            | Self::Cancelled
            | Self::Unknown => {}
        }
    }
}

/// What a monitor is told when the process that it watches is gone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Down {
    /// Which process.
    pub pid: Pid,
    /// How it ended.
    pub exit: Exit,
    /// How many messages it had accepted and not taken.
    pub undelivered: u32,
    /// How many bytes of the shared heap were still charged to its own account when that closed: somebody holds them, or forgot them.
    pub quarantined_bytes: u64,
}

impl Message for Down {
    const FLAT: bool = false;
    const CHARGES: bool = false;

    fn visit(&mut self, visit: &mut Visit<'_>) {
        self.exit.visit(visit);
    }
}
