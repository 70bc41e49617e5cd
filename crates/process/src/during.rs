//! During a wait a process goes on receiving: the form for those that call each other, which else wait in a circle.
//!
//! ```text
//! poll    the wait first ──► done, or: take what is in the mailbox, each to the handler ──► pending on both
//! ```
//!
//! Cost: nothing but the two polls; no allocation. Who is in it waits for messages too, so no wait in a circle leads through him.
#![expect(unsafe_code, reason = "the wait stays pinned where it is; all of it is in `raw` below")]

use crate::cause::Cause;
use crate::here;
use crate::mailbox::Mailbox;
use crate::message::Message;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

impl<M: Message> Mailbox<M> {
    /// Waits for `wait`, and hands each message that comes meanwhile to `each`. Two processes that call each other do it in this
    /// form: each answers while it waits for its answer, whatever the bounds of their mailboxes.
    ///
    /// Who holds a reply meanwhile keeps its caller waiting, and if he himself is waited for by that caller in the end, nobody is
    /// told: whether a message will have him answer is not known here. So answer what comes, or before the wait.
    ///
    /// Each message is handled on behalf of what it was sent for; what runs after runs on behalf of what began to wait. Once no
    /// message can come any more it only waits. Safe to drop: a message leaves the mailbox only to be handed over in the same
    /// poll, and what has not been handed over stays.
    ///
    /// ```
    /// # use levada_process::{CallError, Context, Mailbox, Message, Reply, Sender};
    /// # use std::time::Duration;
    /// #[derive(Message)]
    /// struct Double(u64, Reply<u64>);
    ///
    /// # async fn ask(mut inbox: Mailbox<Double>, peer: Sender<Double>) -> Result<(), CallError<Double>> {
    /// let call = peer.call(Duration::from_secs(1), |reply| Double(21, reply));
    /// let answer = inbox.during(call, |Double(number, reply)| reply.send(2 * number)).await?;
    /// # assert_eq!(answer, 42);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    /// If it is polled elsewhere than on its own core.
    pub fn during<T>(
        &mut self,
        wait: impl Future<Output = T>,
        each: impl FnMut(M),
    ) -> impl Future<Output = T> {
        raw::During::new(Taking { mailbox: self, each, cause: None, listens: false }, wait)
    }
}

/// What a process does while it waits.
struct Taking<'a, M: Message, F> {
    mailbox: &'a mut Mailbox<M>,
    each: F,
    /// On behalf of what it began to wait.
    cause: Option<Cause>,
    /// Whether it may be noted as who waits for a message.
    listens: bool,
}

impl<M: Message, F: FnMut(M)> Taking<'_, M, F> {
    fn poll<T>(
        &mut self,
        wait: Pin<&mut impl Future<Output = T>>,
        context: &mut Context<'_>,
    ) -> Poll<T> {
        let cause = *self.cause.get_or_insert_with(cause);
        if let Poll::Ready(done) = wait.poll(context) {
            return Poll::Ready(done);
        }
        while let Poll::Ready(Ok(message)) = self.take(context) {
            (self.each)(message);
        }
        set_cause(cause);
        Poll::Pending
    }

    fn take(&mut self, context: &Context<'_>) -> Poll<Result<M, crate::closed::Closed>> {
        self.listens = true;
        self.mailbox.poll_recv(context)
    }
}

impl<M: Message, F> Drop for Taking<'_, M, F> {
    fn drop(&mut self) {
        if self.listens {
            self.mailbox.stop_waiting();
        }
    }
}

fn cause() -> Cause {
    here::with(|state| state.map_or(Cause::NONE, |state| state.course.cause.get()))
}

fn set_cause(cause: Cause) {
    here::with(|state| state.map(|state| state.course.cause.set(cause)));
}

impl<M: Message, F> fmt::Debug for Taking<'_, M, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Taking").field(&self.mailbox).finish()
    }
}

mod raw {
    use super::Taking;
    use crate::message::Message;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    /// The wait, and what is done meanwhile. # Invariants
    /// 1. `wait` is pinned with this: it is never moved out, nor lent otherwise than pinned.
    #[derive(Debug)]
    pub(super) struct During<'a, M: Message, F, W> {
        taking: Taking<'a, M, F>,
        wait: W,
    }

    impl<'a, M: Message, F, W> During<'a, M, F, W> {
        pub(super) fn new(taking: Taking<'a, M, F>, wait: W) -> Self {
            Self { taking, wait }
        }
    }

    impl<M: Message, F: FnMut(M), W: Future> Future for During<'_, M, F, W> {
        type Output = W::Output;

        #[inline]
        fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<W::Output> {
            // SAFETY: nothing is moved out; the wait is only lent pinned, and what is done meanwhile was never pinned.
            let Self { taking, wait } = unsafe { self.get_unchecked_mut() };
            // SAFETY: invariant 1.
            let wait = unsafe { Pin::new_unchecked(wait) };
            taking.poll(wait, context)
        }
    }
}
