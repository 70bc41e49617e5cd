//! An order is a state machine in a process of its own: what it is asked in a wrong state it refuses, and a crash begins it anew.
//!
//! `cargo run -p levada-domain --example order`. Nothing is stored: the state goes with a crash, what waits in the mailbox does not.

use std::error::Error;
use std::io::{Write, stdout};
use std::sync::mpsc;
use std::time::Duration;

use levada_domain::{Config, Domain};
use levada_process::{
    CallError, Context, Failure, Mailbox, Message, Reply, Restart, Sender, Strategy, Supervisor,
};
use levada_shared::{Options, SharedHeap};

const WITHIN: Duration = Duration::from_secs(5);

#[derive(Clone, Debug, Eq, Message, PartialEq)]
enum Order {
    Open { lines: Vec<String> },
    Paid { lines: Vec<String>, cents: u64 },
    Sent { parcels: u64 },
}

#[derive(Message)]
enum ToOrder {
    Add(String),
    Pay { cents: u64, reply: Reply<Result<Order, Order>> },
    Send { parcels: u64, reply: Reply<Result<Order, Order>> },
}

/// What becomes of an order by a message; what is asked of it in a wrong state changes nothing.
fn step(order: Order, message: ToOrder) -> Order {
    let (next, reply) = match (order, message) {
        (Order::Open { mut lines }, ToOrder::Add(line)) => {
            lines.push(line);
            return Order::Open { lines };
        }
        (Order::Open { lines }, ToOrder::Pay { cents, reply }) => {
            (Ok(Order::Paid { lines, cents }), reply)
        }
        (Order::Paid { lines, .. }, ToOrder::Send { parcels, reply }) => {
            assert!(parcels > 0, "{} lines in no parcel", lines.len()); // a caller's mistake that nobody thought of
            (Ok(Order::Sent { parcels }), reply)
        }
        (order, ToOrder::Pay { reply, .. } | ToOrder::Send { reply, .. }) => (Err(order), reply),
        (order, ToOrder::Add(_)) => return order,
    };
    reply.send(next.clone());
    next.unwrap_or_else(|same| same)
}

/// One incarnation of an order, from its first state on.
async fn keep(mut inbox: Mailbox<ToOrder>) -> Result<(), Failure> {
    let mut order = Order::Open { lines: Vec::new() };
    while !matches!(order, Order::Sent { .. }) {
        order = step(order, inbox.recv().await?);
    }
    Ok(())
}

/// Takes one order through its states, with a crash on the way.
async fn shop(cx: Context) -> Result<Vec<Result<Order, Order>>, Failure> {
    let mut house = Supervisor::new(&cx, Strategy::OneForOne);
    let order = house.child(cx.options(), "order", Restart::Transient, |_, inbox| keep(inbox))?;
    let (order, keeper) = (order.sender, cx.clone());
    let keeping = cx.task(async move { house.run(&keeper).await });
    let pay = |order: Sender<ToOrder>| async move {
        order.call(WITHIN, |reply| ToOrder::Pay { cents: 250, reply }).await
    };
    let send = |order: Sender<ToOrder>, parcels| async move {
        order.call(WITHIN, |reply| ToOrder::Send { parcels, reply }).await
    };
    let mut came = Vec::new();
    came.push(send(order.clone(), 1).await?); //              refused: it is not paid
    order.send(ToOrder::Add("apples".into())).await?;
    came.push(pay(order.clone()).await?);
    let crashes = cx.task(send(order.clone(), 0)); //         taken, and never answered
    let adds = order.clone();
    let waits = cx.task(async move { adds.send(ToOrder::Add("pears".into())).await });
    waits.await?; //                                          behind it: the first that the next incarnation takes
    assert!(matches!(crashes.await, Err(CallError::Crashed)));
    came.push(send(order.clone(), 1).await?); //              refused: it is open again, and the apples have gone
    came.push(pay(order.clone()).await?);
    came.push(send(order, 1).await?);
    keeping.await?; //                                        it is sent, and so the order is over
    Ok(came)
}

fn main() -> Result<(), Box<dyn Error>> {
    let (tell, told) = mpsc::channel();
    let config = Config::new(SharedHeap::new(Options::default())?);
    let domain = Domain::start(&config, |cx, io| async move {
        tell.send((shop(cx).await?, io.process_gauges().restarts))?;
        Ok(())
    })?;
    domain.wait()?;
    let (came, restarts) = told.recv()?;
    let open = |lines: &[&str]| Order::Open { lines: lines.iter().map(|&l| l.into()).collect() };
    let paid = |line: &str| Order::Paid { lines: vec![line.into()], cents: 250 };
    let sent = Order::Sent { parcels: 1 };
    assert_eq!(
        came,
        [Err(open(&[])), Ok(paid("apples")), Err(open(&["pears"])), Ok(paid("pears")), Ok(sent)]
    );
    assert_eq!(restarts, 1);
    for state in came {
        writeln!(stdout(), "{state:?}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_order_that_crashes_begins_anew_with_what_waited() {
        super::main().unwrap();
    }
}
