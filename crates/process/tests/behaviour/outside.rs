//! What comes from a thread that is no core: the test's own, between the passes of its rig.

use crate::rig::{Log, Rig};
use levada_process::{Closed, Context, Mailbox, Refused, Sender};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{self, Poll, Wake, Waker};
use std::time::Duration;

/// How many messages of threads a core takes charge of.
const PLACES: u64 = 4096;
const REST: Duration = Duration::from_millis(1);

/// Spawns a process that rests a little, and then notes what it receives and why that ended.
fn noting(rig: &Rig) -> (Sender<u64>, Log<Result<u64, Closed>>) {
    let (log, noted) = Log::pair();
    let child = rig.spawn(0, "notes", |cx: Context, mut inbox: Mailbox<u64>| async move {
        cx.sleep_until(cx.now().after(REST)).await?;
        loop {
            let received = inbox.recv().await;
            noted.add(received);
            received?;
        }
    });
    (child.sender, log)
}

/// Counts how often it was woken.
#[derive(Default)]
struct Count(AtomicU64);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn more_than_a_pass_takes_comes_in_without_another_call() {
    let rig = Rig::new(1);
    let (to, log) = noting(&rig);
    rig.advance(REST);
    for number in 0..600 {
        to.try_send(number).unwrap();
    }
    rig.settle();
    assert_eq!(log.take(), (0..600).map(Ok).collect::<Vec<_>>());
}

#[test]
fn a_mailbox_closes_behind_what_stood_in_line_when_the_last_sender_went() {
    let rig = Rig::new(1);
    let (to, log) = noting(&rig);
    for number in 0..600 {
        to.try_send(number).unwrap();
    }
    drop(to);
    rig.settle();
    assert_eq!(rig.core(0).processes()[0].queued_messages, 256, "the others stand in line");
    rig.advance(REST);
    let expected: Vec<_> = (0..600).map(Ok).chain([Err(Closed::NoSenders)]).collect();
    assert_eq!(log.take(), expected);
}

#[test]
fn who_waits_for_a_place_is_called_when_the_receiver_makes_one() {
    let rig = Rig::new(1);
    let (to, log) = noting(&rig);
    for number in 0..PLACES {
        to.try_send(number).unwrap();
    }
    assert!(matches!(to.try_send(0), Err(Refused::Full(0))));
    let woken = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut sending = pin!(to.send(PLACES));
    assert!(sending.as_mut().poll(&mut task::Context::from_waker(&waker)).is_pending());
    rig.settle();
    // What went into the mailbox has left its places; what stands in line keeps them.
    let left = 256;
    for number in 1..=left {
        to.try_send(PLACES + number).unwrap();
    }
    woken.0.store(0, Ordering::Relaxed);
    assert!(sending.as_mut().poll(&mut task::Context::from_waker(&waker)).is_pending());
    rig.settle();
    assert_eq!(woken.0.load(Ordering::Relaxed), 0, "nobody takes anything yet");
    rig.advance(REST);
    assert_eq!(woken.0.load(Ordering::Relaxed), 1);
    let sent = sending.as_mut().poll(&mut task::Context::from_waker(&waker));
    assert!(matches!(sent, Poll::Ready(Ok(_))));
    rig.settle();
    assert_eq!(log.take().len() as u64, PLACES + left + 1);
}
