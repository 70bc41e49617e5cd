//! Waking is what the machine itself takes for a lone message: one thread wakes another that sleeps in the kernel.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use rustix::event::{EventfdFlags, eventfd};
use rustix::io::{read, write};

use crate::machine::clock::{now_ns, pause};
use crate::machine::cores::move_to;
use crate::processes::tokio_across::tell;
use crate::processes::world::{Ran, World};

/// By what the other is woken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Bell {
    Eventfd,
    Futex,
}

/// Two threads, the first of which does as it is ordered.
pub(crate) struct Threads {
    orders: SyncSender<u64>,
    ran: Receiver<Ran>,
}

impl World for Threads {
    fn run(&mut self, count: u64) -> Ran {
        self.orders.send(count).expect("it waits for orders");
        self.ran.recv().expect("the thread lives")
    }
}

/// What both see: when the last was sent, zero when it was taken; and whether it is the last of a run.
#[derive(Debug, Default)]
struct Place {
    sent_ns: AtomicU64,
    is_last: AtomicU64,
}

pub(crate) fn lone(bell: Bell, gap: Duration) -> Threads {
    let (orders_to, orders) = sync_channel(1);
    let (ran_to, ran) = sync_channel(1);
    let place = Arc::new(Place::default());
    let fd = Arc::new(eventfd(0, EventfdFlags::empty()).expect("the kernel has one"));
    let (heard, heard_fd) = (Arc::clone(&place), Arc::clone(&fd));
    let hears = thread::spawn(move || {
        move_to(1).expect("the core was there a moment ago");
        let mut latencies_ns = Vec::new();
        loop {
            match bell {
                Bell::Eventfd => drop(read(&*heard_fd, &mut [0; 8])),
                Bell::Futex => thread::park(),
            }
            // Acquire: with the time we see whether it is the last.
            let sent_ns = heard.sent_ns.swap(0, Ordering::Acquire);
            if sent_ns != 0 {
                latencies_ns.push(now_ns() - sent_ns);
                if heard.is_last.load(Ordering::Relaxed) == 1 {
                    tell(&ran_to, &mut latencies_ns);
                }
            }
        }
    });
    thread::spawn(move || {
        move_to(0).expect("the core was there a moment ago");
        while let Ok(count) = orders.recv() {
            for number in 1..=count {
                pause(gap);
                place.is_last.store(u64::from(number == count), Ordering::Relaxed);
                place.sent_ns.store(now_ns(), Ordering::Release);
                match bell {
                    Bell::Eventfd => drop(write(&*fd, &[1; 8])),
                    Bell::Futex => hears.thread().unpark(),
                }
            }
        }
    });
    Threads { orders: orders_to, ran }
}
