//! `megapipe`: an echo server under short and long connections, as in the paper whose channel ours is.

use std::rc::Rc;

use crate::comparisons::echo_case::EchoCase;
use crate::frame::comparison::{Bar, Case, Comparison, Ground, Yardstick};
use crate::frame::fault::Fault;
use crate::frame::manner::Manner;
use crate::machine::folder::ServedFolder;
use crate::machine::server::Room;

const EPOLL: Yardstick = Yardstick::Rival("epoll loop");
const RUNTIMES: Yardstick =
    Yardstick::Best { name: "the best runtime", rivals: &["tokio", "monoio", "compio"] };
const ALL: Yardstick = Yardstick::Best {
    name: "the best rival",
    rivals: &["epoll loop", "tokio", "monoio", "compio"],
};

pub(crate) const COMPARISON: Comparison = Comparison {
    name: "megapipe",
    manner: Manner::Servers,
    title: "megapipe: CPU for a transaction of an echo server",
    unit: "µs/transaction",
    rate_unit: "transactions/s",
    other_units: &["syscalls"],
    yardsticks: &[Yardstick::Floor, EPOLL, RUNTIMES],
    notes: &[
        "256 connections in flight to 16 loopback addresses in turn; each makes its transactions, then the client closes, first and in order, and opens the next.",
        "A transaction is a message sent and back whole; every byte is compared. The first of a connection includes the connecting.",
        "All servers get the same listener (a backlog of 4,096, TCP_NODELAY, TCP_DEFER_ACCEPT) and, but for ours and the ring with their lent blocks, the same buffers.",
        "tokio, monoio and compio have a task for each connection, buffers that are kept, no timer, and on a ring one issuer with deferred work; on 2 cores one runtime a core with its own listener, and tokio also with two workers.",
        "On 2 cores the client shares the second with the server: rates and latencies suffer from that, costs hardly.",
        "Syscalls of the server for a transaction are counted once a case, by perf and outside the rounds; a dash where perf is not installed or may not count.",
    ],
    cases,
};

const KIB: usize = 1024;

/// All numbers of transactions are tried with the first message; the others only with some of them.
const MESSAGES: [(usize, &str, &[u32]); 5] = [
    (64, "64 B", &[1, 2, 8, 32, 128]),
    (KIB, "1 KiB", &FEW),
    (4 * KIB, "4 KiB", &FEW),
    (16 * KIB, "16 KiB", &FEW),
    (64 * KIB, "64 KiB", &FEW),
];

const FEW: [u32; 3] = [1, 8, 128];

/// The highest ratio to the epoll loop, for a short message, by transactions of a connection.
const EPOLL_BARS: [(u32, f64); 3] = [(1, 1.0 / 1.10), (8, 1.0 / 1.20), (128, 1.0 / 1.25)];

/// Rounds of a case that is held against the epoll loop, and of any other: fewer than elsewhere, since there are many cases.
const ROUNDS_MAX: (usize, usize) = (15, 5);

fn cases(ground: &Ground) -> Result<Vec<Case>, Fault> {
    let folder = Rc::new(ServedFolder::make(&ground.places.compare)?);
    let case = |room, (message_bytes, name): (usize, &str), transaction_count| {
        let bars = bars(room, message_bytes, transaction_count);
        let is_judged = bars.iter().any(|bar| bar.against == EPOLL);
        let round_count = match ground.pace.sweep_round_count {
            _ if is_judged => ground.pace.round_count.min(ROUNDS_MAX.0),
            Some(round_count) => round_count.min(ROUNDS_MAX.1),
            None => return None,
        };
        let (ground, folder) = (ground.clone(), Rc::clone(&folder));
        let case = EchoCase { ground, folder, room, message_bytes, transaction_count };
        let cores = if room == Room::BothCores { ", 2 cores" } else { "" };
        Some(Case {
            panel: format!("{name}{cores}"),
            point: counted(transaction_count),
            entrants: case.entrants(),
            round_count,
            bars,
        })
    };
    let one_core = MESSAGES.into_iter().flat_map(|(message_bytes, name, transaction_counts)| {
        transaction_counts
            .iter()
            .filter_map(move |count| case(Room::ServerCore, (message_bytes, name), *count))
    });
    let (message_bytes, name, _) = MESSAGES[0];
    let two_cores =
        FEW.iter().filter_map(|count| case(Room::BothCores, (message_bytes, name), *count));
    Ok(one_core.chain(two_cores).collect())
}

fn bars(room: Room, message_bytes: usize, transaction_count: u32) -> Vec<Bar> {
    let is_short = message_bytes == MESSAGES[0].0 && room == Room::ServerCore;
    let epoll = EPOLL_BARS.iter().filter(|(count, _)| is_short && *count == transaction_count);
    // Opening and closing are most of a single transaction, and the kernel's own.
    let goal = if transaction_count == 1 { 0.88 } else { 0.8 };
    epoll
        .map(|(_, first)| Bar { against: EPOLL, first: Some(*first), goal: None })
        .chain([
            Bar { against: RUNTIMES, first: Some(1.0), goal: None },
            Bar { against: ALL, first: None, goal: Some(goal) },
        ])
        .collect()
}

fn counted(transaction_count: u32) -> String {
    let several = if transaction_count == 1 { "" } else { "s" };
    format!("{transaction_count} transaction{several} a connection")
}
