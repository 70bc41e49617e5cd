//! Receiving while one waits: the form for processes that call each other.

use crate::rig::{Log, Rig, Sendable};
use levada_process::{
    Bounds, Cause, Child, Context, Failure, Full, Mailbox, Message, Reply, Sender,
};
use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

#[derive(Message)]
enum Talk {
    Meet(Sender<Self>),
    Double(u64, Reply<u64>),
    Note(u64),
}

const SECOND: Duration = Duration::from_secs(1);

/// A process with so small a mailbox that it holds one message.
pub(crate) fn narrow<M: Message, Fut>(
    rig: &Rig,
    core: usize,
    what: impl FnOnce(Context, Mailbox<M>) -> Fut + 'static,
) -> Sender<M>
where
    Fut: Future<Output = Result<(), Failure>> + 'static,
{
    let made = Rc::new(RefCell::new(None));
    let (give, what) = (Sendable(Rc::clone(&made)), Sendable(what));
    rig.spawn(core, "makes", move |cx: Context, _: Mailbox<()>| async move {
        let bounds = Bounds { messages: 1, bytes: 1 << 20 };
        let options = cx.options().mailbox(bounds, Full::Wait);
        let child: Child<M> = options.spawn("narrow", move |cx, inbox| {
            let what = what.into_inner();
            what(cx, inbox)
        })?;
        give.into_inner().replace(Some(child.sender));
        Ok(())
    });
    rig.settle();
    made.take().expect("spawned when all has settled")
}

/// Calls its peer again and again, and answers it meanwhile.
async fn talks(mut inbox: Mailbox<Talk>, ends: Log<u64>) -> Result<(), Failure> {
    let Talk::Meet(peer) = inbox.recv().await? else { return Err(Failure::new("not met")) };
    let mut answered = 0;
    for number in 0..100 {
        let call = peer.call(SECOND, |reply| Talk::Double(number, reply));
        let answer = inbox.during(call, |talk| answer(talk, &mut answered)).await?;
        assert_eq!(answer, 2 * number);
    }
    drop(peer);
    while answered < 100 {
        answer(inbox.recv().await?, &mut answered);
    }
    ends.add(answered);
    Ok(())
}

fn answer(talk: Talk, answered: &mut u64) {
    if let Talk::Double(number, reply) = talk {
        *answered += 1;
        reply.send(2 * number);
    }
}

#[test]
fn two_that_call_each_other_at_capacity_one_are_both_answered() {
    for cores in [1, 2] {
        let rig = Rig::new(cores);
        let ends = Log::new();
        let [first, second] = [0, cores - 1].map(|core| {
            let ends = ends.clone();
            narrow(&rig, core, move |_, inbox| talks(inbox, ends))
        });
        let (to_first, to_second) = (first.clone(), second.clone());
        rig.spawn(0, "introduces", move |_, _: Mailbox<()>| async move {
            first.send(Talk::Meet(to_second)).await?;
            second.send(Talk::Meet(to_first)).await?;
            Ok(())
        });
        rig.settle();
        assert_eq!(ends.take(), [100, 100], "{cores}: no time passed");
        for core in 0..cores {
            assert_eq!(rig.lent(core).ended.take(), []);
            assert_eq!(rig.core(core).gauges().waits_open, 0);
        }
    }
}

#[test]
fn each_message_is_handled_for_its_own_cause_and_the_wait_goes_on_for_that_it_began_with() {
    let rig = Rig::new(1);
    let (log, noted) = Log::<(u64, Cause)>::pair();
    let child = rig.spawn(0, "waits", move |cx: Context, mut inbox: Mailbox<Talk>| async move {
        let own = cx.begin_cause(Some(7), false);
        let until = cx.sleep_until(cx.now().after(SECOND));
        let each = |talk| {
            let Talk::Note(number) = talk else { return };
            noted.add((number, cx.cause()));
        };
        inbox.during(until, each).await.unwrap_or_default();
        noted.add((0, cx.cause()));
        assert_eq!(own.id(), cx.cause().id());
        Ok(())
    });
    rig.spawn(0, "notes", move |cx: Context, _: Mailbox<()>| async move {
        for number in [100, 200] {
            cx.begin_cause(Some(number.into()), false);
            child.sender.send(Talk::Note(number)).await?;
        }
        Ok(())
    });
    rig.advance(2 * SECOND);
    let ids: Vec<_> = log.take().into_iter().map(|(number, cause)| (number, cause.id())).collect();
    assert_eq!(ids, [(100, 100), (200, 200), (0, 7)]);
    assert_eq!(rig.lent(0).ended.take(), []);
}

#[test]
fn dropped_it_has_handed_over_each_message_that_left_the_mailbox() {
    for polls in 0..6 {
        let rig = Rig::new(1);
        let (log, noted) = Log::pair();
        let child = rig.spawn(0, "gives up", move |cx: Context, mut inbox| async move {
            {
                let each = |talk| {
                    if let Talk::Note(number) = talk {
                        noted.add(number);
                    }
                };
                let mut during = pin!(inbox.during(std::future::pending::<()>(), each));
                for _ in 0..polls {
                    std::future::poll_fn(|context| {
                        assert!(during.as_mut().poll(context).is_pending());
                        Poll::Ready(())
                    })
                    .await;
                    cx.sleep_until(cx.now().after(SECOND)).await.unwrap_or_default();
                }
            }
            while let Ok(Talk::Note(number)) = inbox.recv().await {
                noted.add(number);
            }
            Ok(())
        });
        rig.spawn(0, "notes", move |cx: Context, _: Mailbox<()>| async move {
            for number in 0..10 {
                child.sender.send(Talk::Note(number)).await?;
                cx.sleep_until(cx.now().after(SECOND / 3)).await.unwrap_or_default();
            }
            Ok(())
        });
        rig.advance(20 * SECOND);
        assert_eq!(log.take(), (0..10).collect::<Vec<_>>(), "{polls} polls");
    }
}

#[test]
fn it_goes_on_waiting_when_no_message_can_come_any_more() {
    let rig = Rig::new(1);
    let done = Rc::new(Cell::new(false));
    let is_done = Sendable(Rc::clone(&done));
    let child = rig.spawn(0, "waits", move |cx: Context, mut inbox: Mailbox<Talk>| async move {
        inbox.during(cx.sleep_until(cx.now().after(SECOND)), drop).await.unwrap_or_default();
        is_done.into_inner().set(true);
        Ok(())
    });
    rig.core(0).enter(|| drop(child));
    rig.settle_all();
    assert!(!done.get());
    rig.advance(SECOND);
    assert!(done.get());
}
