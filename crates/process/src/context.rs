//! A context is what a process may do: everything that it can reach begins here, or was given to it.

use crate::cause::Cause;
use crate::here;
use crate::log::{LogLine, Loggable};
use crate::pid::{CoreId, Pid};
use crate::state::State;
use crate::tick::Tick;
use levada_shared::Account;
use std::fmt;
use std::marker::PhantomData;
use std::rc::Rc;
use std::task::Poll;

/// One process's leave to act. It stays on its core, and may be used by all tasks of its process.
pub struct Context {
    pid: Pid,
    /// It stays on its core.
    here: PhantomData<*const ()>,
}

impl Context {
    pub(crate) fn new(pid: Pid) -> Self {
        Self { pid, here: PhantomData }
    }

    /// The process.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// The core that it runs on.
    #[must_use]
    pub fn core(&self) -> CoreId {
        self.pid.core()
    }

    /// On behalf of what runs what asks.
    #[must_use]
    pub fn cause(&self) -> Cause {
        self.with(|state| state.course.cause.get())
    }

    /// Begins a request: what runs next runs on its behalf, under this id, or under one made at random.
    pub fn begin_cause(&self, id: Option<u128>, sampled: bool) -> Cause {
        self.with(|state| {
            let cause = state.begin_cause(id, sampled, 0);
            state.course.cause.set(cause);
            cause
        })
    }

    /// The time, read once a turn.
    #[must_use]
    pub fn now(&self) -> Tick {
        self.with(|state| state.now())
    }

    /// A random number, from the seed of the core.
    #[must_use]
    pub fn random(&self) -> u64 {
        self.with(|state| state.random())
    }

    /// The account that the process is charged to: one of its own, or that of who spawned it; else that of its core. What is
    /// allocated through it is the process's, and so is what its mailbox takes in.
    ///
    /// Costs two atomic adds: a process that allocates often asks once.
    ///
    /// # Panics
    /// If there is none: its core was made without an account.
    #[must_use]
    pub fn account(&self) -> Account {
        self.find_account().expect("a core whose processes allocate is made with an account")
    }

    /// The same, if there is one.
    pub(crate) fn find_account(&self) -> Option<Account> {
        self.with(|state| {
            let block = state.table.find(self.pid.slot(), self.pid.generation());
            let own = block.and_then(|block| {
                block.with_budget(|budget| budget.map(|budget| budget.account().clone()))
            });
            own.or_else(|| state.account.clone())
        })
    }

    /// Says something to whoever keeps the log: `what` it is, and a value.
    ///
    /// ```
    /// # fn say(cx: &levada_process::Context, lines: u64) {
    /// cx.log("lines", lines);
    /// cx.log("refused", format_args!("{lines} of them"));
    /// # }
    /// ```
    pub fn log(&self, what: &'static str, value: impl Loggable) {
        self.with(|state| {
            let (pid, cause, at) = (self.pid(), state.course.cause.get(), state.now());
            let block = state.table.find(pid.slot(), pid.generation());
            let name = block.map_or("", |block| state.table.kind(block).name);
            value.show(&mut |value| {
                state.host.0.log(&LogLine { pid, name, cause, at, what, value });
            });
        });
    }

    /// Lets all others run that are ready.
    pub fn yield_now(&self) -> impl Future<Output = ()> + use<> {
        let mut has_yielded = false;
        std::future::poll_fn(move |context| {
            if has_yielded {
                return Poll::Ready(());
            }
            has_yielded = true;
            here::with(|state| state.map(|state| state.ready.give_way()));
            context.waker().wake_by_ref();
            Poll::Pending
        })
    }

    /// The core that runs here, which is that of the process.
    #[inline]
    pub(crate) fn with<T>(&self, show: impl FnOnce(&Rc<State>) -> T) -> T {
        here::with(|state| {
            let state = state.filter(|state| state.core == self.pid.core());
            show(state.expect("a context is used on the core of its process"))
        })
    }
}

impl Clone for Context {
    fn clone(&self) -> Self {
        Self::new(self.pid)
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Context").field(&self.pid).finish()
    }
}
