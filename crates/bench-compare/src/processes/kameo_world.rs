//! kameo on one core: actors on tokio, with bounded mailboxes and supervisors.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use kameo::Actor;
use kameo::actor::{ActorRef, Spawn};
use kameo::error::Infallible;
use kameo::mailbox::bounded;
use kameo::message::{Context, Message};
use tokio::runtime::Runtime;
use tokio::sync::{Mutex, Notify};

use crate::machine::clock::now_ns;
use crate::processes::left::Left;
use crate::processes::tokio_world::{ROOM, Scheduler, lower, runtime};
use crate::processes::world::{OnRuntime, Order, Targets, Value, World, value};

/// Hears values, and counts them down where somebody asked.
pub(crate) struct Hears(Option<(Left, Arc<Notify>)>);

impl Actor for Hears {
    type Args = Self;
    type Error = Infallible;

    async fn on_start(args: Self, _: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(args)
    }
}

impl Message<Value> for Hears {
    type Reply = ();

    async fn handle(&mut self, message: Value, _: &mut Context<Self, ()>) {
        black_box(message);
        if let Some((left, done)) = &self.0 {
            lower(left, done);
        }
    }
}

pub(crate) fn spawn(scheduler: Scheduler) -> impl World {
    let work = |count| async move {
        let begun_ns = now_ns();
        let mut actors = Vec::new();
        for _ in 0..count {
            actors.push(Hears::spawn_with_mailbox(Hears(None), bounded(ROOM)));
        }
        for actor in &actors {
            actor.wait_for_startup().await;
        }
        let took_ns = now_ns() - begun_ns;
        for actor in actors {
            actor.stop_gracefully().await.expect("it is there");
            actor.wait_for_shutdown().await;
        }
        took_ns
    };
    OnRuntime { runtime: runtime(scheduler), work }
}

pub(crate) fn messages(scheduler: Scheduler, receiver_count: u32, order: Order) -> impl World {
    let runtime = runtime(scheduler);
    let (left, done) = (Left::default(), Arc::new(Notify::new()));
    let receivers: Arc<[ActorRef<Hears>]> = runtime.block_on(async {
        let mut receivers = Vec::new();
        for _ in 0..receiver_count {
            let counting = (left.clone(), Arc::clone(&done));
            receivers.push(Hears::spawn_with_mailbox(Hears(Some(counting)), bounded(ROOM)));
        }
        for receiver in &receivers {
            receiver.wait_for_startup().await;
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
                receivers[targets.draw()].tell(value(number)).await.expect("it hears");
            }
            done.notified().await;
            now_ns() - begun_ns
        }
    };
    OnRuntime { runtime, work }
}

#[derive(Clone)]
struct Answers;

struct Fail;

struct Say(u64);

impl Actor for Answers {
    type Args = Self;
    type Error = Infallible;

    async fn on_start(args: Self, _: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(args)
    }
}

impl Message<Say> for Answers {
    type Reply = u64;

    async fn handle(&mut self, Say(number): Say, _: &mut Context<Self, u64>) -> u64 {
        number + 1
    }
}

impl Message<Fail> for Answers {
    type Reply = ();

    async fn handle(&mut self, _: Fail, _: &mut Context<Self, ()>) {
        panic!("as it was told");
    }
}

pub(crate) fn calls(scheduler: Scheduler) -> impl World {
    let runtime = runtime(scheduler);
    let to = runtime.block_on(async { Answers::spawn_with_mailbox(Answers, bounded(ROOM)) });
    let work = move |count| {
        let to = to.clone();
        async move {
            let begun_ns = now_ns();
            for number in 0..count {
                let answer = to.ask(Say(number)).await;
                assert_eq!(answer.ok(), Some(number + 1), "the answer is to this question");
            }
            now_ns() - begun_ns
        }
    };
    OnRuntime { runtime, work }
}

/// Its own supervisor restarts it: the mailbox stays, and the next incarnation answers.
pub(crate) fn restarts(scheduler: Scheduler) -> impl World {
    let runtime = runtime(scheduler);
    let keeps = runtime.block_on(async { Answers::spawn_with_mailbox(Answers, bounded(ROOM)) });
    let actor = runtime.block_on(async {
        let supervised = Answers::supervise(&keeps, Answers);
        supervised.restart_limit(u32::MAX, Duration::from_millis(1)).spawn().await
    });
    let work = move |count| {
        let (actor, keeps) = (actor.clone(), keeps.clone());
        async move {
            let begun_ns = now_ns();
            for _ in 0..count {
                actor.tell(Fail).await.expect("it is there");
                assert_eq!(actor.ask(Say(0)).await.ok(), Some(1));
            }
            drop(keeps);
            now_ns() - begun_ns
        }
    };
    OnRuntime { runtime, work }
}

/// Actors that wait for a message that never comes, and what keeps them.
pub(crate) struct Idle {
    _actors: Vec<ActorRef<Hears>>,
    _runtime: Runtime,
}

pub(crate) fn idle(mut actors: Vec<ActorRef<Hears>>, count: usize) -> Idle {
    let runtime = runtime(Scheduler::OfThisThread);
    runtime.block_on(async {
        for _ in 0..count {
            actors.push(Hears::spawn_with_mailbox(Hears(None), bounded(ROOM)));
        }
        for actor in &actors {
            actor.wait_for_startup().await;
        }
    });
    Idle { _actors: actors, _runtime: runtime }
}
