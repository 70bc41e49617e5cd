//! A scope is what is to end together: whoever awaits something under its token, on whatever core, ends that when the scope does.
//!
//! ```text
//! process ──► scope ──token──► another process ──► scope under the token ──token──► ...
//! cancelled, or dropped: all below it hear of it, each by a message
//! ```
//!
//! Nothing is shared: a scope is a wait of its core that never comes to anything, and a token a name by which others listen for its end.
//! Cost: an allocation and an open wait for a scope; a message there and one back for each that awaits under a token elsewhere.

use crate::address::WaitId;
use crate::cancel::until;
use crate::cancelled::Cancelled;
use crate::context::Context;
use crate::landing::{Await, Errand, Landed, Place};
use crate::message::{Message, Visit};
use crate::reply::Listening;
use crate::state::State;
use crate::task::Task;
use std::cell::Cell;
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{self, Poll, Waker};

/// The wait that a scope is.
type Standing = Pin<Box<Await<(), (), Stands>>>;

/// Ends what is awaited under it, when it is cancelled or dropped, or its process is cancelled or ends. It stays in its process.
#[must_use = "a scope that is dropped ends what is awaited under it"]
pub struct Scope {
    standing: Rc<Cell<Option<Standing>>>,
    token: Cancel,
    /// Listens for the end of the scope above.
    _above: Option<Task<()>>,
}

/// Names a scope to those who await something under it. Cloned and sent like any message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cancel(Option<WaitId>);

impl Context {
    /// A scope of this process: when the process is cancelled, so is it.
    ///
    /// ```
    /// # use levada_process::{Cancel, Cancelled, Context, Failure, Message, Sender};
    /// #[derive(Message)]
    /// struct Search { what: String, under: Cancel }
    ///
    /// # async fn ask(cx: Context, workers: Vec<Sender<Search>>) -> Result<(), Failure> {
    /// let scope = cx.scope();
    /// for worker in &workers {
    ///     worker.send(Search { what: "levada".into(), under: scope.token() }).await?;
    /// }
    /// // The first answer is enough: all others stop, in `under.run(..)`, at the await where they are.
    /// scope.cancel();
    /// # Ok(())
    /// # }
    /// ```
    pub fn scope(&self) -> Scope {
        let wait = Rc::new(Cell::new(None));
        let mut standing: Standing = Box::pin(Await::new(Stands { wait: Rc::clone(&wait) }));
        // Polled here, so that it is there from now on.
        let polled =
            self.with(|_| standing.as_mut().poll(&mut task::Context::from_waker(Waker::noop())));
        let standing = polled.is_pending().then_some(standing);
        Scope { standing: Rc::new(Cell::new(standing)), token: Cancel(wait.get()), _above: None }
    }

    /// A scope that ends also when that of `above` does.
    ///
    /// # Panics
    /// As [`task`](Self::task), one of which listens.
    pub fn scope_under(&self, above: &Cancel) -> Scope {
        let mut scope = self.scope();
        let (standing, above) = (Rc::clone(&scope.standing), above.clone());
        scope._above = Some(self.task(async move {
            above.cancelled().await;
            drop(standing.take());
        }));
        scope
    }
}

impl Scope {
    /// Ends what is awaited under it.
    pub fn cancel(self) {
        drop(self);
    }

    /// The name of the scope.
    #[must_use]
    pub fn token(&self) -> Cancel {
        self.token.clone()
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        drop(self.standing.take());
    }
}

impl Cancel {
    /// Waits until the scope ends. Ready at once if it has.
    pub fn cancelled(&self) -> impl Future<Output = ()> + use<> {
        let listening = self.0.map(|wait| Await::<(), (), _>::new(Listening::to(wait)));
        async move {
            // None: it was made by who was cancelled.
            if let Some(listening) = listening {
                listening.await;
            }
        }
    }

    /// Runs `what`, and drops it where it stands when the scope ends.
    ///
    /// # Errors
    /// [`Cancelled`].
    pub async fn run<T>(&self, what: impl Future<Output = T>) -> Result<T, Cancelled> {
        until(what, self.cancelled()).await
    }
}

impl Message for Cancel {
    const FLAT: bool = true;
    const CHARGES: bool = false;

    fn visit(&mut self, _visit: &mut Visit<'_>) {}
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("token", &self.token).finish_non_exhaustive()
    }
}

/// Waits for nothing.
struct Stands {
    wait: Rc<Cell<Option<WaitId>>>,
}

impl Errand<(), ()> for Stands {
    type Output = ();
    const ENDS_BY_CANCEL: bool = true;

    fn begin(
        &mut self,
        state: &Rc<State>,
        place: Place<'_, (), ()>,
        _context: &mut task::Context<'_>,
    ) -> Poll<()> {
        self.wait.set(Some(place.open(state).wait()));
        Poll::Pending
    }

    fn finish(&mut self, _landed: Landed<(), ()>) {}
}
