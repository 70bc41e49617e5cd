//! A task is a future that a process runs beside its root, and a handle by which another of its tasks waits for it.

use crate::body::Body;
use crate::context::Context;
use crate::here;
use crate::pid::Pid;
use crate::state::State;
use crate::waits::Wakee;
use crate::waker::wakee_of;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{self, Poll};

impl Context {
    /// Runs `what` beside the root. Dropping the handle cancels it; when the root ends, all tasks are dropped.
    ///
    /// # Panics
    /// If the process has 4,095 tasks, or is used elsewhere than on its own core.
    pub fn task<T: 'static>(&self, what: impl Future<Output = T> + 'static) -> Task<T> {
        self.add_task(what, false)
    }

    /// Runs to its end what must not stop half-way: neither a cancel of the process, nor the end of its root, nor dropping the handle
    /// ends it; the process has ended when it has. Being killed ends it, and who stops the process kills it when its grace is over.
    ///
    /// # Panics
    /// As [`task`](Self::task).
    pub fn finish<T: 'static>(&self, what: impl Future<Output = T> + 'static) -> Task<T> {
        self.add_task(what, true)
    }

    fn add_task<T: 'static>(
        &self,
        what: impl Future<Output = T> + 'static,
        is_finishing: bool,
    ) -> Task<T> {
        let joint = Rc::new(Joint { value: Cell::new(None), wakee: RefCell::default() });
        let done = Rc::clone(&joint);
        let whole = move || async move {
            let value = what.await;
            done.value.set(Some(value));
            here::with(|state| state.map(|state| state.wake(done.wakee.take())));
            Ok(())
        };
        let place = self.with(|state| {
            let block = state.table.find_live(self.pid())?;
            let (number, serial) = block.extra_or_new().tasks.add(
                state.course.cause.get(),
                is_finishing,
                Body::new(&state.pool, whole),
            );
            state.wake_task(self.pid().slot(), number);
            Some((number, serial))
        });
        Task { joint, pid: self.pid(), place, is_finishing }
    }
}

/// What a task and its handle share.
struct Joint<T> {
    value: Cell<Option<T>>,
    wakee: RefCell<Wakee>,
}

/// Waits for a task of the same process. Dropped, the task is cancelled, unless it [finishes](Context::finish) something.
#[must_use = "a task whose handle is dropped is cancelled"]
pub struct Task<T> {
    joint: Rc<Joint<T>>,
    pid: Pid,
    /// None if the process was ending when it was made: it never runs.
    place: Option<(u16, u64)>,
    is_finishing: bool,
}

impl<T> Future for Task<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<T> {
        if let Some(value) = self.joint.value.take() {
            self.place = None;
            return Poll::Ready(value);
        }
        let wakee =
            here::with(|state| state.map_or(Wakee::Nobody, |state| wakee_of(state, context)));
        drop(self.joint.wakee.replace(wakee));
        Poll::Pending
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        let Some((number, serial)) = self.place.filter(|_| !self.is_finishing) else { return };
        let cancelled = here::with(|state: Option<&Rc<State>>| {
            let state = state.filter(|state| state.core == self.pid.core())?;
            state.table.find_live(self.pid)?.extra()?.tasks.end(number, serial)
        });
        drop(cancelled);
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("pid", &self.pid)
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}
