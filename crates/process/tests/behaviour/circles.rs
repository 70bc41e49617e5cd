//! Circles: processes that wait for each other are told so, and nobody is told so who is in none.

use crate::during::narrow;
use crate::rig::{Log, Rig, Sendable};
use crate::within::within;
use levada_process::{
    Bounds, CallError, Context, Failure, Full, Mailbox, Message, Refused, Reply, Sender,
};
use std::cell::RefCell;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Poll, Waker};
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

/// Calls one who calls back, and waits for something else as well; how the call ended, if it did.
async fn waits_also(
    cx: Context,
    mut inbox: Mailbox<Say>,
    peer: Sender<Say>,
    also: Also,
    kept: Rc<RefCell<Option<Waker>>>,
) -> Option<Result<String, CallError<Say>>> {
    let own = inbox.sender();
    let mut call = pin!(peer.call(HOUR, |reply| Say::Round(vec![own], reply)));
    match also {
        Also::Time => {
            let mut until = pin!(cx.sleep_until(cx.now().after(SECOND)));
            within(call.as_mut(), until.as_mut()).await
        }
        Also::Message => {
            let mut taken = pin!(inbox.recv());
            within(call.as_mut(), taken.as_mut()).await
        }
        Also::During => {
            // Keeps the reply, until another message says that it may go.
            let mut held = None;
            let each = |say| match (say, held.take()) {
                (Say::Round(_, reply), _) => held = Some(reply),
                (Say::Note(_), Some(reply)) => reply.send("end".into()),
                other => panic!("{other:?}"),
            };
            Some(inbox.during(call, each).await)
        }
        Also::Task => {
            let mut task = cx.task(async move { inbox.recv().await.is_ok() });
            within(call.as_mut(), Pin::new(&mut task)).await
        }
        Also::Cancel => {
            // Nothing is open for this task, and no waker of it is anywhere: it is enough that it is there.
            let mut task = cx.task(cx.cancelled());
            within(call.as_mut(), Pin::new(&mut task)).await
        }
        Also::Waker => {
            // Somebody keeps the waker, and may wake it for a reason of his own.
            let mut polled = false;
            let mut woken = pin!(std::future::poll_fn(|context| {
                if std::mem::replace(&mut polled, true) {
                    return Poll::Ready(());
                }
                kept.replace(Some(context.waker().clone()));
                Poll::Pending
            }));
            within(call.as_mut(), woken.as_mut()).await
        }
    }
}

/// For what else.
#[derive(Clone, Copy, Debug)]
enum Also {
    Time,
    Message,
    During,
    Task,
    Cancel,
    Waker,
}

#[test]
fn who_waits_also_for_a_time_a_message_a_task_or_a_stranger_is_in_no_circle() {
    for cores in [1, 2] {
        for also in [Also::Time, Also::Message, Also::During, Also::Task, Also::Cancel, Also::Waker]
        {
            let rig = Rig::new(cores);
            let peer = rig.spawn(cores - 1, "calls back", |_, inbox| plain(inbox)).sender;
            let (log, noted) = Log::pair();
            let kept = Rc::new(RefCell::new(None));
            let keeps = Rc::clone(&kept);
            let me = rig.spawn(0, "waits", move |cx: Context, inbox: Mailbox<Say>| async move {
                noted.add(waits_also(cx, inbox, peer, also, keeps).await.map(told));
                Ok(())
            });
            rig.advance(SECOND / 2);
            let waker = kept.take();
            waker.into_iter().for_each(Waker::wake);
            if matches!(also, Also::During) {
                let note = Say::Note(0);
                rig.core(0).enter(|| me.sender.try_send(note).expect("there is room"));
            }
            if matches!(also, Also::Cancel) {
                let kill = me.kill.clone();
                rig.spawn(0, "cancels", move |cx: Context, _: Mailbox<()>| async move {
                    cx.cancel(&kill);
                    Ok(())
                });
            }
            rig.settle_all();
            rig.advance(SECOND);
            let answer = matches!(also, Also::During).then(|| "end".to_owned());
            assert_eq!(log.take(), [answer], "{cores} {also:?}: what else it waited for has come");
            drop(me);
            let gauges = (0..cores).map(|core| rig.core(core).gauges().cycles);
            assert_eq!(gauges.sum::<u64>(), 0, "{cores} {also:?}");
        }
    }
}

#[test]
fn who_passed_the_reply_on_is_not_the_one_that_is_waited_for() {
    for cores in [1, 2, 3] {
        let rig = Rig::new(cores);
        // Whoever is passed the reply answers after a second, when who passed it has long called its caller.
        let late =
            rig.spawn(cores / 3, "late", |cx: Context, mut inbox: Mailbox<Say>| async move {
                while let Say::Held(reply) = inbox.recv().await? {
                    cx.sleep_until(cx.now().after(SECOND / 2)).await.unwrap_or_default();
                    reply.send("held".into());
                }
                Ok(())
            });
        let passes = rig.spawn(cores - 1, "passes", |_, inbox| plain(inbox)).sender;
        let (log, noted) = Log::pair();
        let late = late.sender;
        let child = rig.spawn(0, "calls", move |_, mut inbox: Mailbox<Say>| async move {
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
        drop(child);
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
                cx.sleep_until(cx.now().after(SECOND)).await.unwrap_or_default();
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

/// A rig whose cores are numbered as they were made, whoever else makes some at the same time.
fn in_order(cores: usize) -> Rig {
    loop {
        let rig = Rig::new(cores);
        if (1..cores).all(|core| rig.id(core - 1).number() < rig.id(core).number()) {
            return rig;
        }
    }
}

#[test]
fn an_answer_on_its_way_is_not_overtaken_by_who_asks_whether_it_will_come() {
    let rig = in_order(3);
    let (log, noted) = Log::pair();
    // The third takes a request and answers it when it is told to; then it calls the first.
    let first: Rc<RefCell<Option<Sender<Say>>>> = Rc::default();
    let to_first = Rc::clone(&first);
    let third = rig.spawn(2, "third", move |_, mut inbox: Mailbox<Say>| async move {
        let Say::Held(reply) = inbox.recv().await? else { return Ok(()) };
        let Say::Note(_) = inbox.recv().await? else { return Ok(()) };
        reply.send("held".into());
        let to = to_first.take().expect("made by then");
        noted.add(told(to.call(HOUR, |reply| Say::Round(Vec::new(), reply)).await));
        Ok(())
    });
    let (noted, to_third) = (log.clone(), third.sender.clone());
    let second = rig.spawn(1, "second", move |_, inbox: Mailbox<Say>| async move {
        noted.add(told(to_third.call(HOUR, Say::Held).await));
        plain(inbox).await
    });
    let (noted, to_second) = (log.clone(), second.sender);
    let child = rig.spawn(0, "first", move |_, mut inbox: Mailbox<Say>| async move {
        let Say::Note(_) = inbox.recv().await? else { return Ok(()) };
        noted.add(told(to_second.call(HOUR, |reply| Say::Round(Vec::new(), reply)).await));
        drop(to_second);
        plain(inbox).await
    });
    first.replace(Some(child.sender.clone()));
    rig.settle();
    rig.core(0).enter(|| child.sender.try_send(Say::Note(0)).expect("there is room"));
    rig.settle_all();
    // The second core sleeps on: the answer to it stays in the lane, and the third waits for the first.
    rig.core(2).enter(|| third.sender.try_send(Say::Note(0)).expect("there is room"));
    for core in [2, 0, 2, 0] {
        rig.pass(core, 9);
    }
    assert_eq!(log.take(), [""; 0]);
    rig.set_now(rig.now().after(Duration::from_millis(11)));
    // The question goes round before anybody has a turn.
    for core in [0, 1, 2, 0] {
        rig.pass(core, 0);
    }
    rig.settle_all();
    let mut ends = log.take();
    ends.sort();
    assert_eq!(ends, ["end", "end", "held"]);
    rig.core(0).enter(|| drop((child, third)));
    rig.settle_all();
    nothing_waits(&rig, 3, 0);
}

#[test]
fn who_waits_for_room_that_another_core_may_give_back_is_in_no_circle() {
    let rig = Rig::new(2);
    let (log, noted) = Log::pair();
    let (talks, to_me) = (log.clone(), Rc::new(RefCell::new(None::<Sender<Say>>)));
    let to_sending = Rc::clone(&to_me);
    let bounds = Bounds { messages: 2, bytes: 1 << 20 };
    let made = Rc::new(RefCell::new(None));
    let inside = Sendable((Rc::clone(&made), noted, to_sending));
    rig.spawn(0, "makes", move |cx: Context, _: Mailbox<()>| async move {
        let (made, noted, to_sending) = inside.into_inner();
        let inside = Sendable((noted, to_sending));
        let options = cx.options().mailbox(bounds, Full::Wait);
        let child = options.spawn("has room", move |_, mut inbox: Mailbox<Say>| async move {
            let (noted, to_sending) = inside.into_inner();
            assert!(matches!(inbox.recv().await?, Say::Note(_)));
            let to = to_sending.take().expect("made by then");
            noted.add(told(to.call(HOUR, |reply| Say::Round(Vec::new(), reply)).await));
            drop(to);
            while inbox.recv().await.is_ok() {}
            Ok(())
        })?;
        made.replace(Some(child.sender));
        Ok(())
    });
    rig.settle();
    let to: Sender<Say> = made.take().expect("spawned when all has settled");
    let leases = to.clone();
    rig.spawn(1, "leases", move |cx: Context, _: Mailbox<()>| async move {
        leases.ready().await?;
        cx.sleep_until(cx.now().after(SECOND)).await.unwrap_or_default();
        drop(leases);
        Ok(())
    });
    rig.settle();
    let child = rig.spawn(0, "sends", move |_, inbox: Mailbox<Say>| async move {
        for number in 0..3 {
            to.send(Say::Note(number)).await.map_err(|why| Failure::new(why.to_string()))?;
            talks.add("sent".into());
        }
        drop(to);
        plain(inbox).await
    });
    to_me.replace(Some(child.sender));
    rig.settle();
    assert_eq!(log.take(), ["sent"; 2], "one is taken, one fills what is not leased");
    rig.advance(SECOND);
    assert_eq!(log.take(), ["sent", "end"]);
    rig.advance(SECOND);
    nothing_waits(&rig, 2, 0);
}
