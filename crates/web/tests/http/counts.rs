//! Counts: what a hit, a batch of ready connections and an idle connection cost.

use std::alloc::System;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

use crate::alone::{alone, resident_bytes, tell};
use crate::client::Client;
use crate::rig::{Plan, Rig};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const REQUEST: &[u8] = b"GET /a.txt HTTP/1.1\r\nHost: site.test\r\n\r\n";

/// A service that never looks at a file twice, so that nothing but hits is counted.
fn unhurried() -> Rig {
    let mut plan = Plan::new();
    plan.web.cache.revalidate = Duration::from_secs(3600);
    plan.start()
}

/// Asks so often, on a connection that has been asked before, without an allocation of its own.
fn ask_quietly(stream: &mut TcpStream, reply_bytes: usize, count: usize) {
    let mut reply = [0; 1024];
    for _ in 0..count {
        stream.write_all(REQUEST).unwrap();
        stream.read_exact(&mut reply[..reply_bytes]).unwrap();
    }
}

/// How long a reply to [`REQUEST`] is: always the same.
fn reply_bytes(client: &mut Client) -> usize {
    client.send_bytes(REQUEST);
    let mut reply = [0; 1024];
    client.read(&mut reply).unwrap()
}

#[test]
fn a_hit_copies_no_byte_allocates_nothing_and_asks_nobody() {
    alone("counts::a_hit_copies_no_byte_allocates_nothing_and_asks_nobody", || {
        let rig = unhurried();
        let mut client = rig.connect();
        client.get("/a.txt");
        let bytes = reply_bytes(&mut client);
        let stream = &mut client.stream;
        ask_quietly(stream, bytes, 300);

        let before = rig.look();
        let by_look = rig.look().processes.messages_same - before.processes.messages_same;
        let before = rig.look();
        ask_quietly(stream, bytes, 1000);
        let after = rig.look();
        let messages = after.processes.messages_same - before.processes.messages_same - by_look;
        assert_eq!(after.web.front_hits - before.web.front_hits, 1000);
        assert_eq!(after.web.front_misses, before.web.front_misses);
        assert_eq!((messages, after.web.loads + after.web.checks + after.web.storage_hits), (0, 1));

        // Each second brings tails of its own: a round in which none began shows what a hit costs.
        let (mut copied, mut allocated) = (u64::MAX, usize::MAX);
        for _ in 0..8 {
            let (heap, malloc) = (rig.heap.gauges(), ALLOCATOR.stats());
            ask_quietly(stream, bytes, 500);
            copied = copied.min(rig.heap.gauges().bytes_copied - heap.bytes_copied);
            allocated = allocated.min(ALLOCATOR.stats().allocations - malloc.allocations);
        }
        tell(&format!(
            "500 hits: {copied} payload bytes copied, {allocated} allocations, {messages} messages"
        ));
        assert_eq!((copied, allocated), (0, 0));
    });
}

#[test]
fn sixty_four_ready_connections_cost_few_kernel_entries() {
    const ROUNDS: u64 = 50;
    let rig = unhurried();
    let mut clients: Vec<Client> = (0..64).map(|_| rig.connect()).collect();
    let mut bytes = 0;
    for client in &mut clients {
        client.get("/a.txt");
        bytes = reply_bytes(client);
    }
    let mut rounds = |asks: bool| {
        let before = rig.look();
        for _ in 0..ROUNDS {
            rig.while_held(|| {
                clients.iter_mut().filter(|_| asks).for_each(|client| client.send_bytes(REQUEST));
            });
            for client in clients.iter_mut().filter(|_| asks) {
                let mut reply = [0; 1024];
                client.stream.read_exact(&mut reply[..bytes]).unwrap();
            }
        }
        let after = rig.look();
        let of =
            |look: &crate::rig::Look| (look.channel.driver.enters, look.channel.driver.syscalls);
        (of(&after).0 - of(&before).0, of(&after).1 - of(&before).1)
    };
    let (idle_enters, idle_calls) = rounds(false);
    let (enters, calls) = rounds(true);
    let of_round = |with: u64, without: u64| with.saturating_sub(without) * 10 / ROUNDS;
    let (enters, calls) = (of_round(enters, idle_enters), of_round(calls, idle_calls));
    let (enters_whole, calls) = (enters / 10, calls / 10);
    let tenth = enters % 10;
    tell(&format!(
        "64 ready connections: {enters_whole}.{tenth} kernel entries, {calls} system calls a round"
    ));
    // In a build without optimisation the turns of 64 connections take longer than a core goes on between two entries.
    assert!(enters <= 45, "{enters_whole}.{tenth} entries for 64 requests");
    assert!(calls <= 64 * 3 + 8, "{calls} system calls for 64 requests");
}

#[test]
fn an_idle_connection_holds_no_block_and_little_memory() {
    alone("counts::an_idle_connection_holds_no_block_and_little_memory", || {
        const COUNT: usize = 2000;
        crate::alone::raise_descriptors();
        let rig = unhurried();
        let bytes = reply_bytes(&mut rig.connect());
        let begin = |count: usize| -> Vec<TcpStream> {
            let mut streams = Vec::with_capacity(count);
            for _ in 0..count {
                let mut stream = TcpStream::connect(rig.address).unwrap();
                ask_quietly(&mut stream, bytes, 1);
                streams.push(stream);
            }
            streams
        };
        let warm = begin(500);
        drop(warm);
        rig.look_until(|look| look.channel.streams_open == 0);
        let used =
            |look: &crate::rig::Look| (rig.heap.gauges().used_bytes, look.channel.blocks_lent);
        let before = used(&rig.look());
        let ours = |stats: stats_alloc::Stats| stats.bytes_allocated - stats.bytes_deallocated;
        let (malloc, resident) = (ours(ALLOCATOR.stats()), resident_bytes());
        let clients = begin(COUNT);
        let own_bytes = COUNT * size_of::<TcpStream>();
        let look = rig.look_until(|look| look.web.connections_open == COUNT as u64);
        let grown = (ours(ALLOCATOR.stats()) - malloc - own_bytes) / COUNT;
        let resident = resident_bytes().saturating_sub(resident) / COUNT as u64;
        let after = used(&look);
        tell(&format!("an idle connection: {grown} bytes allocated, {resident} resident"));
        assert!(after.0 <= before.0 + (64 << 10), "heap: {before:?} to {after:?}");
        assert_eq!(after.1, before.1, "as many blocks wait for what comes as before");
        assert!(grown <= 1024, "{grown} bytes for each idle connection");
        assert!(resident <= 2048, "{resident} resident bytes for each idle connection");
        drop(clients);
    });
}

#[test]
fn a_head_that_is_not_whole_holds_no_block() {
    let mut plan = Plan::new();
    plan.channel.receive_blocks = 16;
    let rig = plan.start();
    assert_eq!(rig.get("/a.txt").status, 200);
    rig.look_until(|look| look.web.connections_open == 0);
    let before = rig.heap.gauges().used_bytes;
    let mut slow: Vec<Client> = (0..200).map(|_| rig.connect()).collect();
    slow.iter_mut().for_each(|client| client.send("GET /a.txt HTTP/1.1\r\nHo"));
    rig.look_until(|look| look.web.connections_open == 200);
    assert_eq!(rig.get("/a.txt").status, 200);
    let after = rig.heap.gauges().used_bytes;
    assert!(after < before + (64 << 10), "{before} bytes became {after}");
    for client in &mut slow {
        client.send("st: h\r\n\r\n");
        assert_eq!(client.reply().status, 200);
    }
}
