//! Messages: order, bounds, waiting, refusing, closing.

use crate::rig::{Log, Rig};
use levada_process::{Bounds, Closed, Context, Failure, Full, Mailbox, Refused, Sender, Sent};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// Notes what it receives, and why that ended.
async fn noting(mut inbox: Mailbox<u64>, log: Log<u64>, ends: Log<Closed>) -> Result<(), Failure> {
    loop {
        match inbox.recv().await {
            Ok(number) => log.add(number),
            Err(why) => {
                ends.add(why);
                return Ok(());
            }
        }
    }
}

/// Keeps what a test takes out of a process.
type Kept<T> = Rc<RefCell<Option<T>>>;

/// Spawns a process with a mailbox of these bounds, which does `what` when it is first sent something.
fn bounded(
    rig: &Rig,
    core: usize,
    bounds: Bounds,
    full: Full,
) -> (Sender<u64>, Kept<Mailbox<u64>>) {
    let (sender, mailbox) = (Kept::default(), Kept::default());
    let (out, inside) = (Rc::clone(&sender), Rc::clone(&mailbox));
    rig.spawn(core, "makes", move |cx: Context, _: Mailbox<()>| async move {
        let kept = crate::rig::Sendable(inside);
        let child =
            cx.options().mailbox(bounds, full).spawn("kept", move |_, inbox: Mailbox<u64>| {
                kept.into_inner().replace(Some(inbox));
                std::future::pending()
            })?;
        out.replace(Some(child.sender));
        Ok(())
    });
    rig.settle();
    (sender.take().expect("made in this pass"), mailbox)
}

#[test]
fn messages_arrive_in_the_order_in_which_they_were_sent() {
    for cores in [1, 2] {
        let rig = Rig::new(cores);
        let (log, ends) = (Log::new(), Log::new());
        let (noted, ended) = (log.clone(), ends.clone());
        let to = rig.spawn(cores - 1, "notes", move |_, inbox| noting(inbox, noted, ended)).sender;
        rig.spawn(0, "sends", move |_, _: Mailbox<()>| async move {
            for number in 0..5000 {
                to.send(number).await?;
            }
            Ok(())
        });
        rig.settle();
        assert_eq!(log.take(), (0..5000).collect::<Vec<_>>(), "{cores}");
        assert_eq!(ends.take(), [Closed::NoSenders]);
    }
}

#[test]
fn eight_senders_on_two_cores_arrive_each_in_its_order_also_after_waiting() {
    let rig = Rig::new(2);
    let log = Log::new();
    let noted = log.clone();
    let to = bounded_noting(&rig, noted);
    for sender in 0..8_u64 {
        let to = to.clone();
        rig.spawn(usize::from(sender % 2 == 1), "sends", move |_, _: Mailbox<()>| async move {
            for number in 0..500 {
                to.send(sender << 32 | number).await?;
            }
            Ok(())
        });
    }
    drop(to);
    rig.settle();
    let mut next = [0; 8];
    for message in log.take() {
        let (sender, number) = (usize::try_from(message >> 32).unwrap(), message & 0xffff_ffff);
        assert_eq!(number, next[sender], "sender {sender}");
        next[sender] += 1;
    }
    assert_eq!(next, [500; 8]);
}

/// A process on core 1 that notes what it receives through a mailbox for three.
fn bounded_noting(rig: &Rig, noted: Log<u64>) -> Sender<u64> {
    let sender = Kept::default();
    let out: Kept<Sender<u64>> = Rc::clone(&sender);
    rig.spawn(1, "makes", move |cx: Context, _: Mailbox<()>| async move {
        let noted = crate::rig::Sendable(noted);
        let bounds = Bounds { messages: 3, bytes: 1000 };
        let child = cx
            .options()
            .mailbox(bounds, Full::Wait)
            .spawn("notes", move |_, inbox: Mailbox<u64>| {
                noting(inbox, noted.into_inner(), Log::new())
            })?;
        out.replace(Some(child.sender));
        Ok(())
    });
    rig.settle();
    sender.take().expect("made in this pass")
}

#[test]
fn a_full_mailbox_that_rejects_gives_the_message_back() {
    for cores in [1, 2] {
        let rig = Rig::new(cores);
        let (to, _inbox) =
            bounded(&rig, cores - 1, Bounds { messages: 2, bytes: 100 }, Full::Reject);
        let log = Log::new();
        let noted = log.clone();
        rig.spawn(0, "sends", move |_, _: Mailbox<()>| async move {
            to.ready().await?;
            for number in 0..4 {
                noted.add(to.send(number).await.map_err(Refused::into_inner));
            }
            Ok(())
        });
        rig.settle();
        assert_eq!(log.take().split_off(2), [Err(2), Err(3)], "{cores}");
        // From another core one may be told so where there is room: it had a lease on half of that.
        assert_eq!(rig.core(0).gauges().mailbox_rejected, 1 + cores as u64);
    }
}

#[test]
fn a_message_heavier_than_the_whole_bound_is_too_large_at_once() {
    for cores in [1, 2] {
        let rig = Rig::new(cores);
        let (to, _inbox) = bounded(&rig, cores - 1, Bounds { messages: 2, bytes: 7 }, Full::Wait);
        let log = Log::new();
        let noted = log.clone();
        rig.spawn(0, "sends", move |_, _: Mailbox<()>| async move {
            noted.add(matches!(to.try_send(1), Err(Refused::TooLarge(1))));
            noted.add(matches!(to.send(2).await, Err(Refused::TooLarge(2))));
            Ok(())
        });
        rig.settle();
        assert_eq!(log.take(), [true, true]);
    }
}

#[test]
fn bytes_bound_a_mailbox_as_messages_do() {
    let rig = Rig::new(1);
    let (to, inbox) = bounded(&rig, 0, Bounds { messages: 100, bytes: 24 }, Full::Wait);
    rig.core(0).enter(|| {
        assert_eq!((0..9).filter(|number| to.try_send(*number).is_ok()).count(), 3);
        assert!(matches!(to.try_send(3), Err(Refused::Full(3))));
    });
    assert_eq!(rig.core(0).processes().iter().map(|process| process.held_bytes).sum::<u32>(), 24);
    drop(inbox.take());
}

#[test]
fn who_waits_is_served_in_the_order_of_waiting() {
    let rig = Rig::new(1);
    let (to, inbox) = bounded(&rig, 0, Bounds { messages: 1, bytes: 100 }, Full::Wait);
    let log = Log::new();
    for number in 0..6 {
        let (to, noted) = (to.clone(), log.clone());
        rig.spawn(0, "sends", move |_, _: Mailbox<()>| async move {
            to.send(number).await?;
            noted.add(number);
            Ok(())
        });
    }
    rig.settle();
    assert_eq!(log.take(), [0]);
    let received = Log::new();
    let (noted, mut inbox) = (received.clone(), inbox.take().unwrap());
    rig.spawn(0, "takes", move |_, _: Mailbox<()>| async move {
        for _ in 0..6 {
            noted.add(inbox.recv().await?);
        }
        Ok(())
    });
    rig.settle();
    assert_eq!(received.take(), [0, 1, 2, 3, 4, 5]);
    assert_eq!(log.take(), [1, 2, 3, 4, 5]);
}

#[test]
fn who_gives_up_waiting_leaves_its_place_to_the_next() {
    for cores in [1, 2] {
        let rig = Rig::new(cores);
        let (to, inbox) = bounded(&rig, cores - 1, Bounds { messages: 1, bytes: 100 }, Full::Wait);
        let log = Log::new();
        let noted = log.clone();
        let sender = to.clone();
        let impatient = rig.spawn(0, "gives up", move |cx, _: Mailbox<()>| async move {
            sender.send(0).await?;
            let waits = cx.task({
                let sender = sender.clone();
                async move { sender.send(1).await.is_ok() }
            });
            cx.sleep_until(cx.now().after(Duration::from_millis(5))).await?;
            drop(waits);
            noted.add("gave up");
            Ok(())
        });
        rig.settle();
        rig.spawn(0, "stays", move |_, _: Mailbox<()>| async move {
            to.send(2).await?;
            Ok(())
        });
        rig.advance(Duration::from_millis(10));
        assert_eq!(log.take(), ["gave up"]);
        drop(impatient);
        let received = Log::new();
        let (noted, mut inbox) = (received.clone(), inbox.take().unwrap());
        rig.spawn(cores - 1, "takes", move |_, _: Mailbox<()>| async move {
            while let Ok(message) = inbox.recv().await {
                noted.add(message);
            }
            Ok(())
        });
        rig.advance(Duration::from_millis(50));
        assert_eq!(received.take(), [0, 2], "{cores}");
    }
}

#[test]
fn a_sender_to_a_dead_process_gets_the_same_message_back() {
    for cores in [1, 2] {
        let rig = Rig::new(cores);
        let to: Sender<String> = rig.spawn(cores - 1, "ends", |_, _| async { Ok(()) }).sender;
        rig.settle();
        let log = Log::new();
        let noted = log.clone();
        rig.spawn(0, "sends", move |_, _: Mailbox<()>| async move {
            let message = "byte for byte".to_owned();
            let address = message.as_ptr();
            let Err(Refused::Closed(back, why)) = to.send(message).await else {
                return Err(Failure::new("accepted"));
            };
            noted.add((back.as_ptr() == address && back == "byte for byte", why));
            noted.add((matches!(to.try_send(back), Err(Refused::Closed(..))), why));
            noted.add((to.ready().await == Err(why), why));
            Ok(())
        });
        rig.settle();
        assert!(
            log.take()
                .iter()
                .all(|(right, why)| *right && matches!(why, Closed::Ended | Closed::ByOwner)),
            "{cores}"
        );
    }
}

#[test]
fn what_waits_when_a_process_ends_comes_back() {
    for cores in [1, 2] {
        let rig = Rig::new(cores);
        let (to, inbox) = bounded(&rig, cores - 1, Bounds { messages: 2, bytes: 100 }, Full::Wait);
        let log = Log::new();
        let noted = log.clone();
        rig.spawn(0, "sends", move |_, _: Mailbox<()>| async move {
            for number in 0..9 {
                if let Err(Refused::Closed(back, why)) = to.send(number).await {
                    noted.add((back, why));
                }
            }
            Ok(())
        });
        rig.settle();
        assert_eq!(log.take(), []);
        rig.core(cores - 1).enter(|| drop(inbox.take()));
        rig.spawn(cores - 1, "wakes the core", |_, _: Mailbox<()>| async { Ok(()) });
        rig.settle();
        assert_eq!(
            log.take(),
            (2..9).map(|number| (number, Closed::ByOwner)).collect::<Vec<_>>(),
            "{cores}"
        );
    }
}

#[test]
fn a_receiver_gets_all_that_was_accepted_and_then_closed_for_ever() {
    for cores in [1, 2] {
        for close in [false, true] {
            let rig = Rig::new(cores);
            let log = Log::new();
            let noted = log.clone();
            let to = rig.spawn(
                cores - 1,
                "takes",
                move |cx: Context, mut inbox: Mailbox<u64>| async move {
                    cx.sleep_until(cx.now().after(Duration::from_millis(1))).await?;
                    if close {
                        inbox.close();
                    }
                    while let Ok(message) = inbox.recv().await {
                        noted.add(Ok(message));
                    }
                    for _ in 0..2 {
                        noted.add(Err(inbox.recv().await.unwrap_err()));
                    }
                    Ok(())
                },
            );
            let to = to.sender;
            let kept = to.clone();
            rig.spawn(0, "sends", move |_, _: Mailbox<()>| async move {
                to.ready().await?;
                for number in 0..100 {
                    to.send(number).await?;
                }
                Ok(())
            });
            rig.settle();
            if !close {
                drop(kept);
            }
            rig.advance(Duration::from_millis(30));
            let why = if close { Closed::ByOwner } else { Closed::NoSenders };
            let expected: Vec<_> = (0..100).map(Ok).chain([Err(why), Err(why)]).collect();
            assert_eq!(log.take(), expected, "{cores} {close}");
        }
    }
}

#[test]
fn the_last_sender_gone_elsewhere_closes_behind_what_others_sent() {
    // Core 0 has sent under a lease and not shown it yet when core 1 drops the last sender.
    let rig = Rig::new(3);
    let (log, ends) = (Log::new(), Log::new());
    let (noted, ended) = (log.clone(), ends.clone());
    let to = rig.spawn(2, "notes", move |_, inbox| noting(inbox, noted, ended)).sender;
    let last = to.clone();
    let gate = rig.spawn(1, "drops", move |_, mut inbox: Mailbox<()>| async move {
        inbox.recv().await?;
        drop(last);
        Ok(())
    });
    rig.settle();
    rig.spawn(0, "sends", move |_, _: Mailbox<()>| async move {
        to.ready().await?;
        for number in 0..10 {
            to.try_send(number)?;
        }
        drop(to);
        gate.sender.try_send(()).unwrap_or(Sent::Accepted);
        gate.sender.send(()).await?;
        Ok(())
    });
    rig.settle();
    assert_eq!((log.take(), ends.take()), ((0..10).collect(), vec![Closed::NoSenders]));
}

#[test]
fn many_messages_are_taken_at_once_and_each_keeps_its_cause() {
    let rig = Rig::new(1);
    let log = Log::new();
    let noted = log.clone();
    let to = rig.spawn(0, "takes many", move |cx: Context, mut inbox: Mailbox<u64>| async move {
        let mut taken = Vec::new();
        while inbox.recv_many(&mut taken, 4).await.is_ok() {
            noted.add((taken.len(), 0, 0));
            for message in taken.drain(..) {
                let cause = message.cause();
                let number = message.enter();
                assert_eq!(cx.cause(), cause);
                noted.add((0, number, cause.id()));
            }
        }
        Ok(())
    });
    let to = to.sender;
    rig.spawn(0, "sends", move |cx: Context, _: Mailbox<()>| async move {
        for number in 0..6 {
            cx.begin_cause(Some(u128::from(number) + 100), false);
            to.send(number).await?;
        }
        Ok(())
    });
    rig.settle();
    let expected = [
        (4, 0, 0),
        (0, 0, 100),
        (0, 1, 101),
        (0, 2, 102),
        (0, 3, 103),
        (2, 0, 0),
        (0, 4, 104),
        (0, 5, 105),
    ];
    assert_eq!(log.take(), expected);
}

#[test]
fn a_cause_goes_with_every_message_also_across_cores() {
    let rig = Rig::new(2);
    let log = Log::new();
    let noted = log.clone();
    let third = rig.spawn(0, "third", move |cx: Context, mut inbox: Mailbox<u64>| async move {
        inbox.recv().await?;
        noted.add(cx.cause());
        Ok(())
    });
    let noted = log.clone();
    let second = rig.spawn(1, "second", move |cx: Context, mut inbox: Mailbox<u64>| async move {
        let message = inbox.recv().await?;
        noted.add(cx.cause());
        third.sender.send(message).await?;
        Ok(())
    });
    let noted = log.clone();
    rig.spawn(0, "first", move |cx: Context, _: Mailbox<()>| async move {
        noted.add(cx.begin_cause(Some(77), true));
        second.sender.send(1).await?;
        Ok(())
    });
    rig.settle();
    let causes = log.take();
    assert!(
        causes.iter().all(|cause| cause.id() == 77 && cause.sequence().is_sampled()),
        "{causes:?}"
    );
    let cores: Vec<_> = causes.iter().map(|cause| cause.sequence().core_number()).collect();
    let (here, there) = (rig.id(0).number(), rig.id(1).number());
    assert_eq!(cores, [here, here, there], "a step is counted where the message was sent");
    assert!(causes[1].sequence().counter() > causes[0].sequence().counter());
}

#[test]
fn a_message_too_large_to_be_carried_is_boxed_and_arrives_whole() {
    for cores in [1, 2] {
        let rig = Rig::new(cores);
        let log = Log::new();
        let noted = log.clone();
        let to =
            rig.spawn(cores - 1, "takes", move |_, mut inbox: Mailbox<[u64; 200]>| async move {
                while let Ok(message) = inbox.recv().await {
                    noted.add(message);
                }
                Ok(())
            });
        let to = to.sender;
        rig.spawn(0, "sends", move |_, _: Mailbox<()>| async move {
            for number in 0..20 {
                to.send([number; 200]).await?;
            }
            Ok(())
        });
        rig.settle();
        assert_eq!(log.take(), (0..20).map(|number| [number; 200]).collect::<Vec<_>>());
        assert_eq!(rig.core(0).gauges().messages_boxed, 20);
    }
}
