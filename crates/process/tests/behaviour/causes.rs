//! What led to the end of a process is told with it: who asked whom, back to where the request began.

use crate::rig::Rig;
use levada_process::{
    Bounds, By, Chain, Context, CoreId, Failure, Full, Mailbox, Message, Reply, Sender, WaitsFor,
};
use std::any::type_name;
use std::time::Duration;

const LONG: Duration = Duration::from_hours(1);

#[derive(Message)]
struct ToB(Reply<u32>);

#[derive(Message)]
struct ToC(Reply<u32>);

#[derive(Message)]
struct Go;

/// The name and what it was at work on, of each link.
fn read(chain: &Chain) -> Vec<(&'static str, By)> {
    chain.links().iter().map(|link| (link.name.unwrap_or("gone"), link.by)).collect()
}

/// Sends so many messages that nobody has to do with.
async fn chatter(cx: Context, messages: u32) -> Result<(), Failure> {
    let bounds = Bounds { messages: 1000, ..Bounds::default() };
    let heard = cx.options().mailbox(bounds, Full::Wait).spawn(
        "hears",
        |_, mut inbox: Mailbox<u64>| async move {
            loop {
                inbox.recv().await?;
            }
        },
    )?;
    for number in 0..messages {
        heard.sender.send(number.into()).await?;
    }
    Ok(())
}

/// A on core `a` asks B on core `b`, who asks C on core `c`, who panics after so many messages of others on every core.
fn panics_after(cores: [usize; 3], messages: u32) -> (Rig, usize) {
    let rig = Rig::new(cores.iter().max().map_or(1, |most| most + 1));
    let ids: Vec<CoreId> = cores.iter().map(|core| rig.id(*core)).collect();
    let all: Vec<CoreId> =
        (0..=cores.iter().copied().max().unwrap_or(0)).map(|core| rig.id(core)).collect();
    let (core_b, core_c) = (ids[1], ids[2]);
    let c = move |cx: Context, mut inbox: Mailbox<ToC>| async move {
        let ToC(_reply) = inbox.recv().await?;
        for core in all {
            let other = cx.options().on(core).spawn(
                "chatter",
                move |cx, mut inbox: Mailbox<Reply<()>>| async move {
                    let done = inbox.recv().await?;
                    chatter(cx, messages).await?;
                    done.send(());
                    Ok(())
                },
            );
            other.await?.sender.call(LONG, |done| done).await?;
        }
        panic!("C is done for");
    };
    let b = move |cx: Context, mut inbox: Mailbox<ToB>| async move {
        let c: Sender<ToC> = cx.options().on(core_c).spawn("C", c).await?.sender;
        loop {
            let ToB(reply) = inbox.recv().await?;
            reply.send(c.call(LONG, ToC).await.unwrap_or(0));
        }
    };
    let a = rig.spawn(cores[0], "A", move |cx: Context, mut inbox: Mailbox<Go>| async move {
        let b = cx.options().on(core_b).spawn("B", b).await?.sender;
        let Go = inbox.recv().await?;
        assert_eq!(b.call(LONG, ToB).await?, 0);
        Ok(())
    });
    rig.settle();
    rig.spawn(cores[0], "starts", move |_, _: Mailbox<()>| async move {
        a.sender.send(Go).await?;
        Ok(())
    });
    rig.settle();
    (rig, cores[2])
}

fn expected() -> Vec<(&'static str, By)> {
    vec![
        ("C", By::Message(type_name::<ToC>())),
        ("B", By::Message(type_name::<ToB>())),
        ("A", By::Message(type_name::<Go>())),
    ]
}

#[test]
fn a_panic_is_told_with_the_callers_and_what_they_were_asked() {
    for cores in [[0, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1], [0, 1, 2], [0, 1, 1]] {
        let (rig, core) = panics_after(cores, 10);
        let chains = rig.lent(core).chains.borrow();
        assert_eq!(chains.len(), 1, "{cores:?}: {chains:?}");
        assert_eq!(read(&chains[0])[..3], expected(), "{cores:?}");
        let last = chains[0].links().last().map(|link| link.by);
        assert_eq!(last, Some(By::Spawned), "it began where somebody was spawned: {}", chains[0]);
    }
}

#[test]
fn callers_that_still_wait_are_told_however_long_they_do() {
    for cores in [[0, 0, 0], [0, 1, 0], [1, 0, 0], [0, 1, 2]] {
        let (rig, core) = panics_after(cores, 100_000);
        let chains = rig.lent(core).chains.borrow();
        // What A itself had taken came one way: nobody waits for that.
        assert_eq!(read(&chains[0])[..2], expected()[..2], "{cores:?}");
        assert_eq!(read(&chains[0])[2], ("A", By::Lost), "{cores:?}");
    }
}

#[test]
fn what_is_too_long_ago_is_lost_and_counted() {
    let rig = Rig::new(1);
    rig.spawn(0, "late", move |cx: Context, _: Mailbox<()>| async move {
        chatter(cx, 40_000).await?;
        panic!("nobody knows any more who began this");
    });
    rig.settle();
    let chains = rig.lent(0).chains.borrow();
    assert_eq!(read(&chains[0]), [("late", By::Lost)]);
    assert_eq!(rig.core(0).gauges().cause_lost, 1);
}

#[test]
fn a_request_that_was_begun_elsewhere_keeps_its_id_and_names_who_began_it() {
    let rig = Rig::new(2);
    let there = rig.id(1);
    let (id, parent_id) = (0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736, 0x00f0_67aa_0ba9_02b7);
    rig.spawn(0, "edge", move |cx: Context, _: Mailbox<()>| async move {
        let fails = |cx: Context, mut inbox: Mailbox<ToC>| async move {
            let ToC(_reply) = inbox.recv().await?;
            cx.log("asked", 7_u32);
            panic!("on behalf of another program");
        };
        let to = cx.options().on(there).spawn("fails", fails).await?.sender;
        let cause = cx.begin_cause_under(id, parent_id, true);
        assert_eq!((cause.id(), cause.sequence().is_sampled()), (id, true));
        to.call(LONG, ToC).await.unwrap_or_default();
        cx.log("answered", "not");
        Ok(())
    });
    rig.settle();
    let chains = rig.lent(1).chains.borrow();
    let expected = [("fails", By::Message(type_name::<ToC>())), ("edge", By::Began { parent_id })];
    assert_eq!(read(&chains[0]), expected);
    assert_eq!(rig.lent(1).causes.borrow()[..], [id]);
    assert_eq!(rig.lent(1).said.take(), [("fails", id, "asked: 7".to_owned())]);
    assert_eq!(rig.lent(0).said.take(), [("edge", id, "answered: not".to_owned())]);
}

#[test]
fn who_waits_is_told_with_what_he_waits_for() {
    let rig = Rig::new(1);
    let silent = rig.spawn(0, "silent", |_, mut inbox: Mailbox<ToC>| async move {
        let _never_answered = inbox.recv().await?;
        std::future::pending::<()>().await;
        Ok(())
    });
    let of = silent.pid;
    let asks = rig.spawn(0, "asks", move |cx: Context, mut inbox: Mailbox<Go>| async move {
        let asking = cx.task(async move { silent.sender.call(LONG, ToC).await.is_ok() });
        let Go = inbox.recv().await?;
        assert!(!asking.await);
        Ok(())
    });
    rig.settle();
    let told: Vec<_> =
        rig.core(0).waiting().into_iter().map(|one| (one.name, one.waits_for)).collect();
    let answer = WaitsFor::Answer { from: of, to: type_name::<ToC>() };
    let expected =
        [("silent", vec![]), ("asks", vec![WaitsFor::Message(type_name::<Go>()), answer])];
    assert_eq!(told, expected);
    drop(asks);
}

#[test]
fn a_process_that_has_ended_is_named_as_long_as_no_other_has_its_place() {
    let rig = Rig::new(1);
    for (others, expected) in [(0, "sends"), (1, "gone")] {
        rig.spawn(0, "begins", move |cx: Context, _: Mailbox<()>| async move {
            let late =
                cx.spawn("late", |cx: Context, mut inbox: Mailbox<Reply<()>>| async move {
                    let done = inbox.recv().await?;
                    cx.sleep_until(cx.now().after(Duration::from_secs(1)))
                        .await
                        .unwrap_or_default();
                    drop(done);
                    panic!("when who sent has ended");
                })?;
            let sender = late.sender;
            cx.spawn("sends", move |_, _: Mailbox<()>| async move {
                sender.call(Duration::from_millis(1), |done| done).await.unwrap_or_default();
                Ok(())
            })?;
            cx.sleep_until(cx.now().after(Duration::from_millis(500))).await.unwrap_or_default();
            for _ in 0..others {
                cx.spawn("other", |_, _: Mailbox<()>| async move { Ok(()) })?;
            }
            Ok(())
        });
        rig.advance(Duration::from_secs(2));
        let chain = rig.lent(0).chains.borrow_mut().remove(0);
        assert_eq!(read(&chain)[1].0, expected, "{chain}");
    }
}

#[test]
fn a_chain_that_never_ends_is_cut() {
    #[derive(Message)]
    struct Hop(u32, Sender<Self>);
    let rig = Rig::new(1);
    let hop = rig.spawn(0, "hops", move |_, mut inbox: Mailbox<Hop>| async move {
        loop {
            let Hop(left, to) = inbox.recv().await?;
            assert!(left > 0, "the last hop");
            let next = to.clone();
            to.try_send(Hop(left - 1, next))?;
        }
    });
    rig.spawn(0, "starts", move |_, _: Mailbox<()>| async move {
        let to = hop.sender.clone();
        hop.sender.try_send(Hop(100, to))?;
        Ok(())
    });
    rig.settle();
    let chains = rig.lent(0).chains.borrow();
    assert_eq!(chains[0].links().len(), 32);
    assert_eq!(chains[0].links().last().map(|link| link.by), Some(By::Cut));
}

#[test]
fn a_core_that_left_keeps_no_report_from_being_told() {
    let mut rig = Rig::new(2);
    let there = rig.id(1);
    let (log, noted) = crate::rig::Log::pair();
    let noted = crate::rig::Sendable(noted);
    rig.spawn(0, "asks", move |cx: Context, _: Mailbox<()>| async move {
        let failing =
            cx.options().on(there).spawn("fails", |_, mut inbox: Mailbox<Go>| async move {
                let Go = inbox.recv().await?;
                panic!("as asked");
            });
        noted.into_inner().add(failing.await?.sender);
        Ok(())
    });
    rig.settle();
    let sender = log.take().remove(0);
    let sender = crate::rig::Sendable(sender);
    rig.spawn(0, "starts", move |cx: Context, _: Mailbox<()>| async move {
        sender.into_inner().send(Go).await?;
        cx.yield_now().await;
        Ok(())
    });
    rig.pass(0, 32);
    rig.pass(1, 32);
    rig.pass(0, 32); // the lease has come, and the message goes
    rig.leave(0);
    rig.settle_all();
    let chains = rig.lent(1).chains.borrow();
    let chain = chains.first().expect("it is told");
    assert_eq!(read(chain)[0], ("fails", By::Lost));
}
