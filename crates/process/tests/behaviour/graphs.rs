//! Random graphs of processes that call each other: every call is answered or told that it closed a circle, none waits for its end.
//!
//! `LEVADA_GRAPHS` says how many graphs; `LEVADA_SEED` with which to begin. A graph that fails is named by its own seed.

use crate::chance::Chance;
use crate::rig::{Rig, Sendable};
use crate::within::within;
use levada_process::{
    Bounds, CallError, Context, CoreOptions, Failure, Full, Mailbox, Message, Pid, Refused, Reply,
    Sender,
};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

/// Far beyond what any graph is given: a call that is not over by then waits for what never comes.
const HOUR: Duration = Duration::from_secs(3600);
/// How many graphs one rig is used for.
const RIG_GRAPHS: u64 = 200;

#[derive(Message)]
enum Say {
    /// To be answered when the one who is asked has asked others, so many deep.
    Ask(u32, Reply<u32>),
    Note,
}

/// What the members of one graph share: it is one thread.
#[derive(Default)]
struct Graph {
    senders: RefCell<Vec<Sender<Say>>>,
    /// For whom each waits, and does nothing else.
    waits: RefCell<HashMap<Pid, Pid>>,
    begun: Cell<u32>,
    answered: Cell<u32>,
    cycles: Cell<u32>,
}

fn count(cell: &Cell<u32>) {
    cell.set(cell.get() + 1);
}

impl Graph {
    /// A wait of `who` is over; whether it closed a circle, as told, is seen from what the others wait for.
    fn waited(&self, who: Pid, closed_circle: bool) {
        let waits = &mut *self.waits.borrow_mut();
        let mut at = who;
        for _ in 0..waits.len() {
            at = waits.get(&at).copied().unwrap_or(at);
            if at == who {
                break;
            }
        }
        assert!(!closed_circle || at == who, "{who} is told of a circle that ends at {at}");
        waits.remove(&who);
    }
}

struct Member {
    inbox: Mailbox<Say>,
    /// Whether it receives while it waits.
    is_during: bool,
    graph: Rc<Graph>,
    chance: Chance,
}

impl Member {
    async fn live(mut self, cx: Context) -> Result<(), Failure> {
        cx.sleep_until(cx.now().after(Duration::from_micros(1))).await.unwrap_or_default();
        for _ in 0..=self.chance.below(4) {
            match self.chance.below(8) {
                0 => cx.yield_now().await,
                1 => {
                    let until = cx.now().after(Duration::from_micros(self.chance.below(90)));
                    if let Some(say) = within(self.inbox.recv(), cx.sleep_until(until)).await {
                        self.handle(say?).await?;
                    }
                }
                2 | 3 => self.note().await?,
                _ => {
                    let depth = self.chance.below(4);
                    self.ask(u32::try_from(depth)?).await?;
                }
            }
        }
        loop {
            let say = self.inbox.recv().await?;
            self.handle(say).await?;
        }
    }

    async fn handle(&mut self, say: Say) -> Result<(), Failure> {
        let Say::Ask(depth, reply) = say else { return Ok(()) };
        let mut reply = Some(reply);
        if self.is_during {
            // Who receives while he waits is in no circle, so he keeps nobody waiting meanwhile.
            reply.take().into_iter().for_each(|reply| reply.send(depth));
        }
        for deeper in 0..depth.min(2) {
            self.ask(depth - 1 - deeper.min(depth - 1)).await?;
        }
        reply.into_iter().for_each(|reply| reply.send(depth));
        Ok(())
    }

    fn peer(&mut self) -> Sender<Say> {
        let senders = self.graph.senders.borrow();
        let index = self.chance.below(senders.len() as u64);
        senders[usize::try_from(index).expect("below the count")].clone()
    }

    async fn ask(&mut self, depth: u32) -> Result<(), Failure> {
        let peer = self.peer();
        count(&self.graph.begun);
        let call = peer.call(HOUR, |reply| Say::Ask(depth, reply));
        let (me, to) = (self.inbox.pid(), peer.pid());
        let end = if self.is_during {
            self.inbox.during(call, answer).await
        } else {
            self.graph.waits.borrow_mut().insert(me, to);
            let end = call.await;
            self.graph.waited(me, matches!(end, Err(CallError::Cycle(_))));
            end
        };
        match end {
            Ok(answer) => {
                assert!(answer == depth || answer == u32::MAX);
                count(&self.graph.answered);
            }
            Err(CallError::Cycle(Some(Say::Note))) => panic!("another's message came back"),
            Err(CallError::Cycle(_)) => count(&self.graph.cycles),
            Err(why) => return Err(why.into()),
        }
        Ok(())
    }

    async fn note(&mut self) -> Result<(), Failure> {
        let peer = self.peer();
        count(&self.graph.begun);
        let send = peer.send(Say::Note);
        let (me, to) = (self.inbox.pid(), peer.pid());
        let end = if self.is_during {
            self.inbox.during(send, answer).await
        } else {
            self.graph.waits.borrow_mut().insert(me, to);
            let end = send.await;
            self.graph.waited(me, matches!(end, Err(Refused::Cycle(_))));
            end
        };
        match end {
            Ok(_) => count(&self.graph.answered),
            Err(Refused::Cycle(_)) => count(&self.graph.cycles),
            Err(why) => return Err(why.into()),
        }
        Ok(())
    }
}

/// Answers at once, asking nobody: whoever keeps requests until his own is answered lets others wait in a way that nobody sees.
fn answer(say: Say) {
    if let Say::Ask(_, reply) = say {
        reply.send(u32::MAX);
    }
}

/// One graph; how many circles it had.
fn run(rig: &Rig, cores: usize, seed: u64) -> u32 {
    let (graph, mut chance) = (Rc::new(Graph::default()), Chance(seed));
    let members = 2 + chance.below(11);
    // Of all forms, and of each alone.
    let during_of_4 = chance.below(5);
    for _ in 0..members {
        let core = usize::try_from(chance.below(cores as u64)).expect("below the count");
        let capacity = u16::try_from(1 + chance.below(4)).expect("at most 4");
        let (is_during, seed) = (chance.below(4) < during_of_4, chance.below(u64::MAX));
        let inside = Sendable(Rc::clone(&graph));
        rig.spawn(core, "makes", move |cx: Context, _: Mailbox<()>| async move {
            let graph = inside.into_inner();
            let inside = Sendable(Rc::clone(&graph));
            let bounds = Bounds { messages: capacity, bytes: 1 << 16 };
            let child =
                cx.options().mailbox(bounds, Full::Wait).spawn("member", move |cx, inbox| {
                    let graph = inside.into_inner();
                    Member { inbox, is_during, graph, chance: Chance(seed) }.live(cx)
                })?;
            graph.senders.borrow_mut().push(child.sender);
            Ok(())
        });
    }
    rig.settle();
    rig.set_now(rig.now().after(Duration::from_micros(1)));
    for _ in 0..chance.below(60) {
        let core = usize::try_from(chance.below(cores as u64)).expect("below the count");
        rig.pass(core, usize::try_from(chance.below(4)).expect("below 4"));
        if chance.below(8) == 0 {
            rig.set_now(rig.now().after(Duration::from_micros(chance.below(5000))));
        }
    }
    rig.advance(Duration::from_secs(8));
    let (begun, answered, cycles) = (graph.begun.get(), graph.answered.get(), graph.cycles.get());
    assert_eq!(begun, answered + cycles, "seed {seed}, {cores} cores: a wait waits for ever");
    rig.core(0).enter(|| graph.senders.borrow_mut().clear());
    rig.settle_all();
    rig.advance(Duration::from_millis(20));
    for core in 0..cores {
        let gauges = rig.core(core).gauges();
        assert_eq!((gauges.processes_live, gauges.waits_open), (0, 0), "seed {seed}");
        assert_eq!(rig.lent(core).ended.take(), [], "seed {seed}, {cores} cores");
        assert_eq!(rig.timers(core), 0, "seed {seed}, {cores} cores");
    }
    cycles
}

#[test]
fn every_call_of_a_random_graph_is_answered_or_is_told_that_it_closed_a_circle() {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let graphs = number("LEVADA_GRAPHS").unwrap_or(if cfg!(miri) { 3 } else { 2_000 });
    let seed = number("LEVADA_SEED").unwrap_or(1) << 32;
    let (mut cycles, mut counted) = (0, 0);
    let mut first = 0;
    while first < graphs {
        let cores = 1 + usize::try_from(first / RIG_GRAPHS % 4).expect("below 4");
        let options = CoreOptions { processes_max: 64, ..CoreOptions::default() };
        let rig = Rig::with(cores, options);
        for number in first..graphs.min(first + RIG_GRAPHS) {
            cycles += u64::from(run(&rig, cores, seed + number));
        }
        first += RIG_GRAPHS;
        counted += (0..cores).map(|core| rig.core(core).gauges().cycles).sum::<u64>();
    }
    assert_eq!(cycles, counted, "each circle is counted once, and told once");
    assert!(cycles > graphs / 10, "{cycles} circles in {graphs} graphs");
}
