//! Who is charged for what messages carry of the shared heap: their receiver, from the moment that his mailbox takes them in.
//!
//! After every step all of the heap is walked: the sum of the charges is what is held, wherever messages are.

use crate::rig::{Log, Rig, Sendable};
use levada_process::{
    Bounds, CallError, Child, Closed, Context, Exit, Failure, Full, Mailbox, Message, Refused,
    Reply, Sent,
};
use levada_shared::{
    Account, ExclusiveBuf, Limit, Options, SharedData, SharedHeap, SoftRef, WeakRef,
};
use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const KIB: u64 = 1024;

pub(crate) fn heap() -> SharedHeap {
    let options = Options { bytes_max: 16 << 20, arenas: 1, ..Options::default() };
    SharedHeap::new(options).expect("addresses")
}

fn filled(account: &Account, bytes: usize) -> SharedData {
    let mut buf = account.buf(bytes).expect("room");
    buf.write(&vec![7; bytes]).expect("it has that much room");
    buf.freeze()
}

/// What passes between the processes of these tests.
#[derive(Message)]
pub(crate) enum Mail {
    Data(SharedData),
    Held { number: u32, inside: Vec<Option<Box<Letter>>> },
    Ask(SharedData, Reply<SharedData>),
    Number(u64),
}

#[derive(Message)]
pub(crate) enum Letter {
    Frozen(SharedData),
    Filling(String, ExclusiveBuf),
    Named(SoftRef, WeakRef),
    /// A type may contain itself.
    Inner(Box<Self>),
}

/// Waits for ever, and takes nothing.
async fn deaf<M: Message>(inbox: Mailbox<M>) -> Result<(), Failure> {
    pending::<()>().await;
    drop(inbox);
    Ok(())
}

/// Takes all there is into a log.
async fn keeps<M: Message>(mut inbox: Mailbox<M>, kept: Log<M>) -> Result<(), Failure> {
    loop {
        kept.add(inbox.recv().await?);
    }
}

/// What a process is spawned with here.
#[derive(Clone, Copy)]
pub(crate) struct As<'a> {
    pub(crate) core: usize,
    pub(crate) account: &'a Account,
    pub(crate) bounds: Bounds,
    pub(crate) full: Full,
}

impl<'a> As<'a> {
    pub(crate) fn own(core: usize, account: &'a Account) -> Self {
        Self { core, account, bounds: Bounds::default(), full: Full::Wait }
    }

    /// Makes a process on a core of the rig, with an account of its own.
    pub(crate) fn spawn<M, F, Fut>(self, rig: &Rig, what: F) -> Child<M>
    where
        M: Message,
        F: FnOnce(Context, Mailbox<M>) -> Fut + 'static,
        Fut: Future<Output = Result<(), Failure>> + 'static,
    {
        let (made, told) = Log::pair();
        let (what, account) = (Sendable(what), self.account.clone());
        let what = move |cx: Context, inbox: Mailbox<M>| what.into_inner()(cx, inbox);
        rig.spawn(self.core, "spawns", move |cx: Context, _: Mailbox<()>| async move {
            let options = cx.options().mailbox(self.bounds, self.full).own_account(&account);
            made.add(options.spawn("has an account", what)?);
            Ok(())
        });
        rig.settle();
        told.take().remove(0)
    }
}

/// Runs `what` as a process of a core, to its end if it has one.
fn run<Fut>(rig: &Rig, core: usize, what: impl FnOnce(Context) -> Fut + 'static)
where
    Fut: Future<Output = ()> + 'static,
{
    rig.spawn(core, "runs", move |cx: Context, _: Mailbox<()>| async move {
        what(cx).await;
        Ok(())
    });
    rig.settle();
}

/// What accounts are charged with.
fn charged(accounts: &[&Account]) -> Vec<u64> {
    accounts.iter().map(|account| account.charged_bytes()).collect()
}

#[test]
fn a_message_is_its_receivers_from_the_moment_that_it_is_accepted_on_one_core_and_on_two() {
    for receiver_core in [0, 1] {
        let heap = heap();
        let rig = Rig::over(&heap, 2);
        let (from, to) = (heap.account("from", KIB).unwrap(), heap.account("to", KIB).unwrap());
        let child = As::own(receiver_core, &to).spawn(&rig, |_, inbox| deaf::<Mail>(inbox));
        let (sender, source) = (child.sender.clone(), from.clone());
        let (seen, log) = Log::pair();
        let accounts = (from.clone(), to.clone());
        run(&rig, 0, move |_| async move {
            sender.ready().await.unwrap();
            sender.send(Mail::Data(filled(&source, 512))).await.unwrap();
            seen.add(charged(&[&accounts.0, &accounts.1])); // accepted, and not yet taken by anybody
            let kept = filled(&source, 256);
            sender.send(Mail::Data(kept.clone())).await.unwrap();
            seen.add(charged(&[&accounts.0, &accounts.1])); // who keeps a clone goes on being charged
            drop(kept);
        });
        assert_eq!(log.take(), [[0, 512], [256, 768]], "core {receiver_core}");
        assert_eq!(charged(&[&from, &to]), [0, 768]);
        heap.validate();
        drop((child, rig));
        assert_eq!(charged(&[&from, &to]), [0, 0], "they went with the mailbox");
        heap.validate();
    }
}

#[test]
fn every_handle_in_a_message_is_made_its_receivers_and_references_stay_whose_they_are() {
    let heap = heap();
    let rig = Rig::over(&heap, 1);
    let (from, to) = (heap.account("from", u64::MAX).unwrap(), heap.account("to", 1792).unwrap());
    let (kept, log) = Log::pair();
    let child = As::own(0, &to).spawn(&rig, |_, inbox| keeps::<Mail>(inbox, kept));
    let (held, source) = (filled(&from, 256), from.clone());
    let (soft, weak) = (held.soft(), held.weak());
    run(&rig, 0, move |_| async move {
        let mut filling = source.buf(512).unwrap();
        filling.write(b"begun").unwrap();
        let several = vec![
            None,
            Some(Box::new(Letter::Frozen(filled(&source, 1024)))),
            Some(Box::new(Letter::Inner(Box::new(Letter::Filling("text".into(), filling))))),
            Some(Box::new(Letter::Inner(Box::new(Letter::Frozen(filled(&source, 256)))))),
            Some(Box::new(Letter::Named(soft, weak))),
        ];
        let sent = child.sender.try_send(Mail::Held { number: 5, inside: several });
        assert!(matches!(sent, Ok(Sent::Accepted)), "its limit is just what it brings");
    });
    assert_eq!(charged(&[&from, &to]), [256, 1792]);
    heap.validate();
    let Mail::Held { number: 5, mut inside } = log.take().remove(0) else { panic!("held") };
    let Some(named) = inside.pop().flatten() else { panic!("the last") };
    let Letter::Named(soft, weak) = *named else { panic!("references") };
    drop(inside);
    drop((soft.upgrade().unwrap(), weak.upgrade().unwrap()));
    drop(held);
    assert_eq!((charged(&[&from, &to]), heap.gauges().soft_bytes), (vec![0, 0], 256));
    let again = soft.upgrade().expect("memory is not short");
    assert!(weak.is_alive());
    assert_eq!(charged(&[&from, &to]), [256, 0], "charged to whose the reference is");
    drop((again, soft));
    heap.validate();
}

#[test]
fn a_full_account_refuses_under_every_policy_at_once_and_gives_the_message_back_as_it_was() {
    for (core, full) in [(0, Full::Wait), (0, Full::Reject), (1, Full::Wait), (1, Full::Reject)] {
        let heap = heap();
        let rig = Rig::over(&heap, 2);
        let (from, to) =
            (heap.account("from", u64::MAX).unwrap(), heap.account("to", 100).unwrap());
        let own = As { full, ..As::own(core, &to) };
        let (kept, log) = Log::pair();
        let child = own.spawn(&rig, |_, inbox| keeps::<Mail>(inbox, kept));
        let (sender, source, payer) = (child.sender.clone(), from.clone(), to.clone());
        run(&rig, 0, move |_| async move {
            sender.ready().await.unwrap();
            sender.send(Mail::Data(filled(&source, 64))).await.unwrap();
            let back = sender.send(Mail::Data(filled(&source, 64))).await.unwrap_err();
            let Refused::AccountFull(Mail::Data(data), why) = back else { panic!("{back:?}") };
            assert_eq!((why.limit, why.room_bytes), (Limit::Account, 36));
            assert_eq!((data.to_vec(), charged(&[&source, &payer])), (vec![7; 64], vec![64, 64]));
            let back = sender.try_send(Mail::Data(data)).unwrap_err();
            let said =
                "the receiver cannot hold what it carries: the account is full: 36 bytes of room";
            assert_eq!(back.to_string(), said);
            assert_eq!(charged(&[&source, &payer]), [64, 64]);
            sender.send(Mail::Number(1)).await.unwrap(); // what carries nothing is not refused
            let data = back.into_inner();
            payer.set_limit_bytes(128);
            sender.send(data).await.unwrap();
            assert_eq!(charged(&[&source, &payer]), [0, 128]);
        });
        assert_eq!(log.take().len(), 3, "core {core}, {full:?}");
        rig.advance(SECOND); // leases that are not used go home
        let held = rig.core(core).processes().pop().expect("it lives");
        assert_eq!((held.leased_messages, held.held_bytes), (0, 0), "no room was lost");
        let gauges = rig.core(0).gauges();
        assert_eq!((gauges.account_refused, gauges.mailbox_rejected), (2, 0));
        assert_eq!(gauges.rehomed_bytes, 128);
        heap.validate();
    }
}

#[test]
fn who_waits_in_line_is_refused_when_his_turn_comes_and_those_behind_him_move_up() {
    for core in [0, 1] {
        let heap = heap();
        let rig = Rig::over(&heap, 2);
        let (from, to) = (heap.account("from", u64::MAX).unwrap(), heap.account("to", 64).unwrap());
        let bounds = Bounds { messages: 1, bytes: 4096 };
        let (taken, log) = Log::pair();
        let go = Rc::new(Cell::new(false));
        let may_go = Rc::clone(&go);
        let child = As { bounds, ..As::own(core, &to) }.spawn(&rig, |cx, mut inbox| async move {
            while !may_go.get() {
                cx.sleep_until(cx.now().after(SECOND)).await?;
            }
            loop {
                taken.add(inbox.recv().await?);
            }
        });
        let (seen, results) = Log::pair();
        for (number, bytes) in [(1, 64), (2, 128), (3, 0)] {
            let (sender, source, seen) = (child.sender.clone(), from.clone(), seen.clone());
            rig.spawn(0, "sends", move |_, _: Mailbox<()>| async move {
                let mail = match bytes {
                    0 => Mail::Number(3),
                    _ => Mail::Data(filled(&source, bytes)),
                };
                let is_refused = match sender.send(mail).await {
                    Ok(_) => false,
                    Err(Refused::AccountFull(Mail::Data(data), why)) => {
                        assert_eq!((data.len(), why.limit), (128, Limit::Account));
                        true
                    }
                    Err(other) => panic!("{other:?}"),
                };
                seen.add((number, is_refused));
                Ok(())
            });
        }
        rig.settle();
        assert_eq!(results.take(), [(1, false)], "the others wait for room in the mailbox");
        assert_eq!(charged(&[&from, &to]), [128, 64]);
        heap.validate();
        go.set(true);
        rig.advance(2 * SECOND);
        assert_eq!(results.take(), [(2, true), (3, false)], "core {core}");
        assert_eq!(log.take().len(), 2);
        assert_eq!(charged(&[&from, &to]), [0, 0]);
        heap.validate();
    }
}

#[test]
fn an_answer_is_the_callers_and_one_that_does_not_fit_ends_his_call_with_that() {
    for core in [0, 1] {
        let heap = heap();
        let rig = Rig::over(&heap, 2);
        let server = heap.account("server", u64::MAX).unwrap();
        let client = heap.account("client", 1024).unwrap();
        let (given_back, late) = Log::pair();
        let child = As::own(core, &server).spawn(&rig, |cx, mut inbox: Mailbox<Mail>| async move {
            let account = cx.account();
            loop {
                let Mail::Ask(question, reply) = inbox.recv().await? else { panic!("a question") };
                let bytes = usize::try_from(question.len())? * 4;
                drop(question);
                given_back
                    .add(reply.try_send(filled(&account, bytes)).err().map(|data| data.len()));
            }
        });
        let (done, log) = Log::pair();
        let accounts = (server.clone(), client.clone());
        As::own(0, &client).spawn(&rig, move |cx, _: Mailbox<()>| async move {
            let ask = |bytes| {
                let question = filled(&cx.account(), bytes);
                child.sender.call(SECOND, move |reply| Mail::Ask(question, reply))
            };
            let answer = ask(256).await.unwrap();
            assert_eq!((answer.len(), charged(&[&accounts.0, &accounts.1])), (1024, vec![0, 1024]));
            drop(answer);
            let Err(CallError::OverBudget(why)) = ask(512).await else { panic!("it is too much") };
            assert_eq!((why.limit, why.room_bytes), (Limit::Account, 1024));
            assert_eq!(charged(&[&accounts.0, &accounts.1]), [0, 0]);
            done.add(());
            Ok(())
        });
        assert_eq!(log.take().len(), 1);
        let seen_there = if core == 0 { Some(2048) } else { None };
        assert_eq!(late.take(), [None, seen_there], "a caller elsewhere is not seen");
        assert_eq!(rig.core(0).gauges().answers_over_budget, 1);
        assert_eq!(rig.core(0).gauges().replies_late + rig.core(1).gauges().replies_late, 0);
        assert_eq!(charged(&[&server, &client]), [0, 0]);
        heap.validate();
    }
}

#[test]
fn a_request_that_nobody_took_is_its_callers_again() {
    for core in [0, 1] {
        let heap = heap();
        let rig = Rig::over(&heap, 2);
        let client = heap.account("client", 4096).unwrap();
        let server = heap.account("server", 4096).unwrap();
        let child = As::own(core, &server).spawn(&rig, |_, inbox| deaf::<Mail>(inbox));
        let (back, log) = Log::pair();
        let (sender, accounts) = (child.sender.clone(), (client.clone(), server.clone()));
        As::own(0, &client).spawn(&rig, move |cx, _: Mailbox<()>| async move {
            let question = filled(&cx.account(), 64);
            let asked = sender.call(SECOND, |reply| Mail::Ask(question, reply)).await;
            let Err(CallError::NotStarted(Mail::Ask(question, _))) = asked else {
                panic!("nobody took it")
            };
            back.add(charged(&[&accounts.0, &accounts.1]));
            drop(question);
            Ok(())
        });
        assert_eq!(charged(&[&client, &server]), [0, 64], "it waits there");
        heap.validate();
        let kill = child.kill.clone();
        run(&rig, 0, move |cx| async move { cx.kill(&kill, "enough") });
        assert_eq!(log.take(), [[64, 0]], "core {core}");
        heap.validate();
    }
}

#[test]
fn a_process_has_the_account_of_its_spawner_unless_it_is_given_one_and_of_its_core_if_nobody_was() {
    let heap = heap();
    let rig = Rig::over(&heap, 2);
    let tenant = heap.account("tenant", u64::MAX).unwrap();
    let guest = heap.account("guest", u64::MAX).unwrap();
    let there = rig.id(1);
    let (named, log) = Log::pair();
    let (named, guest_account) = (Sendable(named), guest.clone());
    As::own(0, &tenant).spawn(&rig, move |cx, _: Mailbox<()>| async move {
        let named = named.into_inner();
        let tell = |who: &'static str| {
            let named = Sendable(named.clone());
            move |cx: Context, _: Mailbox<()>| async move {
                named.into_inner().add((who, cx.account().name()));
                Ok(())
            }
        };
        named.add(("self", cx.account().name()));
        cx.spawn("child", tell("child"))?;
        cx.options().charged_to(&guest_account).spawn("guest", tell("guest"))?;
        cx.options().on(there).spawn("far", tell("far child")).await?;
        pending().await
    });
    let named = Sendable(log.clone());
    rig.spawn(0, "root", move |cx: Context, _: Mailbox<()>| async move {
        let named = named.into_inner();
        let (near, far) = (Sendable(named.clone()), Sendable(named.clone()));
        named.add(("root", cx.account().name()));
        cx.spawn("child", |cx: Context, _: Mailbox<()>| async move {
            near.into_inner().add(("root's child", cx.account().name()));
            Ok(())
        })?;
        let what = |cx: Context, _: Mailbox<()>| async move {
            far.into_inner().add(("root's far child", cx.account().name()));
            Ok(())
        };
        cx.options().on(there).spawn("far", what).await?;
        Ok(())
    });
    rig.settle();
    let mut named = log.take();
    named.sort_unstable();
    let expected = [
        ("child", "tenant"),
        ("far child", "tenant"),
        ("guest", "guest"),
        ("root", "core 0"),
        ("root's child", "core 0"),
        ("root's far child", "core 1"),
        ("self", "tenant"),
    ];
    assert_eq!(named, expected.map(|(who, account)| (who, account.to_owned())));
    guest.buf(64).expect("an account of somebody else stays open");
    tenant.buf(64).expect("one process under it still lives");
}

#[test]
fn an_account_of_ones_own_closes_with_the_last_process_under_it_and_what_is_left_is_told() {
    let heap = heap();
    let rig = Rig::over(&heap, 2);
    let tenant = heap.account("tenant", u64::MAX).unwrap();
    let there = rig.id(1);
    let (told, log) = Log::pair();
    let (held, kept) = Log::pair();
    let (account, shares) = (tenant.clone(), Sendable((told.clone(), held)));
    rig.spawn(0, "watches", move |cx: Context, _: Mailbox<()>| async move {
        let (told, held) = shares.into_inner();
        let held = Sendable(held);
        let parent = move |cx: Context, _: Mailbox<()>| async move {
            let leaves = |cx: Context, mut inbox: Mailbox<u64>| async move {
                inbox.recv().await?;
                held.into_inner().add(filled(&cx.account(), 256)); // leaks out of its process
                Err(Failure::new("ends badly"))
            };
            let child = cx.options().on(there).spawn("child", leaves).await?;
            drop(filled(&cx.account(), 64));
            cx.spawn("passes on", move |cx, _: Mailbox<()>| async move {
                cx.sleep_until(cx.now().after(SECOND)).await?;
                child.sender.send(1).await?;
                Ok(())
            })?;
            drop(cx.monitor(child.pid).await);
            Ok(())
        };
        let child = cx.options().own_account(&account).spawn("parent", parent)?;
        told.add(cx.monitor(child.pid).await);
        Ok(())
    });
    rig.advance(3 * SECOND);
    let down = log.take().remove(0);
    assert_eq!((down.exit, down.quarantined_bytes), (Exit::Normal, 256), "the last, and told");
    assert_eq!(tenant.buf(1).unwrap_err().limit, Limit::Closed);
    let quarantine = heap.quarantine();
    assert_eq!((quarantine.len(), quarantine[0].pinned_bytes), (1, 256));
    assert_eq!(rig.core(0).gauges().quarantined_bytes, 256);
    drop(kept.take());
    assert!(heap.quarantine().is_empty());
    heap.validate();
}

#[test]
fn a_process_that_fails_says_what_it_left_to_who_hears_of_failures() {
    let heap = heap();
    let rig = Rig::over(&heap, 1);
    let account = heap.account("leaks", u64::MAX).unwrap();
    let (held, kept) = Log::pair();
    let child = As::own(0, &account).spawn(&rig, |cx, inbox: Mailbox<Mail>| async move {
        held.add(filled(&cx.account(), 512));
        deaf(inbox).await
    });
    assert_eq!(rig.core(0).processes()[0].account_bytes, Some(512));
    run(&rig, 0, move |cx| async move {
        child.sender.try_send(Mail::Data(filled(&cx.account(), 4096))).unwrap();
        cx.kill(&child.kill, "enough");
    });
    assert_eq!(
        rig.lent(0).quarantined_bytes.get(),
        512,
        "without the message, which was dropped before"
    );
    drop(kept);
    assert_eq!(account.charged_bytes(), 0);
    heap.validate();
}

#[test]
fn what_is_on_its_way_to_another_core_is_its_receivers_and_nobodys_when_he_has_gone() {
    let heap = heap();
    let rig = Rig::over(&heap, 2);
    let (from, to) = (heap.account("from", u64::MAX).unwrap(), heap.account("to", 4096).unwrap());
    let child = As::own(1, &to).spawn(&rig, |_, inbox| deaf::<Mail>(inbox));
    let (sender, source, go) = (child.sender, from.clone(), Rc::new(Cell::new(0)));
    let (sent, rounds) = Log::pair();
    let round = Rc::clone(&go);
    rig.spawn(0, "sends", move |cx: Context, _: Mailbox<()>| async move {
        sender.ready().await?;
        for number in 1.. {
            while round.get() < number {
                cx.sleep_until(cx.now().after(Duration::from_millis(1))).await?;
            }
            sent.add(sender.send(Mail::Data(filled(&source, 1024))).await.map_err(
                |back| match back {
                    Refused::Closed(Mail::Data(data), why) => (data.len(), why),
                    other => panic!("{other:?}"),
                },
            ));
        }
        Ok(())
    });
    rig.settle();
    // Only the sender's core moves: what it sends stays in the lane.
    let only_here = |rounds: u32, turns: usize| {
        go.set(rounds);
        rig.set_now(rig.now().after(Duration::from_millis(2)));
        rig.pass(0, turns);
    };
    only_here(1, 32);
    only_here(2, 32);
    assert_eq!(rounds.take(), [Ok(Sent::Accepted), Ok(Sent::Accepted)]);
    assert_eq!(charged(&[&from, &to]), [0, 2048], "in the lane, and the receiver's");
    heap.validate();
    let kill = child.kill;
    rig.spawn(1, "kills", move |cx: Context, _: Mailbox<()>| async move {
        cx.kill(&kill, "before it has them");
        Ok(())
    });
    only_here(3, 0); // the sender is ready, and has not run
    rig.core(1).run_turn();
    rig.core(1).run_turn();
    assert_eq!(charged(&[&from, &to]), [0, 2048], "the lane was not read yet");
    assert_eq!(rig.lent(1).quarantined_bytes.get(), 2048, "so it was left behind");
    rig.core(0).run_turn(); // before its core has heard of the end
    assert_eq!(rounds.take(), [Err((1024, Closed::Ended))], "and takes nothing new");
    rig.settle_all();
    assert_eq!(charged(&[&from, &to]), [0, 0]);
    assert_eq!(rig.core(1).gauges().undelivered, 2);
    heap.validate();
}

#[test]
fn a_thread_that_is_no_core_is_refused_at_once_and_its_message_is_the_receivers_once_it_is_in() {
    let heap = heap();
    let rig = Rig::over(&heap, 1);
    let (from, to) = (heap.account("from", u64::MAX).unwrap(), heap.account("to", 100).unwrap());
    let (kept, log) = Log::pair();
    let child = As::own(0, &to).spawn(&rig, |_, inbox| keeps::<Mail>(inbox, kept));
    let back = child.sender.try_send(Mail::Data(filled(&from, 128))).unwrap_err();
    let Refused::AccountFull(Mail::Data(data), why) = back else { panic!("{back:?}") };
    assert_eq!((data.len(), why.room_bytes, charged(&[&from, &to])), (128, 100, vec![128, 0]));
    drop(data);
    child.sender.try_send(Mail::Data(filled(&from, 64))).unwrap();
    assert_eq!(charged(&[&from, &to]), [64, 64], "set aside there, until it is in");
    heap.validate();
    assert!(matches!(
        child.sender.try_send(Mail::Data(filled(&from, 64))),
        Err(Refused::AccountFull(..))
    ));
    rig.settle_all();
    assert_eq!(log.take().len(), 1);
    assert_eq!(charged(&[&from, &to]), [0, 0]);
    heap.validate();
}

#[test]
fn a_message_from_outside_that_finds_no_place_is_its_senders_still() {
    let heap = heap();
    let rig = Rig::over(&heap, 1);
    let (from, to) =
        (heap.account("from", u64::MAX).unwrap(), heap.account("to", u64::MAX).unwrap());
    let child = As::own(0, &to).spawn(&rig, |_, inbox| deaf::<Mail>(inbox));
    let mut sent = 0;
    let back = loop {
        match child.sender.try_send(Mail::Data(filled(&from, 64))) {
            Ok(_) => sent += 1,
            Err(back) => break back,
        }
    };
    assert!(matches!(back, Refused::Full(Mail::Data(_))), "{back:?}");
    assert_eq!(charged(&[&from, &to]), [(sent + 1) * 64, sent * 64]);
    drop(back);
    rig.settle_all();
    assert_eq!(charged(&[&from, &to]), [0, sent * 64], "those in line have been taken in");
    heap.validate();
    drop((child, rig));
    assert_eq!(charged(&[&from, &to]), [0, 0]);
    heap.validate();
}

#[test]
fn without_an_account_of_the_core_what_is_sent_stays_whose_it_is() {
    let heap = heap();
    let rig = Rig::new(2);
    let from = heap.account("from", u64::MAX).unwrap();
    for core in [0, 1] {
        let (kept, log) = Log::pair();
        let child = rig.spawn(core, "keeps", |_, inbox| keeps::<Mail>(inbox, kept));
        let source = from.clone();
        run(&rig, 0, move |_| async move {
            child.sender.send(Mail::Data(filled(&source, 64))).await.unwrap();
        });
        assert_eq!(from.charged_bytes(), 64);
        assert_eq!(log.take().len(), 1);
        assert_eq!(from.charged_bytes(), 0);
    }
    heap.validate();
}
