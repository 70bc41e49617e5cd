//! Killing ends a process at the next boundary of its turns: it is polled no more, and taken apart like one that panicked.

use crate::context::Context;
use crate::control::Control;
use crate::exit::Exit;
use crate::message::{Message, Visit};
use crate::pid::Pid;
use crate::state::State;

/// The right to kill one process: given with it, and sent like any message. A name alone is no right.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Kill(Pid);

impl Kill {
    pub(crate) fn of(pid: Pid) -> Self {
        Self(pid)
    }

    /// Which process.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.0
    }
}

impl Message for Kill {
    const FLAT: bool = true;
    const CHARGES: bool = false;

    fn visit(&mut self, _visit: &mut Visit<'_>) {}
}

impl Context {
    /// Ends the process: not within a turn of its own, and without any more. One that is gone stays gone.
    pub fn kill(&self, whom: &Kill, why: &'static str) {
        self.with(|state| kill(state, whom.0, Some(self.pid()), why));
    }
}

/// Notes that a process is to end, wherever it is.
pub(crate) fn kill(state: &State, whom: Pid, by: Option<Pid>, why: &'static str) {
    if !state.is_here(whom) {
        return state.tell(whom.core(), Control::Kill { whom, by, why }).unwrap_or_default();
    }
    // One that waits to be started anew has nothing to be killed.
    if let Some(block) = state.table.find_live(whom).filter(|block| !block.is_paused()) {
        block.doom(Exit::Killed { by, why });
        state.wake_task(whom.slot(), 0);
    }
}
