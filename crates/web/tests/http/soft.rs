//! What is kept softly may go at any time: replies stay right, and what went is read anew.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::client::{Behind, Client};
use crate::folder::{is_of_sparse, sparse};
use crate::rig::{Plan, Rig, pause};

/// The bytes of a file that has a number: no two numbers share a run of them.
pub(crate) fn bytes_of(number: usize, length: usize) -> Vec<u8> {
    let mut dice = 0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(number as u64 + 1);
    let mut next = || {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        dice
    };
    (0..length.div_ceil(8)).flat_map(|_| next().to_le_bytes()).take(length).collect()
}

/// Files of these lengths, by number.
pub(crate) fn fill(plan: &Plan, lengths: &[usize]) {
    for (number, length) in lengths.iter().enumerate() {
        let path = plan.path().join(format!("{number}.bin"));
        std::fs::write(path, bytes_of(number, *length)).unwrap();
    }
}

/// From nothing to two MiB, some of each order, 50 MiB in all.
fn all_lengths() -> Vec<usize> {
    let of = |count: usize, bytes: usize| (0..count).map(move |number| bytes + number * 37);
    let lengths = of(1, 0).chain(of(300, 1)).chain(of(200, 3_000)).chain(of(150, 20_000));
    lengths.chain(of(60, 100_000)).chain(of(30, 600_000)).chain(of(10, 2_000_000)).collect()
}

#[test]
fn what_is_given_up_in_the_middle_of_requests_and_downloads_is_served_right_all_the_same() {
    let lengths = all_lengths();
    let bodies = lengths.iter().enumerate().map(|(number, length)| bytes_of(number, *length));
    let bodies: Arc<Vec<Vec<u8>>> = Arc::new(bodies.collect());
    for cores in [1, 2] {
        let mut plan = Plan::new();
        plan.cores = cores;
        plan.heap_bytes_max = 24 << 20;
        plan.web.cache.file_bytes_max = 1 << 20; // longer ones are downloads
        plan.web.cache.revalidate = Duration::from_millis(20);
        fill(&plan, &lengths);
        let rig = plan.start();
        let is_over = Arc::new(AtomicBool::new(false));
        let (heap, over) = (rig.heap.clone(), Arc::clone(&is_over));
        let thief = std::thread::spawn(move || {
            let (mut stolen_bytes, mut times) = (0, 0);
            while !over.load(Ordering::Relaxed) {
                times += 1;
                let want_bytes = if times % 8 == 0 { u64::MAX } else { 256 << 10 };
                stolen_bytes += heap.steal(want_bytes).bytes;
                pause(5);
            }
            stolen_bytes
        });
        let askers: Vec<_> = (0..4_usize)
            .map(|asker| {
                let (address, bodies) = (rig.address, Arc::clone(&bodies));
                std::thread::spawn(move || {
                    let mut client = Client::connect(address);
                    for step in 0..400 {
                        // Some are asked for again and again, and become hot.
                        let spread = if step % 3 == 0 { 40 } else { bodies.len() };
                        let number = (step * 2_654_435_761 + asker * 97) % spread;
                        let reply = client.get(&format!("/{number}.bin"));
                        assert_eq!(reply.status, 200, "file {number}");
                        assert!(reply.body == bodies[number], "file {number}");
                    }
                })
            })
            .collect();
        askers.into_iter().for_each(|asker| asker.join().unwrap());
        is_over.store(true, Ordering::Relaxed);
        let stolen_bytes = thief.join().unwrap();
        let look = rig.look();
        assert!(stolen_bytes > 4 << 20, "{stolen_bytes}: {:?}", rig.heap.gauges());
        assert!(look.web.loads > 700, "more than once for each file: {look:?}");
        assert_eq!(look.web.stream_failures, 0);
    }
}

#[test]
fn what_was_given_up_is_loaded_once_more_and_hit_from_then_on() {
    const COUNT: usize = 50;
    let mut plan = Plan::new();
    plan.web.cache.revalidate = Duration::from_secs(3600);
    fill(&plan, &[5_000; COUNT]);
    let rig = plan.start();
    let mut client = rig.connect();
    let mut round = || {
        let before = rig.look().web;
        for number in 0..COUNT {
            let reply = client.get(&format!("/{number}.bin"));
            assert!(reply.body == bytes_of(number, 5_000), "file {number}");
        }
        let after = rig.look().web;
        (after.loads - before.loads, after.front_hits - before.front_hits)
    };
    let count = COUNT as u64;
    assert_eq!((round(), round()), ((count, 0), (0, count)));
    let kept = rig.heap.gauges();
    assert!(kept.soft_bytes >= count * 5_000, "{kept:?}");
    let relief = rig.heap.steal(u64::MAX);
    assert_eq!(relief.bytes, kept.soft_bytes, "only the cache kept them");
    assert_eq!(rig.heap.gauges().soft_bytes, 0);
    assert_eq!((round(), round()), ((count, 0), (0, count)));
    let web = rig.look().web;
    for lost in [web.front_misses_lost, web.storage_misses_lost] {
        assert!((1..=count).contains(&lost), "the others were swept out: {web:?}");
    }
}

#[test]
fn what_is_asked_for_most_is_there_after_all_else_has_gone() {
    let mut plan = Plan::new();
    plan.web.cache.revalidate = Duration::ZERO;
    fill(&plan, &[2_000, 20_000, 200_000]);
    let rig = plan.start();
    rig.heat("/1.bin");
    for number in [0, 2] {
        assert_eq!(rig.get(&format!("/{number}.bin")).status, 200);
    }
    rig.heap.steal(u64::MAX);
    let read = |rig: &Rig| rig.look().web.loads - rig.look().web.checks;
    let before = read(&rig);
    assert!(rig.get("/1.bin").body == bytes_of(1, 20_000));
    assert_eq!(read(&rig), before, "it was looked at and not read");
    assert!(rig.get("/0.bin").body == bytes_of(0, 2_000));
    assert_eq!(read(&rig), before + 1);
}

#[test]
fn a_reply_under_way_survives_when_everything_is_given_up() {
    let rig = Rig::start();
    sparse(&rig.folder.path().join("kept.bin"), 6 << 20);
    for target in ["/kept.bin", "/large.bin"] {
        let mut client = rig.connect();
        client.send(&format!("GET {target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
        let head = client.head();
        let mut body = vec![0; 4_096];
        let bytes = client.read(&mut body).unwrap();
        body.truncate(bytes);
        for _ in 0..3 {
            rig.heap.steal(u64::MAX);
            pause(1);
        }
        let (rest, behind) = client.rest();
        body.extend(rest);
        assert_eq!((head.status, body.len(), behind), (200, head.length(), Behind::Closed));
        assert!(is_of_sparse(&body, 0), "{target}");
    }
}

#[test]
fn a_file_that_was_replaced_is_never_served_old_though_all_fronts_know_it_and_somebody_holds_it() {
    let mut plan = Plan::new();
    plan.cores = 2;
    plan.web.cache.revalidate = Duration::from_millis(200);
    let path = plan.path().join("kept.bin");
    sparse(&path, 6 << 20);
    let rig = plan.start();
    let mut clients: Vec<Client> = (0..16).map(|_| rig.connect()).collect();
    // Who reads slowly keeps the old bytes for as long as he likes.
    let mut slow = rig.connect();
    slow.send("GET /kept.bin HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    let head = slow.head();
    for round in 0..20 {
        for client in &mut clients {
            client.send("GET /kept.bin HTTP/1.1\r\nHost: h\r\nRange: bytes=0-9\r\n\r\n");
            assert_eq!(client.reply().status, 206);
        }
        let (text, beside) = (format!("state {round}"), path.with_extension("next"));
        std::fs::write(&beside, &text).unwrap();
        std::fs::rename(&beside, &path).unwrap();
        // One asks until he has seen it; from then on everybody has to.
        while clients[round % 16].get("/kept.bin").text() != text {
            pause(1);
        }
        for client in &mut clients {
            assert_eq!(client.get("/kept.bin").text(), text, "round {round}");
        }
    }
    let (rest, behind) = slow.rest();
    assert_eq!((rest.len(), behind), (head.length(), Behind::Closed));
    assert!(is_of_sparse(&rest, 0), "who had begun finishes");
}

#[test]
fn what_was_found_to_be_another_file_is_not_told_of_by_any_front_though_somebody_still_sends_it() {
    let mut plan = Plan::new();
    plan.cores = 2;
    plan.web.cache.revalidate = Duration::from_secs(3600); // nobody looks by himself
    let rig = plan.start();
    let path = rig.folder.path().join("large.bin");
    let mut clients: Vec<Client> = (0..16).map(|_| rig.connect()).collect();
    let mut lengths = || -> Vec<usize> {
        let ask = |client: &mut Client| {
            client.send("HEAD /large.bin HTTP/1.1\r\nHost: h\r\n\r\n");
            client.reply_to("HEAD").length()
        };
        clients.iter_mut().map(ask).collect()
    };
    let old = 9 << 20;
    assert_eq!(lengths(), [old; 16]);
    // Who reads slowly holds the head and the file of before.
    let mut slow = rig.connect();
    slow.send("GET /large.bin HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assert_eq!(slow.head().length(), old);
    let beside = path.with_extension("next");
    sparse(&beside, old as u64 + 4_096);
    std::fs::rename(&beside, &path).unwrap();
    assert_eq!(rig.get_with("/large.bin", "Range: bytes=0-0\r\n").status, 206);
    assert_eq!(lengths(), [old + 4_096; 16]);
    let (rest, behind) = slow.rest();
    assert_eq!((rest.len(), behind), (old, Behind::Closed));
}

#[test]
fn what_is_hot_in_all_places_cools_for_what_needs_one() {
    const BYTES: usize = 440 << 10; // four in a slab
    const COUNT: usize = 52;
    let mut plan = Plan::new();
    plan.heap_bytes_max = 32 << 20;
    plan.web.cache.revalidate = Duration::ZERO;
    plan.web.cache.hot_bytes_max = u64::MAX;
    fill(&plan, &[BYTES; COUNT]);
    std::fs::write(plan.path().join("long.bin"), bytes_of(99, 5 << 20)).unwrap();
    let rig = plan.start();
    let mut client = rig.connect();
    for number in 0..COUNT {
        assert_eq!(client.get(&format!("/{number}.bin")).status, 200);
    }
    for number in (0..COUNT).step_by(4) {
        rig.heat(&format!("/{number}.bin"));
    }
    let hot_bytes = rig.look().web.hot_bytes;
    assert!(hot_bytes > (COUNT * BYTES / 4) as u64, "{hot_bytes}");
    let reply = client.get("/long.bin");
    assert!(reply.status == 200 && reply.body == bytes_of(99, 5 << 20), "{}", reply.status);
    assert_eq!(rig.look().web.hot_bytes, 0);
}
