//! `processes`: what it costs to make a process, to send it a message, to ask it, and to have it fail, beside tokio's tasks and
//! the actors of ractor, kameo and Erlang.

use crate::comparisons::process_case::{Row, Task, World, case, sample};
use crate::frame::comparison::{
    Bar, Case, Comparison, Contender, Entrant, Ground, Side, Yardstick,
};
use crate::frame::fault::Fault;
use crate::frame::manner::Manner;
use crate::frame::sample::Sample;
use crate::processes::process_work::{Work, WorldOf};

const TO_REACH: Yardstick = Yardstick::Rival("to reach");
const BEST: Yardstick =
    Yardstick::Best { name: "the best", rivals: &["tokio", "ractor", "kameo", "Erlang"] };

pub(crate) const COMPARISON: Comparison = Comparison {
    name: "processes",
    manner: Manner::Loops,
    title: "processes: time to make them, talk to them and have them fail",
    unit: "ns",
    rate_unit: "pieces/s",
    other_units: &["allocations", "wakes"],
    yardsticks: &[TO_REACH, BEST, Yardstick::Floor],
    notes: &[
        "Each entrant is an OS process of its own; they take turns. A message is 32 B; mailboxes hold 256, across cores 4,096; those of ractor and Erlang have no bound.",
        "On one core ours is a core without a domain, driven as the domain drives it but without entering the kernel, since a tokio runtime without an I/O driver enters none either. ractor and kameo run on tokio's scheduler for one thread; Erlang has one scheduler.",
        "Across cores ours is a domain on cores 0 and 1, with its channels. `apart` are two runtimes for one thread each, `together` is one with two workers; Erlang has two schedulers, an end on each.",
        "A spawn is timed until the process had its first turn and waits for a message. A batch is what a sender sends before it lets others run, which shows it to the other core. A restart is timed from the message that makes the process panic to the answer that its successor gives in its first turn; nobody prints the panic.",
        "Lone messages are sent when both ends have slept; the figure is the median from just before the send to the receiver's first look, and the floor is what a bare thread takes that is woken by an eventfd. Within 10 ms the sender's lease on the mailbox is warm; later it has been given back, and asking for one is a way there and back. tokio's one runtime wakes the receiver on the worker that sends, so its message crosses nothing: it is shown, and is no rival here.",
        "The row `to reach` is no measurement but the figure that the design asks for: a bar of 1.00.",
        "Allocations are counted once, over a warm run; wakes are those of the sending core, and only ours counts them.",
    ],
    cases,
};

const LEVADA: Row = ("levada", Side::Ours, World::Here(WorldOf::Levada));
const TOKIO: Row = ("tokio", Side::Rival("tokio"), World::Here(WorldOf::Tokio));
const TOKIO_MULTI: Row =
    ("tokio, multi-thread", Side::Rival("tokio"), World::Here(WorldOf::TokioMulti));
const RACTOR: Row = ("ractor", Side::Rival("ractor"), World::Here(WorldOf::Ractor));
const KAMEO: Row = ("kameo", Side::Rival("kameo"), World::Here(WorldOf::Kameo));
const ERLANG: Row = ("Erlang", Side::Rival("Erlang"), World::Erlang);

const ON_ONE: [Row; 6] = [LEVADA, TOKIO, TOKIO_MULTI, RACTOR, KAMEO, ERLANG];

const ACROSS: [Row; 6] = [
    LEVADA,
    ("levada, many at once", Side::OursToo, World::Here(WorldOf::LevadaMany)),
    ("tokio, apart", Side::Rival("tokio"), World::Here(WorldOf::Tokio)),
    ("tokio, apart, many at once", Side::Rival("tokio"), World::Here(WorldOf::TokioMany)),
    ("tokio, together", Side::Rival("tokio"), World::Here(WorldOf::TokioMulti)),
    ERLANG,
];

const LONE: [Row; 6] = [
    LEVADA,
    ("woken by an eventfd", Side::Floor, World::Here(WorldOf::Eventfd)),
    ("woken by a futex", Side::FloorToo, World::Here(WorldOf::Futex)),
    ("tokio, apart", Side::Rival("tokio"), World::Here(WorldOf::Tokio)),
    ("tokio, together", Side::Rival("tokio on one core"), World::Here(WorldOf::TokioMulti)),
    ERLANG,
];

/// How many receivers: the figure to reach in ns, and where they lie.
const RECEIVERS: [(u32, &str, bool, f64); 4] = [
    (1, "to 1", false, 25.0),
    (100, "to 100", false, 25.0),
    (10_000, "to 10,000", false, 25.0),
    (200_000, "to 200,000 at random", true, 120.0),
];

const BATCHES: [u32; 4] = [1, 16, 64, 256];

/// Microseconds between lone messages, how many make a round, and the figure to reach.
const GAPS: [(u32, &str, u64, f64); 2] =
    [(8_000, "every 8 ms, warm lease", 40, 50e3), (25_000, "every 25 ms, cold lease", 16, 100e3)];

fn cases(ground: &Ground) -> Result<Vec<Case>, Fault> {
    let spawn = judged(ground, ("one core", "spawn"), Task::of(Work::Spawn, 1), &ON_ONE, 150.0);
    let call =
        judged(ground, ("one core", "call and reply"), Task::of(Work::Call, 1), &ON_ONE, 60.0);
    let restart =
        judged(ground, ("one core", "panic to restart"), Task::of(Work::Restart, 1), &ON_ONE, 10e3);
    let messages = RECEIVERS.map(|(number, point, at_random, reach_ns)| {
        let task = Task { at_random, ..Task::of(Work::Message, number) };
        judged(ground, ("message, one core", point), task, &ON_ONE, reach_ns)
    });
    let batches = BATCHES.map(|number| {
        let name = ("message, two cores", format!("{number} a batch"));
        let task = Task::of(Work::Stream, number);
        match number {
            64 => judged(ground, (name.0, &name.1), task, &ACROSS, 25.0),
            _ => case(ground, (name.0, &name.1), task, &ACROSS, vec![of_the_best()]),
        }
    });
    let gaps = GAPS.map(|(number, point, pieces, reach_ns)| {
        let task = Task { pieces: Some(pieces), ..Task::of(Work::Lone, number) };
        judged(ground, ("lone message, two cores", point), task, &LONE, reach_ns)
    });
    Ok([spawn, call, restart].into_iter().chain(messages).chain(batches).chain(gaps).collect())
}

fn of_the_best() -> Bar {
    Bar { against: BEST, first: Some(1.0), goal: None }
}

/// A case with the figure that the design asks for as a row of its own.
fn judged(ground: &Ground, name: (&str, &str), task: Task, rows: &[Row], reach_ns: f64) -> Case {
    let bars = vec![Bar { against: TO_REACH, first: Some(1.0), goal: None }, of_the_best()];
    let mut case = case(ground, name, task, rows, bars);
    let get_ready = move || -> Result<Box<dyn Contender>, Fault> { Ok(Box::new(Reach(reach_ns))) };
    case.entrants.push(Entrant {
        name: "to reach".to_owned(),
        side: Side::Rival("to reach"),
        get_ready: Box::new(get_ready),
    });
    case
}

/// A figure that needs no measuring.
pub(crate) struct Reach(pub(crate) f64);

impl Contender for Reach {
    fn measure(&mut self) -> Result<Sample, Fault> {
        Ok(sample(self.0, None))
    }

    fn cpu_ns(&self) -> Result<Option<u64>, Fault> {
        Ok(None)
    }
}
