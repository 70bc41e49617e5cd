//! ractor on one core: actors on tokio, with mailboxes that have no bound.

use std::hint::black_box;
use std::sync::Arc;

use ractor::concurrency::JoinHandle;
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort, call};
use tokio::runtime::Runtime;
use tokio::sync::{Mutex, Notify};

use crate::machine::clock::now_ns;
use crate::processes::left::Left;
use crate::processes::tokio_world::{Scheduler, lower, runtime};
use crate::processes::world::{OnRuntime, Order, Targets, Value, World, value};

/// Hears values, and counts them down where somebody asked.
struct Hears(Option<(Left, Arc<Notify>)>);

impl Actor for Hears {
    type Msg = Value;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Value>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(
        &self,
        _: ActorRef<Value>,
        message: Value,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        black_box(message);
        if let Some((left, done)) = &self.0 {
            lower(left, done);
        }
        Ok(())
    }
}

async fn start<A: Actor<Arguments = ()>>(actor: A) -> (ActorRef<A::Msg>, JoinHandle<()>) {
    Actor::spawn(None, actor, ()).await.expect("it starts")
}

pub(crate) fn spawn(scheduler: Scheduler) -> impl World {
    let work = |count| async move {
        let begun_ns = now_ns();
        let mut actors = Vec::new();
        for _ in 0..count {
            actors.push(start(Hears(None)).await);
        }
        let took_ns = now_ns() - begun_ns;
        for (actor, task) in actors {
            actor.stop(None);
            task.await.expect("it stops");
        }
        took_ns
    };
    OnRuntime { runtime: runtime(scheduler), work }
}

pub(crate) fn messages(scheduler: Scheduler, receiver_count: u32, order: Order) -> impl World {
    let runtime = runtime(scheduler);
    let (left, done) = (Left::default(), Arc::new(Notify::new()));
    let receivers: Arc<[ActorRef<Value>]> = runtime.block_on(async {
        let mut receivers = Vec::new();
        for _ in 0..receiver_count {
            let counting = (left.clone(), Arc::clone(&done));
            receivers.push(start(Hears(Some(counting))).await.0);
        }
        receivers.into()
    });
    let targets = Arc::new(Mutex::new(Targets::new(receiver_count, order)));
    let work = move |count| {
        let (left, done, receivers, targets) =
            (left.clone(), Arc::clone(&done), Arc::clone(&receivers), Arc::clone(&targets));
        async move {
            let mut targets = targets.lock().await;
            left.set(count);
            let begun_ns = now_ns();
            for number in 0..count {
                receivers[targets.draw()].cast(value(number)).expect("it hears");
            }
            done.notified().await;
            now_ns() - begun_ns
        }
    };
    OnRuntime { runtime, work }
}

enum Task {
    Fail,
    Say(u64, RpcReplyPort<u64>),
}

struct Answers;

impl Actor for Answers {
    type Msg = Task;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Task>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(
        &self,
        _: ActorRef<Task>,
        message: Task,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Task::Fail => panic!("as it was told"),
            Task::Say(number, reply) => reply.send(number + 1)?,
        }
        Ok(())
    }
}

pub(crate) fn calls(scheduler: Scheduler) -> impl World {
    let runtime = runtime(scheduler);
    let (to, _task) = runtime.block_on(start(Answers));
    let work = move |count| {
        let to = to.clone();
        async move {
            let begun_ns = now_ns();
            for number in 0..count {
                let answer = call!(to, |reply| Task::Say(number, reply));
                assert_eq!(answer.ok(), Some(number + 1), "the answer is to this question");
            }
            now_ns() - begun_ns
        }
    };
    OnRuntime { runtime, work }
}

pub(crate) fn restarts(scheduler: Scheduler) -> impl World {
    let work = |count| async move {
        let (mut actor, mut task) = start(Answers).await;
        let begun_ns = now_ns();
        for _ in 0..count {
            actor.cast(Task::Fail).expect("it is there");
            task.await.expect("the actor ends, not the task");
            (actor, task) = start(Answers).await;
            assert_eq!(call!(actor, |reply| Task::Say(0, reply)).ok(), Some(1));
        }
        now_ns() - begun_ns
    };
    OnRuntime { runtime: runtime(scheduler), work }
}

/// Actors that wait for a message that never comes, and what keeps them.
pub(crate) struct Idle {
    _actors: Vec<ActorRef<Value>>,
    _runtime: Runtime,
}

pub(crate) fn idle(mut actors: Vec<ActorRef<Value>>, count: usize) -> Idle {
    let runtime = runtime(Scheduler::OfThisThread);
    runtime.block_on(async {
        for _ in 0..count {
            actors.push(start(Hears(None)).await.0);
        }
    });
    Idle { _actors: actors, _runtime: runtime }
}
