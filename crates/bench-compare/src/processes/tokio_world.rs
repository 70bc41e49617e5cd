//! tokio on one core: a process is a task with a bounded channel.

use std::hint::black_box;
use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::{Notify, oneshot};
use tokio::task::{JoinHandle, yield_now};

use crate::machine::clock::now_ns;
use crate::machine::cores::move_to;
use crate::processes::left::Left;
use crate::processes::world::{OnRuntime, Order, Targets, Value, World, value};

/// As our mailboxes have by default.
pub(crate) const ROOM: usize = 256;

/// Which of tokio's schedulers runs the tasks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Scheduler {
    OfThisThread,
    /// With so many workers, each on a core of its own.
    Workers(usize),
}

/// A runtime without an I/O driver: who needs none is faster without.
pub(crate) fn runtime(scheduler: Scheduler) -> Runtime {
    let mut builder = match scheduler {
        Scheduler::OfThisThread => Builder::new_current_thread(),
        Scheduler::Workers(count) => {
            let mut builder = Builder::new_multi_thread();
            let next = std::sync::atomic::AtomicUsize::new(0);
            builder.worker_threads(count).on_thread_start(move || {
                let core = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % count;
                move_to(core).expect("the core was there a moment ago");
            });
            builder
        }
    };
    builder.enable_time().build().expect("a runtime without a driver can be made")
}

/// One less, and whoever waits for the last hears of it.
#[inline]
pub(crate) fn lower(left: &Left, done: &Notify) {
    if left.lower() {
        done.notify_one();
    }
}

async fn idles(mut inbox: Receiver<Value>) {
    while let Some(value) = inbox.recv().await {
        black_box(value);
    }
}

pub(crate) fn spawn(scheduler: Scheduler) -> impl World {
    let left = Left::default();
    let work = move |count| {
        let left = left.clone();
        async move {
            left.set(count);
            let begun_ns = now_ns();
            let mut senders = Vec::new();
            let mut tasks = Vec::new();
            for _ in 0..count {
                let (sender, inbox) = channel(ROOM);
                senders.push(sender);
                let started = left.clone();
                tasks.push(tokio::spawn(async move {
                    started.lower();
                    idles(inbox).await;
                }));
            }
            while !left.is_zero() {
                yield_now().await;
            }
            let took_ns = now_ns() - begun_ns;
            drop(senders);
            for task in tasks {
                task.await.expect("it idles");
            }
            took_ns
        }
    };
    OnRuntime { runtime: runtime(scheduler), work }
}

pub(crate) fn messages(scheduler: Scheduler, receiver_count: u32, order: Order) -> impl World {
    let runtime = runtime(scheduler);
    let (left, done) = (Left::default(), Arc::new(Notify::new()));
    let receivers: Arc<[Sender<Value>]> = (0..receiver_count)
        .map(|_| {
            let (sender, mut inbox) = channel(ROOM);
            let (left, done) = (left.clone(), Arc::clone(&done));
            runtime.spawn(async move {
                while let Some(value) = inbox.recv().await {
                    black_box(value);
                    lower(&left, &done);
                }
            });
            sender
        })
        .collect();
    let targets = Arc::new(tokio::sync::Mutex::new(Targets::new(receiver_count, order)));
    let work = move |count| {
        let (left, done, receivers, targets) =
            (left.clone(), Arc::clone(&done), Arc::clone(&receivers), Arc::clone(&targets));
        async move {
            let mut targets = targets.lock().await;
            left.set(count);
            let begun_ns = now_ns();
            for number in 0..count {
                receivers[targets.draw()].send(value(number)).await.expect("it hears");
            }
            done.notified().await;
            now_ns() - begun_ns
        }
    };
    OnRuntime { runtime, work }
}

struct Ask(u64, oneshot::Sender<u64>);

pub(crate) fn calls(scheduler: Scheduler) -> impl World {
    let runtime = runtime(scheduler);
    let (to, mut inbox) = channel::<Ask>(ROOM);
    runtime.spawn(async move {
        while let Some(Ask(number, reply)) = inbox.recv().await {
            reply.send(number + 1).expect("somebody waits");
        }
    });
    let work = move |count| {
        let to = to.clone();
        async move {
            let begun_ns = now_ns();
            for number in 0..count {
                let (reply, answer) = oneshot::channel();
                to.send(Ask(number, reply)).await.expect("it answers");
                assert_eq!(answer.await, Ok(number + 1), "the answer is to this question");
            }
            now_ns() - begun_ns
        }
    };
    OnRuntime { runtime, work }
}

enum Task {
    Fail,
    Say(oneshot::Sender<u64>),
}

fn start() -> (Sender<Task>, JoinHandle<()>) {
    let (sender, mut inbox) = channel(ROOM);
    let task = tokio::spawn(async move {
        while let Some(task) = inbox.recv().await {
            match task {
                Task::Fail => panic!("as it was told"),
                Task::Say(reply) => reply.send(1).expect("somebody waits"),
            }
        }
    });
    (sender, task)
}

pub(crate) fn restarts(scheduler: Scheduler) -> impl World {
    let work = |count| async move {
        let (mut sender, mut task) = start();
        let begun_ns = now_ns();
        for _ in 0..count {
            sender.send(Task::Fail).await.expect("it is there");
            task.await.expect_err("it panicked");
            (sender, task) = start();
            let (reply, answer) = oneshot::channel();
            sender.send(Task::Say(reply)).await.expect("it is there");
            assert_eq!(answer.await, Ok(1));
        }
        now_ns() - begun_ns
    };
    OnRuntime { runtime: runtime(scheduler), work }
}

/// Tasks that wait for a message that never comes, and what keeps them.
pub(crate) struct Idle {
    _senders: Vec<Sender<Value>>,
    _runtime: Runtime,
}

pub(crate) fn idle(mut senders: Vec<Sender<Value>>, count: usize) -> Idle {
    let runtime = runtime(Scheduler::OfThisThread);
    for _ in 0..count {
        let (sender, inbox) = channel(ROOM);
        senders.push(sender);
        runtime.spawn(idles(inbox));
    }
    // Each has had its first turn when this one had its second.
    runtime.block_on(async {
        for _ in 0..count.div_ceil(8) {
            yield_now().await;
        }
    });
    Idle { _senders: senders, _runtime: runtime }
}
