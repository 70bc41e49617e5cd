//! A loop for who uses a channel alone: tasks of this thread, polled when woken, and a pass when none is.
#![expect(
    clippy::disallowed_types,
    reason = "the list of woken tasks is locked to put one in or take one out"
)]

use core::cell::RefCell;
use core::future::Future;
use core::pin::Pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll, Waker};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Wake;
use std::thread::ThreadId;

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
    let woken = Arc::new(Woken {
        tasks: Mutex::new(vec![MAIN]),
        core: channel.waker(),
        thread: std::thread::current().id(),
    });
    let entry = |task, is_listed| {
        let (woken, is_listed) = (Arc::clone(&woken), AtomicBool::new(is_listed));
        let entry = Arc::new(TaskWaker { woken, task, is_listed });
        (Arc::clone(&entry), Waker::from(entry))
    };
    let (main_entry, main_waker) = entry(MAIN, true);
    let mut main = core::pin::pin!(main);
    let mut tasks: HashMap<u64, (Task, Arc<TaskWaker>, Waker)> = HashMap::new();
    let mut next_task = MAIN + 1;
    let mut ready = Vec::new();
    loop {
        core::mem::swap(&mut ready, &mut *woken.lock());
        for name in ready.drain(..) {
            if name == MAIN {
                main_entry.take_off();
                if let Poll::Ready(value) =
                    main.as_mut().poll(&mut Context::from_waker(&main_waker))
                {
                    SPAWNED.with_borrow_mut(Vec::clear);
                    return Ok(value);
                }
            } else if let Some((task, entry, waker)) = tasks.get_mut(&name) {
                entry.take_off();
                if task.as_mut().poll(&mut Context::from_waker(waker)).is_ready() {
                    tasks.remove(&name);
                }
            }
            for task in SPAWNED.with_borrow_mut(core::mem::take) {
                let (entry, waker) = entry(next_task, true);
                tasks.insert(next_task, (task, entry, waker));
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
    /// Whose loop it is: a wake from there needs no knock, since the loop looks at the list before it sleeps.
    thread: ThreadId,
}

impl Woken {
    fn lock(&self) -> MutexGuard<'_, Vec<u64>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct TaskWaker {
    woken: Arc<Woken>,
    task: u64,
    /// It is in the list already.
    is_listed: AtomicBool,
}

impl TaskWaker {
    /// It is about to be polled: a wake from here on lists it again.
    fn take_off(&self) {
        // AcqRel: the poll sees what was done before the wakes that it answers.
        self.is_listed.swap(false, Ordering::AcqRel);
    }
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // AcqRel: what the caller did before is seen by the poll that takes it off the list.
        if self.is_listed.swap(true, Ordering::AcqRel) {
            return;
        }
        self.woken.lock().push(self.task);
        if std::thread::current().id() != self.woken.thread {
            self.woken.core.wake();
        }
    }
}
