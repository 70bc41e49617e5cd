//! `wire`: bulk in both directions at once, where moving bytes is all of the work.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::process::Command;
use std::rc::Rc;

use crate::bulk::client::{BulkPlan, load};
use crate::bulk::serve_bulk::{BulkBy, BulkSetting};
use crate::frame::comparison::{
    Bar, Case, Comparison, Contender, Entrant, Ground, Side, Yardstick,
};
use crate::frame::fault::Fault;
use crate::frame::manner::Manner;
use crate::frame::sample::Sample;
use crate::machine::folder::ServedFolder;
use crate::machine::packets::packet_count;
use crate::machine::server::{Server, free_low_port};
use crate::machine::veth::Veth;
use crate::rivals::bulk;
use crate::rivals::iperf3::{self, Iperf3Plan};

const EPOLL: Yardstick = Yardstick::Rival("epoll loop");
const IPERF3: Yardstick = Yardstick::Rival("iperf3");

pub(crate) const COMPARISON: Comparison = Comparison {
    name: "wire",
    manner: Manner::Servers,
    title: "wire: CPU for 10^9 bytes, both ways at once",
    unit: "ms/GB",
    rate_unit: "Gb/s each way",
    other_units: &["ns/packet"],
    yardsticks: &[Yardstick::Floor, EPOLL, IPERF3],
    notes: &[
        "16 connections; the client, on one core, sends and takes 10 Gb/s each way or as much as it can carry; the server takes all that comes and sends as much as is taken, in writes and receives of one length.",
        "The cost is the server's CPU time for a GB, the sum of what it received and sent: at 10 Gb/s each way a whole core is 400 ms/GB. The share at the rate that was reached stands under `core`.",
        "iperf3 is paced by its own client to the same rate, with and without -Z (sendfile); its runs are whole seconds, and its start and end count as well.",
        "A packet is what the device counts: up to 64 KiB, since nothing here cuts it, and acknowledgements are packets too.",
    ],
    cases,
};

const CONNECTION_COUNT: usize = 16;

/// 10 Gb/s.
const RATE_BYTES_PER_S: u64 = 1_250_000_000;

const KIB: usize = 1024;

/// A write's length, its name, and what is asked of ours against the epoll loop.
const WRITES: [(usize, &str, f64, f64); 2] =
    [(16 * KIB, "16 KiB", 0.85, 0.80), (64 * KIB, "64 KiB", 1.0, 0.94)];

/// The name, the side and the kind of each that our own client loads.
const SERVERS: [(&str, Side, BulkBy); 4] = [
    ("levada", Side::Ours, BulkBy::LevadaEvents),
    ("levada, tasks", Side::OursToo, BulkBy::LevadaTasks),
    ("bare ring", Side::Floor, BulkBy::Ring),
    ("epoll loop", Side::Rival("epoll loop"), BulkBy::Epoll),
];

/// A run of iperf3 takes more than a second.
const ROUNDS_MAX: usize = 9;

/// What the bytes go over.
#[derive(Clone, Debug)]
enum Road {
    Loopback,
    Veth(Rc<Veth>),
}

/// The work of one case.
#[derive(Clone, Debug)]
struct WireCase {
    ground: Ground,
    folder: Rc<ServedFolder>,
    road: Road,
    write_bytes: usize,
}

fn cases(ground: &Ground) -> Result<Vec<Case>, Fault> {
    let folder = Rc::new(ServedFolder::make(&ground.places.compare)?);
    let loopback = road_cases(ground, &folder, "loopback", &Road::Loopback);
    let veth = match Veth::make() {
        Ok(veth) => road_cases(ground, &folder, "veth pair", &Road::Veth(Rc::new(veth))),
        Err(fault) => vec![left_out("veth pair", fault)],
    };
    Ok(loopback.into_iter().chain(veth).collect())
}

fn road_cases(ground: &Ground, folder: &Rc<ServedFolder>, panel: &str, road: &Road) -> Vec<Case> {
    let case = |(write_bytes, name, first, goal): (usize, &str, f64, f64)| {
        let (ground, folder, road) = (ground.clone(), Rc::clone(folder), road.clone());
        let round_count = ground.pace.round_count.min(ROUNDS_MAX);
        let case = WireCase { ground, folder, road, write_bytes };
        Case {
            panel: panel.to_owned(),
            point: format!("{name} a write"),
            entrants: case.entrants(),
            round_count,
            bars: vec![
                Bar { against: EPOLL, first: Some(first), goal: Some(goal) },
                Bar { against: IPERF3, first: Some(1.0), goal: Some(0.8) },
            ],
        }
    };
    WRITES.into_iter().map(case).collect()
}

/// A case that says why it is none.
fn left_out(panel: &str, fault: Fault) -> Case {
    let entrant = Entrant {
        name: "all".to_owned(),
        side: Side::FloorToo,
        get_ready: Box::new(move || Err(fault)),
    };
    let (panel, point) = (panel.to_owned(), "left out".to_owned());
    Case { panel, point, entrants: vec![entrant], round_count: 0, bars: Vec::new() }
}

impl WireCase {
    /// Everybody, ours first.
    fn entrants(&self) -> Vec<Entrant> {
        let ours = SERVERS.into_iter().map(|(name, side, by)| {
            let case = self.clone();
            let get_ready = move || -> Result<Box<dyn Contender>, Fault> {
                let server = case.start(by)?;
                Ok(Box::new(Bulky { case, server }))
            };
            Entrant { name: name.to_owned(), side, get_ready: Box::new(get_ready) }
        });
        let iperf3 = [("iperf3 --bidir", false), ("iperf3 --bidir -Z", true)];
        let iperf3 = iperf3.into_iter().map(|(name, zero_copy)| {
            let case = self.clone();
            let get_ready = move || -> Result<Box<dyn Contender>, Fault> {
                let command = case.command(&iperf3::program(&case.ground.places)?);
                let server = iperf3::start(command, &case.folder.scratch()?, case.address()?)?;
                Ok(Box::new(Iperf3 { case, server, zero_copy }))
            };
            let (name, side) = (name.to_owned(), Side::Rival("iperf3"));
            Entrant { name, side, get_ready: Box::new(get_ready) }
        });
        ours.chain(iperf3).collect()
    }

    fn start(&self, by: BulkBy) -> Result<Server, Fault> {
        let command = self.command(&self.ground.places.own_program);
        let setting = BulkSetting { by, address: self.address()?, write_bytes: self.write_bytes };
        bulk::start(command, &self.folder.scratch()?, setting)
    }

    /// Runs a program where the server shall be.
    fn command(&self, program: &std::path::Path) -> Command {
        match &self.road {
            Road::Loopback => Command::new(program),
            Road::Veth(veth) => veth.command(program),
        }
    }

    fn address(&self) -> Result<SocketAddrV4, Fault> {
        let host = match &self.road {
            Road::Loopback => Ipv4Addr::LOCALHOST,
            Road::Veth(veth) => veth.address(),
        };
        Ok(SocketAddrV4::new(host, free_low_port()?))
    }

    fn device(&self) -> &str {
        match &self.road {
            Road::Loopback => "lo",
            Road::Veth(veth) => veth.device(),
        }
    }
}

/// What a round found out, however it was loaded.
struct Moved {
    bytes: u64,
    elapsed_ns: f64,
    cpu_ns: u64,
    client_cpu_ns: f64,
    packet_count: u64,
}

fn sample(moved: &Moved) -> Result<Sample, Fault> {
    if moved.bytes == 0 || moved.cpu_ns == 0 {
        return Err(Fault::Wrong("nothing was moved within the window".to_owned()));
    }
    let gigabytes = moved.bytes as f64 / 1e9;
    Ok(Sample {
        cost: moved.cpu_ns as f64 / 1e6 / gigabytes,
        client_cost: Some(moved.client_cpu_ns / 1e6 / gigabytes),
        rate_per_s: Some(gigabytes * 8.0 / 2.0 / (moved.elapsed_ns / 1e9)),
        busy_share: Some(moved.cpu_ns as f64 / moved.elapsed_ns),
        latency_ns: None,
        others: vec![moved.cpu_ns as f64 / moved.packet_count.max(1) as f64],
    })
}

/// A server that our own client loads.
struct Bulky {
    case: WireCase,
    server: Server,
}

impl Contender for Bulky {
    fn measure(&mut self) -> Result<Sample, Fault> {
        self.server.note_members()?;
        let pace = self.case.ground.pace;
        let plan = BulkPlan {
            server: self.server.address,
            connection_count: CONNECTION_COUNT,
            write_bytes: self.case.write_bytes,
            rate_bytes_per_s: RATE_BYTES_PER_S,
            warm_up: pace.warm_up,
            window: pace.window,
            device: self.case.device().to_owned(),
        };
        let tally = load(&plan, &mut || self.server.cpu_ns(), &self.case.ground.stop)?;
        self.server.settle()?;
        sample(&Moved {
            bytes: tally.sent_bytes + tally.received_bytes,
            elapsed_ns: tally.elapsed_ns as f64,
            cpu_ns: tally.cpu_ns,
            client_cpu_ns: tally.client_cpu_ns as f64,
            packet_count: tally.packet_count,
        })
    }

    fn cpu_ns(&self) -> Result<Option<u64>, Fault> {
        self.server.cpu_ns().map(Some)
    }
}

/// iperf3's server, which only iperf3's client can load.
struct Iperf3 {
    case: WireCase,
    server: Server,
    zero_copy: bool,
}

impl Contender for Iperf3 {
    fn measure(&mut self) -> Result<Sample, Fault> {
        self.case.ground.stop.check()?;
        self.server.note_members()?;
        let plan = Iperf3Plan {
            server: self.server.address,
            connection_count: CONNECTION_COUNT,
            write_bytes: self.case.write_bytes,
            rate_bytes_per_s: RATE_BYTES_PER_S,
            seconds: self.case.ground.pace.window.as_secs() + 1,
            zero_copy: self.zero_copy,
        };
        let packets = || {
            packet_count(self.case.device())
                .map_err(|error| Fault::machine("cannot read a device's counters", error))
        };
        let (before_ns, before_count) = (self.server.cpu_ns()?, packets()?);
        let count = iperf3::load(&self.case.ground.places, plan)?;
        self.server.settle()?;
        let elapsed_ns = count.elapsed_s * 1e9;
        sample(&Moved {
            bytes: count.sent_bytes + count.received_bytes,
            elapsed_ns,
            cpu_ns: self.server.cpu_ns()? - before_ns,
            client_cpu_ns: count.client_share * elapsed_ns,
            packet_count: packets()? - before_count,
        })
    }

    fn cpu_ns(&self) -> Result<Option<u64>, Fault> {
        self.server.cpu_ns().map(Some)
    }
}
