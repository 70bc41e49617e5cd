//! Sending waits, where a mailbox lets wait, until the message is accepted: in order with all others that wait.

use crate::bounds::Full;
use crate::closed::Closed;
use crate::deliver;
use crate::events::What;
use crate::gauges::count;
use crate::landing::{Await, Errand, Landed, Place};
use crate::lines::Waiting;
use crate::mail::Note;
use crate::message::{Message, hands_on, weight_bytes};
use crate::outside;
use crate::parcel::Parcel;
use crate::refused::{Refusal, Refused, Sent};
use crate::remote;
use crate::sender::Sender;
use crate::shape::Shape;
use crate::state::State;
use crate::waits::{Line, Opened};
use std::ptr;
use std::rc::Rc;
use std::task::{Context, Poll};

impl<M: Message> Sender<M> {
    /// Sends a message; waits while the mailbox is full, if it lets wait. Dropped meanwhile, it was not sent. Room in the account of
    /// the receiver is not waited for: without it the message comes back, when its turn in the line has come.
    ///
    /// # Errors
    /// The message, and why it was not accepted.
    pub fn send(&self, message: M) -> impl Future<Output = Result<Sent, Refused<M>>> {
        Await::with(message, Sending { sender: self })
    }

    /// Waits until a message may be accepted: on another core, until a lease is held.
    ///
    /// # Errors
    /// [`Closed`] if the mailbox takes no more.
    pub fn ready(&self) -> impl Future<Output = Result<(), Closed>> {
        Await::<(), (), _>::new(GettingReady { sender: self })
    }

    /// Whether who finds the mailbox full may wait: for room in it, or, where it deals with what does not fit, for the way there.
    pub(crate) fn lets_wait(&self) -> bool {
        self.port().porch.word(self.pid().slot()).state().full != Full::Reject
    }

    /// Puts somebody into the line of the mailbox, who was told just before that it is full.
    pub(crate) fn stand_in_line(&self, state: &State, waiting: Waiting, wait: Opened) {
        count(&state.counts.mailbox_waits);
        let (to, is_message) = (self.pid(), matches!(waiting, Waiting::Message(_)));
        if ptr::eq(state.port, self.port()) {
            let place = state.lines.push(&state.table.block(to.slot()).line, waiting);
            state.waits.stand_in_line(wait, Line { mailbox: to, place, is_message });
        } else {
            remote::wait(
                state,
                self.port(),
                to,
                waiting,
                Parcel::units_for(Shape::of::<M>()),
                wait,
            );
        }
    }
}

struct Sending<'a, M> {
    sender: &'a Sender<M>,
}

impl<M: Message> Errand<M, ()> for Sending<'_, M> {
    type Output = Result<Sent, Refused<M>>;
    const ENDS_BY_CANCEL: bool = true;

    #[inline]
    fn begin(
        &mut self,
        state: &Rc<State>,
        mut place: Place<'_, M, ()>,
        _context: &mut Context<'_>,
    ) -> Poll<Self::Output> {
        let message = place.request();
        if hands_on(message, None) {
            state.unbind();
        }
        let weight_bytes = weight_bytes(message);
        match self.sender.admit(state, weight_bytes) {
            Ok(room) => {
                if let Err(why) = room.charge(state, message) {
                    return Poll::Ready(Err(Refused::for_its_bytes(why, place.take())));
                }
                room.put(state, place.take());
                Poll::Ready(Ok(Sent::Accepted))
            }
            Err(Refusal::Full) if self.sender.lets_wait() => {
                let message = place.take();
                let _ = place.open(state);
                let what = What::Message(Shape::of::<M>());
                let cause = state.next_cause(Some(self.sender.pid()), what);
                let note = Note { cause, weight_bytes };
                let waiting = place.stand(self.sender.address(), message, note, false);
                self.sender.stand_in_line(state, waiting, place.opened());
                Poll::Pending
            }
            Err(why) => {
                deliver::count_refusal(state, why);
                Poll::Ready(Refused::of(why, place.take()))
            }
        }
    }

    fn begin_outside(
        &mut self,
        place: Place<'_, M, ()>,
        context: &mut Context<'_>,
    ) -> Poll<Self::Output> {
        let mut message = place.take();
        let weight_bytes = weight_bytes(&mut message);
        for is_last in [false, true] {
            match outside::offer(self.sender.port(), self.sender.address(), weight_bytes, message) {
                Ok(()) => return Poll::Ready(Ok(Sent::Accepted)),
                Err(Refused::Full(back)) if !is_last => {
                    self.sender.port().wait_for_place(context.waker());
                    message = back; // tried once more: a place may have become free before we were heard
                }
                Err(Refused::Full(back)) => {
                    place.put(back);
                    return Poll::Pending;
                }
                Err(refused) => return Poll::Ready(Err(refused)),
            }
        }
        unreachable!("the second try returns")
    }

    fn finish(&mut self, landed: Landed<M, ()>) -> Self::Output {
        match landed {
            Landed::Accepted => Ok(Sent::Accepted),
            Landed::Refused(why, Some(message)) => Err(Refused::Closed(message, why)),
            Landed::AccountFull(full, message) => Err(Refused::AccountFull(message, full)),
            Landed::Cancelled(Some(message)) => Err(Refused::Cancelled(message)),
            Landed::Cycle(Some(message)) => Err(Refused::Cycle(message)),
            _ => unreachable!("a send that waits is accepted or refused"),
        }
    }
}

struct GettingReady<'a, M> {
    sender: &'a Sender<M>,
}

impl<M: Message> Errand<(), ()> for GettingReady<'_, M> {
    type Output = Result<(), Closed>;
    const ENDS_BY_CANCEL: bool = true;

    fn begin(
        &mut self,
        state: &Rc<State>,
        place: Place<'_, (), ()>,
        _context: &mut Context<'_>,
    ) -> Poll<Self::Output> {
        let weight_bytes = Shape::of::<M>().weight_bytes;
        if let Some(ready) = self.sender.is_ready(state, weight_bytes) {
            return Poll::Ready(ready);
        }
        let _ = place.open(state);
        self.sender.stand_in_line(
            state,
            Waiting::Room { wait: place.opened(), weight_bytes },
            place.opened(),
        );
        Poll::Pending
    }

    fn finish(&mut self, landed: Landed<(), ()>) -> Self::Output {
        match landed {
            Landed::Accepted => Ok(()),
            Landed::Refused(why, _) => Err(why),
            Landed::Cancelled(_) => Err(Closed::Cancelled),
            _ => unreachable!("who waits for room gets it or is refused"),
        }
    }
}

impl<M: Message> Sender<M> {
    /// Whether a message of its own weight would be accepted now; none if one has to wait to know.
    fn is_ready(&self, state: &State, weight_bytes: u32) -> Option<Result<(), Closed>> {
        if !ptr::eq(state.port, self.port()) {
            return remote::is_ready(state, self.port(), self.pid(), weight_bytes);
        }
        let block = state.table.block(self.pid().slot());
        if let Some(why) = deliver::closed(block) {
            return Some(Err(why));
        }
        let has_room = block.line.is_empty() && block.mail.has_room(weight_bytes);
        (has_room || block.deals_on_arrival()).then_some(Ok(()))
    }
}
