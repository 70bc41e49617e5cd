//! A tree of supervisors whose processes are ended at random for a minute of the virtual clock, and what still holds then.
//!
//! ```text
//! root, one for one ──► three desks │ all, one for all ──► three workers │ rest, rest for one ──► three workers
//! ```

use crate::chance::Chance;
use crate::rig::{Log, Rig, Sendable};
use levada_process::{
    Context, Failure, Kill, Mailbox, Message, Restart, Sender, Strategy, Supervisor, Tick,
};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const RUNS: Duration = Duration::from_secs(60);
const WITHIN: Duration = Duration::from_secs(5);
const DESKS: usize = 3;
const WORKERS: usize = 3;
const GROUPS: [Strategy; 2] = [Strategy::OneForAll, Strategy::RestForOne];
/// The root, its children, and theirs.
const SHAPE: u64 = (1 + DESKS + GROUPS.len() * (1 + WORKERS)) as u64;

#[derive(Message)]
enum Job {
    Do(u32),
    Crash,
}

/// A child of the root by its number, and one of a group by both.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Who {
    Child(usize),
    Worker(usize, usize),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Event {
    /// The test does something to somebody.
    Struck,
    Begins(Who),
    Ends(Who, Tick),
    /// A message was taken out of the mailbox, and then handled.
    Taken(u32),
    Handled(u32),
}

/// What all processes of one run share: it is one thread.
struct Books {
    log: Log<Event>,
    /// How to end each of them; a group's workers are others after each of its ends.
    kills: RefCell<Vec<(Who, Kill)>>,
    desks: RefCell<Vec<Sender<Job>>>,
    accepted: RefCell<Vec<u32>>,
    failed: RefCell<Option<String>>,
}

type Shared = Sendable<Rc<Books>>;

impl Books {
    fn name(&self, who: Who, kill: Kill) {
        let kills = &mut *self.kills.borrow_mut();
        kills.retain(|(other, _)| *other != who);
        kills.push((who, kill));
    }
}

/// Notes the begin of an incarnation, and its end, however that comes.
struct Life(Who, Context, Rc<Books>);

impl Life {
    fn begin(who: Who, cx: &Context, books: &Rc<Books>) -> Self {
        books.log.add(Event::Begins(who));
        Self(who, cx.clone(), Rc::clone(books))
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.2.log.add(Event::Ends(self.0, self.1.now()));
    }
}

async fn works(
    cx: Context,
    mut inbox: Mailbox<Job>,
    who: Who,
    books: Rc<Books>,
) -> Result<(), Failure> {
    let _life = Life::begin(who, &cx, &books);
    loop {
        let Job::Do(number) = inbox.recv().await? else { panic!("as it was told to") };
        books.log.add(Event::Taken(number));
        let takes = Duration::from_micros(cx.random() % 20_000);
        cx.sleep_until(cx.now().after(takes)).await?;
        books.log.add(Event::Handled(number));
    }
}

/// Adds one that works to a supervisor.
fn add_worker(
    to: &mut Supervisor,
    cx: &Context,
    who: Who,
    books: &Rc<Books>,
) -> Result<Sender<Job>, Failure> {
    let shared = Sendable(Rc::clone(books));
    let recipe = move |cx: Context, inbox: Mailbox<Job>| {
        let books: Shared = shared.clone();
        works(cx, inbox, who, books.into_inner())
    };
    let child = to.child(cx.options(), "works", Restart::Permanent, recipe)?;
    books.name(who, child.kill);
    Ok(child.sender)
}

async fn group(cx: Context, index: usize, books: Rc<Books>) -> Result<(), Failure> {
    let _life = Life::begin(Who::Child(DESKS + index), &cx, &books);
    let mut house = Supervisor::new(&cx, GROUPS[index]);
    for number in 0..WORKERS {
        drop(add_worker(&mut house, &cx, Who::Worker(index, number), &books)?);
    }
    house.run(&cx).await
}

async fn root(cx: Context, restarts_max: usize, books: Rc<Books>) -> Result<(), Failure> {
    let mut house = Supervisor::new(&cx, Strategy::OneForOne).limit(restarts_max, WITHIN);
    for number in 0..DESKS {
        let sender = add_worker(&mut house, &cx, Who::Child(number), &books)?;
        books.desks.borrow_mut().push(sender);
    }
    for index in 0..GROUPS.len() {
        let shared = Sendable(Rc::clone(&books));
        let recipe = move |cx: Context, _: Mailbox<()>| {
            let books: Shared = shared.clone();
            group(cx, index, books.into_inner())
        };
        let child = house.child(cx.options(), "group", Restart::Permanent, recipe)?;
        books.name(Who::Child(DESKS + index), child.kill);
    }
    let ran = house.run(&cx).await;
    books.failed.replace(ran.as_ref().err().map(|failure| format!("{failure:?}")));
    ran
}

/// Ends somebody, or makes a desk end itself.
fn strike(rig: &Rig, chance: &mut Chance, books: &Books) {
    books.log.add(Event::Struck);
    let desks = books.desks.borrow();
    if chance.below(4) == 0 {
        let desk = desks[below(chance, desks.len())].clone();
        rig.spawn(1, "crashes", move |_, _: Mailbox<()>| async move {
            desk.send(Job::Crash).await?;
            Ok(())
        });
        return;
    }
    let kills = books.kills.borrow();
    let (_, kill) = kills[below(chance, kills.len())].clone();
    let core = below(chance, 2);
    rig.spawn(core, "kills", move |cx: Context, _: Mailbox<()>| async move {
        cx.kill(&kill, "by chance");
        Ok(())
    });
}

fn below(chance: &mut Chance, bound: usize) -> usize {
    usize::try_from(chance.below(bound as u64)).expect("below the bound")
}

fn send_some(rig: &Rig, chance: &mut Chance, books: &Rc<Books>, next: &mut u32) {
    let desks = books.desks.borrow();
    let (desk, first) = (desks[below(chance, desks.len())].clone(), *next);
    *next += 1 + u32::try_from(chance.below(20)).expect("below 20");
    let (until, books) = (*next, Rc::clone(books));
    rig.spawn(below(chance, 2), "sends", move |_, _: Mailbox<()>| async move {
        for number in first..until {
            desk.send(Job::Do(number)).await?;
            books.accepted.borrow_mut().push(number);
        }
        Ok(())
    });
}

/// One run; true if it ended by the limit of the root.
fn run(seed: u64) -> bool {
    let rig = Rig::new(2);
    let mut chance = Chance(seed);
    let (restarts_max, pause_ms) = (2 + below(&mut chance, 4), 100 + chance.below(4000));
    let books = Rc::new(Books {
        log: Log::new(),
        kills: RefCell::default(),
        desks: RefCell::default(),
        accepted: RefCell::default(),
        failed: RefCell::default(),
    });
    let shared = Rc::clone(&books);
    rig.spawn(0, "root", move |cx: Context, _: Mailbox<()>| root(cx, restarts_max, shared));
    rig.settle();
    let (mut number, mut quiet_at) = (0, 20);
    let has_failed = || books.failed.borrow().is_some();
    while rig.now().since(Tick::START) < RUNS && !has_failed() {
        if chance.below(3) > 0 {
            strike(&rig, &mut chance, &books);
        } else {
            send_some(&rig, &mut chance, &books, &mut number);
        }
        rig.advance(Duration::from_millis(chance.below(2 * pause_ms)));
        if rig.now().since(Tick::START) >= quiet_at * SECOND {
            quiet_at += 20;
            rig.advance(10 * SECOND);
            if !has_failed() {
                assert_eq!(rig.core(0).gauges().processes_live, SHAPE, "seed {seed}");
            }
        }
    }
    rig.advance(10 * SECOND);
    let events = books.log.take();
    check_limit(&events, restarts_max, &books, seed);
    check_order(&events, seed);
    check_messages(&events, &books, has_failed(), seed);
    let live = rig.core(0).gauges().processes_live;
    assert_eq!(live, if has_failed() { 0 } else { SHAPE }, "seed {seed}");
    has_failed()
}

/// The root fails with the first end of a child that is one too many within the time, and not before.
fn check_limit(events: &[Event], restarts_max: usize, books: &Books, seed: u64) {
    let ended = events.iter().filter_map(|event| match event {
        Event::Ends(Who::Child(_), at) => Some(*at),
        _ => None,
    });
    let ended: Vec<_> = ended.collect();
    let count = |index: usize| {
        ended[..=index].iter().filter(|at| ended[index].since(**at) <= WITHIN).count()
    };
    let too_many = (0..ended.len()).map(count).find(|count| *count > restarts_max);
    let failed = books.failed.borrow();
    match (too_many, &*failed) {
        (None, None) => {}
        (Some(count), Some(text)) => {
            assert!(text.contains(&format!("{count} times within 5s")), "seed {seed}: {text}");
        }
        different => panic!("seed {seed}: {different:?}"),
    }
}

/// Of the workers of a group that end by one blow, the first may be any, and those behind it are stopped youngest first.
fn check_order(events: &[Event], seed: u64) {
    for group in 0..GROUPS.len() {
        let mut ends: Vec<usize> = Vec::new();
        for event in events {
            match event {
                Event::Ends(Who::Worker(of, number), _) if *of == group => {
                    assert!(
                        ends.len() < 2 || ends.last() > Some(number),
                        "seed {seed}: {ends:?}, {number}"
                    );
                    ends.push(*number);
                }
                Event::Begins(Who::Worker(of, _)) if *of == group => ends.clear(),
                Event::Struck => ends.clear(),
                _ => {}
            }
        }
    }
}

/// What a desk accepted is taken once, by whichever incarnation; what it was working on when it ended is handled by none.
fn check_messages(events: &[Event], books: &Books, has_failed: bool, seed: u64) {
    let (mut taken, mut handled) = (HashMap::new(), HashMap::new());
    let mut desk_ends = 0;
    for event in events {
        match event {
            Event::Taken(number) => *taken.entry(*number).or_insert(0) += 1,
            Event::Handled(number) => *handled.entry(*number).or_insert(0) += 1,
            Event::Ends(Who::Child(child), _) if *child < DESKS => desk_ends += 1,
            _ => {}
        }
    }
    assert!(taken.values().chain(handled.values()).all(|times| *times == 1), "seed {seed}");
    assert!(handled.keys().all(|number| taken.contains_key(number)), "seed {seed}");
    assert!(taken.len() - handled.len() <= desk_ends, "seed {seed}: lost in work only");
    let accepted = books.accepted.borrow();
    assert!(has_failed || accepted.iter().all(|number| taken.contains_key(number)), "seed {seed}");
    assert!(taken.len() <= accepted.len(), "seed {seed}");
}

#[test]
fn a_tree_that_is_struck_for_a_minute_comes_back_whole_or_fails_as_its_limit_says() {
    let seeds = if cfg!(miri) { 1 } else { 200 };
    let failed = (0..seeds).filter(|seed| run(*seed)).count();
    assert!(cfg!(miri) || (20..180).contains(&failed), "both come about: {failed} of {seeds}");
}
