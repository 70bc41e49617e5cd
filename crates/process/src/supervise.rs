//! A supervisor starts children in order, hears of each one's end, and starts it anew as it was told to, until that happens too often.
//!
//! ```text
//! one_for_one    the child that ended is started anew
//! one_for_all    all others are stopped first, in reverse order; then all are started in order
//! rest_for_one   those that were started after it are, and it
//! stopping       cancel, grace, kill; the youngest first
//! ```
//!
//! A child that is started anew is the same process: pid, senders, mailbox, what waits in it, and its account stay. The message that it
//! was working on is not tried again. Children are processes of the supervisor's own core; a tree over many cores has a supervisor on each.
//! Cost: nothing while nobody ends; a restart is a turn of the supervisor and one allocation.

use crate::address::Address;
use crate::block::Block;
use crate::body::Body;
use crate::cancel::cancel;
use crate::cancelled::Cancelled;
use crate::context::Context;
use crate::deliver;
use crate::events::What;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::gauges::count;
use crate::guard::{Exits, Gone, Guard, Keep};
use crate::here;
use crate::kill::{self, Kill};
use crate::mailbox::Mailbox;
use crate::message::Message;
use crate::pid::Pid;
use crate::sender::Sender;
use crate::spawn::{Child, SpawnError, SpawnOptions};
use crate::state::State;
use crate::tick::Tick;
use crate::waker::wakee_of;
use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::future::{pending, poll_fn};
use std::mem;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

/// Who else is started anew with a child.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Strategy {
    /// Nobody.
    #[default]
    OneForOne,
    /// All.
    OneForAll,
    /// Those that were added after it.
    RestForOne,
}

/// When a child is started anew.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Restart {
    /// Whenever it ends. Its mailbox does not close when all its senders have gone.
    #[default]
    Permanent,
    /// Unless it ends normally, or because it was cancelled.
    Transient,
    /// Never.
    Temporary,
}

/// Looks after processes of its core. Dropped, it ends them.
///
/// ```
/// # use levada_process::{Context, Failure, Mailbox, Reply, Restart, Strategy, Supervisor};
/// # async fn parent(cx: Context) -> Result<(), Failure> {
/// let mut house = Supervisor::new(&cx, Strategy::OneForOne);
/// let count = house.child(cx.options(), "count", Restart::Permanent, |_, mut inbox: Mailbox<Reply<u64>>| async move {
///     let mut asked = 0;
///     loop {
///         inbox.recv().await?.send(asked); //        a crash here begins again at zero; who waits in the mailbox is answered then
///         asked += 1;
///     }
/// })?;
/// # drop(count.sender);
/// house.run(&cx).await //                            until it is cancelled, or a child fails too often
/// # }
/// ```
pub struct Supervisor {
    pid: Pid,
    strategy: Strategy,
    restarts_max: usize,
    within: Duration,
    backoff: (Duration, Duration),
    grace: Duration,
    wards: Vec<Ward>,
    exits: Rc<Exits>,
    /// The ends of older children that came while younger ones were stopped, to be dealt with after those.
    aside: VecDeque<Gone>,
    /// When children were started anew, of late.
    restarts: VecDeque<Tick>,
}

/// One child.
struct Ward {
    pid: Pid,
    name: &'static str,
    restart: Restart,
    make: Box<dyn Fn(&State) -> Body>,
    /// Keeps the mailbox of a permanent child open.
    _sender: Option<Box<dyn Any>>,
    life: Life,
    /// How manieth start of a run of failures it had, and when.
    step: u32,
    started: Tick,
}

/// How a child stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Life {
    /// To be started, at this moment or with the supervisor.
    Due(Option<Tick>),
    Running,
    Over,
}

enum Event {
    Gone(Gone),
    Due,
    Cancelled,
}

impl Supervisor {
    /// A supervisor without children, in the process of `cx`.
    #[must_use]
    pub fn new(cx: &Context, strategy: Strategy) -> Self {
        Self {
            pid: cx.pid(),
            strategy,
            restarts_max: 3,
            within: Duration::from_secs(5),
            backoff: (Duration::from_millis(10), Duration::from_secs(5)),
            grace: Duration::from_secs(5),
            wards: Vec::new(),
            exits: Rc::default(),
            aside: VecDeque::new(),
            restarts: VecDeque::new(),
        }
    }

    /// How many restarts there may be within a time, of all children together, before the supervisor gives up: by default three
    /// within five seconds.
    #[must_use]
    pub fn limit(mut self, restarts_max: usize, within: Duration) -> Self {
        (self.restarts_max, self.within) = (restarts_max, within);
        self
    }

    /// How long it waits before the second restart of a child in a row, which is doubled with each, and how long at most: by default
    /// 10 ms and 5 s. The first restart is at once; a child that ran for the time of the limit begins anew.
    #[must_use]
    pub fn backoff(mut self, first: Duration, most: Duration) -> Self {
        self.backoff = (first, most);
        self
    }

    /// How long a child that was cancelled may take to end before it is killed: by default five seconds.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Adds a child, to be started by [`run`](Self::run) behind those that were added before. Its mailbox is open from now on.
    ///
    /// # Errors
    /// Why there is no room for it, and its recipe.
    ///
    /// # Panics
    /// If it is used elsewhere than in the process that it was made in.
    pub fn child<M, F, Fut>(
        &mut self,
        options: SpawnOptions<'_>,
        name: &'static str,
        restart: Restart,
        recipe: F,
    ) -> Result<Child<M>, SpawnError<F>>
    where
        M: Message,
        F: Fn(Context, Mailbox<M>) -> Fut + Clone + Send + 'static,
        Fut: Future<Output = Result<(), Failure>> + 'static,
    {
        self.with(|state| {
            let address: Address<M> = match options.claim(state, name) {
                Ok(address) => address,
                Err(no_place) => return Err(no_place.of(recipe)),
            };
            let pid = address.pid();
            let block = state.table.block(pid.slot());
            block.pause();
            block.set_supervised();
            let guard = Guard::new(&self.exits, self.wards.len(), keep(restart));
            block.extra_or_new().guard.replace(Some(guard));
            let make = move |state: &State| {
                let recipe = recipe.clone();
                Body::new(&state.pool, move || recipe(Context::new(pid), Mailbox::new(address)))
            };
            let sender = Sender::first(state.port, address);
            let kept: Option<Box<dyn Any>> = match restart {
                Restart::Permanent => Some(Box::new(sender.clone())),
                Restart::Transient | Restart::Temporary => None,
            };
            Ok((
                sender,
                Ward {
                    pid,
                    name,
                    restart,
                    make: Box::new(make),
                    _sender: kept,
                    life: Life::Due(None),
                    step: 0,
                    started: Tick::START,
                },
            ))
        })
        .map(|(sender, ward)| {
            let pid = ward.pid;
            self.wards.push(ward);
            Child { sender, pid, kill: Kill::of(pid) }
        })
    }

    /// Starts the children and looks after them, until all have ended for good.
    ///
    /// # Errors
    /// [`Failure`], after all children were stopped: that this process was cancelled, or that children failed more often than the
    /// limit allows.
    pub async fn run(mut self, cx: &Context) -> Result<(), Failure> {
        loop {
            while let Some(gone) = self.aside.pop_front() {
                self.bring_back(cx, gone).await?;
            }
            let next = self.start_due(cx.now());
            if self.wards.iter().all(|ward| ward.life == Life::Over) {
                return Ok(());
            }
            match self.next(cx, next, true).await {
                Event::Due => {}
                Event::Cancelled => {
                    self.stop_from(cx, 0, true).await;
                    return Err(Cancelled.into());
                }
                Event::Gone(gone) => self.bring_back(cx, gone).await?,
            }
        }
    }

    /// Deals with the end of a child.
    async fn bring_back(&mut self, cx: &Context, gone: Gone) -> Result<(), Failure> {
        let Gone { child, exit, .. } = &gone;
        let (child, exit) = (*child, exit.clone());
        self.note(gone);
        if self.wards[child].life == Life::Over {
            return Ok(());
        }
        let now = cx.now();
        self.restarts.push_back(now);
        while self.restarts.front().is_some_and(|at| now.since(*at) > self.within) {
            self.restarts.pop_front();
        }
        if self.restarts.len() > self.restarts_max {
            let name = self.wards[child].name;
            self.stop_from(cx, 0, true).await;
            let (count, within) = (self.restarts.len(), self.within);
            let text =
                format!("children ended {count} times within {within:?}; last {name}: {exit}");
            return Err(Failure::new(text));
        }
        match self.strategy {
            Strategy::OneForOne => {}
            Strategy::OneForAll => self.stop_from(cx, 0, false).await,
            Strategy::RestForOne => self.stop_from(cx, child + 1, false).await,
        }
        let at = cx.now().after(self.delay(cx, child));
        let with = match self.strategy {
            Strategy::OneForOne => child..child + 1,
            Strategy::OneForAll => 0..self.wards.len(),
            Strategy::RestForOne => child..self.wards.len(),
        };
        for ward in &mut self.wards[with] {
            if ward.life == Life::Due(None) {
                ward.life = Life::Due(Some(at));
            }
        }
        Ok(())
    }

    /// Notes how a child stands that has ended.
    fn note(&mut self, gone: Gone) {
        let ward = &mut self.wards[gone.child];
        ward.life = if gone.is_kept { Life::Due(None) } else { Life::Over };
    }

    /// How long to wait before a child is started anew.
    fn delay(&mut self, cx: &Context, child: usize) -> Duration {
        let (now, (first, most)) = (cx.now(), self.backoff);
        let ward = &mut self.wards[child];
        if now.since(ward.started) >= self.within {
            ward.step = 0;
        }
        ward.step += 1;
        if ward.step == 1 {
            return Duration::ZERO;
        }
        let doubled = first.saturating_mul(1 << (ward.step - 2).min(20)).min(most);
        // Between three and five quarters, so that what failed together does not come back together.
        let quarter = doubled / 4;
        let part = u32::try_from(cx.random() >> 32).unwrap_or(u32::MAX);
        doubled - quarter + quarter.mul_f64(2.0 * f64::from(part) / f64::from(u32::MAX))
    }

    /// Starts all whose time has come, in order; when the next is due.
    fn start_due(&mut self, now: Tick) -> Option<Tick> {
        let mut next: Option<Tick> = None;
        for index in 0..self.wards.len() {
            match self.wards[index].life {
                Life::Due(Some(at)) if at > now => {
                    next = Some(next.map_or(at, |next| next.min(at)));
                }
                Life::Due(_) => self.start(index, now),
                Life::Running | Life::Over => {}
            }
        }
        next
    }

    fn start(&mut self, index: usize, now: Tick) {
        let is_started = self.with(|state| {
            let ward = &self.wards[index];
            let slot = ward.pid.slot();
            let Some(block) = state.table.find_live(ward.pid).filter(|_| !state.stopping.get())
            else {
                return false;
            };
            if ward.step > 0 || ward.started > Tick::START {
                count(&state.counts.restarts);
                let restarts = &block.extra_or_new().restarts;
                restarts.set(restarts.get() + 1);
            }
            block.root.set(Some((ward.make)(state)));
            if block.reopen() {
                state.port.porch.word(slot).reopen();
                deliver::check_senders(state, slot, block); // the last may have gone while it was closed
            }
            block.cause.set(state.next_cause(None, What::Spawned));
            block.resume();
            state.wake_root(slot, block);
            true
        });
        let ward = &mut self.wards[index];
        ward.life = if is_started { Life::Running } else { Life::Over };
        ward.started = now;
    }

    /// Stops the children from `first` on, the youngest first: for good, or to be started anew.
    async fn stop_from(&mut self, cx: &Context, first: usize, for_good: bool) {
        let (among, older) =
            mem::take(&mut self.aside).into_iter().partition(|gone| gone.child >= first);
        self.aside = older;
        VecDeque::into_iter(among).for_each(|gone| self.note(gone));
        for index in (first..self.wards.len()).rev() {
            let ward = &self.wards[index];
            let stays = !for_good && ward.restart != Restart::Temporary;
            self.set_keep(index, if stays { Keep::Always } else { Keep::Never });
            if ward.life == Life::Running {
                let until = cx.now().after(self.grace);
                self.with(|state| cancel(state, self.wards[index].pid));
                if !self.wait_for(cx, first, index, Some(until)).await {
                    self.with(|state| {
                        let why = "it did not end when its supervisor cancelled it";
                        kill::kill(state, self.wards[index].pid, Some(self.pid), why);
                    });
                    self.wait_for(cx, first, index, None).await;
                }
            }
            // One that was cancelled may have ended before it heard of that, as one that is kept.
            if !stays && matches!(self.wards[index].life, Life::Due(_)) {
                self.with(|state| bury(state, self.wards[index].pid));
                self.wait_for(cx, first, index, None).await;
            }
            if stays {
                if matches!(self.wards[index].life, Life::Due(_)) {
                    self.wards[index].life = Life::Due(None);
                }
                self.set_keep(index, keep(self.wards[index].restart));
            }
        }
    }

    /// Waits until a child has ended, of those from `first` on, which are being stopped; false if the time is over before.
    async fn wait_for(
        &mut self,
        cx: &Context,
        first: usize,
        index: usize,
        until: Option<Tick>,
    ) -> bool {
        loop {
            match self.next(cx, until, false).await {
                Event::Gone(gone) if gone.child < first => self.aside.push_back(gone),
                Event::Gone(gone) => {
                    let is_it = gone.child == index;
                    self.note(gone);
                    if is_it {
                        return true;
                    }
                }
                Event::Due | Event::Cancelled => return false,
            }
        }
    }

    /// What happens next.
    async fn next(&self, cx: &Context, until: Option<Tick>, heeds_cancel: bool) -> Event {
        let mut time = pin!(async {
            match until {
                Some(at) => drop(cx.sleep_through(at).await),
                None => pending().await,
            }
        });
        let mut cancelled = pin!(cx.cancelled());
        poll_fn(|context| {
            if let Some(gone) = self.exits.take() {
                return Poll::Ready(Event::Gone(gone));
            }
            drop(self.exits.set_wakee(self.with(|state| {
                state.unbind(); // what wakes it is not known to who looks for circles
                wakee_of(state, context)
            })));
            if heeds_cancel && cancelled.as_mut().poll(context).is_ready() {
                return Poll::Ready(Event::Cancelled);
            }
            time.as_mut().poll(context).map(|()| Event::Due)
        })
        .await
    }

    fn set_keep(&self, index: usize, keep: Keep) {
        self.with(|state| set_keep(state, self.wards[index].pid, keep));
    }

    /// The core that runs here, which is that of the supervisor.
    fn with<T>(&self, show: impl FnOnce(&Rc<State>) -> T) -> T {
        here::with(|state| {
            let state = state.filter(|state| state.core == self.pid.core());
            show(state.expect("a supervisor is used on the core of its process"))
        })
    }
}

fn keep(restart: Restart) -> Keep {
    match restart {
        Restart::Permanent => Keep::Always,
        Restart::Transient => Keep::Crashed,
        Restart::Temporary => Keep::Never,
    }
}

fn set_keep(state: &State, whom: Pid, keep: Keep) {
    let Some(extra) = state.table.find_live(whom).and_then(Block::extra) else {
        return;
    };
    if let Some(guard) = &*extra.guard.borrow() {
        guard.set_keep(keep);
    }
}

/// Ends a child for good that waits to be started.
pub(crate) fn bury(state: &State, whom: Pid) {
    set_keep(state, whom, Keep::Never);
    let Some(block) = state.table.find_live(whom).filter(|block| block.is_paused()) else { return };
    block.doom(Exit::Cancelled);
    block.resume();
    state.wake_root(whom.slot(), block);
}

impl Drop for Supervisor {
    /// Ends the children that are left, the youngest first.
    fn drop(&mut self) {
        here::with(|state| {
            let Some(state) = state.filter(|state| state.core == self.pid.core()) else { return };
            for ward in self.wards.iter().rev() {
                match ward.life {
                    Life::Over => {}
                    Life::Due(_) => bury(state, ward.pid),
                    Life::Running => {
                        set_keep(state, ward.pid, Keep::Never);
                        bury(state, ward.pid); // one whose end was not dealt with yet
                        kill::kill(state, ward.pid, Some(self.pid), "its supervisor has ended");
                    }
                }
            }
        });
    }
}

impl fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervisor")
            .field("pid", &self.pid)
            .field("strategy", &self.strategy)
            .field("children", &self.wards.len())
            .finish_non_exhaustive()
    }
}
