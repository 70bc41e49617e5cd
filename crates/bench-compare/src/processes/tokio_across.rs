//! tokio on two cores: a runtime of its own for each core, or one with two workers.

use std::hint::black_box;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task::yield_now;

use crate::machine::clock::now_ns;
use crate::machine::cores::move_to;
use crate::processes::levada_across::ROOM;
use crate::processes::tokio_world::{Scheduler, runtime};
use crate::processes::world::{Ran, Value, World, value};

/// How the two ends are placed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Placed {
    /// A runtime on each core.
    Apart,
    /// One runtime with two workers, which place the tasks as they like.
    Together,
}

/// The sending end does as it is ordered.
pub(crate) struct Ordered {
    orders: mpsc::Sender<u64>,
    ran: Receiver<Ran>,
    _together: Option<Runtime>,
}

impl World for Ordered {
    fn run(&mut self, count: u64) -> Ran {
        self.orders.blocking_send(count).expect("it waits for orders");
        self.ran.recv().expect("the task lives")
    }
}

/// Runs the sending end and the hearing one.
fn place<S, H>(placed: Placed, sends: S, hears: H) -> Option<Runtime>
where
    S: Future<Output = ()> + Send + 'static,
    H: Future<Output = ()> + Send + 'static,
{
    let apart = |core, end: std::pin::Pin<Box<dyn Future<Output = ()> + Send>>| {
        thread::spawn(move || {
            move_to(core).expect("the core was there a moment ago");
            runtime(Scheduler::OfThisThread).block_on(end);
        })
    };
    match placed {
        Placed::Apart => {
            drop((apart(0, Box::pin(sends)), apart(1, Box::pin(hears))));
            None
        }
        Placed::Together => {
            let runtime = runtime(Scheduler::Workers(2));
            runtime.spawn(sends);
            runtime.spawn(hears);
            Some(runtime)
        }
    }
}

/// Sends batches; after each the sender lets others run.
pub(crate) fn stream(placed: Placed, batch: u64, takes_many: bool) -> Ordered {
    let (orders_to, mut orders) = mpsc::channel(1);
    let (ran_to, ran) = sync_channel(1);
    let (to, mut inbox) = mpsc::channel::<Value>(ROOM.into());
    let (done, mut all_heard) = mpsc::channel::<()>(1);
    let sends = async move {
        while let Some(count) = orders.recv().await {
            let begun_ns = now_ns();
            for number in 0..count {
                let number = if number + 1 == count { u64::MAX } else { number };
                to.send(value(number)).await.expect("it hears");
                if number.wrapping_add(1) % batch == 0 {
                    yield_now().await;
                }
            }
            all_heard.recv().await;
            ran_to.send(Ran::of(now_ns() - begun_ns)).expect("somebody asked");
        }
    };
    let hears = async move {
        let mut many = Vec::with_capacity(256);
        loop {
            if takes_many {
                if inbox.recv_many(&mut many, 256).await == 0 {
                    return;
                }
            } else {
                let Some(value) = inbox.recv().await else { return };
                many.push(value);
            }
            for value in many.drain(..) {
                if black_box(value)[0] == u64::MAX && done.send(()).await.is_err() {
                    return;
                }
            }
        }
    };
    Ordered { orders: orders_to, ran, _together: place(placed, sends, hears) }
}

/// Sends one message each `gap`; both sleep in between.
pub(crate) fn lone(placed: Placed, gap: Duration) -> Ordered {
    let (orders_to, mut orders) = mpsc::channel(1);
    let (ran_to, ran) = sync_channel(1);
    let (to, mut inbox) = mpsc::channel::<Value>(256);
    let sends = async move {
        while let Some(count) = orders.recv().await {
            for number in 1..=count {
                tokio::time::sleep(gap).await;
                let last = u64::from(number == count);
                to.send([now_ns(), last, 0, 0]).await.expect("it hears");
            }
        }
    };
    let hears = async move {
        let mut latencies_ns = Vec::new();
        while let Some([sent_ns, is_last, ..]) = inbox.recv().await {
            latencies_ns.push(now_ns() - sent_ns);
            if is_last == 1 {
                tell(&ran_to, &mut latencies_ns);
            }
        }
    };
    Ordered { orders: orders_to, ran, _together: place(placed, sends, hears) }
}

/// Hands over what was measured.
pub(crate) fn tell(ran_to: &SyncSender<Ran>, latencies_ns: &mut Vec<u64>) {
    let latencies_ns = std::mem::take(latencies_ns);
    ran_to.send(Ran { latencies_ns, ..Ran::default() }).expect("somebody asked");
}
