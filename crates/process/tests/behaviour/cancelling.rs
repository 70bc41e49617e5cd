//! Cancelling, finishing, and links.

use crate::rig::{Log, Rig};
use levada_process::{
    Bounds, CallError, Cancel, Cancelled, Closed, Context, Exit, Failure, Full, Mailbox, Message,
    Pid, Refused, Reply, Sender, StreamError, Window,
};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

#[derive(Message)]
struct Ask(Reply<u64>);

/// Waits for something in one of several ways; what came of it.
async fn wait(way: usize, cx: Context, mut inbox: Mailbox<Ask>, full: Sender<Ask>) -> &'static str {
    let hour = cx.now().after(Duration::from_secs(3600));
    match way {
        0 => match inbox.recv().await {
            Err(Closed::Cancelled) => "cancelled",
            _ => "received",
        },
        1 => match cx.sleep_until(hour).await {
            Err(Cancelled) => "cancelled",
            Ok(()) => "slept",
        },
        2 => match full.call(Duration::from_secs(3600), Ask).await {
            Err(CallError::Cancelled | CallError::Refused(Refused::Cancelled(_))) => "cancelled",
            _ => "called",
        },
        3 => match full.ready().await {
            Err(Closed::Cancelled) => "cancelled",
            _ => "ready",
        },
        4 => match cx.unless_cancelled(std::future::pending::<()>()).await {
            Err(Cancelled) => "cancelled",
            Ok(()) => "done",
        },
        5 => {
            // Under a waker that is not the task's own.
            let mut both = both::Both::new(cx.sleep_until(hour), cx.cancelled());
            (&mut both).await;
            "cancelled"
        }
        6 => {
            let (_writer, mut reader) = cx.stream(Window { bytes: 10, pieces: 1 });
            match reader.next().await {
                Err(StreamError::Cancelled) => "cancelled",
                _ => "read",
            }
        }
        _ => match cx.task(async move { inbox.recv().await }).await {
            Err(Closed::Cancelled) => "cancelled",
            _ => "received",
        },
    }
}

/// A combinator that polls what it holds with a waker of its own.
mod both {
    use std::pin::Pin;
    use std::sync::Arc;
    use std::task::{Context, Poll, Wake, Waker};

    pub(crate) struct Both<A, B>(Pin<Box<A>>, Pin<Box<B>>);

    struct Passing(Waker);

    impl Wake for Passing {
        fn wake(self: Arc<Self>) {
            self.0.wake_by_ref();
        }
    }

    impl<A, B> Both<A, B> {
        pub(crate) fn new(first: A, second: B) -> Self {
            Self(Box::pin(first), Box::pin(second))
        }
    }

    impl<T, A: Future<Output = T>, B: Future<Output = ()>> Future for &mut Both<A, B> {
        type Output = ();

        fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
            let waker = Waker::from(Arc::new(Passing(context.waker().clone())));
            let mut own = Context::from_waker(&waker);
            let Both(first, second) = &mut **self;
            let first = first.as_mut().poll(&mut own).is_ready();
            if first && second.as_mut().poll(&mut own).is_ready() {
                return Poll::Ready(());
            }
            Poll::Pending
        }
    }
}

#[test]
fn whatever_a_process_waits_for_ends_when_it_is_cancelled_from_either_core() {
    for way in 0..8 {
        for canceller in [0, 1] {
            let rig = Rig::new(2);
            let to = full_of(&rig);
            let (log, told) = Log::pair();
            let child = rig.spawn(0, "waits", move |cx: Context, inbox| async move {
                told.add(wait(way, cx.clone(), inbox, to.clone()).await);
                // From now on nothing can be waited for.
                told.add(match cx.sleep_until(cx.now().after(Duration::from_secs(1))).await {
                    Err(Cancelled) => "still",
                    Ok(()) => "slept",
                });
                match to.call(Duration::from_secs(1), Ask).await {
                    Err(CallError::Cancelled) => Err(Cancelled.into()),
                    _ => Ok(()),
                }
            });
            rig.settle();
            assert!(log.take().is_empty(), "{way}");
            let kill = child.kill.clone();
            rig.spawn(canceller, "cancels", move |cx: Context, _: Mailbox<()>| async move {
                cx.cancel(&kill);
                cx.cancel(&kill);
                Ok(())
            });
            rig.settle();
            assert_eq!(log.take(), ["cancelled", "still"], "{way} {canceller}");
            let gauges = rig.core(0).gauges();
            assert_eq!((gauges.exits_cancelled, gauges.waits_open), (1, 0), "{way} {canceller}");
        }
    }
}

/// The sender to the process whose mailbox is full.
fn full_of(rig: &Rig) -> Sender<Ask> {
    let sender = Rc::new(RefCell::new(None));
    let out = Rc::clone(&sender);
    rig.spawn(1, "makes", move |cx: Context, _: Mailbox<()>| async move {
        let bounds = Bounds { messages: 1, bytes: 100 };
        let child = cx.options().mailbox(bounds, Full::Wait).spawn(
            "full",
            |_, inbox: Mailbox<Ask>| async move {
                let _inbox = inbox;
                std::future::pending().await
            },
        )?;
        out.replace(Some(child.sender.clone()));
        let _never_answered = child.sender.call(Duration::from_secs(9000), Ask).await;
        Ok(())
    });
    rig.settle();
    sender.take().expect("made in this pass")
}

#[test]
fn what_is_being_finished_goes_on_after_a_cancel_and_after_the_root_but_not_after_a_kill() {
    for kills in [false, true] {
        let rig = Rig::new(1);
        let (log, told) = Log::pair();
        let child =
            rig.spawn(0, "finishes", move |cx: Context, mut inbox: Mailbox<Ask>| async move {
                let inside = cx.clone();
                let finishing = told.clone();
                drop(cx.finish(async move {
                    for step in ["first", "second"] {
                        let at = inside.now().after(Duration::from_secs(1));
                        finishing.add(if inside.sleep_until(at).await.is_ok() {
                            step
                        } else {
                            "ended"
                        });
                    }
                }));
                let _dropped_with_the_root = cx.task(std::future::pending::<()>());
                let why = inbox.recv().await;
                told.add("root");
                why.map(|_| ()).map_err(Failure::from)
            });
        rig.advance(Duration::from_millis(500));
        let kill = child.kill.clone();
        rig.spawn(0, "stops", move |cx: Context, _: Mailbox<()>| async move {
            cx.cancel(&kill);
            cx.sleep_until(cx.now().after(Duration::from_secs(1))).await?;
            if kills {
                cx.kill(&kill, "test");
            }
            Ok(())
        });
        rig.advance(Duration::from_secs(5));
        let gauges = rig.core(0).gauges();
        assert_eq!(gauges.processes_live, 0);
        if kills {
            assert_eq!(log.take(), ["root", "first"]);
            assert_eq!(gauges.exits_killed, 1);
        } else {
            assert_eq!(log.take(), ["root", "first", "second"]);
            assert_eq!(gauges.exits_cancelled, 1, "the end of the root is that of the process");
        }
    }
}

#[test]
fn who_is_called_hears_that_its_caller_was_cancelled() {
    let rig = Rig::new(2);
    let (log, told) = Log::pair();
    let to = rig.spawn(1, "called", move |_, mut inbox: Mailbox<Ask>| async move {
        let Ask(reply) = inbox.recv().await?;
        reply.cancelled().await;
        told.add(());
        Ok(())
    });
    let calls = rig.spawn(0, "calls", move |_, _: Mailbox<()>| async move {
        to.sender.call(Duration::from_secs(3600), Ask).await?;
        Ok(())
    });
    rig.settle();
    rig.spawn(0, "cancels", move |cx: Context, _: Mailbox<()>| async move {
        cx.cancel(&calls.kill);
        Ok(())
    });
    rig.settle();
    assert_eq!(log.take(), [()]);
    assert_eq!(rig.core(0).gauges().exits_cancelled, 1, "an error that comes of a cancel is one");
}

/// A thousand processes on two cores, each linked with the next, the last with the first.
fn linked_in_a_ring(rig: &Rig) -> (Vec<Sender<bool>>, Log<Exit>) {
    let (exits, told) = Log::pair();
    let pids = Rc::new(RefCell::new(Vec::new()));
    let mut senders = Vec::new();
    for number in 0..1000 {
        let known = Rc::clone(&pids);
        let child = rig.spawn(number % 2, "linked", move |cx: Context, mut inbox| async move {
            let before: Option<Pid> = known.borrow().get(number.wrapping_sub(1)).copied();
            let last: Option<Pid> = (number == 999).then(|| known.borrow()[0]);
            for with in before.into_iter().chain(last) {
                cx.link(with).map_err(|_| Failure::new("it is there"))?;
            }
            if inbox.recv().await? { Err(Failure::new("test")) } else { Ok(()) }
        });
        pids.borrow_mut().push(child.pid);
        let told = told.clone();
        let pid = child.pid;
        rig.spawn(0, "watches", move |cx: Context, _: Mailbox<()>| async move {
            told.add(cx.monitor(pid).await.exit);
            Ok(())
        });
        senders.push(child.sender); // who has no sender ends when it receives
        rig.settle();
    }
    (senders, exits)
}

#[test]
fn one_abnormal_exit_ends_a_thousand_linked_in_a_ring_and_each_monitor_fires_once() {
    let rig = Rig::new(2);
    let (senders, exits) = linked_in_a_ring(&rig);
    let one = senders[500].clone();
    rig.spawn(0, "tells", move |_, _: Mailbox<()>| async move {
        one.send(true).await?;
        Ok(())
    });
    rig.settle();
    let exits = exits.take();
    assert_eq!(exits.len(), 1000);
    assert_eq!(exits.iter().filter(|exit| matches!(exit, Exit::Linked { .. })).count(), 999);
    assert_eq!((rig.core(0).gauges() + rig.core(1).gauges()).processes_live, 0);
}

#[test]
fn a_normal_exit_ends_none_of_those_linked_with_it() {
    let rig = Rig::new(2);
    let (senders, exits) = linked_in_a_ring(&rig);
    let one = senders[500].clone();
    rig.spawn(0, "tells", move |_, _: Mailbox<()>| async move {
        one.send(false).await?;
        Ok(())
    });
    rig.settle();
    assert_eq!(exits.take(), [Exit::Normal]);
}

#[test]
fn a_link_with_one_that_is_gone_is_an_error_here_and_an_end_elsewhere() {
    for core in [0, 1] {
        let rig = Rig::new(2);
        let gone = rig.spawn(core, "gone", |_, _: Mailbox<()>| async { Ok(()) }).pid;
        rig.settle();
        let (log, told) = Log::pair();
        rig.spawn(0, "links", move |cx: Context, _: Mailbox<()>| async move {
            told.add(cx.link(gone).is_ok());
            cx.cancelled().await;
            Ok(())
        });
        rig.settle();
        assert_eq!(log.take(), [core == 1]);
        assert_eq!(rig.core(0).gauges().exits_linked, core as u64);
    }
}

#[test]
fn a_link_that_was_ended_ends_nobody() {
    let rig = Rig::new(2);
    let other = rig.spawn(1, "other", |_, mut inbox: Mailbox<()>| async move {
        inbox.recv().await?;
        Err(Failure::new("test"))
    });
    let (log, told) = Log::pair();
    let pid = other.pid;
    rig.spawn(0, "links", move |cx: Context, _: Mailbox<()>| async move {
        cx.link(pid).map_err(|_| Failure::new("it is there"))?;
        cx.unlink(pid);
        other.sender.send(()).await?;
        told.add(cx.monitor(pid).await.exit.is_normal());
        cx.sleep_until(cx.now().after(Duration::from_secs(1))).await?;
        told.add(true);
        Ok(())
    });
    rig.advance(Duration::from_secs(2));
    assert_eq!(log.take(), [false, true]);
}

#[test]
fn what_is_linked_with_a_process_of_a_core_that_leaves_ends() {
    let mut rig = Rig::new(2);
    let other = rig.spawn(1, "other", |_, _: Mailbox<()>| std::future::pending());
    let pid = other.pid;
    rig.spawn(0, "links", move |cx: Context, mut inbox: Mailbox<()>| async move {
        cx.link(pid).map_err(|_| Failure::new("it is there"))?;
        cx.cancelled().await;
        inbox.recv().await?;
        Ok(())
    });
    rig.settle();
    rig.leave(1);
    rig.settle();
    assert_eq!(rig.core(0).gauges().exits_linked, 1);
}

#[derive(Message)]
struct Work(Cancel);

#[test]
fn what_is_awaited_under_a_scope_ends_with_it_wherever_that_is_also_through_scopes_below() {
    for way in 0..4 {
        let rig = Rig::new(2);
        let (log, told) = Log::pair();
        let below = told.clone();
        let deep = rig.spawn(1, "deep", move |_, mut inbox: Mailbox<Work>| async move {
            let Work(token) = inbox.recv().await?;
            below.add(("deep", token.run(std::future::pending::<()>()).await.is_err()));
            below.add(("again", token.run(std::future::pending::<()>()).await.is_err()));
            Ok(())
        });
        let to_deep = deep.sender;
        let near = rig.spawn(0, "near", move |cx: Context, mut inbox: Mailbox<Work>| async move {
            let Work(token) = inbox.recv().await?;
            let scope = cx.scope_under(&token);
            to_deep.send(Work(scope.token())).await?;
            told.add(("near", token.run(cx.cancelled()).await.is_err()));
            cx.cancelled().await;
            Ok(())
        });
        let to_near = near.sender;
        let owner = rig.spawn(1, "owner", move |cx: Context, _: Mailbox<()>| async move {
            let scope = cx.scope();
            to_near.send(Work(scope.token())).await?;
            cx.sleep_until(cx.now().after(Duration::from_secs(1))).await.unwrap_or_default();
            match way {
                0 => scope.cancel(),
                1 => drop(scope),
                2 => panic!("its scope goes with it"),
                _ => {
                    // Cancelled, it goes on; its scope does not.
                    cx.finish(std::future::pending::<()>()).await;
                }
            }
            cx.finish(std::future::pending::<()>()).await;
            Ok(())
        });
        rig.settle();
        assert!(log.take().is_empty(), "{way}");
        if way == 3 {
            rig.spawn(0, "cancels", move |cx: Context, _: Mailbox<()>| async move {
                cx.cancel(&owner.kill);
                Ok(())
            });
        }
        rig.advance(Duration::from_secs(1));
        let mut came = log.take();
        came.sort_unstable();
        assert_eq!(came, [("again", true), ("deep", true), ("near", true)], "{way}");
    }
}

#[test]
fn a_wide_loop_has_so_many_in_work_and_asks_for_the_next_when_there_is_room() {
    let rig = Rig::new(1);
    let (log, told) = Log::pair();
    rig.spawn(0, "loops", move |cx: Context, _: Mailbox<()>| async move {
        let asked = told.clone();
        let items = (0..10_u64).inspect(move |number| asked.add(("asked", *number)));
        let inside = cx.clone();
        let done = cx.for_each_concurrent(items, 3, |number| {
            let (cx, told) = (inside.clone(), told.clone());
            async move {
                cx.sleep_until(cx.now().after(Duration::from_secs(1))).await?;
                told.add(("done", number));
                if number == 7 { Err(Failure::new("seven")) } else { Ok(()) }
            }
        });
        done.await
    });
    rig.settle();
    let asked =
        |numbers: &[u64]| numbers.iter().map(|number| ("asked", *number)).collect::<Vec<_>>();
    assert_eq!(log.take(), asked(&[0, 1, 2]));
    rig.advance(Duration::from_secs(1));
    let mut came = log.take();
    came.sort_unstable();
    assert_eq!(came[3..], [("done", 0), ("done", 1), ("done", 2)]);
    rig.advance(Duration::from_secs(10));
    let came = log.take();
    assert!(came.contains(&("done", 7)) && !came.contains(&("asked", 9)), "{came:?}");
    let ended = rig.lent(0).ended.take();
    assert!(matches!(&ended[..], [(_, _, Exit::Failed { text })] if &**text == "seven"));
    assert_eq!(rig.core(0).gauges().waits_open, 0);
}
