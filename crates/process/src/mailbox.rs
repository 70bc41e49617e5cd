//! A mailbox is the end that messages come out at, one by one, in the process that it was made with.

use crate::address::Address;
use crate::block::{Block, NOBODY, OTHER};
use crate::cause::Cause;
use crate::closed::Closed;
use crate::deliver;
use crate::flush;
use crate::forsake::forsake;
use crate::here;
use crate::lines::Wants;
use crate::message::Message;
use crate::pid::Pid;
use crate::sender::Sender;
use crate::state::State;
use crate::table::Held;
use crate::waits::Wakee;
use crate::waker::wakee_of;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// Receives the messages of a process. Dropped, it is closed, and what is still in it is given back or dropped; if the process is
/// supervised and ends with that, it is kept for the next incarnation.
pub struct Mailbox<M: Message> {
    of: Address<M>,
    /// It stays on its core.
    here: PhantomData<*const ()>,
}

impl<M: Message> Mailbox<M> {
    pub(crate) fn new(of: Address<M>) -> Self {
        Self { of, here: PhantomData }
    }

    /// Takes the next message, or waits for one. Safe to drop: a message leaves the mailbox only with the poll that returns it.
    ///
    /// What runs next runs on behalf of what the message was sent for. A process that has used up its slice lets others run
    /// first, even with messages waiting.
    ///
    /// # Errors
    /// [`Closed`], for ever, once all that was accepted was received and no more will come; [`Closed::Cancelled`] once the process is
    /// cancelled, whatever is in it.
    ///
    /// # Panics
    /// If it is polled elsewhere than on its own core.
    pub fn recv(&mut self) -> impl Future<Output = Result<M, Closed>> {
        Receiving { mailbox: self, waits: false }
    }

    /// Takes up to `most` messages at once, behind what is in `into`, or waits for one; says how many. Each keeps its own cause:
    /// [`Received::enter`] makes it that of what runs next.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    ///
    /// # Panics
    /// If `most` is zero, or it is polled elsewhere than on its own core.
    pub fn recv_many(
        &mut self,
        into: &mut Vec<Received<M>>,
        most: usize,
    ) -> impl Future<Output = Result<usize, Closed>> {
        assert!(most > 0, "who receives wants at least one message");
        let mut receiving = Receiving { mailbox: self, waits: false };
        std::future::poll_fn(move |context| {
            here::with(|state| {
                receiving.waits = true;
                let held = match receiving.mailbox.look(state, context) {
                    Poll::Ready(Ok(held)) => held,
                    Poll::Ready(Err(why)) => return Poll::Ready(Err(why)),
                    Poll::Pending => return Poll::Pending,
                };
                receiving.waits = false;
                let before = into.len();
                while into.len() - before < most && held.has_more() {
                    let mut cause = Cause::NONE;
                    let message = held.take(|noted| cause = noted);
                    into.push(Received { message, cause });
                }
                Poll::Ready(Ok(into.len() - before))
            })
        })
    }

    /// One more sender to this mailbox.
    #[must_use]
    pub fn sender(&self) -> Sender<M> {
        here::with(|state| Sender::another(on_core(state, self.pid()).port, self.of))
    }

    /// The process that it belongs to.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.of.pid()
    }

    /// Accepts no more. What was accepted can still be received.
    pub fn close(&mut self) {
        here::with(|state| {
            let state = on_core(state, self.pid());
            if let Some(block) = state.table.find_live(self.pid()) {
                deliver::shut(state, self.pid().slot(), block, Closed::ByOwner);
            }
        });
    }

    /// Takes the next message, or notes that it is waited for.
    #[inline]
    pub(crate) fn poll_recv(&mut self, context: &Context<'_>) -> Poll<Result<M, Closed>> {
        here::with(|state| {
            let filled = match self.look(state, context) {
                Poll::Ready(Ok(filled)) => filled,
                Poll::Ready(Err(why)) => return Poll::Ready(Err(why)),
                Poll::Pending => return Poll::Pending,
            };
            Poll::Ready(Ok(filled.take(|cause| filled.state.course.cause.set(cause))))
        })
    }

    /// Nobody waits for a message any more: whoever looks who waits for what is not to find what was given up.
    pub(crate) fn stop_waiting(&self) {
        let before = here::with(|state| {
            let state = state.filter(|state| state.core == self.pid().core())?;
            let block = state.table.find_live(self.pid())?;
            (block.receiver.replace(NOBODY) == OTHER).then(|| block.extra()?.receiver.take())?
        });
        drop(before); // somebody's own waker, with nothing borrowed
    }

    /// Whether there is a message to take now, and the way to it.
    #[inline]
    fn look<'a>(
        &self,
        state: Option<&'a Rc<State>>,
        context: &Context<'_>,
    ) -> Poll<Result<Filled<'a, M>, Closed>> {
        let state = on_core(state, self.pid());
        let Some(held) = state.table.held(self.of) else { return Poll::Ready(Err(Closed::Ended)) };
        if state.course.cancelled.get() {
            return Poll::Ready(Err(Closed::Cancelled));
        }
        if held.block.mail.queued() == 0 {
            if let Some(why) = deliver::is_over(held.block) {
                return Poll::Ready(Err(why));
            }
            wait(state, &held, context);
            return Poll::Pending;
        }
        if !state.ready.spend_message(|| state.read_clock()) {
            // The slice is used up: there is more, and others come first.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Ok(Filled { state, held }))
    }
}

/// Waits for a message.
struct Receiving<'a, M: Message> {
    mailbox: &'a mut Mailbox<M>,
    /// Whether it may be noted as who waits.
    waits: bool,
}

impl<M: Message> Future for Receiving<'_, M> {
    type Output = Result<M, Closed>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = self.mailbox.poll_recv(context);
        self.waits = polled.is_pending();
        polled
    }
}

impl<M: Message> Drop for Receiving<'_, M> {
    #[inline]
    fn drop(&mut self) {
        if self.waits {
            self.mailbox.stop_waiting();
        }
    }
}

/// A mailbox with a message in it, whose share of the slice was taken.
struct Filled<'a, M> {
    state: &'a State,
    held: Held<'a, M>,
}

impl<M: Message> Filled<'_, M> {
    /// Takes the message, after what it was sent on behalf of was shown.
    #[inline]
    fn take(&self, show: impl FnOnce(Cause)) -> M {
        let block = self.held.block;
        block.messages.set(block.messages.get() + 1);
        let message = self.held.pop(|note| show(note.cause));
        if block.is_flushed() {
            flush::taken(self.state, block);
        }
        if !block.line.is_empty() {
            self.moved_up();
        }
        message
    }

    /// Takes one message's share more, if there is one more.
    fn has_more(&self) -> bool {
        self.held.block.mail.queued() > 0
            && self.state.ready.spend_message(|| self.state.read_clock())
    }

    /// Who waits in line for room moves up; who asks for a lease only at the end of the turn.
    #[cold]
    fn moved_up(&self) {
        let (state, block) = (self.state, self.held.block);
        // A mailbox that another process was handed has no turn at whose end to look again.
        let grants = state.course.pid.get().map(Pid::slot) != Some(self.held.slot);
        if grants || !matches!(state.lines.first(&block.line), Some(Wants::Lease(_))) {
            deliver::advance(state, self.held.slot, block, grants);
        }
    }
}

/// Notes who waits for a message.
#[inline]
fn wait<M>(state: &State, held: &Held<'_, M>, context: &Context<'_>) {
    match wakee_of(state, context) {
        Wakee::Task { slot, task } if slot == held.slot => held.block.receiver.set(task),
        Wakee::Other(waker) => wait_as_other(held.block, waker),
        Wakee::Task { .. } | Wakee::Nobody => wait_as_other(held.block, context.waker().clone()),
    }
}

/// Notes a waker that is not that of a task of the process.
#[cold]
fn wait_as_other(block: &Block, waker: Waker) {
    block.unbind(); // whoever receives for it may do so again
    let before = block.extra_or_new().receiver.replace(Some(waker));
    block.receiver.set(OTHER);
    drop(before);
}

/// The core that runs here, which is that of the process.
#[inline]
fn on_core(state: Option<&Rc<State>>, pid: Pid) -> &Rc<State> {
    state
        .filter(|state| state.core == pid.core())
        .expect("a mailbox is used on the core of its process")
}

impl<M: Message> Drop for Mailbox<M> {
    fn drop(&mut self) {
        here::with(|state| {
            let Some(state) = state.filter(|state| state.core == self.pid().core()) else { return };
            if let Some(block) = state.table.find_live(self.pid()) {
                if block.is_supervised() {
                    block.set_left(); // if its process ends by this, the next incarnation takes what is in it
                } else {
                    forsake(state, self.pid().slot(), block);
                }
            }
        });
    }
}

impl<M: Message> fmt::Debug for Mailbox<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Mailbox").field(&self.pid()).finish()
    }
}

/// A message that was taken with others, and on behalf of what it was sent.
#[derive(Debug)]
pub struct Received<M> {
    message: M,
    cause: Cause,
}

impl<M> Received<M> {
    /// On behalf of what it was sent.
    pub fn cause(&self) -> Cause {
        self.cause
    }

    /// Gives the message; what runs next runs on its behalf.
    pub fn enter(self) -> M {
        here::with(|state| state.map(|state| state.course.cause.set(self.cause)));
        self.message
    }
}
