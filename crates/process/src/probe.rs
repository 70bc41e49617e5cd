//! A probe goes from core to core along a chain of processes that wait for each other, and back.

use crate::address::WaitId;
use crate::pid::Pid;

/// How many processes a chain has at most that leads over several cores; a longer one is left to its deadline.
pub(crate) const HOPS_MAX: usize = 64;

/// What it found so far. The first is who asks; each waits for the next, the last for the first if the chain came home.
#[derive(Debug)]
pub(crate) struct Probe {
    pub(crate) hops: Vec<Hop>,
    pub(crate) way: Way,
}

/// Where it goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Way {
    /// To him for whom the last waits.
    On(Pid),
    /// To the hop of this index, behind all that the next one sent it before: so an answer that was under way is there first.
    Back(usize),
}

/// A process that waits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Hop {
    pub(crate) who: Pid,
    pub(crate) wait: WaitId,
    /// For room, not for an answer.
    pub(crate) is_in_line: bool,
}
