//! A landing is the place in a future where what it waits for arrives; the future is what it does before, and after.
//!
//! ```text
//! Await  | errand: what to do at the first poll, and with what has come | landing: its wait, and room for request or answer |
//! ```
//!
//! All futures of this crate that wait for something from elsewhere are this one, with errands of their own. Cost: no allocation;
//! the request is moved in once and out once, and so is the answer.
#![expect(
    unsafe_code,
    reason = "values arrive in a pinned future by its address; all of it is in `raw` below"
)]

pub(crate) use raw::{Await, Place};

use crate::closed::Closed;
use crate::message::Message;
use crate::state::State;
use levada_shared::Full;
use std::rc::Rc;
use std::task::{Context, Poll};

/// What a future does that waits.
pub(crate) trait Errand<M: Message, R: Message> {
    /// What comes of it.
    type Output;

    /// Whether it ends when its process is cancelled.
    const ENDS_BY_CANCEL: bool;

    /// The first poll, on a core; called again as long as nothing was opened.
    fn begin(
        &mut self,
        state: &Rc<State>,
        place: Place<'_, M, R>,
        context: &mut Context<'_>,
    ) -> Poll<Self::Output>;

    /// The same on a thread that is no core.
    fn begin_outside(
        &mut self,
        place: Place<'_, M, R>,
        context: &mut Context<'_>,
    ) -> Poll<Self::Output> {
        let _ = (place, context);
        panic!("only a core can wait for this");
    }

    /// Something has come.
    fn finish(&mut self, landed: Landed<M, R>) -> Self::Output;
}

/// What came to a landing.
#[derive(Debug)]
pub(crate) enum Landed<M, R> {
    /// The request was accepted and needs no answer, or there is room for one.
    Accepted,
    /// The answer.
    Answer(R),
    /// The request, which nobody took.
    Returned(M),
    /// The mailbox takes no more; the request, if there was one.
    Refused(Closed, Option<M>),
    /// The receiver's account has no room for what the request carries.
    AccountFull(Full<()>, M),
    /// The account of who waits has no room for what the answer carries.
    OverBudget(Full<()>),
    /// Who held the reply crashed.
    Crashed,
    /// Who held the reply dropped it.
    Dropped,
    /// The time is over.
    Expired,
    /// The time is over, and the request was still in line.
    ExpiredInLine(Option<M>),
    /// Who waits was cancelled; the request, if it is still here.
    Cancelled(Option<M>),
    /// It closed a circle of waits; the request, if nobody took it.
    Cycle(Option<M>),
}

mod raw {
    use super::{Errand, Landed};
    use crate::address::{Address, ReplyTo, WaitId};
    use crate::events::{Event, What};
    use crate::here;
    use crate::lines::{InFuture, Waiting, Who};
    use crate::mail::Note;
    use crate::message::Message;
    use crate::pid::Pid;
    use crate::shape::Shape;
    use crate::state::{Deadline, State};
    use crate::tick::Tick;
    use crate::waiting;
    use crate::waits::{Opened, Outcome, Owner};
    use crate::waker::wakee_of;
    use std::cell::{Cell, UnsafeCell};
    use std::fmt;
    use std::marker::PhantomPinned;
    use std::mem::{ManuallyDrop, MaybeUninit};
    use std::pin::Pin;
    use std::rc::Rc;
    use std::task::{Context, Poll};
    use std::time::Duration;

    /// A future that waits for something from elsewhere.
    pub(crate) struct Await<M: Message, R: Message, E> {
        errand: E,
        landing: Landing<M, R>,
    }

    impl<M: Message, R: Message, E: Errand<M, R>> Await<M, R, E> {
        pub(crate) fn new(errand: E) -> Self {
            Self { errand, landing: Landing::new() }
        }

        /// With a request in the landing.
        pub(crate) fn with(request: M, errand: E) -> Self {
            let this = Self::new(errand);
            this.landing.put(request);
            this
        }
    }

    impl<M: Message, R: Message, E> fmt::Debug for Await<M, R, E> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("Await").field("landing", &self.landing).finish_non_exhaustive()
        }
    }

    impl<M: Message, R: Message, E: Errand<M, R>> Future for Await<M, R, E> {
        type Output = E::Output;

        #[inline]
        fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<E::Output> {
            // SAFETY: nothing is moved out: the errand was never pinned, and the landing is only lent.
            let Self { errand, landing } = unsafe { self.get_unchecked_mut() };
            if landing.opened.get().is_none() {
                let begun = here::with(|state| match state {
                    Some(state) if E::ENDS_BY_CANCEL && state.course.cancelled.get() => {
                        Poll::Ready(errand.finish(Landed::Cancelled(landing.take())))
                    }
                    Some(state) => errand.begin(state, Place(landing, E::ENDS_BY_CANCEL), context),
                    None => errand.begin_outside(Place(landing, E::ENDS_BY_CANCEL), context),
                });
                if begun.is_ready() || landing.opened.get().is_none() {
                    return begun;
                }
            }
            landing.poll(context).map(|landed| errand.finish(landed))
        }
    }

    /// Where values land. # Invariants
    /// 1. While `opened` is there, so is `state`, and this does not move until it is dropped: it was pinned when the wait was opened.
    /// 2. `room` holds a request if `holds_request` and there is no wait; if there is one, it holds what the wait says, which is a
    ///    request that stood in line only if `holds_request`.
    struct Landing<M: Message, R: Message> {
        state: Cell<Option<Rc<State>>>,
        opened: Cell<Option<Opened>>,
        holds_request: Cell<bool>,
        room: UnsafeCell<MaybeUninit<Room<M, R>>>,
        _pinned: PhantomPinned,
    }

    /// Room for either; read and written by address, as what it holds.
    union Room<M, R> {
        _request: ManuallyDrop<M>,
        _answer: ManuallyDrop<R>,
    }

    impl<M: Message, R: Message> Landing<M, R> {
        fn new() -> Self {
            Self {
                state: Cell::new(None),
                opened: Cell::new(None),
                holds_request: Cell::new(false),
                room: UnsafeCell::new(MaybeUninit::uninit()),
                _pinned: PhantomPinned,
            }
        }

        fn take_wait(&self) -> Option<(Rc<State>, Opened)> {
            let opened = self.opened.take()?;
            Some((self.state.take().expect("invariant 1"), opened))
        }

        fn room(&self) -> *mut u8 {
            self.room.get().cast()
        }

        fn put(&self, request: M) {
            assert!(!self.holds_request.replace(true), "a landing holds one request");
            // SAFETY: by invariant 2 the room is empty; it is large and aligned enough for either.
            unsafe { self.room().cast::<M>().write(request) };
        }

        /// Takes out the request that was put in, if it is still there and nothing is awaited.
        fn take(&self) -> Option<M> {
            // SAFETY: invariant 2; the flag is down before it is read.
            self.holds_request.replace(false).then(|| unsafe { self.take_request() })
        }

        fn poll(&self, context: &Context<'_>) -> Poll<Landed<M, R>> {
            let (state, opened) = self.take_wait().expect("looked at by who calls this");
            if state.waits.outcome(opened) == Outcome::Open {
                let before = state.waits.set_wakee(opened, wakee_of(&state, context));
                self.state.set(Some(state));
                self.opened.set(Some(opened));
                drop(before); // foreign code, perhaps
                return Poll::Pending;
            }
            Poll::Ready(self.close(&state, opened))
        }

        /// Closes the wait and takes out what is there.
        fn close(&self, state: &State, opened: Opened) -> Landed<M, R> {
            let (outcome, in_line) = waiting::close(state, opened);
            let stood = self.holds_request.replace(false);
            // SAFETY: the waits' invariant 3: asked only where the wait stands in a line, or its outcome says that the request is here.
            let request = || unsafe { self.take_request() };
            match outcome {
                Outcome::Open if in_line => Landed::ExpiredInLine(stood.then(request)),
                Outcome::Open | Outcome::Expired => Landed::Expired,
                Outcome::Accepted => Landed::Accepted,
                // SAFETY: the same: it holds the answer, and only that.
                Outcome::Answered => Landed::Answer(unsafe { self.room().cast::<R>().read() }),
                Outcome::Returned => Landed::Returned(request()),
                Outcome::Refused(why) => Landed::Refused(why, stood.then(request)),
                Outcome::AccountFull(full) => Landed::AccountFull(full, request()),
                Outcome::OverBudget(full) => Landed::OverBudget(full),
                Outcome::Crashed => Landed::Crashed,
                Outcome::Dropped => Landed::Dropped,
                Outcome::Cycle => Landed::Cycle(None),
                Outcome::CycleReturned => Landed::Cycle(Some(request())),
                Outcome::ExpiredInLine => Landed::ExpiredInLine(stood.then(request)),
                Outcome::Cancelled => Landed::Cancelled(None),
                Outcome::CancelledInLine => Landed::Cancelled(stood.then(request)),
            }
        }

        /// Moves the request out.
        /// # Safety
        /// The room holds one, which is not read again.
        unsafe fn take_request(&self) -> M {
            // SAFETY: the caller's word.
            unsafe { self.room().cast::<M>().read() }
        }
    }

    impl<M: Message, R: Message> Drop for Landing<M, R> {
        fn drop(&mut self) {
            if let Some((state, opened)) = self.take_wait() {
                drop(self.close(&state, opened));
            } else if self.holds_request.get() {
                // SAFETY: invariant 2.
                drop(unsafe { self.take_request() });
            }
        }
    }

    impl<M: Message, R: Message> fmt::Debug for Landing<M, R> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("Landing").field("wait", &self.opened.get()).finish_non_exhaustive()
        }
    }

    /// The landing of a future that is being polled, and so pinned; and whether what it waits for ends with a cancel.
    #[derive(Debug)]
    pub(crate) struct Place<'a, M: Message, R: Message>(&'a Landing<M, R>, bool);

    impl<M: Message, R: Message> Place<'_, M, R> {
        /// Opens the wait; says where the answer is to be sent.
        pub(crate) fn open(&self, state: &Rc<State>) -> ReplyTo<R> {
            self.open_for(state, None)
        }

        /// The same for a call to `callee`.
        pub(crate) fn open_call(&self, state: &Rc<State>, callee: Pid) -> ReplyTo<R> {
            self.open_for(state, Some(callee))
        }

        #[inline]
        fn open_for(&self, state: &Rc<State>, callee: Option<Pid>) -> ReplyTo<R> {
            assert!(self.0.opened.get().is_none(), "a landing waits for one thing");
            assert!(!self.0.holds_request.get(), "an answer lands where no request is");
            let pid = state.course.pid.get();
            let owner = pid
                .map(|pid| Owner { pid, ends_by_cancel: self.1 && !state.course.finishing.get() });
            // SAFETY: this is pinned, as the future is being polled, and is dropped before its memory goes, which closes the wait;
            // the room takes either, and is used as the outcome says.
            let opened = unsafe { state.waits.open(self.0.room(), owner, callee) };
            self.0.state.set(Some(Rc::clone(state)));
            self.0.opened.set(Some(opened));
            let block = pid.and_then(|pid| state.table.find(pid.slot(), pid.generation()));
            if let Some(block) = block {
                block.begin_wait(opened.index);
            }
            let Opened { index, generation } = opened;
            // SAFETY: opened with a landing for an `R`.
            unsafe { ReplyTo::of(WaitId { core: state.core, index, generation }) }
        }

        /// The wait that was opened.
        pub(crate) fn opened(&self) -> Opened {
            self.0.opened.get().expect("opened by who asks")
        }

        /// Ends the wait for the end of a call that did not come to be.
        pub(crate) fn close(&self) {
            if let Some((state, opened)) = self.0.take_wait() {
                drop(self.0.close(&state, opened));
            }
        }

        /// Takes the request that the future was made with.
        pub(crate) fn take(&self) -> M {
            assert!(
                self.0.opened.get().is_none() && self.0.holds_request.replace(false),
                "a request is taken once"
            );
            // SAFETY: invariant 2; the flag is down since the line above.
            unsafe { self.0.take_request() }
        }

        /// Puts it back.
        pub(crate) fn put(&self, request: M) {
            assert!(
                self.0.opened.get().is_none(),
                "a request is put back where nothing is awaited"
            );
            self.0.put(request);
        }

        /// Puts a request into the landing of an open wait, to stand in the line of the mailbox that it is for.
        pub(crate) fn stand(
            &self,
            to: Address<M>,
            request: M,
            note: Note,
            is_call: bool,
        ) -> Waiting {
            let wait = self.opened();
            self.0.put(request);
            let _ = to; // says that the mailbox is of `M`
            // SAFETY: the room holds the request; what is known of waits keeps anything else from landing while it stands in line,
            // and `close` takes it out of its line first.
            let message = unsafe {
                InFuture::new(self.0.room(), Shape::of::<M>(), note, Who { wait, is_call })
            };
            Waiting::Message(message)
        }

        /// The request that the future was made with.
        #[inline]
        pub(crate) fn request(&mut self) -> &mut M {
            assert!(
                self.0.opened.get().is_none() && self.0.holds_request.get(),
                "a request is looked at before it is taken"
            );
            // SAFETY: invariant 2; nobody else looks at it while this place, of which there is one, is borrowed.
            unsafe { &mut *self.0.room().cast::<M>() }
        }

        /// Notes in the open wait what was asked just now: the chain of those who wait is read there.
        #[inline]
        pub(crate) fn note_asked(&self, state: &State, to: Pid, what: What) {
            let cause = state.course.cause.get();
            let (sequence, parent) = (state.events.last(cause), cause.sequence());
            let (from, to) = (state.course.pid.get(), Some(to));
            let asked = Event { sequence, parent, from, to, what, tick: 0 };
            state.waits.set_asked(self.opened(), asked);
        }

        /// Says until when to wait.
        pub(crate) fn until(&self, state: &State, at: Tick) {
            state.set_deadline(self.opened(), Deadline::At(at));
        }

        /// Says for how long to wait from the end of this pass.
        pub(crate) fn within(&self, state: &State, wait: Duration) {
            state.set_deadline(self.opened(), Deadline::Within(wait));
        }
    }
}
