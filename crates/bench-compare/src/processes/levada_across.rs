//! Ours on two cores: a domain on cores 0 and 1, in which one process sends and another hears.

use std::hint::black_box;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use levada_domain::{Config, Domain, Io};
use levada_process::{Bounds, Context, Failure, Full, Mailbox, Sender};
use levada_shared::{Options, SharedHeap};

use crate::machine::clock::now_ns;
use crate::processes::world::{Ran, Value, World, value};

/// The last of a run, which is answered.
const LAST: u64 = u64::MAX;

/// How the receiver takes what is there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Taking {
    OneByOne,
    Many,
}

/// Places of the receiver's mailbox: with fewer a batch of 256 would be all of it.
pub(crate) const ROOM: u16 = 4096;

/// A domain in which one process does as it is ordered.
pub(crate) struct Ordered {
    orders: Sender<u64>,
    ran: Receiver<Ran>,
    _domain: Domain,
}

impl World for Ordered {
    fn run(&mut self, count: u64) -> Ran {
        self.orders.try_send(count).expect("it waits for orders");
        self.ran.recv().expect("the process lives")
    }
}

fn started<F, Fut>(root: F) -> Domain
where
    F: FnOnce(Context, Io) -> Fut + Send + 'static,
    Fut: Future<Output = Result<(), Failure>> + 'static,
{
    let heap = SharedHeap::new(Options::default()).expect("there is memory");
    let mut config = Config::new(heap);
    config.cores = vec![Some(0), Some(1)];
    Domain::start(&config, root).expect("both cores can be had")
}

/// Sends batches to the other core: after each the sender lets others run, so that it is shown.
pub(crate) fn stream(batch: u64, taking: Taking) -> Ordered {
    let (ran_to, ran) = sync_channel(1);
    let (orders_to, orders) = sync_channel(1);
    let domain = started(move |cx, io| async move {
        let (there, gauged) = (io.cores()[1], io.clone());
        let sends = cx.spawn("sends", move |cx, mut orders: Mailbox<u64>| async move {
            let done = orders.sender();
            let bounds = Bounds { messages: ROOM, ..Bounds::default() };
            let hears = cx.options().mailbox(bounds, Full::Wait).on(there);
            let to = hears
                .spawn("hears", move |_, inbox| hears_until_last(inbox, done, taking))
                .await?
                .sender;
            loop {
                let count = orders.recv().await?;
                let (wakes, begun_ns) = (gauged.process_gauges().wakes, now_ns());
                for number in 0..count {
                    to.send(value(if number + 1 == count { LAST } else { number })).await?;
                    if (number + 1) % batch == 0 {
                        cx.yield_now().await;
                    }
                }
                orders.recv().await?; // all were heard
                let mut ran = Ran::of(now_ns() - begun_ns);
                ran.wakes = gauged.process_gauges().wakes - wakes;
                ran_to.try_send(ran).map_err(|_| Failure::new("nobody asked"))?;
            }
        })?;
        orders_to.try_send(sends.sender).map_err(|_| Failure::new("nobody listens"))
    });
    let orders = orders.recv().expect("the root tells");
    Ordered { orders, ran, _domain: domain }
}

async fn hears_until_last(
    mut inbox: Mailbox<Value>,
    done: Sender<u64>,
    taking: Taking,
) -> Result<(), Failure> {
    let mut many = Vec::with_capacity(256);
    loop {
        match taking {
            Taking::OneByOne => {
                if black_box(inbox.recv().await?)[0] == LAST {
                    done.send(0).await?;
                }
            }
            Taking::Many => {
                inbox.recv_many(&mut many, 256).await?;
                for received in many.drain(..) {
                    if black_box(received.enter())[0] == LAST {
                        done.send(0).await?;
                    }
                }
            }
        }
    }
}

/// Sends one message each `gap` to the other core; both sleep in between.
pub(crate) fn lone(gap: Duration) -> Ordered {
    let (ran_to, ran) = sync_channel(1);
    let (orders_to, orders) = sync_channel(1);
    let domain = started(move |cx, io| async move {
        let there = io.cores()[1];
        let sends = cx.spawn("sends", move |cx, mut orders: Mailbox<u64>| async move {
            let hears = cx.options().on(there);
            let to = hears
                .spawn("hears", |_, mut inbox: Mailbox<Value>| async move {
                    let mut latencies_ns = Vec::new();
                    loop {
                        let [sent_ns, is_last, ..] = inbox.recv().await?;
                        latencies_ns.push(now_ns() - sent_ns);
                        if is_last == 1 {
                            let latencies_ns = std::mem::take(&mut latencies_ns);
                            let ran = Ran { latencies_ns, ..Ran::default() };
                            ran_to.try_send(ran).map_err(|_| Failure::new("nobody asked"))?;
                        }
                    }
                })
                .await?
                .sender;
            loop {
                let count = orders.recv().await?;
                for number in 1..=count {
                    cx.sleep_until(cx.now().after(gap)).await?;
                    to.send([now_ns(), u64::from(number == count), 0, 0]).await?;
                }
            }
        })?;
        orders_to.try_send(sends.sender).map_err(|_| Failure::new("nobody listens"))
    });
    let orders = orders.recv().expect("the root tells");
    Ordered { orders, ran, _domain: domain }
}
