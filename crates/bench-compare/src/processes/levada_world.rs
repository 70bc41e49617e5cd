//! Ours on one core: processes that are made, hear messages, answer calls and fail.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use levada_process::{
    Context, Failure, Mailbox, Message, Reply, Restart, Sender, Strategy, Supervisor,
};

use crate::machine::clock::now_ns;
use crate::processes::left::Left;
use crate::processes::levada_driven::Driven;
use crate::processes::world::{Order, Ran, Targets, Value, World, value};

/// Longer than any call here takes.
const WITHIN: Duration = Duration::from_secs(10);

/// A world in which one process does as it is ordered.
pub(crate) struct Ordered {
    driven: Driven,
    orders: Sender<u64>,
    left: Left,
    /// What the process measured itself, or nothing.
    told_ns: Arc<AtomicU64>,
}

impl World for Ordered {
    fn run(&mut self, count: u64) -> Ran {
        self.left.set(count);
        self.told_ns.store(0, Ordering::Relaxed);
        let begun_ns = now_ns();
        self.driven.core.enter(|| self.orders.try_send(count)).expect("it waits for orders");
        self.driven.drive(|| self.left.is_zero());
        let took_ns = now_ns() - begun_ns;
        self.driven.settle();
        let told_ns = self.told_ns.load(Ordering::Relaxed);
        Ran::of(if told_ns == 0 { took_ns } else { told_ns })
    }
}

/// Makes processes; what counts is the time until each has had its first turn and waits for a message.
pub(crate) fn spawn() -> Ordered {
    let (driven, left, told_ns) = (Driven::new(), Left::default(), Arc::new(AtomicU64::new(0)));
    let (started, told) = (left.clone(), Arc::clone(&told_ns));
    let spawns = driven.core.spawn("spawns", |cx, mut orders: Mailbox<u64>| async move {
        let mut children = Vec::new();
        loop {
            let count = orders.recv().await?;
            let begun_ns = now_ns();
            for _ in 0..count {
                let started = started.clone();
                children.push(cx.spawn("idles", |_, mut inbox: Mailbox<Value>| async move {
                    started.lower();
                    loop {
                        black_box(inbox.recv().await?);
                    }
                })?);
            }
            while !started.is_zero() {
                cx.yield_now().await;
            }
            told.store(now_ns() - begun_ns, Ordering::Relaxed);
            children.clear();
        }
    });
    let orders = spawns.expect("there is room").sender;
    Ordered { driven, orders, left, told_ns }
}

/// Sends messages to so many receivers.
pub(crate) fn messages(receiver_count: u32, order: Order) -> Ordered {
    let (driven, left) = (Driven::new(), Left::default());
    let receivers: Vec<Sender<Value>> = (0..receiver_count)
        .map(|_| {
            let left = left.clone();
            let child = driven.core.spawn("hears", |_, mut inbox: Mailbox<Value>| async move {
                loop {
                    black_box(inbox.recv().await?);
                    left.lower();
                }
            });
            child.expect("there is room").sender
        })
        .collect();
    let mut targets = Targets::new(receiver_count, order);
    let sends = driven.core.spawn("sends", move |_, mut orders: Mailbox<u64>| async move {
        loop {
            for number in 0..orders.recv().await? {
                receivers[targets.draw()].send(value(number)).await?;
            }
        }
    });
    let orders = sends.expect("there is room").sender;
    driven.settle();
    Ordered { driven, orders, left, told_ns: Arc::default() }
}

#[derive(Message)]
struct Ask(u64, Reply<u64>);

/// Asks and is answered, one call after the other.
pub(crate) fn calls() -> Ordered {
    let (driven, left) = (Driven::new(), Left::default());
    let answers = driven.core.spawn("answers", |_, mut inbox: Mailbox<Ask>| async move {
        loop {
            let Ask(number, reply) = inbox.recv().await?;
            reply.send(number + 1);
        }
    });
    let (to, asked) = (answers.expect("there is room").sender, left.clone());
    let asks = driven.core.spawn("asks", move |_, mut orders: Mailbox<u64>| async move {
        loop {
            for number in 0..orders.recv().await? {
                let answer = to.call(WITHIN, |reply| Ask(number, reply)).await?;
                assert_eq!(answer, number + 1, "the answer is to this question");
                asked.lower();
            }
        }
    });
    let orders = asks.expect("there is room").sender;
    driven.settle();
    Ordered { driven, orders, left, told_ns: Arc::default() }
}

#[derive(Message)]
enum Task {
    Fail,
    Say(Reply<u64>),
}

/// Fails and is there again, one failure after the other.
pub(crate) fn restarts() -> Ordered {
    let (driven, left) = (Driven::new(), Left::default());
    let failed = left.clone();
    let keeps = driven.core.spawn("keeps", move |cx: Context, orders: Mailbox<u64>| async move {
        // As often as it is told, and at once each time.
        let mut house = Supervisor::new(&cx, Strategy::OneForOne)
            .limit(usize::MAX, Duration::ZERO)
            .backoff(Duration::ZERO, Duration::ZERO);
        let child = house.child(cx.options(), "fails", Restart::Permanent, fails)?.sender;
        let _ordered = cx.task(fail_as_ordered(child, orders, failed));
        house.run(&cx).await
    });
    let orders = keeps.expect("there is room").sender;
    driven.settle();
    Ordered { driven, orders, left, told_ns: Arc::default() }
}

/// Each from the message that it fails on to the answer that the next incarnation gives in its first turn.
async fn fail_as_ordered(
    child: Sender<Task>,
    mut orders: Mailbox<u64>,
    failed: Left,
) -> Result<(), Failure> {
    loop {
        for _ in 0..orders.recv().await? {
            child.send(Task::Fail).await?;
            child.call(WITHIN, Task::Say).await?;
            failed.lower();
        }
    }
}

async fn fails(_: Context, mut inbox: Mailbox<Task>) -> Result<(), Failure> {
    loop {
        match inbox.recv().await? {
            Task::Fail => panic!("as it was told"),
            Task::Say(reply) => reply.send(1),
        }
    }
}

/// Processes that wait for a message that never comes, and what keeps them.
pub(crate) struct Idle {
    _senders: Vec<Sender<Value>>,
    _driven: Driven,
}

/// Makes idle processes; their senders go where room was made and touched before.
pub(crate) fn idle(driven: Driven, mut senders: Vec<Sender<Value>>, count: usize) -> Idle {
    for _ in 0..count {
        let child = driven.core.spawn("idles", |_, mut inbox: Mailbox<Value>| async move {
            loop {
                black_box(inbox.recv().await?);
            }
        });
        senders.push(child.expect("there is room").sender);
    }
    driven.settle();
    Idle { _senders: senders, _driven: driven }
}
