//! Calls: exactly one end, whatever happens to the two sides, and nothing left behind.

use crate::rig::{Log, Rig, Sendable};
use crate::within::within;
use levada_process::{
    Bounds, CallError, Child, Closed, Context, Exit, Failure, Full, Mailbox, Message, Refused,
    Reply, Sender,
};
use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

#[derive(Debug, Message)]
enum Ask {
    Double(u64, Reply<u64>),
    Text(String, Reply<String>),
    /// To be passed on.
    Pass(u64, Reply<u64>),
}

const SECOND: Duration = Duration::from_secs(1);

async fn answering(mut inbox: Mailbox<Ask>) -> Result<(), Failure> {
    loop {
        match inbox.recv().await? {
            Ask::Double(number, reply) | Ask::Pass(number, reply) => reply.send(2 * number),
            Ask::Text(text, reply) => reply.send(text + "!"),
        }
    }
}

/// What a call came to, without its values.
fn end_of<T, M>(end: Result<T, CallError<M>>) -> &'static str {
    match end {
        Ok(_) => "answer",
        Err(CallError::Refused(Refused::Full(_))) => "full",
        Err(CallError::Refused(Refused::Closed(..))) => "closed",
        Err(CallError::Refused(_)) => "refused",
        Err(CallError::NotStarted(_)) => "not started",
        Err(CallError::Crashed) => "crashed",
        Err(CallError::Dropped) => "dropped",
        Err(CallError::Deadline) => "deadline",
        Err(_) => "another",
    }
}

/// Calls once, from core 0, and says what came of it.
fn call_once(rig: &Rig, to: Sender<Ask>) -> &'static str {
    let log = Log::new();
    let noted = log.clone();
    rig.spawn(0, "calls", move |_, _: Mailbox<()>| async move {
        noted.add(end_of(to.call(SECOND, |reply| Ask::Double(21, reply)).await));
        Ok(())
    });
    rig.advance(2 * SECOND);
    let mut ends = log.take();
    assert_eq!(ends.len(), 1, "a call ends once");
    ends.remove(0)
}

fn nothing_is_left(rig: &Rig, cores: usize) {
    for core in 0..cores {
        assert_eq!(rig.core(core).gauges().waits_open, 0, "core {core}");
        assert_eq!(rig.timers(core), 0, "core {core}");
    }
}

#[test]
fn answers_land_where_they_were_called_for() {
    for cores in [1, 2] {
        let rig = Rig::new(cores);
        let log = Log::new();
        let noted = log.clone();
        let to = rig.spawn(cores - 1, "answers", |_, inbox| answering(inbox)).sender;
        rig.spawn(0, "calls", move |_, _: Mailbox<()>| async move {
            for number in 0..1000 {
                noted.add(to.call(SECOND, |reply| Ask::Double(number, reply)).await?);
            }
            let text = to.call(SECOND, |reply| Ask::Text("x".repeat(1000), reply)).await?;
            assert_eq!(text, "x".repeat(1000) + "!");
            Ok(())
        });
        rig.advance(SECOND);
        assert_eq!(log.take(), (0..1000).map(|number| 2 * number).collect::<Vec<_>>());
        assert_eq!(rig.lent(0).ended.take(), []);
        nothing_is_left(&rig, cores);
    }
}

#[test]
fn a_call_to_who_drops_the_reply_ends_as_dropped() {
    for cores in [1, 2] {
        let rig = Rig::new(cores);
        let to = rig.spawn(cores - 1, "drops", |_, mut inbox: Mailbox<Ask>| async move {
            loop {
                drop(inbox.recv().await?);
            }
        });
        assert_eq!(call_once(&rig, to.sender), "dropped");
        nothing_is_left(&rig, cores);
    }
}

#[test]
fn a_call_to_who_panics_or_is_killed_ends_as_crashed() {
    for cores in [1, 2] {
        let rig = Rig::new(cores);
        let to = rig.spawn(cores - 1, "panics", |_, mut inbox: Mailbox<Ask>| async move {
            let request = inbox.recv().await?;
            panic!("with {request:?} in hand");
        });
        assert_eq!(call_once(&rig, to.sender), "crashed");
        let to =
            rig.spawn(cores - 1, "holds in a task", |cx, mut inbox: Mailbox<Ask>| async move {
                let request = inbox.recv().await?;
                let _holds = cx.task(async move {
                    let _held = request;
                    std::future::pending::<()>().await;
                });
                cx.yield_now().await;
                panic!("a task of mine holds a reply");
            });
        assert_eq!(call_once(&rig, to.sender), "crashed");
        let to = rig.spawn(cores - 1, "holds", |cx: Context, mut inbox: Mailbox<Ask>| async move {
            let _held = inbox.recv().await?;
            let me = cx.spawn("never runs on", |_, _: Mailbox<()>| std::future::pending())?;
            cx.kill(&me.kill, "no longer needed");
            std::future::pending().await
        });
        let kill = to.kill;
        let by = rig.spawn(cores - 1, "kills", move |cx: Context, _: Mailbox<()>| async move {
            cx.sleep_until(cx.now().after(Duration::from_millis(1))).await?;
            cx.kill(&kill, "in the middle of things");
            Ok(())
        });
        assert_eq!(call_once(&rig, to.sender), "crashed");
        let ended = rig.lent(cores - 1).ended.take();
        let killed = Exit::Killed { by: Some(by.pid), why: "in the middle of things" };
        assert!(ended.iter().any(|(pid, _, exit)| *pid == to.pid && *exit == killed), "{ended:?}");
        nothing_is_left(&rig, cores);
    }
}

#[test]
fn a_request_that_nobody_took_comes_back_whole() {
    for cores in [1, 2] {
        let rig = Rig::new(cores);
        let to = rig.spawn(cores - 1, "ends soon", |cx: Context, inbox: Mailbox<Ask>| async move {
            cx.sleep_until(cx.now().after(Duration::from_millis(1))).await?;
            drop(inbox);
            Ok(())
        });
        let log = Log::new();
        let noted = log.clone();
        let to = to.sender;
        rig.spawn(0, "calls", move |_, _: Mailbox<()>| async move {
            let asked = "not taken".to_owned();
            let address = asked.as_ptr();
            match to.call(SECOND, |reply| Ask::Text(asked, reply)).await {
                Err(CallError::NotStarted(Ask::Text(back, _))) => {
                    noted.add((back.as_ptr() == address, back))
                }
                other => noted.add((false, format!("{other:?}"))),
            }
            Ok(())
        });
        rig.advance(SECOND);
        assert_eq!(log.take(), [(true, "not taken".to_owned())], "{cores}");
        nothing_is_left(&rig, cores);
    }
}

#[test]
fn a_call_to_a_dead_process_gives_the_request_back() {
    for cores in [1, 2] {
        let rig = Rig::new(cores);
        let to = rig.spawn(cores - 1, "ends", |_, _: Mailbox<Ask>| async { Ok(()) });
        rig.settle();
        assert_eq!(call_once(&rig, to.sender), "closed");
        nothing_is_left(&rig, cores);
    }
}

#[test]
fn a_call_ends_in_time_whether_it_waits_for_room_or_for_its_answer() {
    for cores in [1, 2] {
        let rig = Rig::new(cores);
        let never = |_: Context, inbox: Mailbox<Ask>| async move {
            let _inbox = inbox;
            std::future::pending().await
        };
        let to = rig.spawn(cores - 1, "never answers", never).sender;
        assert_eq!(call_once(&rig, to), "deadline");
        let (log, noted) = Log::pair();
        rig.spawn(cores - 1, "makes", move |cx: Context, _: Mailbox<()>| async move {
            let bounds = Bounds { messages: 1, bytes: 1000 };
            let child = cx.options().mailbox(bounds, Full::Wait).spawn("is full", never)?;
            noted.add(child.sender);
            Ok(())
        });
        rig.settle();
        let to = log.take().remove(0);
        let sender = to.clone();
        let first = rig.spawn(0, "calls first", move |_, _: Mailbox<()>| async move {
            sender.call(4 * SECOND, |reply| Ask::Double(1, reply)).await?;
            Ok(())
        });
        rig.settle();
        assert_eq!(call_once(&rig, to), "full");
        rig.advance(4 * SECOND);
        drop(first);
        nothing_is_left(&rig, cores);
    }
}

#[test]
fn a_reply_may_travel_and_be_answered_by_a_third() {
    let rig = Rig::new(3);
    let last = rig.spawn(2, "answers", |_, inbox| answering(inbox)).sender;
    let middle = rig.spawn(1, "passes on", move |_, mut inbox: Mailbox<Ask>| async move {
        loop {
            let Ask::Double(number, reply) = inbox.recv().await? else { continue };
            last.send(Ask::Pass(number, reply)).await?;
        }
    });
    assert_eq!(call_once(&rig, middle.sender), "answer");
    nothing_is_left(&rig, 3);
}

#[test]
fn a_reply_that_was_sent_on_and_not_taken_ends_its_call() {
    for cores in [1, 2] {
        let rig = Rig::new(3);
        let last =
            rig.spawn(cores, "takes nothing", |cx: Context, inbox: Mailbox<Ask>| async move {
                cx.sleep_until(cx.now().after(Duration::from_millis(1))).await?;
                drop(inbox);
                Ok(())
            });
        let last = last.sender;
        let middle =
            rig.spawn(cores - 1, "passes on", move |_, mut inbox: Mailbox<Ask>| async move {
                let Ask::Double(number, reply) = inbox.recv().await? else { return Ok(()) };
                last.send(Ask::Pass(number, reply)).await?;
                std::future::pending().await
            });
        // It was not a call to who did not take it: the message is dropped, and the reply in it.
        assert_eq!(call_once(&rig, middle.sender), "dropped");
        nothing_is_left(&rig, 3);
    }
}

#[test]
fn who_holds_a_reply_hears_that_the_call_is_over() {
    for cores in [1, 2] {
        for by_drop in [false, true] {
            let rig = Rig::new(cores);
            let log = Log::new();
            let noted = log.clone();
            let to = rig.spawn(
                cores - 1,
                "listens",
                move |cx: Context, mut inbox: Mailbox<Ask>| async move {
                    let Ask::Double(_, reply) = inbox.recv().await? else { return Ok(()) };
                    reply.cancelled().await;
                    noted.add(cx.now());
                    noted.add(cx.now());
                    reply.cancelled().await;
                    noted.add(cx.now());
                    Ok(())
                },
            );
            let to = to.sender;
            rig.spawn(0, "gives up", move |cx: Context, _: Mailbox<()>| async move {
                let within = if by_drop { 9 * SECOND } else { SECOND / 10 };
                let calling =
                    cx.task(async move { to.call(within, |reply| Ask::Double(1, reply)).await });
                if by_drop {
                    cx.sleep_until(cx.now().after(SECOND / 10)).await?;
                    drop(calling);
                } else {
                    assert_eq!(end_of(calling.await), "deadline");
                }
                Ok(())
            });
            rig.advance(SECOND / 20);
            assert_eq!(log.take(), []);
            rig.advance(SECOND);
            let at = levada_process::Tick::START.after(SECOND / 10);
            assert_eq!(log.take(), [at; 3], "{cores} {by_drop}");
            nothing_is_left(&rig, cores);
        }
    }
}

#[test]
fn listening_ends_quietly_when_the_answer_is_sent_or_the_listener_is_dropped() {
    for cores in [1, 2] {
        let rig = Rig::new(cores);
        let to = rig.spawn(
            cores - 1,
            "listens and answers",
            |cx: Context, mut inbox: Mailbox<Ask>| async move {
                loop {
                    let Ask::Double(number, reply) = inbox.recv().await? else { continue };
                    for _ in 0..3 {
                        let listening = pin!(reply.cancelled());
                        let timer = pin!(cx.sleep_until(cx.now().after(Duration::from_millis(1))));
                        assert!(within(listening, timer).await.is_none(), "the caller still waits");
                    }
                    reply.send(number);
                }
            },
        );
        assert_eq!(call_once(&rig, to.sender.clone()), "answer");
        assert_eq!(call_once(&rig, to.sender), "answer");
        nothing_is_left(&rig, cores);
    }
}

#[test]
fn a_call_dropped_at_any_await_leaves_nothing_and_the_callee_is_told() {
    for cores in [1, 2] {
        for steps in 0..12 {
            let rig = Rig::new(cores);
            let cancelled = Rc::new(Cell::new(0_u32));
            let counts = Sendable(Rc::clone(&cancelled));
            let to = rig.spawn(
                cores - 1,
                "is slow",
                move |cx: Context, mut inbox: Mailbox<Ask>| async move {
                    let counts = counts.into_inner();
                    while let Ok(request) = inbox.recv().await {
                        let Ask::Double(number, reply) = request else { continue };
                        let over = {
                            let work =
                                pin!(cx.sleep_until(cx.now().after(Duration::from_millis(2))));
                            within(reply.cancelled(), work).await.is_some()
                        };
                        if over {
                            counts.set(counts.get() + 1);
                        } else {
                            reply.send(number);
                        }
                    }
                    Ok(())
                },
            );
            let to = to.sender;
            let caller: Child<()> = rig.spawn(0, "is dropped", move |cx: Context, _| async move {
                let mut calling = Box::pin(async move {
                    for number in 0..3 {
                        to.call(SECOND, |reply| Ask::Double(number, reply)).await?;
                    }
                    Ok::<_, CallError<Ask>>(())
                });
                for _ in 0..steps {
                    let polled =
                        std::future::poll_fn(|context| Poll::Ready(calling.as_mut().poll(context)))
                            .await;
                    if polled.is_ready() {
                        return Ok(());
                    }
                    cx.sleep_until(cx.now().after(Duration::from_millis(1))).await?;
                }
                drop(calling);
                Ok(())
            });
            rig.advance(3 * SECOND);
            drop(caller);
            nothing_is_left(&rig, cores);
            assert_eq!(rig.core(0).gauges().processes_live, 0, "{cores} {steps}: both have ended");
            let calls = rig.core(0).gauges().calls;
            assert!(cancelled.get() <= 1 && calls <= 3);
        }
    }
}

#[test]
fn an_answer_that_comes_too_late_is_counted_and_lands_nowhere() {
    for cores in [1, 2] {
        let rig = Rig::new(cores);
        let log = Log::new();
        let noted = log.clone();
        let to = rig.spawn(
            cores - 1,
            "is late",
            move |cx: Context, mut inbox: Mailbox<Ask>| async move {
                loop {
                    let Ask::Double(number, reply) = inbox.recv().await? else { continue };
                    cx.sleep_until(cx.now().after(SECOND)).await?;
                    noted.add(reply.try_send(number).is_ok());
                }
            },
        );
        let to = to.sender;
        rig.spawn(0, "is impatient", move |_, _: Mailbox<()>| async move {
            assert_eq!(
                end_of(to.call(SECOND / 2, |reply| Ask::Double(1, reply)).await),
                "deadline"
            );
            // The next call may use the same place: the late answer does not.
            assert_eq!(end_of(to.call(5 * SECOND, |reply| Ask::Double(2, reply)).await), "answer");
            Ok(())
        });
        rig.advance(10 * SECOND);
        assert_eq!(rig.lent(0).ended.take(), []);
        assert_eq!(rig.core(0).gauges().replies_late, 1);
        // On one core it is seen that nobody waits; from another it is not.
        assert_eq!(log.take(), [cores == 2, true]);
        nothing_is_left(&rig, cores);
    }
}

#[test]
fn a_mailbox_that_is_dropped_gives_requests_back_also_those_still_under_way() {
    for cores in [1, 2] {
        let rig = Rig::new(cores);
        let to = rig.spawn(cores - 1, "is deaf", |cx: Context, inbox: Mailbox<Ask>| async move {
            drop(inbox);
            cx.sleep_until(cx.now().after(9 * SECOND)).await?;
            Ok(())
        });
        let end = call_once(&rig, to.sender.clone());
        assert!(["not started", "closed"].contains(&end), "{end}");
        assert_eq!(call_once(&rig, to.sender), "closed");
        assert_eq!(Closed::ByOwner.to_string(), "the mailbox was closed by its owner");
    }
}
