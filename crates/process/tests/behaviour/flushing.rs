//! Flushing: what was sent before is taken when it ends.

use crate::rig::{Log, Rig, Sendable};
use levada_process::{Closed, Context, Failure, Mailbox, Sender};
use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// Takes a message a second.
async fn slow(cx: Context, mut inbox: Mailbox<u64>, taken: Rc<Cell<u64>>) -> Result<(), Failure> {
    loop {
        inbox.recv().await?;
        taken.set(taken.get() + 1);
        cx.sleep_until(cx.now().after(SECOND)).await.unwrap_or_default();
    }
}

fn taking(rig: &Rig, core: usize) -> (Sender<u64>, Rc<Cell<u64>>) {
    let taken = Rc::new(Cell::new(0));
    let counts = Sendable(Rc::clone(&taken));
    let child = rig.spawn(core, "is slow", move |cx, inbox| slow(cx, inbox, counts.into_inner()));
    (child.sender, taken)
}

#[test]
fn a_flush_ends_when_all_that_was_sent_before_is_taken_and_waits_for_nothing_sent_after() {
    for cores in [1, 2] {
        let rig = Rig::new(cores);
        let (to, taken) = taking(&rig, cores - 1);
        let (log, noted) = Log::pair();
        let counts = Sendable((to, Rc::clone(&taken)));
        rig.spawn(0, "flushes", move |_, _: Mailbox<()>| async move {
            let (to, taken) = counts.into_inner();
            to.flush().await?;
            noted.add(taken.get());
            for count in 1..=5 {
                for number in 0..count {
                    to.send(number).await?;
                }
                let mut flush = pin!(to.flush());
                // Begun before what is sent next.
                let begun = std::future::poll_fn(|context| {
                    Poll::Ready(flush.as_mut().poll(context).is_ready())
                });
                assert!(!begun.await || cores == 1);
                to.send(0).await?;
                flush.await?;
                noted.add(taken.get());
                to.flush().await?;
                noted.add(taken.get());
            }
            Ok(())
        });
        rig.advance(60 * SECOND);
        assert_eq!(log.take(), [0, 1, 2, 4, 5, 8, 9, 13, 14, 19, 20], "{cores}");
        for core in 0..cores {
            assert_eq!(rig.core(core).gauges().waits_open, 0);
            assert_eq!(rig.lent(core).ended.take(), []);
        }
    }
}

#[test]
fn a_flush_is_told_that_the_process_ended_or_dropped_its_mailbox_before_all_was_taken() {
    for cores in [1, 2] {
        for drops_only in [false, true] {
            let rig = Rig::new(cores);
            let (log, noted) = Log::pair();
            let child = rig.spawn(
                cores - 1,
                "takes one",
                move |cx: Context, mut inbox: Mailbox<u64>| async move {
                    inbox.recv().await?;
                    cx.sleep_until(cx.now().after(SECOND)).await.unwrap_or_default();
                    if drops_only {
                        drop(inbox);
                        cx.sleep_until(cx.now().after(9 * SECOND)).await.unwrap_or_default();
                    }
                    Ok(())
                },
            );
            let to = child.sender;
            rig.spawn(0, "flushes", move |_, _: Mailbox<()>| async move {
                for number in 0..3 {
                    to.send(number).await?;
                }
                noted.add(to.flush().await);
                noted.add(to.flush().await);
                Ok(())
            });
            rig.advance(20 * SECOND);
            // Who returns drops its mailbox first.
            let later = if drops_only { Closed::ByOwner } else { Closed::Ended };
            assert_eq!(log.take(), [Err(Closed::ByOwner), Err(later)], "{cores} {drops_only}");
            assert_eq!(rig.core(0).gauges().waits_open, 0);
        }
    }
}

#[test]
fn a_flush_hears_that_the_core_it_flushes_to_has_left() {
    let mut rig = Rig::new(2);
    let (to, _) = taking(&rig, 1);
    let (log, noted) = Log::pair();
    rig.spawn(0, "flushes", move |_, _: Mailbox<()>| async move {
        for number in 0..3 {
            to.send(number).await?;
        }
        noted.add(to.flush().await);
        noted.add(to.flush().await);
        Ok(())
    });
    rig.settle();
    rig.leave(1);
    rig.settle();
    assert_eq!(log.take(), [Err(Closed::Ended); 2]);
    assert_eq!(rig.core(0).gauges().waits_open, 0);
}
