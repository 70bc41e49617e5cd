//! Children that are started anew find nothing of what was done to those before them, and nothing is forgotten over others that end.

use crate::rig::{Log, Rig, Sendable};
use levada_local::Limits;
use levada_process::{Context, Failure, Kill, Mailbox, Restart, Sender, Strategy, Supervisor};
use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

type Running = Pin<Box<dyn Future<Output = Result<(), Failure>>>>;

/// What a child does, how manieth start it is.
type Does = fn(Context, Mailbox<()>, u32) -> Running;

struct House {
    rig: Rig,
    /// Who began, in order.
    begun: Log<usize>,
    senders: Vec<Sender<()>>,
    kills: Vec<Kill>,
    failed: Log<String>,
}

/// A supervisor with these children, numbered from zero.
fn house(
    children: Vec<(Restart, Does)>,
    manner: impl FnOnce(&Context) -> Supervisor + 'static,
) -> House {
    let rig = Rig::new(1);
    let ((begun, begins), (failed, fails)) = (Log::pair(), Log::pair());
    let made = Rc::new(RefCell::new(Vec::new()));
    let out = Rc::clone(&made);
    rig.spawn(0, "house", move |cx: Context, _: Mailbox<()>| async move {
        let mut supervisor = manner(&cx);
        for (number, (restart, does)) in children.into_iter().enumerate() {
            let shared = Sendable((begins.clone(), Rc::new(RefCell::new(0))));
            let recipe = move |cx: Context, inbox: Mailbox<()>| {
                let (begins, starts) = shared.clone().into_inner();
                begins.add(number);
                *starts.borrow_mut() += 1;
                let start = *starts.borrow();
                does(cx, inbox, start)
            };
            let child = supervisor.child(cx.options(), "child", restart, recipe)?;
            out.borrow_mut().push((child.sender, child.kill));
        }
        let ran = supervisor.run(&cx).await;
        if let Err(failure) = &ran {
            fails.add(format!("{failure:?}"));
        }
        ran
    });
    rig.settle();
    let (senders, kills) = made.take().into_iter().unzip();
    House { rig, begun, senders, kills, failed }
}

impl House {
    fn kill(&self, child: usize) {
        let kill = self.kills[child].clone();
        self.rig.spawn(0, "kills", move |cx: Context, _: Mailbox<()>| async move {
            cx.kill(&kill, "test");
            Ok(())
        });
        self.rig.settle();
    }
}

/// Ends as soon as it is cancelled.
fn heeds(cx: Context, inbox: Mailbox<()>, _: u32) -> Running {
    Box::pin(async move {
        cx.unless_cancelled(cx.sleep_until(cx.now().after(1_000_000 * MS))).await??;
        drop(inbox);
        Ok(())
    })
}

/// Takes half a second to end when it is cancelled.
fn lingers(cx: Context, inbox: Mailbox<()>, _: u32) -> Running {
    Box::pin(async move {
        cx.cancelled().await;
        let inner = cx.clone();
        cx.finish(async move { inner.sleep_until(inner.now().after(500 * MS)).await }).await?;
        drop(inbox);
        Ok(())
    })
}

#[test]
fn who_is_started_anew_in_the_pass_in_which_he_was_cancelled_is_not_cancelled_again() {
    let house =
        house(vec![(Restart::Permanent, heeds); 2], |cx| Supervisor::new(cx, Strategy::OneForAll));
    house.begun.take();
    house.kill(0);
    house.rig.advance(1000 * MS);
    assert_eq!(house.begun.take(), [0, 1], "each once");
    assert_eq!(house.rig.core(0).gauges().exits_cancelled, 1);
}

#[test]
fn who_gets_the_slot_of_one_that_was_cancelled_in_the_same_pass_is_not() {
    let rig = Rig::new(1);
    let (log, told) = Log::pair();
    rig.spawn(0, "cancels", move |cx: Context, _: Mailbox<()>| async move {
        let sleeps = |cx: Context, _: Mailbox<()>| async move {
            Ok(cx.unless_cancelled(cx.sleep_until(cx.now().after(10 * MS))).await??)
        };
        let first = cx.spawn("sleeps", sleeps)?;
        drop(first.sender);
        cx.sleep_until(cx.now().after(MS)).await?;
        let gone = cx.monitor(first.pid);
        cx.cancel(&first.kill);
        drop(gone.await);
        let next = cx.spawn("sleeps", sleeps)?;
        told.add(next.pid.slot() == first.pid.slot());
        told.add(cx.monitor(next.pid).await.exit.is_normal());
        Ok(())
    });
    rig.advance(1000 * MS);
    assert_eq!(log.take(), [true, true], "it is the same slot, and its own life");
}

fn rest_for_one(cx: &Context) -> Supervisor {
    Supervisor::new(cx, Strategy::RestForOne)
}

/// The third of four is killed, and the first while the fourth takes its time to stop.
fn kill_two(manner: impl FnOnce(&Context) -> Supervisor + 'static) -> House {
    let children: [Does; 4] = [heeds, heeds, heeds, lingers];
    let house = house(children.map(|does| (Restart::Permanent, does)).to_vec(), manner);
    house.begun.take();
    house.kill(2);
    house.rig.advance(100 * MS);
    house.kill(0);
    house.rig.advance(2000 * MS);
    house
}

#[test]
fn an_older_child_that_ends_while_younger_ones_are_stopped_takes_all_behind_it_along() {
    let house = kill_two(rest_for_one);
    assert_eq!(house.begun.take(), [0, 1, 2, 3], "each once");
    assert!(house.failed.take().is_empty());
}

#[test]
fn an_older_child_that_ends_while_younger_ones_are_stopped_counts_towards_the_limit() {
    let house = kill_two(|cx| rest_for_one(cx).limit(1, Duration::from_secs(5)));
    let failed = house.failed.take();
    assert!(
        matches!(failed.as_slice(), [text] if text.contains("2 times within 5s")),
        "{failed:?}"
    );
    assert!(house.begun.take().is_empty());
    assert_eq!(house.rig.core(0).gauges().processes_live, 0);
}

#[test]
fn a_mailbox_that_is_opened_again_with_no_sender_left_is_closed_for_that() {
    fn closes(cx: Context, mut inbox: Mailbox<()>, start: u32) -> Running {
        Box::pin(async move {
            if start == 1 {
                inbox.close();
                cx.sleep_until(cx.now().after(100 * MS)).await?;
                return Err(Failure::new("test"));
            }
            inbox.recv().await.map_err(Failure::from)
        })
    }
    let mut house = house(vec![(Restart::Transient, closes)], rest_for_one);
    house.senders.clear();
    house.rig.settle_all();
    house.rig.advance(1000 * MS);
    assert_eq!(house.begun.take(), [0, 0]);
    assert_eq!(house.rig.core(0).gauges().processes_live, 0, "nobody waits for what cannot come");
}

#[test]
fn who_is_started_anew_has_a_new_heap() {
    fn counts(cx: Context, mut inbox: Mailbox<()>, start: u32) -> Running {
        Box::pin(async move {
            let numbers = cx.own_heap::<Vec<u32>>(Limits::default(), |_| Vec::new())?;
            assert_eq!(numbers.enter(|_, numbers| numbers.len()), 0);
            numbers.enter(|_, numbers| numbers.push(start));
            inbox.recv().await?;
            Err(Failure::new("test"))
        })
    }
    let house = house(vec![(Restart::Permanent, counts)], rest_for_one);
    for _ in 0..2 {
        let sent = house.rig.core(0).enter(|| house.senders[0].try_send(()).is_ok());
        assert!(sent, "its mailbox is kept");
        house.rig.settle_all();
        house.rig.advance(1000 * MS);
        assert_eq!(house.rig.core(0).gauges().own_heaps_live, 1);
    }
    assert_eq!(house.begun.take(), [0, 0, 0]);
    assert_eq!(house.rig.core(0).gauges().exits_panicked, 0);
}
