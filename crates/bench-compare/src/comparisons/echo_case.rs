//! An echo case is a message, how often a connection says it, and every server that echoes it.

use std::rc::Rc;

use crate::echo::serve_echo::EchoBy;
use crate::echo::talk::EchoTalk;
use crate::frame::comparison::{Contender, Entrant, Ground, Side};
use crate::frame::fault::Fault;
use crate::frame::sample::Sample;
use crate::load::plan::{Lifetime, Plan, Window};
use crate::load::run::run;
use crate::load::tally::Tally;
use crate::machine::folder::ServedFolder;
use crate::machine::server::{Room, Server};
use crate::machine::syscalls::count_while;
use crate::rivals::echo;

/// Connections in flight.
const CONNECTION_COUNT: u32 = 256;

/// Loopback addresses that are connected to in turn.
const ADDRESS_COUNT: u8 = 16;

/// Fewer transactions say little about system calls.
const COUNTED_MIN: u64 = 16_384;

/// The work of one case.
#[derive(Clone, Debug)]
pub(crate) struct EchoCase {
    pub(crate) ground: Ground,
    pub(crate) folder: Rc<ServedFolder>,
    pub(crate) room: Room,
    pub(crate) message_bytes: usize,
    /// How many transactions a connection makes.
    pub(crate) transaction_count: u32,
}

/// The name, the side and the kind of each that takes part on one core.
const SERVERS: [(&str, Side, EchoBy); 7] = [
    ("levada", Side::Ours, EchoBy::LevadaEvents),
    ("levada, tasks", Side::OursToo, EchoBy::LevadaTasks),
    ("bare ring", Side::Floor, EchoBy::Ring),
    ("epoll loop", Side::Rival("epoll loop"), EchoBy::Epoll),
    ("tokio", Side::Rival("tokio"), EchoBy::Tokio),
    ("monoio", Side::Rival("monoio"), EchoBy::Monoio),
    ("compio", Side::Rival("compio"), EchoBy::Compio),
];

/// On several cores tokio has another way to use them.
const WORKERS: (&str, Side, EchoBy) =
    ("tokio, multi-thread", Side::Rival("tokio"), EchoBy::TokioWorkers);

impl EchoCase {
    /// Everybody, ours first.
    pub(crate) fn entrants(&self) -> Vec<Entrant> {
        let workers = (self.room == Room::BothCores).then_some(WORKERS);
        SERVERS.into_iter().chain(workers).map(|server| self.entrant(server)).collect()
    }

    fn entrant(&self, (name, side, by): (&str, Side, EchoBy)) -> Entrant {
        let case = self.clone();
        let get_ready = move || -> Result<Box<dyn Contender>, Fault> {
            let places = &case.ground.places;
            let scratch = case.folder.scratch()?;
            let server = echo::start(places, &scratch, by, case.room, case.message_bytes)?;
            let mut echoing = Echoing { case, server, syscalls: None };
            echoing.count_syscalls()?;
            Ok(Box::new(echoing))
        };
        Entrant { name: name.to_owned(), side, get_ready: Box::new(get_ready) }
    }

    fn plan(&self, server: &Server, window: Window) -> Plan {
        // In whole pages, and not longer than what stays in the core's cache with all others.
        let block_bytes = self.message_bytes.next_multiple_of(4 * 1024).min(64 * 1024);
        Plan {
            server: server.road(),
            address_count: ADDRESS_COUNT,
            connection_count: CONNECTION_COUNT,
            lifetime: Lifetime::Requests(self.transaction_count),
            window,
            block_bytes: u32::try_from(block_bytes).expect("at most 64 KiB"),
        }
    }
}

/// A server that this case loads.
struct Echoing {
    case: EchoCase,
    server: Server,
    /// For a transaction; counted once, before the rounds.
    syscalls: Option<f64>,
}

impl Echoing {
    /// Each connection lives at least twice, so that opening and closing have their share.
    fn count_syscalls(&mut self) -> Result<(), Fault> {
        self.server.note_members()?;
        let lives = 2 * u64::from(CONNECTION_COUNT) * u64::from(self.case.transaction_count);
        let transaction_count = lives.max(COUNTED_MIN);
        let places = &self.case.ground.places;
        let load = || self.load(Window::Counted(transaction_count));
        let (_tally, count) = count_while(places, self.server.members(), load)?;
        self.syscalls = count.map(|count| count as f64 / transaction_count as f64);
        Ok(())
    }

    fn load(&self, window: Window) -> Result<Tally, Fault> {
        let mut talk = EchoTalk::new(self.case.message_bytes);
        let plan = self.case.plan(&self.server, window);
        let tally = run(plan, &mut talk, &mut || self.server.cpu_ns(), &self.case.ground.stop)?;
        self.server.settle()?;
        Ok(tally)
    }
}

impl Contender for Echoing {
    fn measure(&mut self) -> Result<Sample, Fault> {
        self.server.note_members()?;
        let pace = self.case.ground.pace;
        let tally = self.load(Window::Timed { warm_up: pace.warm_up, length: pace.window })?;
        if tally.request_count == 0 || tally.cpu_ns == 0 {
            return Err(Fault::Wrong("nothing came back within the window".to_owned()));
        }
        let us_each = |cpu_ns: u64| cpu_ns as f64 / 1e3 / tally.request_count as f64;
        let elapsed_ns = tally.elapsed_ns as f64;
        Ok(Sample {
            cost: us_each(tally.cpu_ns),
            client_cost: Some(us_each(tally.client_cpu_ns)),
            rate_per_s: Some(tally.request_count as f64 / (elapsed_ns / 1e9)),
            busy_share: Some(tally.cpu_ns as f64 / elapsed_ns),
            latency_ns: Some(tally.latency_ns),
            others: self.syscalls.into_iter().collect(),
        })
    }

    fn cpu_ns(&self) -> Result<Option<u64>, Fault> {
        self.server.cpu_ns().map(Some)
    }
}
