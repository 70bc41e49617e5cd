//! A link joins two processes: when one ends otherwise than normally, or cancelled, the other ends with it.
//!
//! Both know of it. It is made on one core at once, with another core by a control; if that one has no such process, it is as if it had
//! just ended. Exits are not trapped: who only wants to watch uses a monitor.

use crate::block::{Block, Life};
use crate::context::Context;
use crate::control::Control;
use crate::exit::{Down, Exit};
use crate::pid::{CoreId, Pid};
use crate::state::State;

impl Context {
    /// Links this process with another: if either ends otherwise than normally, or because it was cancelled, the other is ended,
    /// [`Exit::Linked`], at its next turn boundary. Linked twice is linked once.
    ///
    /// # Errors
    /// [`Down`] if it is known here that there is no such process. On another core that is found out there, and ends this one as if
    /// the other had failed.
    pub fn link(&self, with: Pid) -> Result<(), Down> {
        let down = Down { pid: with, exit: Exit::Unknown, undelivered: 0, quarantined_bytes: 0 };
        self.with(|state| {
            let whom = self.pid();
            let Some(block) = state.table.find_live(whom).filter(|_| whom != with) else {
                return Ok(()); // it is ending, or linked with itself as it is
            };
            if state.is_here(with) {
                let Some(other) = state.table.find_live(with) else { return Err(down) };
                add(other, whom);
            } else {
                let link = Control::Link { whom: with, with: whom };
                state.tell(with.core(), link).map_err(|_| down)?;
            }
            add(block, with);
            Ok(())
        })
    }

    /// Ends a link.
    pub fn unlink(&self, with: Pid) {
        self.with(|state| {
            unlinked(state, self.pid(), with);
            tell(state, with, Control::Unlink { whom: with, with: self.pid() });
        });
    }
}

fn add(block: &Block, with: Pid) {
    let extra = block.extra_or_new();
    let links = &mut *extra.links.borrow_mut();
    if !links.contains(&with) {
        links.push(with);
    }
}

/// Acts on a control of ours, wherever it is for.
fn tell(state: &State, to: Pid, control: Control) {
    if !state.is_here(to) {
        return state.tell(to.core(), control).unwrap_or_default();
    }
    match control {
        Control::Unlink { whom, with } => unlinked(state, whom, with),
        Control::LinkEnded { whom, with } => ended(state, whom, with),
        _ => unreachable!("links say no more than that"),
    }
}

/// A process of another core was linked with one of this.
pub(crate) fn linked(state: &State, whom: Pid, with: Pid) {
    match state.table.find_live(whom) {
        Some(block) => add(block, with),
        None => tell(state, with, Control::LinkEnded { whom: with, with: whom }),
    }
}

/// A link is no more.
pub(crate) fn unlinked(state: &State, whom: Pid, with: Pid) {
    if let Some(extra) = state.table.find_live(whom).and_then(Block::extra) {
        extra.links.borrow_mut().retain(|other| *other != with);
    }
}

/// One that a process of this core was linked with has ended otherwise than normally.
pub(crate) fn ended(state: &State, whom: Pid, with: Pid) {
    let Some(block) = state.table.find_live(whom) else { return };
    let Some(extra) = block.extra() else { return };
    let was_linked = {
        let links = &mut *extra.links.borrow_mut();
        let before = links.len();
        links.retain(|other| *other != with);
        links.len() < before
    };
    if was_linked {
        block.doom(Exit::Linked { pid: with });
        state.wake_root(whom.slot(), block);
    }
}

/// Tells those that a process was linked with that it has ended.
pub(crate) fn end_all(state: &State, pid: Pid, links: Vec<Pid>, exit: &Exit) {
    for whom in links {
        let control = if matches!(exit, Exit::Normal | Exit::Cancelled) {
            Control::Unlink { whom, with: pid }
        } else {
            Control::LinkEnded { whom, with: pid }
        };
        tell(state, whom, control);
    }
}

/// A core is gone, and all that was linked with one of its processes ends.
pub(crate) fn core_gone(state: &State, core: CoreId) {
    for slot in 0..state.table.made() {
        let block = state.table.block(slot);
        let Some(extra) =
            Some(block).filter(|block| block.life() == Life::Live).and_then(Block::extra)
        else {
            continue;
        };
        let gone: Vec<_> =
            extra.links.borrow().iter().copied().filter(|with| with.core() == core).collect();
        for with in gone {
            ended(state, state.table.pid(slot), with);
        }
    }
}
