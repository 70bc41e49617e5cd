//! A loop for who uses a channel alone: tasks of this thread, polled when woken, and a pass when none is.
#![expect(
    clippy::disallowed_types,
    reason = "the list of woken tasks is locked to put one in or take one out"
)]

use core::cell::RefCell;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Wake;

use levada_ring::{CoreWaker, Fatal, Wait};

use crate::channel::Channel;

type Task = Pin<Box<dyn Future<Output = ()>>>;

thread_local! {
    /// Tasks that were spawned while another ran; the loop takes them in.
    static SPAWNED: RefCell<Vec<Task>> = const { RefCell::new(Vec::new()) };
}

/// Runs `main`, and what it spawns, until `main` has ended.
///
/// # Errors
/// [`Fatal`] where the kernel refuses further I/O on this thread.
pub fn run<T>(channel: &Channel, main: impl Future<Output = T>) -> Result<T, Fatal> {
    let woken = Arc::new(Woken { tasks: Mutex::new(vec![MAIN]), core: channel.waker() });
    let waker = |task| Waker::from(Arc::new(TaskWaker { woken: Arc::clone(&woken), task }));
    let main_waker = waker(MAIN);
    let mut main = core::pin::pin!(main);
    let mut tasks: HashMap<u64, (Task, Waker)> = HashMap::new();
    let mut next_task = MAIN + 1;
    loop {
        let ready = core::mem::take(&mut *woken.lock());
        for name in ready {
            if name == MAIN {
                if let Poll::Ready(value) =
                    main.as_mut().poll(&mut Context::from_waker(&main_waker))
                {
                    SPAWNED.with_borrow_mut(Vec::clear);
                    return Ok(value);
                }
            } else if let Some((task, waker)) = tasks.get_mut(&name)
                && task.as_mut().poll(&mut Context::from_waker(waker)).is_ready()
            {
                tasks.remove(&name);
            }
            for task in SPAWNED.with_borrow_mut(core::mem::take) {
                tasks.insert(next_task, (task, waker(next_task)));
                woken.lock().push(next_task);
                next_task += 1;
            }
        }
        let wait = if woken.lock().is_empty() { Wait::ANY } else { Wait::No };
        channel.pass(wait)?;
    }
}

/// Begins a task beside the one that calls; it ends with the loop at the latest.
pub fn spawn(task: impl Future<Output = ()> + 'static) {
    SPAWNED.with_borrow_mut(|spawned| spawned.push(Box::pin(task)));
}

/// The task that `run` was given.
const MAIN: u64 = 0;

struct Woken {
    tasks: Mutex<Vec<u64>>,
    core: CoreWaker,
}

impl Woken {
    fn lock(&self) -> MutexGuard<'_, Vec<u64>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct TaskWaker {
    woken: Arc<Woken>,
    task: u64,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        let mut tasks = self.woken.lock();
        if !tasks.contains(&self.task) {
            tasks.push(self.task);
            drop(tasks);
            self.woken.core.wake();
        }
    }
}
