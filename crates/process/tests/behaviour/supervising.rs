//! Supervisors: who is started anew, when, in which order, and what is kept.

use crate::rig::{Log, Rig, Sendable};
use levada_process::{
    CallError, Context, Exit, Failure, Kill, Mailbox, Message, Reply, Restart, Sender, Strategy,
    Supervisor, Tick,
};
use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

#[derive(Message)]
enum Job {
    Note(u64),
    Crash,
    Fail,
    End,
    Ask(Reply<u64>),
}

/// What happens to children, in order.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Event {
    Begins(&'static str),
    Notes(&'static str, u64),
    Ends(&'static str),
}

use Event::{Begins, Ends, Notes};

/// Notes that a child is gone, however that comes.
struct Leaving(&'static str, Log<Event>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.1.add(Ends(self.0));
    }
}

async fn child(
    name: &'static str,
    mut inbox: Mailbox<Job>,
    log: Log<Event>,
) -> Result<(), Failure> {
    log.add(Begins(name));
    let _leaving = Leaving(name, log.clone());
    loop {
        match inbox.recv().await? {
            Job::Note(number) => log.add(Notes(name, number)),
            Job::Crash => panic!("as it was told to"),
            Job::Fail => return Err(Failure::new("as it was told to")),
            Job::End => return Ok(()),
            Job::Ask(reply) => reply.send(1),
        }
    }
}

struct House {
    rig: Rig,
    log: Log<Event>,
    senders: Vec<Sender<Job>>,
    kill: Kill,
    outcome: Log<Result<(), String>>,
}

const NAMES: [&str; 3] = ["a", "b", "c"];

/// A supervisor with three children, on a core of a rig.
fn house(restarts: [Restart; 3], manner: impl FnOnce(&Context) -> Supervisor + 'static) -> House {
    let rig = Rig::new(2);
    let (log, noted) = Log::pair();
    let (outcome, told) = Log::pair();
    let senders = Rc::new(RefCell::new(Vec::new()));
    let out = Rc::clone(&senders);
    let kill = rig
        .spawn(0, "house", move |cx: Context, _: Mailbox<()>| async move {
            let mut supervisor = manner(&cx);
            for (name, restart) in NAMES.into_iter().zip(restarts) {
                let recipe = Recipe(noted.clone(), name).into_fn();
                let child = supervisor.child(cx.options(), name, restart, recipe)?;
                out.borrow_mut().push(child.sender);
            }
            let ran = supervisor.run(&cx).await;
            told.add(ran.as_ref().copied().map_err(|failure| format!("{failure:?}")));
            ran
        })
        .kill;
    rig.settle();
    let senders = senders.take();
    House { rig, log, senders, kill, outcome }
}

/// What makes a child: cloned for each incarnation.
#[derive(Clone)]
struct Recipe(Log<Event>, &'static str);

type Running = Pin<Box<dyn Future<Output = Result<(), Failure>>>>;

impl Recipe {
    fn into_fn(self) -> impl Fn(Context, Mailbox<Job>) -> Running + Clone + Send + 'static {
        let this = Sendable(self);
        move |_, inbox| {
            let Self(log, name) = this.clone().into_inner();
            Box::pin(child(name, inbox, log))
        }
    }
}

impl House {
    fn send(&self, to: usize, jobs: impl IntoIterator<Item = Job> + 'static) {
        let sender = self.senders[to].clone();
        self.rig.spawn(0, "sends", move |_, _: Mailbox<()>| async move {
            for job in jobs {
                sender.send(job).await?;
            }
            Ok(())
        });
        self.rig.settle();
    }

    fn cancel(&self) {
        let kill = self.kill.clone();
        self.rig.spawn(0, "cancels", move |cx: Context, _: Mailbox<()>| async move {
            cx.cancel(&kill);
            Ok(())
        });
        self.rig.settle();
    }
}

const BEGUN: [Event; 3] = [Begins("a"), Begins("b"), Begins("c")];

fn one_for_one(cx: &Context) -> Supervisor {
    Supervisor::new(cx, Strategy::OneForOne)
}

#[test]
fn a_child_that_panics_is_started_anew_with_what_waited_and_without_what_it_was_working_on() {
    let house = house([Restart::Permanent; 3], one_for_one);
    assert_eq!(house.log.take(), BEGUN);
    let pid = house.senders[1].pid();
    house.send(1, [Job::Note(1), Job::Crash, Job::Note(2), Job::Note(3)]);
    let came = [Notes("b", 1), Ends("b"), Begins("b"), Notes("b", 2), Notes("b", 3)];
    assert_eq!(house.log.take(), came);
    let gauges = house.rig.core(0).gauges();
    assert_eq!((gauges.restarts, gauges.exits_panicked), (1, 1));
    let there: Vec<_> = house.rig.core(0).processes();
    let report = there.iter().find(|process| process.pid == pid).expect("it has the same pid");
    assert_eq!((report.name, report.restarts), ("b", 1));
}

#[test]
fn who_called_a_child_that_crashes_is_told_and_who_still_waits_is_answered_by_the_next() {
    let house = house([Restart::Permanent; 3], one_for_one);
    let log = Log::new();
    for crashes in [true, false, false] {
        let (to, told) = (house.senders[0].clone(), log.clone());
        house.rig.spawn(1, "calls", move |_, _: Mailbox<()>| async move {
            let within = Duration::from_secs(1);
            if crashes {
                to.send(Job::Crash).await?;
            }
            let outcome = to.call(within, Job::Ask).await;
            told.add(outcome.map_err(|error| matches!(error, CallError::Crashed)));
            Ok(())
        });
    }
    house.rig.settle();
    assert_eq!(log.take(), [Ok(1), Ok(1), Ok(1)], "none of them was in work");
    assert_eq!(house.rig.core(0).gauges().undelivered, 0);
}

#[test]
fn each_kind_of_child_comes_back_after_the_ends_it_should() {
    let kinds = [Restart::Permanent, Restart::Transient, Restart::Temporary];
    let jobs: [fn() -> Job; 3] = [|| Job::End, || Job::Fail, || Job::Crash];
    let back = [[true, false, false], [true, true, false], [true, true, false]];
    for (job, back) in jobs.into_iter().zip(back) {
        let house = house(kinds, one_for_one);
        house.log.take();
        for index in 0..3 {
            house.send(index, [job()]);
            house.rig.advance(Duration::from_secs(10)); // out of the limit's sight
            let mut expected = vec![Ends(NAMES[index])];
            expected.extend(back[index].then_some(Begins(NAMES[index])));
            assert_eq!(house.log.take(), expected, "{:?} {index}", kinds[index]);
        }
        let (to, log) = (house.senders[2].clone(), Log::new());
        let told = log.clone();
        house.rig.spawn(0, "sends", move |_, _: Mailbox<()>| async move {
            told.add(to.send(Job::End).await.is_err());
            Ok(())
        });
        house.rig.settle();
        assert_eq!(log.take(), [true], "who is never started anew takes no more");
    }
}

#[test]
fn all_are_stopped_in_reverse_and_started_in_order_where_one_stands_for_all() {
    let house = house([Restart::Permanent; 3], |cx| Supervisor::new(cx, Strategy::OneForAll));
    house.log.take();
    house.send(0, [Job::Crash, Job::Note(1)]);
    let stopped = [Ends("a"), Ends("c"), Ends("b")];
    let (came, mut noted) = (house.log.take(), stopped.to_vec());
    noted.extend(BEGUN);
    let is_note = |event: &Event| matches!(event, Notes(..));
    assert_eq!(came.iter().filter(|event| is_note(event)).count(), 1);
    assert_eq!(came.into_iter().filter(|event| !is_note(event)).collect::<Vec<_>>(), noted);
    assert_eq!(house.rig.core(0).gauges().exits_cancelled, 2);
}

#[test]
fn those_started_after_it_go_with_it_where_the_rest_does() {
    let house = house([Restart::Permanent; 3], |cx| Supervisor::new(cx, Strategy::RestForOne));
    house.log.take();
    house.send(1, [Job::Crash]);
    assert_eq!(house.log.take(), [Ends("b"), Ends("c"), Begins("b"), Begins("c")]);
}

#[test]
fn messages_that_wait_in_a_sibling_that_is_stopped_with_it_are_kept_too() {
    let house = house([Restart::Permanent; 3], |cx| Supervisor::new(cx, Strategy::OneForAll));
    house.log.take();
    let (first, third) = (house.senders[0].clone(), house.senders[2].clone());
    house.rig.spawn(0, "sends", move |_, _: Mailbox<()>| async move {
        first.send(Job::Crash).await?;
        third.send(Job::Note(7)).await?;
        Ok(())
    });
    house.rig.settle();
    let came = house.log.take();
    assert_eq!(came.iter().filter(|event| **event == Notes("c", 7)).count(), 1, "{came:?}");
}

#[test]
fn more_restarts_than_the_limit_end_the_supervisor_and_all_its_children() {
    let house = house([Restart::Permanent; 3], one_for_one);
    house.log.take();
    for _ in 0..4 {
        house.send(1, [Job::Crash]);
        house.rig.advance(Duration::from_millis(100));
    }
    let told = house.outcome.take();
    let [Err(text)] = told.as_slice() else { panic!("{told:?}") };
    assert!(text.contains("4 times within 5s; last b: panicked at"), "{text}");
    let came = house.log.take();
    assert_eq!(came[came.len() - 3..], [Ends("b"), Ends("c"), Ends("a")]);
    house.rig.settle();
    assert_eq!(house.rig.core(0).gauges().processes_live, 0);
}

#[test]
fn restarts_that_are_far_apart_are_no_reason_to_give_up() {
    let house = house([Restart::Permanent; 3], one_for_one);
    for _ in 0..20 {
        house.send(1, [Job::Crash]);
        house.rig.advance(Duration::from_secs(6));
    }
    assert!(house.outcome.take().is_empty());
    assert_eq!(house.rig.core(0).gauges().restarts, 20);
}

#[test]
fn each_restart_in_a_row_waits_longer_up_to_a_limit() {
    let manner = |cx: &Context| {
        let (first, most) = (Duration::from_millis(10), Duration::from_millis(80));
        Supervisor::new(cx, Strategy::OneForOne)
            .limit(100, Duration::from_secs(5))
            .backoff(first, most)
    };
    let house = house([Restart::Permanent; 3], manner);
    house.log.take();
    let mut waited_ms = Vec::new();
    for _ in 0..7 {
        house.send(1, [Job::Crash]);
        let begin = house.rig.now();
        while !house.log.take().contains(&Begins("b")) {
            house.rig.advance(Duration::from_millis(1));
        }
        waited_ms.push(house.rig.now().since(begin).as_millis());
    }
    assert_eq!(waited_ms[0], 0, "the first is at once");
    for (waited, full) in waited_ms[1..].iter().zip([10, 20, 40, 80, 80, 80]) {
        assert!((full * 3 / 4..=full * 5 / 4 + 1).contains(waited), "{waited_ms:?}");
    }
}

#[test]
fn a_supervisor_that_is_cancelled_stops_its_children_youngest_first_and_ends_as_cancelled() {
    let house = house([Restart::Permanent; 3], one_for_one);
    house.log.take();
    house.cancel();
    assert_eq!(house.log.take(), [Ends("c"), Ends("b"), Ends("a")]);
    assert_eq!(house.outcome.take().len(), 1);
    let gauges = house.rig.core(0).gauges();
    assert_eq!((gauges.exits_cancelled, gauges.processes_live), (4, 0));
    assert!(house.rig.lent(0).ended.take().is_empty(), "to be cancelled is no failure");
}

#[test]
fn a_child_that_does_not_heed_a_cancel_is_killed_when_its_grace_is_over() {
    let rig = Rig::new(1);
    let log = Log::new();
    let ends = Sendable(log.clone());
    let house = rig.spawn(0, "house", move |cx: Context, _: Mailbox<()>| async move {
        let mut house = one_for_one(&cx).grace(Duration::from_secs(2));
        let deaf = |cx: Context, _: Mailbox<()>| async move {
            loop {
                let _is_over = cx.sleep_until(cx.now().after(Duration::from_secs(1))).await;
                std::future::pending::<()>().await;
            }
        };
        house.child(cx.options(), "deaf", Restart::Permanent, deaf)?;
        let _ended = Leaving("house", ends.into_inner());
        house.run(&cx).await
    });
    rig.settle();
    rig.spawn(0, "cancels", move |cx: Context, _: Mailbox<()>| async move {
        cx.cancel(&house.kill);
        Ok(())
    });
    rig.advance(Duration::from_millis(1999));
    assert!(log.take().is_empty());
    rig.advance(Duration::from_millis(2));
    assert_eq!(log.take(), [Ends("house")]);
    let ended = rig.lent(0).ended.take();
    assert!(matches!(ended.as_slice(), [(_, "deaf", Exit::Killed { .. })]), "{ended:?}");
}

#[test]
fn a_supervisor_that_is_killed_takes_its_children_with_it_also_those_that_wait_to_be_started() {
    let house = house([Restart::Permanent; 3], one_for_one);
    house.send(1, [Job::Crash]);
    house.send(1, [Job::Crash]); // which waits for ten milliseconds now
    let kill = house.kill.clone();
    house.rig.spawn(0, "kills", move |cx: Context, _: Mailbox<()>| async move {
        cx.kill(&kill, "test");
        Ok(())
    });
    house.rig.settle();
    assert_eq!(house.rig.core(0).gauges().processes_live, 0);
    let to = house.senders[1].clone();
    let (log, told) = Log::pair();
    house.rig.spawn(1, "sends", move |_, _: Mailbox<()>| async move {
        told.add(to.send(Job::End).await.is_err());
        Ok(())
    });
    house.rig.settle();
    assert_eq!(log.take(), [true]);
}

#[test]
fn a_child_whose_senders_have_gone_ends_unless_it_is_permanent() {
    let mut house =
        house([Restart::Permanent, Restart::Transient, Restart::Temporary], one_for_one);
    house.log.take();
    house.senders.clear();
    house.rig.settle_all();
    house.rig.settle();
    let mut came = house.log.take();
    came.sort_unstable_by_key(|event| matches!(event, Ends("c")));
    assert_eq!(came, [Ends("b"), Ends("c")]);
}

#[test]
fn a_core_that_stops_starts_nobody_anew() {
    let house = house([Restart::Permanent; 3], one_for_one);
    house.send(1, [Job::Crash]);
    house.send(1, [Job::Crash]);
    house.log.take();
    house.rig.core(0).stop();
    house.rig.settle_all();
    let came = house.log.take();
    assert!(!came.iter().any(|event| matches!(event, Begins(_))), "{came:?}");
    assert_eq!(house.rig.core(0).gauges().processes_live, 0);
    assert_eq!(house.outcome.take(), [Ok(())]);
}

#[test]
fn a_monitor_hears_of_each_incarnation_and_a_sender_keeps_its_order_over_a_restart() {
    let house =
        house([Restart::Permanent; 3], |cx| one_for_one(cx).limit(100, Duration::from_secs(5)));
    house.log.take();
    let pid = house.senders[0].pid();
    let (log, told) = Log::pair();
    house.rig.spawn(1, "watches", move |cx: Context, _: Mailbox<()>| async move {
        for _ in 0..3 {
            told.add(cx.monitor(pid).await.exit.is_normal());
        }
        Ok(())
    });
    let jobs =
        (0..300).map(|number| if number % 100 == 50 { Job::Crash } else { Job::Note(number) });
    let sender = house.senders[0].clone();
    house.rig.spawn(1, "sends", move |_, _: Mailbox<()>| async move {
        for job in jobs {
            sender.send(job).await?;
        }
        Ok(())
    });
    house.rig.advance(Duration::from_secs(1));
    let noted: Vec<_> = house
        .log
        .take()
        .into_iter()
        .filter_map(|event| match event {
            Notes(_, number) => Some(number),
            Begins(_) | Ends(_) => None,
        })
        .collect();
    let expected: Vec<_> = (0..300).filter(|number| number % 100 != 50).collect();
    assert_eq!(noted, expected);
    assert_eq!(log.take(), [false; 3]);
}

#[test]
fn a_mailbox_that_a_child_drops_while_it_goes_on_is_closed_and_open_again_after_its_end() {
    let rig = Rig::new(1);
    let (log, told) = Log::pair();
    let (begun, begins) = Log::pair();
    let recipe = Sendable(begins);
    let out = Rc::new(RefCell::new(None));
    let to = Rc::clone(&out);
    rig.spawn(0, "house", move |cx: Context, _: Mailbox<()>| async move {
        let mut house = one_for_one(&cx);
        let child = house.child(
            cx.options(),
            "child",
            Restart::Permanent,
            move |cx: Context, inbox: Mailbox<u64>| {
                let begins = recipe.clone().into_inner();
                async move {
                    begins.add(cx.now());
                    drop(inbox);
                    cx.sleep_until(cx.now().after(Duration::from_secs(1))).await?;
                    Err(Failure::new("test"))
                }
            },
        )?;
        to.replace(Some(child.sender));
        house.run(&cx).await
    });
    rig.settle();
    let sender = out.take().expect("made in this pass");
    rig.spawn(0, "sends", move |cx: Context, _: Mailbox<()>| async move {
        cx.sleep_until(cx.now().after(Duration::from_millis(500))).await?;
        told.add(sender.send(1).await.is_ok());
        Ok(())
    });
    rig.advance(Duration::from_millis(2500));
    assert_eq!(log.take(), [false], "nobody takes it");
    let seconds = begun.take().iter().map(|at| at.since(Tick::START).as_secs()).collect::<Vec<_>>();
    assert_eq!(seconds, [0, 1, 2]);
}

#[test]
fn a_child_that_had_just_ended_takes_no_more_once_its_supervisor_gives_up() {
    let rig = Rig::new(1);
    let out = Rc::new(RefCell::new(Vec::new()));
    let to = Rc::clone(&out);
    rig.spawn(0, "house", move |cx: Context, _: Mailbox<()>| async move {
        let mut house = one_for_one(&cx).limit(0, Duration::from_secs(5));
        let deaf = |_: Context, _: Mailbox<()>| std::future::pending();
        house.child(cx.options(), "deaf", Restart::Permanent, deaf)?;
        for name in ["one", "other"] {
            let fails = |_: Context, mut inbox: Mailbox<Job>| async move {
                inbox.recv().await?;
                Err(Failure::new("as it was told to"))
            };
            let child = house.child(cx.options(), name, Restart::Permanent, fails)?;
            to.borrow_mut().push(child.sender);
        }
        house.run(&cx).await
    });
    rig.settle();
    let senders = out.take();
    let (log, told) = Log::pair();
    rig.spawn(0, "sends", move |cx: Context, _: Mailbox<()>| async move {
        for sender in &senders {
            sender.send(Job::Fail).await?;
        }
        // Both have failed, and the deaf one still has time to end.
        cx.sleep_until(cx.now().after(Duration::from_secs(1))).await?;
        for sender in &senders {
            told.add(sender.send(Job::End).await.is_err());
        }
        Ok(())
    });
    rig.advance(Duration::from_secs(2));
    assert_eq!(log.take(), [true, true]);
}
