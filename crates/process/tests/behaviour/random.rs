//! Random programs over several processes and cores, with what holds at every step and what is left at the end.

use crate::chance::Chance;
use crate::rig::{Rig, Sendable};
use crate::within::within;
use levada_process::{
    Bounds, CallError, Context, CoreOptions, Failure, Full, Isolated, Mailbox, Message, Refused,
    Reply, Sender,
};
use proptest::prelude::{ProptestConfig, any, proptest};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

const BOUNDS: Bounds = Bounds { messages: 3, bytes: 400 };
const PROCESSES: usize = 6;
const STEPS: u32 = 100;

#[derive(Message)]
enum Mail {
    Note { from: u32, number: u32, held: Isolated<Arc<()>> },
    Ask { number: u32, held: Isolated<Arc<()>>, reply: Reply<u32> },
}

/// What all processes of one run share: it is one thread.
#[derive(Default)]
struct Books {
    senders: RefCell<Vec<Sender<Mail>>>,
    /// Notes sent from one process to another, and the last that arrived.
    sent: RefCell<HashMap<(u32, usize), u32>>,
    arrived: RefCell<HashMap<(u32, usize), u32>>,
    accepted: Cell<u64>,
    received: Cell<u64>,
    alive: Arc<()>,
}

fn count(cell: &Cell<u64>) {
    cell.set(cell.get() + 1);
}

impl Books {
    fn held(&self) -> Isolated<Arc<()>> {
        Isolated::new(Arc::clone(&self.alive), 16)
    }

    /// A note, numbered when its send begins.
    fn note(&self, from: u32, to: usize) -> Mail {
        let mut sent = self.sent.borrow_mut();
        let number = sent.entry((from, to)).or_default();
        *number += 1;
        Mail::Note { from, number: *number, held: self.held() }
    }

    fn took(&self, me: usize, mail: Mail) {
        count(&self.received);
        match mail {
            Mail::Note { from, number, held } => {
                drop(held);
                let before = self.arrived.borrow_mut().insert((from, me), number);
                assert!(before < Some(number), "{from} -> {me}: {before:?} then {number}");
            }
            Mail::Ask { number, reply, .. } => match number % 5 {
                0 => drop(reply),
                _ => reply.send(number * 2),
            },
        }
    }
}

async fn program(
    cx: Context,
    mut inbox: Mailbox<Mail>,
    me: usize,
    books: Rc<Books>,
    seed: u64,
) -> Result<(), Failure> {
    let mut chance = Chance(seed);
    let from = u32::try_from(me).expect("processes are few") | cx.pid().generation() << 8;
    for _ in 0..STEPS {
        let to = usize::try_from(chance.below(PROCESSES as u64)).expect("below the count");
        let peer = books.senders.borrow()[to].clone();
        let patience = Duration::from_micros(chance.below(3000));
        let timer = pin!(cx.sleep_until(cx.now().after(patience)));
        match chance.below(12) {
            0..2 => {
                if peer.try_send(books.note(from, to)).is_ok() {
                    count(&books.accepted);
                }
            }
            2..5 => {
                // Whether a send that was given up was accepted is known by whether it was ready.
                if let Some(Ok(_)) = within(peer.send(books.note(from, to)), timer).await {
                    count(&books.accepted);
                }
            }
            5..7 => {
                let number = u32::try_from(chance.below(1000)).expect("below 1000");
                let make = |reply| Mail::Ask { number, held: books.held(), reply };
                match within(peer.call(patience / 2, make), timer).await {
                    Some(Ok(answer)) => assert_eq!(answer, number * 2),
                    Some(Err(CallError::NotStarted(Mail::Ask { number: back, .. }))) => {
                        assert_eq!(back, number)
                    }
                    Some(Err(CallError::Refused(Refused::Full(Mail::Ask {
                        number: back,
                        ..
                    })))) => assert_eq!(back, number),
                    _ => {}
                }
            }
            7..10 => {
                for _ in 0..chance.below(6) {
                    let timer = pin!(cx.sleep_until(cx.now().after(patience / 4)));
                    match within(inbox.recv(), timer).await {
                        Some(Ok(mail)) => books.took(me, mail),
                        Some(Err(_)) => return Ok(()),
                        None => break,
                    }
                }
            }
            10 => timer.await?,
            _ => match chance.below(100) {
                0 => panic!("by chance"),
                1 => return Ok(()),
                2 => inbox.close(),
                _ => cx.yield_now().await,
            },
        }
    }
    while let Ok(mail) = inbox.recv().await {
        books.took(me, mail);
    }
    Ok(())
}

fn run(cores: usize, seed: u64) {
    let rig = Rig::with(cores, CoreOptions { processes_max: 64, ..CoreOptions::default() });
    let (books, mut chance) = (Rc::new(Books::default()), Chance(seed));
    for me in 0..PROCESSES {
        let books = Sendable(Rc::clone(&books));
        let seed = chance.below(u64::MAX);
        rig.spawn(me % cores, "makes", move |cx: Context, _: Mailbox<()>| async move {
            let books = books.into_inner();
            let inside = Sendable(Rc::clone(&books));
            let full = if seed.is_multiple_of(3) { Full::Reject } else { Full::Wait };
            let child =
                cx.options().mailbox(BOUNDS, full).spawn("by chance", move |cx, inbox| {
                    let books = inside.into_inner();
                    async move {
                        cx.sleep_until(cx.now().after(Duration::from_micros(1))).await?;
                        program(cx, inbox, me, books, seed).await
                    }
                })?;
            books.senders.borrow_mut().push(child.sender);
            Ok(())
        });
        rig.settle();
    }
    for _ in 0..if cfg!(miri) { 500 } else { 8000 } {
        let core = usize::try_from(chance.below(cores as u64)).expect("below the count");
        rig.pass(core, usize::try_from(chance.below(5)).expect("below 5"));
        if chance.below(4) == 0 {
            rig.set_now(rig.now().after(Duration::from_micros(chance.below(300))));
        }
        check_bounds(&rig, cores);
    }
    rig.advance(Duration::from_secs(1));
    check_bounds(&rig, cores);
    // Each that is still there waits for messages that will not come once nobody can send any.
    rig.core(0).enter(|| books.senders.borrow_mut().clear());
    rig.settle_all();
    rig.advance(Duration::from_secs(1));
    let gauges = (0..cores)
        .map(|core| rig.core(core).gauges())
        .reduce(|a, b| a + b)
        .expect("there is a core");
    assert_eq!((gauges.processes_live, gauges.waits_open), (0, 0), "{cores} cores, seed {seed}");
    assert_eq!(Arc::strong_count(&books.alive), 1, "every message was dropped once");
    for core in 0..cores {
        assert_eq!(rig.timers(core), 0);
    }
    let (received, arrived) = (books.received.get(), gauges.messages_same + gauges.messages_lane);
    assert!(
        received <= arrived && received + gauges.undelivered >= arrived,
        "nothing disappears uncounted"
    );
    assert!(
        books.accepted.get() <= received + gauges.undelivered,
        "what was accepted arrives, or is counted"
    );
}

/// `queued + leased <= bound`, in messages and bytes.
fn check_bounds(rig: &Rig, cores: usize) {
    for core in 0..cores {
        for process in
            rig.core(core).processes().iter().filter(|process| process.name == "by chance")
        {
            assert!(
                process.queued_messages + process.leased_messages <= BOUNDS.messages,
                "{process:?}"
            );
            assert!(process.held_bytes <= BOUNDS.bytes, "{process:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 1 } else { 60 }, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn random_programs_keep_every_bound_and_leave_nothing(seed in any::<u64>(), cores in 1_usize..4) {
        run(cores, seed);
    }
}
