//! Circles: processes that wait for each other are told so, and nobody is told so who is in none.

use crate::during::narrow;
use crate::rig::{Log, Rig};
use levada_process::{CallError, Context, Failure, Mailbox, Message, Refused, Reply, Sender};
use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

#[derive(Debug, Message)]
enum Say {
    /// Calls the next in the list with the rest, and says what that came to.
    Round(Vec<Sender<Self>>, Reply<String>),
    /// The same, and passes the reply on instead of answering.
    Pass(Sender<Self>, Sender<Self>, Reply<String>),
    /// To be answered.
    Held(Reply<String>),
    Note(u64),
}

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

fn told(end: Result<String, CallError<Say>>) -> String {
    match end {
        Ok(answer) => answer,
        Err(CallError::Cycle(Some(Say::Round(..) | Say::Note(_)))) => "cycle, given back".into(),
        Err(CallError::Cycle(Some(other))) => format!("cycle, {other:?}"),
        Err(CallError::Cycle(None)) => "cycle, taken".into(),
        Err(other) => format!("{other:?}"),
    }
}

/// Answers `Round` by calling the next in the list, plainly.
async fn plain(mut inbox: Mailbox<Say>) -> Result<(), Failure> {
    loop {
        match inbox.recv().await? {
            Say::Round(mut list, reply) => {
                let Some(next) = list.pop() else {
                    reply.send("end".into());
                    continue;
                };
                reply.send(told(next.call(HOUR, |reply| Say::Round(list, reply)).await));
            }
            Say::Pass(to, call, reply) => {
                to.send(Say::Held(reply)).await?;
                let end = call.call(SECOND, |reply| Say::Round(Vec::new(), reply)).await;
                assert!(!matches!(end, Err(CallError::Cycle(_))), "its caller is to be answered");
            }
            Say::Held(reply) => reply.send("held".into()),
            Say::Note(_) => {}
        }
    }
}

/// Calls once, from a process of its own; what came of it when all has settled, and so long after.
fn round(
    rig: &Rig,
    core: usize,
    to: &Sender<Say>,
    list: &[&Sender<Say>],
    after: Duration,
) -> Vec<String> {
    let (log, noted) = Log::pair();
    let (to, list) = (to.clone(), list.iter().rev().map(|next| Sender::clone(next)).collect());
    rig.spawn(core, "calls", move |_, _: Mailbox<()>| async move {
        noted.add(told(to.call(HOUR, |reply| Say::Round(list, reply)).await));
        Ok(())
    });
    rig.advance(after);
    log.take()
}

fn nothing_waits(rig: &Rig, cores: usize, cycles: u64) {
    let gauges = (0..cores).map(|core| rig.core(core).gauges()).reduce(|a, b| a + b);
    let gauges = gauges.expect("there is a core");
    assert_eq!((gauges.waits_open, gauges.cycles), (0, cycles));
    for core in 0..cores {
        assert_eq!(rig.lent(core).ended.take(), []);
    }
}

#[test]
fn a_process_that_calls_itself_is_told_and_has_its_request_back() {
    let rig = Rig::new(1);
    let a = rig.spawn(0, "a", |_, inbox| plain(inbox)).sender;
    assert_eq!(round(&rig, 0, &a, &[&a], Duration::ZERO), ["cycle, given back"]);
    nothing_waits(&rig, 1, 1);
    assert_eq!(round(&rig, 0, &a, &[], Duration::ZERO), ["end"], "it goes on");
}

#[test]
fn a_call_that_comes_home_over_any_number_of_processes_and_cores_ends_as_a_cycle() {
    for cores in [1, 2, 3] {
        for length in 2..9 {
            let rig = Rig::new(cores);
            let ring: Vec<_> = (0..length)
                .map(|number| {
                    rig.spawn(number % cores, "in a ring", |_, inbox| plain(inbox)).sender
                })
                .collect();
            let list: Vec<_> = ring.iter().skip(1).chain(ring.first()).collect();
            let after = if cores == 1 { Duration::ZERO } else { Duration::from_millis(11) };
            let ends = round(&rig, 0, &ring[0], &list, after);
            assert_eq!(ends.len(), 1, "{cores} {length}");
            assert!(ends[0].starts_with("cycle"), "{cores} {length}: {ends:?}");
            rig.advance(SECOND);
            nothing_waits(&rig, cores, 1);
            assert_eq!(round(&rig, 0, &ring[0], &list[..length - 1], SECOND), ["end"]);
        }
    }
}

#[test]
fn who_waits_also_for_a_time_a_message_or_a_task_is_in_no_circle() {
    for cores in [1, 2] {
        for way in 0..4 {
            let rig = Rig::new(cores);
            let back = rig.spawn(cores - 1, "calls back", |_, inbox| plain(inbox)).sender;
            let (log, noted) = Log::pair();
            let peer = back.clone();
            let me =
                rig.spawn(0, "waits", move |cx: Context, mut inbox: Mailbox<Say>| async move {
                    let (own, held) = (inbox.sender(), Rc::new(RefCell::new(Vec::new())));
                    let mut call = pin!(peer.call(HOUR, |reply| Say::Round(vec![own], reply)));
                    let held_by_task = Rc::clone(&held);
                    match way {
                        0 => {
                            let mut until = pin!(cx.sleep_until(cx.now().after(SECOND)));
                            first(call.as_mut(), until.as_mut()).await;
                        }
                        1 => {
                            let each = |say| held.borrow_mut().push(say);
                            let mut receiving =
                                pin!(inbox.during(std::future::pending::<()>(), each));
                            let mut until = pin!(cx.sleep_until(cx.now().after(SECOND)));
                            std::future::poll_fn(|context| {
                                assert!(receiving.as_mut().poll(context).is_pending());
                                assert!(call.as_mut().poll(context).is_pending());
                                until.as_mut().poll(context)
                            })
                            .await;
                        }
                        2 => {
                            let task = cx.task(async move {
                                let taken = inbox.recv().await?;
                                held_by_task.borrow_mut().push(taken);
                                Ok::<_, Failure>(inbox)
                            });
                            first(call.as_mut(), pin!(async { task.await.map(drop).unwrap() }))
                                .await;
                        }
                        _ => {
                            // Somebody keeps the waker, and may wake it for a reason of his own.
                            let mut kept = None;
                            let mut polled = pin!(std::future::poll_fn(|context| {
                                kept.get_or_insert_with(|| context.waker().clone());
                                Poll::<()>::Pending
                            }));
                            let mut both = pin!(first(call.as_mut(), polled.as_mut()));
                            let mut until = pin!(cx.sleep_until(cx.now().after(SECOND)));
                            assert!(!first(both.as_mut(), until.as_mut()).await);
                        }
                    }
                    let cycle = |end: &Result<String, CallError<Say>>| {
                        matches!(end, Err(CallError::Cycle(_)))
                    };
                    let end = std::future::poll_fn(|context| match call.as_mut().poll(context) {
                        Poll::Ready(end) => Poll::Ready(Some(cycle(&end))),
                        Poll::Pending => Poll::Ready(None),
                    });
                    noted.add(if way == 2 { None } else { end.await });
                    Ok(())
                });
            rig.advance(SECOND / 2);
            assert_eq!(rig.core(0).gauges().cycles, 0, "{cores} {way}");
            drop(me);
            rig.advance(10 * SECOND);
            assert_eq!(log.take(), [None], "{cores} {way}");
            assert_eq!(rig.core(0).gauges().cycles, 0, "{cores} {way}");
        }
    }
}

/// Whether the first was ready first.
async fn first<A, B>(
    mut first: std::pin::Pin<&mut impl Future<Output = A>>,
    mut second: std::pin::Pin<&mut impl Future<Output = B>>,
) -> bool {
    std::future::poll_fn(move |context| {
        if first.as_mut().poll(context).is_ready() {
            return Poll::Ready(true);
        }
        second.as_mut().poll(context).map(|_| false)
    })
    .await
}

#[test]
fn who_passed_the_reply_on_is_not_the_one_that_is_waited_for() {
    for cores in [1, 2, 3] {
        let rig = Rig::new(cores);
        // Whoever is passed the reply answers after a second, when who passed it has long called its caller.
        let late =
            rig.spawn(cores / 3, "late", |cx: Context, mut inbox: Mailbox<Say>| async move {
                while let Say::Held(reply) = inbox.recv().await? {
                    cx.sleep_until(cx.now().after(SECOND / 2)).await;
                    reply.send("held".into());
                }
                Ok(())
            });
        let passes = rig.spawn(cores - 1, "passes", |_, inbox| plain(inbox)).sender;
        let (log, noted) = Log::pair();
        let late = late.sender;
        rig.spawn(0, "calls", move |_, mut inbox: Mailbox<Say>| async move {
            let own = inbox.sender();
            let end = passes.call(HOUR, |reply| Say::Pass(late, own, reply)).await;
            noted.add(told(end));
            if let Say::Round(_, reply) = inbox.recv().await? {
                reply.send("end".into());
            }
            Ok(())
        });
        rig.advance(2 * SECOND);
        assert_eq!(log.take(), ["held"]);
        nothing_waits(&rig, cores, 0);
    }
}

#[test]
fn two_that_wait_for_room_with_each_other_are_told_and_the_message_comes_back() {
    for cores in [1, 2] {
        let rig = Rig::new(cores);
        let log = Log::new();
        let pair = [0, cores - 1].map(|core| {
            let noted = log.clone();
            narrow(&rig, core, move |cx: Context, mut inbox: Mailbox<Say>| async move {
                let Say::Round(mut peer, reply) = inbox.recv().await? else { return Ok(()) };
                reply.send(String::new());
                let peer = peer.pop().expect("the other");
                // Both begin when both have heard of each other.
                cx.sleep_until(cx.now().after(SECOND)).await;
                for number in 0..3 {
                    match peer.send(Say::Note(number)).await {
                        Ok(_) => noted.add("sent".to_owned()),
                        Err(Refused::Cycle(Say::Note(back))) => {
                            assert_eq!(back, number, "the message comes back");
                            noted.add("cycle".to_owned());
                            assert!(matches!(inbox.recv().await?, Say::Note(_)));
                        }
                        Err(other) => noted.add(format!("{other:?}")),
                    }
                }
                // The other may still want to send all of his.
                drop(peer);
                while let Ok(Say::Note(_)) = inbox.recv().await {}
                Ok(())
            })
        });
        let [a, b] = pair.clone();
        rig.spawn(0, "introduces", move |_, _: Mailbox<()>| async move {
            a.call(SECOND, |reply| Say::Round(vec![b.clone()], reply)).await?;
            b.call(SECOND, |reply| Say::Round(vec![a], reply)).await?;
            Ok(())
        });
        rig.settle();
        rig.core(0).enter(|| drop(pair));
        rig.advance(2 * SECOND);
        let told = log.take();
        let cycles = told.iter().filter(|told| told.starts_with("cycle")).count();
        assert!(told.iter().all(|told| ["sent", "cycle"].contains(&told.as_str())), "{told:?}");
        assert!(told.len() == 6 && cycles > 0, "{cores}: {told:?}");
        nothing_waits(&rig, cores, cycles as u64);
        assert_eq!(rig.core(0).gauges().processes_live, 0);
    }
}

#[test]
fn a_request_that_is_given_back_leaves_those_before_and_behind_it_in_order() {
    for count in [0_u64, 1, 6, 7, 8, 9, 15, 16, 17] {
        for before in [0, count / 2, count] {
            let rig = Rig::new(1);
            let (log, noted) = Log::pair();
            let a = rig.spawn(0, "a", move |_, mut inbox: Mailbox<Say>| async move {
                let own = inbox.sender();
                for number in 0..count {
                    if number == before {
                        break;
                    }
                    own.try_send(Say::Note(number))?;
                }
                let behind = own.clone();
                let mut call = pin!(own.call(HOUR, |reply| Say::Round(Vec::new(), reply)));
                let mut sent = false;
                let end = std::future::poll_fn(|context| {
                    let polled = call.as_mut().poll(context);
                    if !std::mem::replace(&mut sent, true) {
                        for number in before..count {
                            behind.try_send(Say::Note(number)).expect("there is room");
                        }
                    }
                    polled
                });
                assert_eq!(told(end.await), "cycle, given back");
                inbox.close();
                drop(behind);
                while let Ok(Say::Note(number)) = inbox.recv().await {
                    noted.add(number);
                }
                Ok(())
            });
            rig.settle();
            drop(a);
            assert_eq!(log.take(), (0..count).collect::<Vec<_>>(), "{count} {before}");
            assert_eq!(rig.lent(0).ended.take(), []);
        }
    }
}

#[test]
fn a_call_is_walked_at_most_a_step_where_the_other_receives() {
    let rig = Rig::new(1);
    let a = rig.spawn(0, "a", |_, inbox| plain(inbox)).sender;
    for _ in 0..100 {
        assert_eq!(round(&rig, 0, &a, &[], Duration::ZERO), ["end"]);
    }
    let gauges = rig.core(0).gauges();
    assert!(gauges.cycle_walk_steps <= gauges.calls, "{gauges:?}");
    assert_eq!(gauges.cycles, 0);
}
