//! A flush ends when all is taken that was in a mailbox when it came there: so also all that its sender sent before.
//!
//! ```text
//! flush ──► here: noted at the mailbox;  elsewhere: a control, behind what was sent in the same lane
//! mailbox   taken so far 100 | flushes: at 103, at 107 ...      each message that is taken may end the first of them
//! ```
//!
//! Cost: nothing for a mailbox that nobody flushes but a look at a flag that is in hand; else one count a message.

use crate::address::{ReplyTo, WaitId};
use crate::block::{Block, Extra};
use crate::closed::Closed;
use crate::control::Control;
use crate::here;
use crate::landing::{Await, Errand, Landed, Place};
use crate::marks::{Marks, Teller};
use crate::message::Message;
use crate::pid::Pid;
use crate::sender::Sender;
use crate::state::State;
use crate::waiting;
use std::rc::Rc;
use std::task::{Context, Poll};

impl<M: Message> Sender<M> {
    /// Waits until all is taken that was accepted through this sender so far. What others sent before that arrived is waited for
    /// with it: at most what the mailbox holds. That it was handled as well is known only by an answer.
    ///
    /// Dropped meanwhile, it changes nothing.
    ///
    /// # Errors
    /// [`Closed`] if the process ends first, or drops its mailbox: what was not taken was given back or dropped.
    ///
    /// # Panics
    /// If it is polled elsewhere than on a core.
    pub fn flush(&self) -> impl Future<Output = Result<(), Closed>> {
        Await::<(), Option<Closed>, _>::new(Flushing { to: self.pid(), teller: None })
    }
}

struct Flushing {
    to: Pid,
    teller: Option<Teller>,
}

impl Errand<(), Option<Closed>> for Flushing {
    type Output = Result<(), Closed>;
    const ENDS_BY_CANCEL: bool = true;

    fn begin(
        &mut self,
        state: &Rc<State>,
        place: Place<'_, (), Option<Closed>>,
        _context: &mut Context<'_>,
    ) -> Poll<Self::Output> {
        let (to, teller) = (self.to, place.open(state));
        let known = if state.is_here(to) {
            note(state, to, teller)
        } else {
            let told = state.tell(to.core(), Control::Flush { to, teller });
            told.err().map(|_| Some(Closed::Ended))
        };
        if let Some(end) = known {
            place.close();
            return Poll::Ready(end.map_or(Ok(()), Err));
        }
        self.teller = Some(teller);
        Poll::Pending
    }

    fn finish(&mut self, landed: Landed<(), Option<Closed>>) -> Self::Output {
        self.teller = None;
        match landed {
            Landed::Answer(end) => end.map_or(Ok(()), Err),
            Landed::Cancelled(_) => Err(Closed::Cancelled),
            _ => Err(Closed::Ended),
        }
    }
}

impl Drop for Flushing {
    fn drop(&mut self) {
        let Some(teller) = self.teller.take().map(ReplyTo::wait) else { return };
        here::with(|state| match state {
            Some(state) if state.is_here(self.to) => forget(state, self.to, teller),
            Some(state) => state
                .tell(self.to.core(), Control::Unflush { to: self.to, teller })
                .unwrap_or_default(),
            None => {} // its core is not running: the wait is gone with the landing, and refuses what comes
        });
    }
}

/// Notes who waits until all is taken that is in a mailbox of this core; how it ends, if that is known now.
fn note(state: &State, to: Pid, teller: Teller) -> Option<Option<Closed>> {
    let Some(block) = state.table.find_live(to) else { return Some(Some(Closed::Ended)) };
    if block.is_deaf() {
        return Some(Some(block.closed().unwrap_or(Closed::ByOwner)));
    }
    let queued = block.mail.queued();
    if queued == 0 {
        return Some(None);
    }
    let extra = block.extra_or_new();
    extra.marks.borrow_mut().add(queued, teller);
    block.set_flushed(true);
    None
}

/// Somebody on another core wants to hear when all is taken.
pub(crate) fn asked(state: &State, to: Pid, teller: Teller) {
    if let Some(end) = note(state, to, teller) {
        waiting::answer(state, teller, end).unwrap_or_default();
    }
}

/// Somebody no longer wants to hear.
pub(crate) fn forget(state: &State, to: Pid, teller: WaitId) {
    if let Some(extra) = state.table.find_live(to).and_then(Block::extra) {
        extra.marks.borrow_mut().remove(teller);
    }
}

/// A message was taken out of a mailbox that somebody flushes.
#[cold]
pub(crate) fn taken(state: &State, block: &Block) {
    let Some(extra) = block.extra() else { return };
    extra.marks.borrow_mut().taken();
    tell_due(state, block, &extra);
}

/// A message left a mailbox that somebody flushes without being taken, behind so many others.
pub(crate) fn withdrawn(state: &State, block: &Block, behind: u16) {
    let Some(extra) = block.extra().filter(|_| block.is_flushed()) else { return };
    extra.marks.borrow_mut().withdraw(behind);
    tell_due(state, block, &extra);
}

fn tell_due(state: &State, block: &Block, extra: &Extra) {
    loop {
        let due = extra.marks.borrow_mut().pop_due();
        let Some(teller) = due else { break };
        waiting::answer(state, teller, None).unwrap_or_default();
    }
    block.set_flushed(!extra.marks.borrow().is_empty());
}

/// A mailbox will not be taken from any more.
pub(crate) fn end(state: &State, block: &Block, why: Closed) {
    if !block.is_flushed() {
        return;
    }
    block.set_flushed(false);
    let marks = block.extra().map(|extra| extra.marks.take());
    for teller in marks.into_iter().flat_map(Marks::into_tellers) {
        waiting::answer(state, teller, Some(why)).unwrap_or_default();
    }
}
