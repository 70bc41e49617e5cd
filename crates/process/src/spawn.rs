//! Spawning makes a process: a slot, a block of memory for closure and future, and a place among those that are ready.

use crate::address::Address;
use crate::body::Body;
use crate::bounds::{Bounds, Class, Full};
use crate::budget::ChargedTo;
use crate::cause::Cause;
use crate::context::Context;
use crate::control::Control;
use crate::events::What;
use crate::failure::Failure;
use crate::gauges::count;
use crate::here;
use crate::isolated::Isolated;
use crate::kill::Kill;
use crate::landing::{Await, Errand, Landed, Place};
use crate::mailbox::Mailbox;
use crate::message::Message;
use crate::pid::{CoreId, Pid};
use crate::reply::Reply;
use crate::sender::Sender;
use crate::shape::Shape;
use crate::state::State;
use crate::table::Plan;
use levada_shared::Account;
use std::error::Error;
use std::fmt;
use std::marker::PhantomData;
use std::mem::needs_drop;
use std::rc::Rc;
use std::task::{self, Poll};

/// A new process: the way to it, its name, and the right to end it.
#[derive(Debug)]
pub struct Child<M> {
    /// Its first sender.
    pub sender: Sender<M>,
    /// Its name.
    pub pid: Pid,
    /// The right to kill it.
    pub kill: Kill,
}

/// Why there is no new process; gives back what it was to do.
#[non_exhaustive]
pub enum SpawnError<F> {
    /// Every slot of the core is taken.
    Full(F),
    /// The core stops, or is not there.
    Stopping(F),
    /// The core stopped when this was on its way there.
    Lost,
}

impl Context {
    /// Makes a process on this core, with a mailbox of the default bounds. It runs after those that are ready now.
    ///
    /// # Errors
    /// Why there is none, and `what` it was to do.
    pub fn spawn<M, F, Fut>(&self, name: &'static str, what: F) -> Result<Child<M>, SpawnError<F>>
    where
        M: Message,
        F: FnOnce(Self, Mailbox<M>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<(), Failure>> + 'static,
    {
        self.options().spawn(name, what)
    }

    /// Makes a process otherwise than by default.
    #[must_use]
    pub fn options(&self) -> SpawnOptions<'_> {
        SpawnOptions {
            bounds: Bounds::default(),
            full: Full::Wait,
            class: Class::Interactive,
            charged: Charged::AsSpawner,
            by: PhantomData,
        }
    }
}

/// How a new process is to be.
#[derive(Clone, Copy, Debug)]
pub struct SpawnOptions<'a> {
    bounds: Bounds,
    full: Full,
    class: Class,
    charged: Charged<'a>,
    by: PhantomData<&'a Context>,
}

/// Whom it is to be charged to.
#[derive(Clone, Copy, Debug)]
enum Charged<'a> {
    AsSpawner,
    Own(&'a Account),
    To(&'a Account),
}

impl<'a> SpawnOptions<'a> {
    /// How much its mailbox holds, and what becomes of a message that finds it full.
    ///
    /// # Panics
    /// If it may hold no message: nothing would ever be accepted.
    #[must_use]
    pub fn mailbox(self, bounds: Bounds, full: Full) -> Self {
        assert!(bounds.messages > 0, "a mailbox has room for at least one message");
        Self { bounds, full, ..self }
    }

    /// How urgent it is.
    #[must_use]
    pub fn class(self, class: Class) -> Self {
        Self { class, ..self }
    }

    /// With an account of its own, for what it holds of the shared heap, and what those hold that it spawns. It closes when the last
    /// of them ends; what is still charged to it then is told with that end, and is the heap's quarantine.
    ///
    /// ```
    /// # use levada_process::{Context, Failure, Mailbox};
    /// # use levada_shared::SharedData;
    /// # fn start(cx: &Context) -> Result<(), Failure> {
    /// let tenant = cx.account().heap().account("tenant", 1 << 20)?;
    /// cx.options().own_account(&tenant).spawn("tenant", |cx, mut inbox: Mailbox<SharedData>| async move {
    ///     let sent = inbox.recv().await?; //            charged to the tenant since the mailbox took it in
    ///     let reply = cx.account().buf(4096)?; //       so is what it allocates
    ///     # drop((sent, reply));
    ///     Ok(())
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn own_account(self, account: &'a Account) -> Self {
        Self { charged: Charged::Own(account), ..self }
    }

    /// Charged to an account that others use as well, and that does not close with it. By default a process is charged to the account
    /// of who spawns it, if that was given one, else to the account of its own core.
    #[must_use]
    pub fn charged_to(self, account: &'a Account) -> Self {
        Self { charged: Charged::To(account), ..self }
    }

    /// On another core.
    #[must_use]
    pub fn on(self, core: CoreId) -> SpawnOn<'a> {
        SpawnOn { options: self, core }
    }

    /// Makes the process on this core.
    ///
    /// # Errors
    /// Why there is none, and `what` it was to do.
    ///
    /// # Panics
    /// If it is used elsewhere than on a core.
    pub fn spawn<M, F, Fut>(self, name: &'static str, what: F) -> Result<Child<M>, SpawnError<F>>
    where
        M: Message,
        F: FnOnce(Context, Mailbox<M>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<(), Failure>> + 'static,
    {
        let plan = self.plan(name);
        here::with(|state| {
            let state = state.expect("a process is spawned on a core");
            spawn_here(
                state,
                plan,
                self.charged.by(state),
                state.next_cause(None, What::Spawned),
                what,
            )
        })
    }

    /// Takes the slot of a process on this core that does nothing yet.
    pub(crate) fn claim<M: Message>(
        self,
        state: &State,
        name: &'static str,
    ) -> Result<Address<M>, NoPlace> {
        claim(state, self.plan(name), || self.charged.by(state))
    }

    fn plan(self, name: &'static str) -> Plan {
        Plan { name, bounds: self.bounds, full: self.full, class: self.class }
    }
}

impl Charged<'_> {
    /// The same of a process that this core spawns.
    fn by(self, state: &State) -> ChargedTo {
        match self {
            Self::Own(account) => ChargedTo::Own(account.clone()),
            Self::To(account) => ChargedTo::Other(account.clone()),
            Self::AsSpawner => {
                let spawner = state.course.pid.get();
                let block = spawner.and_then(|pid| state.table.find(pid.slot(), pid.generation()));
                let budget = block.and_then(|block| block.with_budget(|budget| budget.cloned()));
                budget.map_or(ChargedTo::Core, ChargedTo::Under)
            }
        }
    }
}

/// Makes a process on the core that runs here.
pub(crate) fn spawn_here<M, F, Fut>(
    state: &Rc<State>,
    plan: Plan,
    charged: ChargedTo,
    cause: Cause,
    what: F,
) -> Result<Child<M>, SpawnError<F>>
where
    M: Message,
    F: FnOnce(Context, Mailbox<M>) -> Fut + 'static,
    Fut: Future<Output = Result<(), Failure>> + 'static,
{
    let address: Address<M> = match claim(state, plan, || charged) {
        Ok(address) => address,
        Err(no_place) => return Err(no_place.of(what)),
    };
    hand_over::<F>(state);
    let pid = address.pid();
    let body = Body::new(&state.pool, move || what(Context::new(pid), Mailbox::new(address)));
    let block = state.table.block(pid.slot());
    state.note_kind(block.kind.get(), plan.name, Shape::of::<M>());
    block.root.set(Some(body));
    block.cause.set(cause);
    state.wake_task(pid.slot(), 0);
    Ok(Child { sender: Sender::first(state.port, address), pid, kill: Kill::of(pid) })
}

/// Takes the slot of a process that does nothing yet.
fn claim<M: Message>(
    state: &State,
    plan: Plan,
    charged: impl FnOnce() -> ChargedTo,
) -> Result<Address<M>, NoPlace> {
    if state.stopping.get() {
        return Err(NoPlace::Stopping);
    }
    let address = state.table.claim::<M>(plan).ok_or(NoPlace::Full)?;
    let pid = address.pid();
    state.port.porch.open(pid.slot(), plan.bounds.bytes, plan.full);
    let budget = charged().into_budget();
    if let Some(budget) = &budget {
        state.port.payers.add(pid, budget.account().clone());
    }
    state.table.block(pid.slot()).set_budget(budget);
    count(&state.counts.spawns);
    Ok(address)
}

/// Why there is no slot for a process.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NoPlace {
    Full,
    Stopping,
}

impl NoPlace {
    /// With what it was to do.
    pub(crate) fn of<F>(self, what: F) -> SpawnError<F> {
        match self {
            Self::Full => SpawnError::Full(what),
            Self::Stopping => SpawnError::Stopping(what),
        }
    }
}

/// A closure may take replies with it that the process took, which is then not the one to answer them.
fn hand_over<F>(state: &State) {
    let spawner = state.course.pid.get().and_then(|pid| state.table.find_live(pid));
    if needs_drop::<F>() && spawner.is_some_and(|spawner| spawner.messages.get() > 0) {
        state.unbind();
    }
}

/// How a new process on another core is to be.
#[derive(Clone, Copy, Debug)]
pub struct SpawnOn<'a> {
    options: SpawnOptions<'a>,
    core: CoreId,
}

impl SpawnOn<'_> {
    /// Makes the process: one crossing there, one back.
    ///
    /// # Errors
    /// Why there is none, and `what` it was to do, unless that was lost on its way.
    pub async fn spawn<M, F, Fut>(
        self,
        name: &'static str,
        what: F,
    ) -> Result<Child<M>, SpawnError<F>>
    where
        M: Message,
        F: FnOnce(Context, Mailbox<M>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<(), Failure>> + 'static,
    {
        let plan = self.options.plan(name);
        let charged = self.options.charged;
        let (core, what) = (self.core, Some(what));
        Await::new(SpawningOn { core, plan, charged, what, made: PhantomData }).await
    }
}

/// What comes back from the other core.
type Made<M, F> = Isolated<Result<Child<M>, SpawnError<F>>>;

struct SpawningOn<'a, M, F> {
    core: CoreId,
    plan: Plan,
    charged: Charged<'a>,
    what: Option<F>,
    made: PhantomData<fn() -> M>,
}

impl<M, F, Fut> Errand<(), Made<M, F>> for SpawningOn<'_, M, F>
where
    M: Message,
    F: FnOnce(Context, Mailbox<M>) -> Fut + Send + 'static,
    Fut: Future<Output = Result<(), Failure>> + 'static,
{
    type Output = Result<Child<M>, SpawnError<F>>;
    const ENDS_BY_CANCEL: bool = false;

    fn begin(
        &mut self,
        state: &Rc<State>,
        place: Place<'_, (), Made<M, F>>,
        _context: &mut task::Context<'_>,
    ) -> Poll<Self::Output> {
        let what = self.what.take().expect("a spawn is not polled again after it is ready");
        let (core, plan, cause) = (self.core, self.plan, state.next_cause(None, What::Spawned));
        if core == state.core {
            return Poll::Ready(spawn_here(state, plan, self.charged.by(state), cause, what));
        }
        if !state.reaches(core) {
            return Poll::Ready(Err(SpawnError::Stopping(what)));
        }
        let by = state.course.pid.get().expect("a process is spawned elsewhere by a process");
        hand_over::<F>(state);
        let reply = Reply::new(place.open(state), by);
        let charged = self.charged.by(state);
        let run = move || {
            let made = here::with(|state| {
                spawn_here(state.expect("run on arrival"), plan, charged, cause, what)
            });
            reply.send(Isolated::new(made, 0));
        };
        state.tell(core, Control::Run(Box::new(run))).unwrap_or_default();
        Poll::Pending
    }

    fn finish(&mut self, landed: Landed<(), Made<M, F>>) -> Self::Output {
        match landed {
            Landed::Answer(made) => made.into_inner(),
            _ => Err(SpawnError::Lost),
        }
    }
}

impl<F> fmt::Debug for SpawnError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "Full",
            Self::Stopping(_) => "Stopping",
            Self::Lost => "Lost",
        })
    }
}

impl<F> fmt::Display for SpawnError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "every slot of the core is taken",
            Self::Stopping(_) => "the core stops, or is not there",
            Self::Lost => "the core stopped before the process was made",
        })
    }
}

impl<F> Error for SpawnError<F> {}
