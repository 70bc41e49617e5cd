//! Mailboxes that deal with what does not fit: by dropping the oldest, the newest, or by ending their process.

use crate::rig::{Log, Rig, Sendable};
use levada_process::{
    Bounds, CallError, Closed, Context, Exit, Failure, Full, Mailbox, Message, Refused, Reply,
    Sender, Sent,
};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

const THREE: Bounds = Bounds { messages: 3, bytes: 1000 };

/// Spawns a process with a mailbox for three, which does `what`.
fn with_mailbox<M, F, Fut>(rig: &Rig, core: usize, full: Full, what: F) -> Sender<M>
where
    M: Message,
    F: FnOnce(Context, Mailbox<M>) -> Fut + 'static,
    Fut: Future<Output = Result<(), Failure>> + 'static,
{
    let sender = Rc::new(RefCell::new(None));
    let out = Rc::clone(&sender);
    rig.spawn(core, "makes", move |cx: Context, _: Mailbox<()>| async move {
        let what = Sendable(what);
        let options = cx.options().mailbox(THREE, full);
        let child = options.spawn("full", move |cx, inbox| (what.into_inner())(cx, inbox))?;
        out.replace(Some(child.sender));
        Ok(())
    });
    rig.settle();
    sender.take().expect("made in this pass")
}

/// Notes all that there is once it was asked for.
async fn noting_after(
    cx: Context,
    mut inbox: Mailbox<u64>,
    noted: Log<Result<u64, Closed>>,
) -> Result<(), Failure> {
    cx.sleep_until(cx.now().after(Duration::from_secs(1))).await?;
    loop {
        let message = inbox.recv().await;
        noted.add(message);
        message?;
    }
}

/// Sends ten numbers; says what came of each.
fn send_ten(rig: &Rig, to: Sender<u64>) -> Log<Result<Sent, u64>> {
    let (log, told) = Log::pair();
    rig.spawn(0, "sends", move |_, _: Mailbox<()>| async move {
        for number in 0..10 {
            told.add(to.send(number).await.map_err(Refused::into_inner));
        }
        Ok(())
    });
    rig.settle();
    log
}

#[test]
fn who_drops_the_oldest_receives_the_last_that_were_sent() {
    for cores in [1, 2] {
        let rig = Rig::new(cores);
        let (log, noted) = Log::pair();
        let to = with_mailbox(&rig, cores - 1, Full::DropOldest, |cx, inbox| {
            noting_after(cx, inbox, noted)
        });
        assert_eq!(send_ten(&rig, to).take(), [Ok(Sent::Accepted); 10]);
        rig.advance(Duration::from_secs(2));
        assert_eq!(log.take(), [Ok(7), Ok(8), Ok(9), Err(Closed::NoSenders)], "{cores}");
        assert_eq!(rig.core(cores - 1).gauges().mailbox_dropped_oldest, 7);
    }
}

#[test]
fn who_drops_the_newest_receives_the_first_that_were_sent() {
    for cores in [1, 2] {
        let rig = Rig::new(cores);
        let (log, noted) = Log::pair();
        let to = with_mailbox(&rig, cores - 1, Full::DropNewest, |cx, inbox| {
            noting_after(cx, inbox, noted)
        });
        let told = send_ten(&rig, to).take();
        rig.advance(Duration::from_secs(2));
        assert_eq!(log.take(), [Ok(0), Ok(1), Ok(2), Err(Closed::NoSenders)], "{cores}");
        // On another core it is dropped on arrival, and nobody is told.
        let dropped = told.iter().filter(|told| **told == Ok(Sent::Dropped)).count();
        assert_eq!((told.len(), dropped), (10, if cores == 1 { 7 } else { 0 }));
        assert_eq!(rig.core(cores - 1).gauges().mailbox_dropped_newest, 7);
    }
}

#[test]
fn a_process_that_stops_when_full_ends_and_its_sender_has_the_message_back() {
    for cores in [1, 2] {
        let rig = Rig::new(cores);
        let (log, noted) = Log::pair();
        let to =
            with_mailbox(&rig, cores - 1, Full::Stop, |cx, inbox| noting_after(cx, inbox, noted));
        let pid = to.pid();
        let told = send_ten(&rig, to.clone()).take();
        assert_eq!(told[..3], [Ok(Sent::Accepted); 3]);
        if cores == 1 {
            assert_eq!(told[3..], [3, 4, 5, 6, 7, 8, 9].map(Err));
        }
        rig.advance(Duration::from_secs(2));
        assert!(log.take().is_empty(), "it ended before it took anything");
        assert_eq!(rig.lent(cores - 1).ended.take(), [(pid, "full", Exit::Overflow)]);
        let gauges = rig.core(cores - 1).gauges();
        assert_eq!((gauges.mailbox_stops, gauges.exits_overflow), (1, 1));
        let (log, again) = Log::pair();
        rig.spawn(0, "sends", move |_, _: Mailbox<()>| async move {
            again.add(to.send(11).await.map_err(Refused::into_inner));
            Ok(())
        });
        rig.settle();
        assert_eq!(log.take(), [Err(11)]);
    }
}

#[derive(levada_process::Message)]
struct Ask(Reply<u64>);

#[test]
fn a_call_whose_request_is_dropped_ends_as_dropped() {
    for (full, cores) in
        [(Full::DropOldest, 1), (Full::DropOldest, 2), (Full::DropNewest, 1), (Full::DropNewest, 2)]
    {
        let rig = Rig::new(cores);
        let to = with_mailbox(&rig, cores - 1, full, |cx, mut inbox: Mailbox<Ask>| async move {
            cx.sleep_until(cx.now().after(Duration::from_secs(1))).await?;
            loop {
                inbox.recv().await?.0.send(1);
            }
        });
        let (log, told) = Log::pair();
        for number in 0..5_u64 {
            let (to, told) = (to.clone(), told.clone());
            rig.spawn(0, "calls", move |_, _: Mailbox<()>| async move {
                let outcome = to.call(Duration::from_secs(9), Ask).await;
                told.add((number, matches!(outcome, Err(CallError::Dropped)), outcome.is_ok()));
                Ok(())
            });
        }
        drop(to);
        rig.settle();
        let mut dropped = log.take();
        dropped.sort_unstable();
        let which = if full == Full::DropOldest { [0, 1] } else { [3, 4] };
        assert_eq!(dropped, which.map(|number| (number, true, false)), "{full:?} {cores}");
        rig.advance(Duration::from_secs(2));
        assert_eq!(log.take().iter().filter(|(_, _, answered)| *answered).count(), 3);
    }
}

#[test]
fn a_producer_ten_times_faster_finds_every_mailbox_at_its_bound_and_every_message_is_counted() {
    for full in [Full::Wait, Full::Reject, Full::DropOldest, Full::DropNewest] {
        for cores in [1, 2] {
            let rig = Rig::new(cores);
            let (received, noted) = Log::pair();
            let to = with_mailbox(&rig, cores - 1, full, |cx, mut inbox| async move {
                loop {
                    cx.sleep_until(cx.now().after(Duration::from_millis(10))).await?;
                    noted.add(inbox.recv().await?);
                }
            });
            let (told, tell) = Log::pair();
            rig.spawn(0, "sends", move |cx: Context, _: Mailbox<()>| async move {
                for number in 0..500_u64 {
                    cx.sleep_until(cx.now().after(Duration::from_millis(1))).await?;
                    tell.add(to.send(number).await.map_err(Refused::into_inner).ok());
                }
                Ok(())
            });
            while rig.core(0).gauges().processes_live + rig.core(cores - 1).gauges().processes_live
                > 0
            {
                rig.advance(Duration::from_millis(5));
                for report in rig.core(cores - 1).processes() {
                    assert!(report.queued_messages + report.leased_messages <= 3, "{full:?}");
                }
                assert!(rig.now().since(levada_process::Tick::START) < Duration::from_secs(60));
            }
            let told = told.take();
            let accepted = told.iter().filter(|told| **told == Some(Sent::Accepted)).count();
            let gauges = rig.core(0).gauges() + rig.core(cores - 1).gauges();
            let halve = if cores == 1 { 2 } else { 1 }; // the same core, added twice
            let lost = gauges.mailbox_dropped_oldest + gauges.mailbox_dropped_newest;
            let dropped_unseen = usize::try_from(lost / halve).unwrap()
                - told.iter().filter(|told| **told == Some(Sent::Dropped)).count();
            assert_eq!(received.take().len(), accepted - dropped_unseen, "{full:?} {cores}");
            assert_eq!(told.len(), 500);
            if full == Full::Wait {
                assert_eq!(accepted, 500);
            } else {
                assert!(told.len() - accepted + dropped_unseen > 400, "{full:?} {cores}");
            }
        }
    }
}

#[test]
fn a_mailbox_that_drops_closes_behind_what_is_on_its_way() {
    let rig = Rig::new(2);
    let (log, noted) = Log::pair();
    let to = with_mailbox(&rig, 0, Full::DropOldest, |_, mut inbox| async move {
        loop {
            let message: Result<u64, Closed> = inbox.recv().await;
            noted.add(message);
            message?;
        }
    });
    rig.spawn(1, "sends", move |_, _: Mailbox<()>| async move {
        to.ready().await?;
        for number in 0..600 {
            to.try_send(number)?; // more than a pass takes out of a lane: the rest arrives after the last sender has gone
        }
        Ok(())
    });
    rig.settle();
    let all = log.take();
    assert_eq!(all.last(), Some(&Err(Closed::NoSenders)));
    assert_eq!(all[..all.len() - 1].last(), Some(&Ok(599)));
    let dropped = rig.core(0).gauges().mailbox_dropped_oldest;
    assert_eq!(all.len() as u64 - 1 + dropped, 600);
}
