//! A call is a request and the wait for its answer, with an end in time.
//!
//! The answer lands in the call's own future: its place is kept before the request leaves, so a reply waits for nothing. Cost on
//! one core: a message, a wait and a write. The timer of a deadline is set with the host only if the answer has not come by the
//! end of the pass.

use crate::cancelled::Cancelled;
use crate::deliver;
use crate::events::What;
use crate::gauges::count;
use crate::landing::{Await, Errand, Landed, Place};
use crate::mail::Note;
use crate::message::{Message, hands_on, weight_bytes};
use crate::refused::{Refusal, Refused};
use crate::reply::Reply;
use crate::sender::Sender;
use crate::shape::Shape;
use crate::state::State;
use levada_shared::Full;
use std::error::Error;
use std::fmt;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

impl<M: Message> Sender<M> {
    /// Sends the request that `make` makes around a reply, and waits for the answer at most for `within`.
    ///
    /// Dropped meanwhile, the call is cancelled: who holds the reply can hear of it by [`Reply::cancelled`].
    ///
    /// # Errors
    /// Why there is no answer, with the request if nobody took it.
    ///
    /// # Panics
    /// If it is polled elsewhere than in a process.
    pub fn call<R: Message>(
        &self,
        within: Duration,
        make: impl FnOnce(Reply<R>) -> M,
    ) -> impl Future<Output = Result<R, CallError<M>>> {
        Await::new(Calling { sender: self, within, make: Some(make) })
    }
}

struct Calling<'a, M, F> {
    sender: &'a Sender<M>,
    within: Duration,
    make: Option<F>,
}

impl<M: Message, R: Message, F: FnOnce(Reply<R>) -> M> Errand<M, R> for Calling<'_, M, F> {
    type Output = Result<R, CallError<M>>;
    const ENDS_BY_CANCEL: bool = true;

    #[inline]
    fn begin(
        &mut self,
        state: &Rc<State>,
        place: Place<'_, M, R>,
        _context: &mut Context<'_>,
    ) -> Poll<Self::Output> {
        let make = self.make.take().expect("a call is not polled again after it is ready");
        count(&state.counts.calls);
        let to = place.open_call(state, self.sender.pid());
        let mut request = make(Reply::new(to, self.sender.pid()));
        if hands_on(&mut request, Some(to.wait())) {
            state.unbind();
        }
        let weight_bytes = weight_bytes(&mut request);
        let what = What::Message(Shape::of::<M>());
        match self.sender.admit(state, weight_bytes) {
            Ok(room) => {
                if let Err(why) = room.charge(state, &mut request) {
                    place.close();
                    let refused = Refused::for_its_bytes(why, request);
                    return Poll::Ready(Err(CallError::Refused(refused)));
                }
                room.put(state, request);
            }
            Err(Refusal::Full) if self.sender.lets_wait() => {
                let cause = state.next_cause(Some(self.sender.pid()), what);
                let note = Note { cause, weight_bytes };
                let waiting = place.stand(self.sender.address(), request, note, true);
                self.sender.stand_in_line(state, waiting, place.opened());
            }
            Err(why) => {
                deliver::count_refusal(state, why);
                if let Err(refused) = Refused::of(why, request) {
                    place.close();
                    return Poll::Ready(Err(CallError::Refused(refused)));
                }
                // Dropped with the request, the reply has ended the wait: what it came to is seen at once.
            }
        }
        place.note_asked(state, self.sender.pid(), what);
        place.within(state, self.within);
        Poll::Pending
    }

    fn finish(&mut self, landed: Landed<M, R>) -> Self::Output {
        match landed {
            Landed::Answer(answer) => Ok(answer),
            Landed::Returned(request) => Err(CallError::NotStarted(request)),
            Landed::Refused(why, Some(request)) => {
                Err(CallError::Refused(Refused::Closed(request, why)))
            }
            Landed::AccountFull(full, request) => {
                Err(CallError::Refused(Refused::AccountFull(request, full)))
            }
            Landed::OverBudget(full) => Err(CallError::OverBudget(full)),
            Landed::Cycle(request) => Err(CallError::Cycle(request)),
            Landed::ExpiredInLine(Some(request)) => Err(CallError::Refused(Refused::Full(request))),
            Landed::Crashed => Err(CallError::Crashed),
            Landed::Dropped => Err(CallError::Dropped),
            Landed::Expired => Err(CallError::Deadline),
            Landed::Cancelled(None) => Err(CallError::Cancelled),
            Landed::Cancelled(Some(request)) => {
                Err(CallError::Refused(Refused::Cancelled(request)))
            }
            Landed::Accepted | Landed::Refused(_, None) | Landed::ExpiredInLine(None) => {
                unreachable!("a call has a request and ends with an answer")
            }
        }
    }
}

/// Why a call has no answer. Exactly one of these, or the answer.
#[non_exhaustive]
pub enum CallError<M> {
    /// The request was not accepted. Full, where the mailbox lets wait: the time was over before there was room.
    Refused(Refused<M>),
    /// The request was accepted, but the process ended before it took it.
    NotStarted(M),
    /// Who held the reply crashed or was killed.
    Crashed,
    /// Who held the reply dropped it.
    Dropped,
    /// The time is over. Whether the request was handled is not known.
    Deadline,
    /// Who called was cancelled. Whether the request was handled is not known; who handles it is told.
    Cancelled,
    /// There was an answer, and what it carries of the shared heap did not fit the account of who called: which limit, and what
    /// would still have fitted.
    OverBudget(Full<()>),
    /// The call closed a circle of processes that wait for each other, none of which could ever go on. With the request, if nobody
    /// took it; who took it holds a reply that nobody waits for.
    Cycle(Option<M>),
}

impl<M> fmt::Debug for CallError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(why) => f.debug_tuple("Refused").field(why).finish(),
            Self::NotStarted(_) => f.write_str("NotStarted"),
            Self::Crashed => f.write_str("Crashed"),
            Self::Dropped => f.write_str("Dropped"),
            Self::Deadline => f.write_str("Deadline"),
            Self::Cancelled => f.write_str("Cancelled"),
            Self::OverBudget(full) => f.debug_tuple("OverBudget").field(full).finish(),
            Self::Cycle(_) => f.write_str("Cycle"),
        }
    }
}

impl<M> fmt::Display for CallError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(why) => write!(f, "the request was not accepted: {why}"),
            Self::NotStarted(_) => f.write_str("the process ended before it took the request"),
            Self::Crashed => f.write_str("the process crashed before it answered"),
            Self::Dropped => f.write_str("the process dropped the reply"),
            Self::Deadline => f.write_str("the answer did not come in time"),
            Self::Cancelled => f.write_str("who called was cancelled"),
            Self::OverBudget(full) => {
                write!(f, "who called cannot hold what the answer carries: {full}")
            }
            Self::Cycle(_) => f.write_str("the call closed a circle of waits"),
        }
    }
}

impl<M> Error for CallError<M> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let is_cancelled = matches!(self, Self::Cancelled | Self::Refused(Refused::Cancelled(_)));
        is_cancelled.then_some(&Cancelled as _)
    }
}
