//! A reply is the right to answer one call, once. It needs no room anywhere: its place is kept at the caller.
//!
//! It may be kept, put into other messages and sent on, to any process: what it names is the wait of who called, by a generation
//! that never comes back. An answer that comes too late is given back, or counted.

use crate::address::{ReplyTo, WaitId};
use crate::control::{Control, Unanswered};
use crate::here;
use crate::landing::{Await, Errand, Landed, Place};
use crate::message::{Message, Visit, hands_on};
use crate::parcel::{Envelope, Parcel};
use crate::pid::Pid;
use crate::port::Port;
use crate::state::State;
use crate::waiting;
use std::fmt;
use std::mem::ManuallyDrop;
use std::rc::Rc;
use std::task::{Context, Poll};

/// Answers one call. Dropped unanswered, the caller hears that it was.
pub struct Reply<R: Message> {
    to: ReplyTo<R>,
    /// Whose mailbox the call was made to.
    callee: Pid,
}

impl<R: Message> Reply<R> {
    pub(crate) fn new(to: ReplyTo<R>, callee: Pid) -> Self {
        Self { to, callee }
    }

    /// Answers. If who called has gone, or has no room in his account for what the answer carries, it is dropped, and counted; in
    /// the second case he hears of it.
    pub fn send(self, answer: R) {
        drop(self.try_send(answer));
    }

    /// Answers.
    ///
    /// # Errors
    /// The answer, if who called has gone, or has no room in his account for what it carries, as far as can be seen from here: of a
    /// caller on another core nothing is seen.
    pub fn try_send(self, mut answer: R) -> Result<(), R> {
        let to = ManuallyDrop::new(self).to;
        here::with(|state| match state {
            Some(state) => {
                if hands_on(&mut answer, None) {
                    state.unbind();
                }
                waiting::answer_call(state, to, answer)
            }
            None => answer_from_outside(to.wait(), |parcel| parcel.answer(to, answer)),
        })
    }

    /// Says that it is about to leave the process otherwise than in a message, an answer or a closure that is spawned: to a thread
    /// that is no core. These three are seen; without this word who took the request is held to be the one who will answer it, and
    /// a call of his to who waits for the answer is taken for a circle ([`CallError::Cycle`](crate::CallError::Cycle)).
    #[must_use = "it is the reply"]
    pub fn hand_over(self) -> Self {
        here::with(|state| state.map(|state| state.unbind()));
        self
    }

    /// Waits until nobody waits for the answer any more: the call was dropped, or its time is over.
    ///
    /// Work for a caller that may have gone can be raced against this. Never ready while the caller waits.
    pub fn cancelled(&self) -> impl Future<Output = ()> {
        Await::<(), (), _>::new(Listening::to(self.to.wait()))
    }
}

/// Hands an answer to the core of who called, on a thread that is no core.
fn answer_from_outside<R>(to: WaitId, pack: impl FnOnce(&mut Parcel)) -> Result<(), R> {
    let mut parcel = Parcel::new();
    pack(&mut parcel);
    let answer = Envelope::of(&parcel);
    match Port::of(to.core) {
        Some(port) => port.answer(answer),
        None => drop(answer),
    }
    Ok(())
}

impl<R: Message> Drop for Reply<R> {
    fn drop(&mut self) {
        let call = self.to.wait();
        here::with(|state| match state {
            Some(state) => {
                let crashing = state.course.crashing.get() || std::thread::panicking();
                let how = if crashing { Unanswered::Crashed } else { Unanswered::Dropped };
                waiting::end_call(state, call, how);
            }
            None => {
                let how = if std::thread::panicking() {
                    Unanswered::Crashed
                } else {
                    Unanswered::Dropped
                };
                answer_from_outside::<()>(call, |parcel| {
                    parcel.control(Control::End { call, how })
                })
                .unwrap_or_default();
            }
        });
    }
}

impl<R: Message> fmt::Debug for Reply<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("callee", &self.callee).finish_non_exhaustive()
    }
}

impl<R: Message> Message for Reply<R> {
    const FLAT: bool = true;
    const CHARGES: bool = false;

    fn visit(&mut self, visit: &mut Visit<'_>) {
        visit.reply(self.callee, self.to.wait());
    }
}

/// Listens for the end of a call, or of another wait, at the core of who waits.
pub(crate) struct Listening {
    call: WaitId,
    listener: Option<ReplyTo<()>>,
}

impl Listening {
    pub(crate) fn to(call: WaitId) -> Self {
        Self { call, listener: None }
    }
}

impl Errand<(), ()> for Listening {
    type Output = ();
    const ENDS_BY_CANCEL: bool = false;

    fn begin(
        &mut self,
        state: &Rc<State>,
        place: Place<'_, (), ()>,
        _context: &mut Context<'_>,
    ) -> Poll<()> {
        let listener = place.open(state);
        self.listener = Some(listener);
        if self.call.core == state.core {
            waiting::listen(state, self.call, listener);
        } else if state.tell(self.call.core, Control::Listen { call: self.call, listener }).is_err()
        {
            self.listener = None;
            place.close();
            return Poll::Ready(());
        }
        Poll::Pending
    }

    fn finish(&mut self, _landed: Landed<(), ()>) {
        self.listener = None;
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let Some(listener) = self.listener.take() else { return };
        let (call, listener) = (self.call, listener.wait());
        here::with(|state| match state {
            Some(state) if state.core == call.core => waiting::unlisten(state, call, listener),
            Some(state) => {
                state.tell(call.core, Control::Unlisten { call, listener }).unwrap_or_default()
            }
            None => {} // its core is not running: the wait is gone with the landing, and refuses what comes
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_three_words() {
        assert_eq!(size_of::<Reply<[u64; 9]>>(), 24);
    }
}
