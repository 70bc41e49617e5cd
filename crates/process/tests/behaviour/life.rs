//! Life: spawning, tasks, exits, monitors, kills, stopping, stale names.

use crate::rig::{Log, Rig, Sendable};
use levada_process::{
    Bounds, Child, Class, Closed, Context, CoreOptions, Down, Exit, Failure, Full, Mailbox,
    Message, Refused, Reply, Sender, SpawnError,
};
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

/// Does nothing until it is ended.
async fn idle<M: Message>(mut inbox: Mailbox<M>) -> Result<(), Failure> {
    loop {
        inbox.recv().await?;
    }
}

#[test]
fn a_full_table_gives_the_closure_back() {
    let rig = Rig::with(1, CoreOptions { processes_max: 2, ..CoreOptions::default() });
    let first = rig.spawn(0, "idle", |_, inbox: Mailbox<u64>| idle(inbox));
    let _second = rig.spawn(0, "idle", |_, inbox: Mailbox<u64>| idle(inbox));
    let token = Rc::new(5);
    let held = Rc::clone(&token);
    let what = move |_: Context, _: Mailbox<u64>| async move {
        assert_eq!(*held, 5);
        Ok(())
    };
    let Err(SpawnError::Full(what)) = rig.core(0).spawn("too many", what) else {
        panic!("there was room")
    };
    assert_eq!(Rc::strong_count(&token), 2);
    drop(first);
    rig.settle();
    rig.core(0).spawn("fits", what).expect("the first has ended for want of senders");
    rig.settle();
    assert_eq!(Rc::strong_count(&token), 1);
}

#[test]
fn a_process_is_spawned_on_another_core_by_one_crossing_each_way() {
    let rig = Rig::new(2);
    let there = rig.id(1);
    let log = Log::new();
    let noted = log.clone();
    rig.spawn(0, "spawns", move |cx: Context, _: Mailbox<()>| async move {
        let (noted, answered) = (Sendable(noted.clone()), noted);
        let made: Result<Child<Reply<u64>>, _> = cx
            .options()
            .on(there)
            .spawn("there", move |cx: Context, mut inbox| async move {
                noted.into_inner().add(u64::from(cx.core().number()));
                let reply: Reply<u64> = inbox.recv().await?;
                reply.send(7);
                Ok(())
            })
            .await;
        let child = made?;
        assert_eq!(child.pid.core(), there);
        let answer = child.sender.call(MS, |reply| reply).await?;
        answered.add(answer);
        Ok(())
    });
    rig.settle();
    assert_eq!(log.take(), [u64::from(there.number()), 7]);
    assert_eq!(rig.lent(0).ended.take(), []);
}

#[test]
fn a_full_table_elsewhere_gives_the_closure_back_too() {
    let rig = Rig::with(2, CoreOptions { processes_max: 1, ..CoreOptions::default() });
    let there = rig.id(1);
    let log = Log::new();
    let noted = log.clone();
    let _fills = rig.spawn(1, "fills", |_, inbox: Mailbox<u64>| idle(inbox));
    rig.spawn(0, "spawns", move |cx: Context, _: Mailbox<()>| async move {
        let what = |_: Context, inbox: Mailbox<u64>| idle(inbox);
        let Err(SpawnError::Full(what)) = cx.options().on(there).spawn("too many", what).await
        else {
            return Err(Failure::new("there was room"));
        };
        noted.add(matches!(cx.spawn("too many", what), Err(SpawnError::Full(_))));
        Ok(())
    });
    rig.settle();
    assert_eq!(log.take(), [true]);
}

#[test]
fn exits_are_told_to_monitors_each_once() {
    for cores in [1, 2] {
        let rig = Rig::new(cores);
        let log = Log::new();
        let kinds: [(&str, Exit); 5] = [
            ("normal", Exit::Normal),
            ("closed", Exit::Normal),
            ("failed", Exit::Failed { text: "no more water".into() }),
            ("panicked", Exit::Unknown),
            ("killed", Exit::Unknown),
        ];
        for (kind, expected) in kinds {
            let child = rig.spawn(
                cores - 1,
                kind,
                move |cx: Context, mut inbox: Mailbox<u64>| async move {
                    inbox.recv().await?;
                    match kind {
                        "normal" => Ok(()),
                        "closed" => Err(Closed::NoSenders)?,
                        "failed" => Err(Failure::new("no more water")),
                        "panicked" => panic!("by {}", cx.pid()),
                        _ => std::future::pending().await,
                    }
                },
            );
            let (noted, pid, kill, start) =
                (log.clone(), child.pid, child.kill, child.sender.clone());
            rig.spawn(0, "watches", move |cx: Context, _: Mailbox<()>| async move {
                let monitor = cx.monitor(pid);
                drop(cx.monitor(pid)); // one that watches no more hears nothing
                start.send(1).await?;
                start.send(2).await?;
                cx.sleep_until(cx.now().after(MS)).await?;
                cx.kill(&kill, "it is late");
                noted.add(monitor.await);
                // Its name is stale now.
                noted.add(cx.monitor(pid).await);
                Ok(())
            });
            rig.advance(20 * MS);
            let mut told = log.take();
            assert_eq!(told.len(), 2, "{kind}");
            assert_eq!(
                told[1],
                Down { pid: child.pid, exit: Exit::Unknown, undelivered: 0, quarantined_bytes: 0 }
            );
            let Down { pid, exit, undelivered, .. } = told.remove(0);
            assert_eq!((pid, undelivered), (child.pid, 1), "{kind}");
            match (kind, exit) {
                ("panicked", Exit::Panicked { at, text }) => {
                    assert!(
                        at.contains("life.rs:") && *text == *format!("by {pid}"),
                        "{at}: {text}"
                    );
                }
                ("killed", Exit::Killed { by: Some(_), why }) => assert_eq!(why, "it is late"),
                (_, exit) => assert_eq!(exit, expected, "{kind}"),
            }
        }
    }
}

#[test]
fn a_panic_ends_one_process_and_nothing_else() {
    const COUNT: u64 = 1000;
    for cores in [1, 2] {
        let rig = Rig::new(cores);
        let log = Log::new();
        let mut senders = Vec::new();
        for index in 0..COUNT {
            let panics = index % 2 == 1;
            let child = rig.spawn(
                usize::try_from(index).unwrap() % cores,
                "works",
                move |_, mut inbox: Mailbox<Reply<u64>>| async move {
                    let mut count = 0;
                    loop {
                        let reply = inbox.recv().await?;
                        count += 1;
                        assert!(!panics || count < 3, "the third is too much");
                        reply.send(count);
                    }
                },
            );
            senders.push(child.sender);
        }
        let noted = log.clone();
        rig.spawn(0, "asks all", move |_, _: Mailbox<()>| async move {
            for round in 0..5 {
                for (index, sender) in senders.iter().enumerate() {
                    let end = sender
                        .call(Duration::from_secs(1), |reply| reply)
                        .await
                        .map_err(|error| format!("{error:?}"));
                    noted.add((round, index % 2 == 1, end));
                }
            }
            Ok(())
        });
        rig.advance(Duration::from_secs(9));
        let mut ends = log.take();
        assert_eq!(ends.len(), 5 * 1000);
        for (round, panics, end) in ends.drain(..) {
            match end {
                Ok(count) => assert!(count == round + 1 && (!panics || round < 2)),
                Err(why) if round == 2 => assert!(panics && why == "Crashed", "{why}"),
                Err(why) => {
                    assert!(panics && round > 2 && why == "Refused(Closed(Ended))", "{why}")
                }
            }
        }
        let panicked: u64 = (0..cores).map(|core| rig.core(core).gauges().exits_panicked).sum();
        assert_eq!(panicked, COUNT / 2);
        let live: u64 = (0..cores).map(|core| rig.core(core).gauges().processes_live).sum();
        assert_eq!(live, 0, "the others ended normally when the one that asked had");
        let told: usize = (0..cores).map(|core| rig.lent(core).ended.take().len()).sum();
        assert_eq!(told, 500);
    }
}

/// Notes when it is dropped.
struct Noting(Log<u64>, u64);

impl Drop for Noting {
    fn drop(&mut self) {
        self.0.add(self.1);
    }
}

#[test]
fn tasks_are_dropped_youngest_first_and_then_the_root_each_for_itself() {
    let rig = Rig::new(1);
    let log = Log::new();
    let noted = log.clone();
    let (_held, kept) = Log::pair(); // the panic is not to cancel them
    let child = rig.spawn(0, "has tasks", move |cx: Context, mut inbox: Mailbox<u64>| async move {
        let _root = Noting(noted.clone(), 0);
        for number in 1..=4 {
            let noted = noted.clone();
            kept.add(cx.task(async move {
                let _noting = Noting(noted, number);
                let _panics = PanicsWhenDropped(number == 3);
                std::future::pending::<()>().await;
            }));
        }
        inbox.recv().await?;
        panic!("now");
    });
    rig.settle();
    rig.core(0).enter(|| child.sender.try_send(1).unwrap());
    rig.settle_all();
    // The root's own locals go with its panic; what it does not hold goes after.
    assert_eq!(log.take(), [0, 4, 3, 2, 1]);
    assert_eq!(
        (rig.core(0).gauges().panics_contained, rig.core(0).gauges().processes_live),
        (1, 0)
    );
}

struct PanicsWhenDropped(bool);

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        assert!(!self.0, "dropped");
    }
}

#[test]
fn a_task_runs_beside_the_root_and_gives_its_value_or_is_cancelled() {
    let rig = Rig::new(1);
    let log = Log::new();
    let noted = log.clone();
    rig.spawn(0, "has tasks", move |cx: Context, _: Mailbox<()>| async move {
        let begun = cx.begin_cause(Some(5), false);
        let value = cx.task({
            let cx = cx.clone();
            async move {
                cx.yield_now().await;
                cx.cause().id()
            }
        });
        cx.begin_cause(Some(6), false);
        assert_eq!(value.await, begun.id(), "a task keeps the cause that it was made under");
        assert_eq!(cx.cause().id(), 6);
        let cancelled = cx.task({
            let noting = Noting(noted.clone(), 9);
            async move {
                let _noting = noting;
                std::future::pending::<()>().await;
            }
        });
        cx.yield_now().await;
        noted.add(8);
        drop(cancelled);
        noted.add(10);
        let (other, own) = (noted.clone(), Rc::new(Cell::new(None)));
        let held = Rc::clone(&own);
        let suicidal = cx.task(async move {
            let _noting = Noting(other.clone(), 12);
            drop(held.take());
            other.add(11);
            std::future::pending::<()>().await;
        });
        own.set(Some(suicidal));
        cx.yield_now().await;
        cx.yield_now().await;
        noted.add(13);
        Ok(())
    });
    rig.settle();
    assert_eq!(
        log.take(),
        [8, 9, 10, 11, 12, 13],
        "one that cancels itself is dropped after its poll"
    );
}

#[test]
fn no_stale_name_reaches_a_later_process() {
    const COUNT: u32 = if cfg!(miri) { 100 } else { 1_000_000 };
    let rig = Rig::with(1, CoreOptions { processes_max: 4, ..CoreOptions::default() });
    let log = Log::new();
    let noted = log.clone();
    rig.spawn(0, "spawns", move |cx: Context, _: Mailbox<()>| async move {
        let mut stale: Option<(Sender<u64>, levada_process::Kill)> = None;
        let mut slots = std::collections::BTreeSet::new();
        for number in 0..COUNT {
            let child = cx.spawn("brief", |_, mut inbox: Mailbox<u64>| async move {
                inbox.recv().await?;
                Ok(())
            })?;
            slots.insert(child.pid.slot());
            if let Some((sender, kill)) = stale.take() {
                cx.kill(&kill, "stale");
                let back = sender.try_send(1);
                assert!(
                    matches!(back, Err(Refused::Closed(1, Closed::Ended))),
                    "{number}: {back:?}"
                );
            }
            child.sender.send(u64::from(number)).await?;
            let down = cx.monitor(child.pid).await;
            assert_eq!(down.exit, Exit::Normal, "{number}: nobody else's kill or message ended it");
            if number % 3 == 0 {
                stale = Some((child.sender, child.kill));
            }
        }
        noted.add(slots.len());
        Ok(())
    });
    rig.settle_all();
    assert_eq!(rig.lent(0).ended.take(), []);
    assert!(log.take()[0] <= 3);
    assert_eq!(rig.core(0).gauges().exits_normal, u64::from(COUNT) + 1);
}

#[test]
fn stopping_closes_every_mailbox_and_spawns_no_more_and_killing_ends_the_rest() {
    let rig = Rig::new(2);
    let log = Log::new();
    for core in 0..2 {
        let noted = log.clone();
        let child =
            rig.spawn(core, "listens", move |cx: Context, mut inbox: Mailbox<u64>| async move {
                let why = loop {
                    match inbox.recv().await {
                        Ok(message) => noted.add((message, None)),
                        Err(why) => break why,
                    }
                };
                let refused = cx.spawn("late", |_, inbox: Mailbox<u64>| idle(inbox));
                noted.add((0, Some((why, matches!(refused, Err(SpawnError::Stopping(_)))))));
                Ok(())
            });
        rig.core(core).enter(|| child.sender.try_send(1).unwrap());
        let _held = std::mem::ManuallyDrop::new(child);
        let _deaf = std::mem::ManuallyDrop::new(rig.spawn(
            core,
            "does not listen",
            |_, inbox: Mailbox<u64>| async move {
                let _inbox = inbox;
                std::future::pending().await
            },
        ));
    }
    rig.settle();
    log.take();
    for core in 0..2 {
        rig.core(core).stop();
    }
    rig.settle_all();
    assert_eq!(log.take(), [(0, Some((Closed::Stopping, true))); 2]);
    for core in 0..2 {
        assert_eq!(rig.core(core).gauges().processes_live, 1);
        rig.core(core).kill_all("the grace is over");
    }
    rig.settle_all();
    for core in 0..2 {
        assert_eq!(rig.core(core).gauges().processes_live, 0);
        let ended = rig.lent(core).ended.take();
        assert_eq!(ended[0].2, Exit::Killed { by: None, why: "the grace is over" });
    }
}

#[test]
fn a_core_that_leaves_ends_its_processes_and_those_elsewhere_hear_of_it() {
    let mut rig = Rig::new(2);
    let log = Log::new();
    let child =
        rig.spawn(1, "goes with its core", |_, mut inbox: Mailbox<Reply<u64>>| async move {
            let _held = inbox.recv().await?;
            std::future::pending().await
        });
    let noted = log.clone();
    let sender = child.sender.clone();
    rig.spawn(0, "calls", move |_, _: Mailbox<()>| async move {
        let end = sender.call(Duration::from_secs(1), |reply| reply).await;
        noted.add(format!("{end:?}"));
        let end = sender.call(Duration::from_secs(1), |reply| reply).await;
        noted.add(format!("{end:?}"));
        Ok(())
    });
    let noted = log.clone();
    rig.spawn(0, "watches", move |cx: Context, _: Mailbox<()>| async move {
        noted.add(cx.monitor(child.pid).await.exit.to_string());
        noted.add(cx.monitor(child.pid).await.exit.to_string());
        Ok(())
    });
    let noted = log.clone();
    let there = rig.id(1);
    rig.settle();
    rig.leave(1);
    rig.settle();
    let mut told = log.take();
    told.sort();
    assert_eq!(
        told,
        ["Err(Crashed)", "Err(Refused(Closed(Ended)))", "is not there", "killed: the core left"]
    );
    rig.spawn(0, "spawns there", move |cx: Context, _: Mailbox<()>| async move {
        let made =
            cx.options().on(there).spawn("nowhere", |_, inbox: Mailbox<u64>| idle(inbox)).await;
        noted.add(format!("{made:?}"));
        Ok(())
    });
    rig.settle();
    assert_eq!(log.take(), ["Err(Stopping)"]);
    assert_eq!(rig.core(0).gauges().waits_open, 0);
}

#[test]
fn what_a_core_that_leaves_has_not_read_is_answered_as_by_one_that_is_gone() {
    for looked_at in [false, true] {
        let mut rig = Rig::new(2);
        let log = Log::new();
        let child = rig.spawn(1, "goes", |_, inbox: Mailbox<Reply<u64>>| idle(inbox));
        let there = rig.id(1);
        if looked_at {
            // A lane and a lease are there already.
            let to = child.sender.clone();
            rig.spawn(0, "asks", move |_, _: Mailbox<()>| async move { Ok(to.ready().await?) });
            rig.settle();
        }
        let (noted, to) = (log.clone(), child.sender);
        rig.spawn(0, "calls", move |_, _: Mailbox<()>| async move {
            let end = to.call(Duration::from_secs(1), |reply| reply).await;
            noted.add(format!("{:?}", end.map_err(|why| format!("{why:?}"))));
            Ok(())
        });
        let noted = log.clone();
        rig.spawn(0, "watches", move |cx: Context, _: Mailbox<()>| async move {
            noted.add(cx.monitor(child.pid).await.exit.to_string());
            Ok(())
        });
        let noted = log.clone();
        rig.spawn(0, "spawns", move |cx: Context, _: Mailbox<()>| async move {
            let made =
                cx.options().on(there).spawn("no", |_, inbox: Mailbox<()>| idle(inbox)).await;
            noted.add(format!("{made:?}"));
            Ok(())
        });
        rig.pass(0, 32);
        rig.leave(1);
        rig.settle();
        let mut told = log.take();
        told.sort();
        let call =
            if looked_at { "Err(\"NotStarted\")" } else { "Err(\"Refused(Closed(Ended))\")" };
        assert_eq!(told, [call, "Err(Stopping)", "is not there"]);
        assert_eq!(rig.core(0).gauges().waits_open, 0);
    }
}

#[test]
fn background_runs_when_nothing_interactive_does_and_every_sixteenth_turn() {
    let rig = Rig::new(1);
    let log = Log::new();
    for (class, name) in [(Class::Interactive, 'i'), (Class::Background, 'b')] {
        let noted = log.clone();
        rig.spawn(0, "makes", move |cx: Context, _: Mailbox<()>| async move {
            let noted = Sendable(noted);
            let options = cx.options().class(class).mailbox(Bounds::default(), Full::Reject);
            let _child =
                options.spawn("spins", move |cx: Context, inbox: Mailbox<u64>| async move {
                    let (noted, _inbox) = (noted.into_inner(), inbox);
                    for _ in 0..320 {
                        noted.add(name);
                        cx.yield_now().await;
                    }
                    Ok(())
                })?;
            Ok(())
        });
    }
    rig.settle();
    let turns: String = log.take().into_iter().collect();
    let busy = &turns[..turns.rfind('i').unwrap()];
    let background = busy.matches('b').count();
    assert!((busy.len() / 16).abs_diff(background) <= 2, "{background} of {}", busy.len());
    assert!(turns.ends_with(&"b".repeat(200)));
}

#[test]
fn who_never_waits_lets_others_run_after_each_slice() {
    let rig = Rig::new(1);
    let log = Log::new();
    let noted = log.clone();
    let child = rig.spawn(0, "is flooded", move |_, mut inbox: Mailbox<u64>| async move {
        while let Ok(message) = inbox.recv().await {
            noted.add(message);
        }
        Ok(())
    });
    let noted = log.clone();
    rig.spawn(0, "floods", move |_, _: Mailbox<()>| async move {
        for number in 0..200 {
            child.sender.try_send(number)?;
        }
        Ok(())
    });
    rig.settle_turns(2);
    rig.spawn(0, "waits its turn", move |_, _: Mailbox<()>| async move {
        noted.add(1000);
        Ok(())
    });
    rig.settle();
    let place = log.take().iter().position(|message| *message == 1000).unwrap();
    assert!(place <= 128, "at most one slice and a turn: {place}");
}
