//! A control is what one core tells another about processes, beside the messages between them.
//!
//! It acts when it arrives at the core, ahead of what waits in mailboxes, but travels in the same lane as messages: it never
//! overtakes what was sent before it. Each kind is bounded by what it speaks about: a lease, a monitor, a wait, a spawn.

use crate::address::{ReplyTo, WaitId};
use crate::chain::Report;
use crate::closed::Closed;
use crate::exit::Down;
use crate::pid::Pid;
use crate::probe::Probe;
use std::fmt;

pub(crate) enum Control {
    /// To the owner of a mailbox: a lease is wanted, large enough for a message of this weight.
    Ask { to: Pid, weight_bytes: u32 },
    /// From the owner: so much room is yours.
    Grant { to: Pid, messages: u16, bytes: u32, serial: u32 },
    /// From the owner: another starves, give back what you do not need now.
    Recall { to: Pid },
    /// To the owner: this was not used, of all grants up to this one.
    Return { to: Pid, messages: u16, bytes: u32, serial: u32 },
    /// From the owner: the mailbox takes no more.
    Shut { to: Pid, why: Closed },
    /// The process is to end.
    Kill { whom: Pid, by: Option<Pid>, why: &'static str },
    /// The process is to end by itself, and what it waits for ends.
    Cancel { whom: Pid },
    /// The process is to end with this one: they are linked.
    Link { whom: Pid, with: Pid },
    /// They are linked no more.
    Unlink { whom: Pid, with: Pid },
    /// This one has ended otherwise than normally: who is linked with it ends too.
    LinkEnded { whom: Pid, with: Pid },
    /// Who waits there wants to hear when the process is gone.
    Monitor { whom: Pid, teller: ReplyTo<Down> },
    /// It no longer does.
    Demonitor { whom: Pid, teller: WaitId },
    /// Who waits there wants to hear if the call ends unanswered.
    Listen { call: WaitId, listener: ReplyTo<()> },
    /// It no longer does.
    Unlisten { call: WaitId, listener: WaitId },
    /// A call has no answer.
    End { call: WaitId, how: Unanswered },
    /// Who waits there wants to hear when all is taken that is in the mailbox now.
    Flush { to: Pid, teller: ReplyTo<Option<Closed>> },
    /// It no longer does.
    Unflush { to: Pid, teller: WaitId },
    /// Whether the wait that asks closes a circle, on the way round it and back.
    Probe(Box<Probe>),
    /// A call closed a circle: its request is to go back, if it was not taken.
    TakeBack { from: Pid, call: WaitId },
    /// What led to the end of a process: to be followed, or to be told at its home.
    Report(Box<Report>),
    /// A process is to be spawned.
    Run(Box<dyn FnOnce() + Send>),
}

/// Why a call has no answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Unanswered {
    /// Who held the reply crashed.
    Crashed,
    /// Who held the reply dropped it.
    Dropped,
    /// The call closed a circle of waits, and its request was taken.
    Cycle,
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ask { to, weight_bytes } => write!(f, "Ask({to}, {weight_bytes} B)"),
            Self::Grant { to, messages, bytes, serial } => {
                write!(f, "Grant({to}, {messages}, {bytes} B, {serial})")
            }
            Self::Recall { to } => write!(f, "Recall({to})"),
            Self::Return { to, messages, bytes, serial } => {
                write!(f, "Return({to}, {messages}, {bytes} B, {serial})")
            }
            Self::Shut { to, why } => write!(f, "Shut({to}, {why:?})"),
            Self::Kill { whom, .. } => write!(f, "Kill({whom})"),
            Self::Cancel { whom } => write!(f, "Cancel({whom})"),
            Self::Link { whom, with } => write!(f, "Link({whom}, {with})"),
            Self::Unlink { whom, with } => write!(f, "Unlink({whom}, {with})"),
            Self::LinkEnded { whom, with } => write!(f, "LinkEnded({whom}, {with})"),
            Self::Monitor { whom, teller } => write!(f, "Monitor({whom}, {teller:?})"),
            Self::Demonitor { whom, teller } => write!(f, "Demonitor({whom}, {teller:?})"),
            Self::Listen { call, listener } => write!(f, "Listen({call:?}, {listener:?})"),
            Self::Unlisten { call, listener } => write!(f, "Unlisten({call:?}, {listener:?})"),
            Self::End { call, how } => write!(f, "End({call:?}, {how:?})"),
            Self::Flush { to, teller } => write!(f, "Flush({to}, {teller:?})"),
            Self::Unflush { to, teller } => write!(f, "Unflush({to}, {teller:?})"),
            Self::Probe(probe) => write!(f, "{probe:?}"),
            Self::TakeBack { from, call } => write!(f, "TakeBack({from}, {call:?})"),
            Self::Report(report) => write!(f, "Report({})", report.pid),
            Self::Run(_) => f.write_str("Run"),
        }
    }
}
