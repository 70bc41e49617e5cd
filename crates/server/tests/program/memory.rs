//! Memory: what `--memory` says is never passed, whatever is asked for and in whatever order, and nobody is sent away.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::rig::{Served, connect, get, serve};

const PAGE_BYTES: usize = 4096;
const MEMORY_BYTES: u64 = 64 << 20;

/// What the program takes besides: its stacks, its rings, its connections, what malloc keeps for itself.
const BESIDE_BYTES: u64 = 4 << 20;

/// A page of a file: no two are the same.
fn page(file: usize, number: usize) -> [u8; PAGE_BYTES] {
    let fill = u8::try_from((file * 31 + number * 7) % 251).expect("a byte");
    let mut page = [fill; PAGE_BYTES];
    page[..8].copy_from_slice(&(file as u64).to_le_bytes());
    page[8..16].copy_from_slice(&(number as u64).to_le_bytes());
    page
}

/// Whether these are the bytes of that file.
fn is_of(file: usize, bytes: &[u8]) -> bool {
    let mut pages = bytes.chunks(PAGE_BYTES).enumerate();
    pages.all(|(number, bytes)| bytes == &page(file, number)[..bytes.len()])
}

/// Lengths from nothing to more than is kept, 256 MiB in all.
fn lengths() -> Vec<usize> {
    let of = |count: usize, bytes: usize| (0..count).map(move |number| bytes + number * 13);
    let short = of(2, 0).chain(of(900, 40)).chain(of(400, 9_000)).chain(of(300, 50_000));
    let long = of(220, 300_000).chain(of(44, 1_500_000)).chain(of(12, 6_000_000));
    short.chain(long).chain(of(2, 20_000_000)).collect()
}

fn fill(folder: &Path, lengths: &[usize]) {
    for (file, length) in lengths.iter().enumerate() {
        let mut bytes: Vec<u8> =
            (0..length.div_ceil(PAGE_BYTES)).flat_map(|number| page(file, number)).collect();
        bytes.truncate(*length);
        std::fs::write(folder.join(file.to_string()), bytes).expect("room on the disk");
    }
}

/// Asks for all files in an order of its own. What was not as it should be.
fn ask_for_all(address: SocketAddr, lengths: &[usize], asker: usize) -> Vec<String> {
    let mut stream = connect(address);
    let count = lengths.len();
    let step = [1009, 1013, 1019, 1021][asker % 4]; // primes, so that each file comes once
    assert!(!count.is_multiple_of(step));
    let mut wrong = Vec::new();
    let mut reply = Vec::new();
    for number in 0..count {
        let file = (number * step + asker * 211) % count;
        let (head, body) = ask(&mut stream, file, &mut reply);
        let is_right = head.starts_with("HTTP/1.1 200 ") && body.len() == lengths[file];
        if !is_right || !is_of(file, body) {
            wrong.push(format!("{file}: {} bytes of {}: {head}", body.len(), lengths[file]));
        }
    }
    wrong
}

fn ask<'a>(stream: &mut TcpStream, file: usize, reply: &'a mut Vec<u8>) -> (String, &'a [u8]) {
    let request = format!("GET /{file} HTTP/1.1\r\nHost: a\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it takes the request");
    reply.clear();
    let mut block = vec![0; 256 << 10];
    let mut whole = None;
    while whole.is_none_or(|(_, end)| reply.len() < end) {
        let bytes = stream.read(&mut block).expect("it answers");
        assert!(bytes > 0, "the connection ended in the reply about {file}");
        reply.extend_from_slice(&block[..bytes]);
        if whole.is_none()
            && let Some(end) = reply.windows(4).position(|four| four == b"\r\n\r\n")
        {
            let head = String::from_utf8_lossy(&reply[..end]).into_owned();
            let length =
                head.split("Content-Length: ").nth(1).and_then(|rest| rest.split('\r').next());
            let length: usize = length.expect("it has a length").parse().expect("a number");
            whole = Some((end + 4, end + 4 + length));
        }
    }
    let (begin, end) = whole.expect("it was read");
    (String::from_utf8_lossy(&reply[..begin]).into_owned(), &reply[begin..end])
}

/// The most that was seen.
#[derive(Clone, Copy, Debug, Default)]
struct Most {
    resident_bytes: u64,
    heap_bytes: u64,
    with_lines_bytes: u64,
}

/// Looks at the program's memory until it is told that it is over: from outside, and by its own numbers.
fn watch(pid: u32, admin: SocketAddr, is_over: &AtomicBool) -> Most {
    let mut most = Most::default();
    while !is_over.load(Ordering::Relaxed) {
        most.resident_bytes = most.resident_bytes.max(resident_bytes(pid));
        let heap = &status(admin)["heap"];
        let bytes = |name: &str| heap[name].as_u64().expect(name);
        assert!(bytes("committed_bytes") <= bytes("limit_bytes"), "{heap}");
        most.heap_bytes = most.heap_bytes.max(bytes("committed_bytes"));
        most.with_lines_bytes =
            most.with_lines_bytes.max(bytes("committed_bytes") + bytes("lines_bytes"));
        std::thread::park_timeout(Duration::from_millis(20));
    }
    most
}

fn status(admin: SocketAddr) -> Value {
    let page = get(admin, "/status");
    let (_, body) = page.split_once("\r\n\r\n").expect("a head and a body");
    serde_json::from_str(body).expect("JSON")
}

/// What of it is in memory and no file on a disk.
fn resident_bytes(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let of = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).expect(name);
        line.split_whitespace().nth(1).expect("a number").parse::<u64>().expect("KiB") << 10
    };
    of("RssAnon:") + of("RssShmem:")
}

#[test]
fn memory_is_never_passed_and_four_times_as_much_is_served_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let lengths = Arc::new(lengths());
    let all_bytes: usize = lengths.iter().sum();
    assert!(all_bytes >= 256 << 20, "{all_bytes}");
    fill(folder.path(), &lengths);
    for io in ["auto", "epoll"] {
        let arguments = ["--io", io, "--memory", "64MiB", "--admin", "127.0.0.1:0"];
        let served = serve(folder.path(), &arguments);
        let (address, admin) = (served.addresses[0], served.admin.expect("it said where"));
        let before = resident_bytes(served.id());
        let is_over = Arc::new(AtomicBool::new(false));
        let (pid, over) = (served.id(), Arc::clone(&is_over));
        let watcher = std::thread::spawn(move || watch(pid, admin, &over));
        let askers: Vec<_> = (0..3)
            .map(|asker| {
                let lengths = Arc::clone(&lengths);
                std::thread::spawn(move || ask_for_all(address, &lengths, asker))
            })
            .collect();
        for asker in askers {
            assert_eq!(asker.join().unwrap(), Vec::<String>::new());
        }
        is_over.store(true, Ordering::Relaxed);
        let most = watcher.join().unwrap();
        let Most { resident_bytes, heap_bytes, with_lines_bytes } = most;
        assert!(heap_bytes > MEMORY_BYTES / 2, "it is used: {most:?}");
        assert!(with_lines_bytes <= MEMORY_BYTES, "{most:?}");
        assert!(resident_bytes <= MEMORY_BYTES + BESIDE_BYTES, "{most:?}, {before} before");
        finish(served, admin, io);
    }
}

fn finish(served: Served, admin: SocketAddr, io: &str) {
    let status = status(admin);
    let (heap, storage) = (&status["heap"], &status["caches"]["storage"]);
    assert_eq!(status["requests"]["by_class"][4], 0, "{io}: nobody was sent away");
    assert!(heap["steals"]["for_allocation"].as_u64() > Some(0), "{io}: {heap}");
    assert!(storage["hot_bytes"].as_u64() <= Some(MEMORY_BYTES / 8), "{io}: {storage}");
    let tags: Vec<&str> = status["top_retainers"]
        .as_array()
        .expect("rows")
        .iter()
        .filter_map(|row| row["tag"].as_str())
        .collect();
    assert!(
        !tags.is_empty() && status["quarantine"].as_array().is_some_and(Vec::is_empty),
        "{tags:?}"
    );
    let left = served.stop();
    assert_eq!((left.code, left.err.as_str()), (Some(0), ""), "{io}");
}
