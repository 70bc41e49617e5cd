//! Streaming: what is too long to be kept goes through in blocks, to any number of readers at any pace.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::alone::tell;
use crate::client::{Behind, Client};
use crate::folder::{LARGE_BYTES, is_of_sparse, sparse};
use crate::rig::{Plan, Rig, pause};

/// Reads a download to its end, in portions with pauses between them. How many bytes came; they must be right.
fn download(mut client: Client, target: &str, portion: usize, pause_every: usize) -> u64 {
    client.send(&format!("GET {target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
    let length = client.head().length();
    let mut block = vec![0; portion];
    let (mut read, mut filled) = (0, 0);
    loop {
        match client.read(&mut block[filled..]) {
            Ok(bytes) => filled += bytes,
            Err(behind) => {
                assert!(
                    behind == Behind::Closed && is_of_sparse(&block[..filled], read),
                    "{behind:?} at {read}"
                );
                read += filled as u64;
                break;
            }
        }
        if filled == portion {
            assert!(is_of_sparse(&block, read), "at {read}");
            read += portion as u64;
            filled = 0;
            if (read / portion as u64).is_multiple_of(pause_every as u64) {
                pause(1);
            }
        }
    }
    assert_eq!(read, length as u64);
    read
}

/// The most that the heap holds while `act` runs, above what it held before.
fn growth(rig: &Rig, act: impl FnOnce()) -> u64 {
    let (most, is_over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let before = rig.heap.gauges().used_bytes;
    let (heap, seen, over) = (rig.heap.clone(), Arc::clone(&most), Arc::clone(&is_over));
    let watcher = std::thread::spawn(move || {
        while !over.load(Ordering::Relaxed) {
            seen.fetch_max(heap.gauges().used_bytes, Ordering::Relaxed);
            pause(1);
        }
    });
    act();
    is_over.store(true, Ordering::Relaxed);
    watcher.join().unwrap();
    most.load(Ordering::Relaxed).saturating_sub(before)
}

#[test]
fn a_long_download_comes_whole_and_takes_little_memory_however_slow_its_reader() {
    let rig = Rig::start();
    let long = 200 << 20;
    sparse(&rig.folder.path().join("long.bin"), long);
    rig.get("/a.txt");
    for (reader, portion, pause_every) in
        [("a fast reader", 1 << 20, 0), ("a slow reader", 64 << 10, 4)]
    {
        let client = rig.connect();
        let copied = rig.heap.gauges().bytes_copied;
        let grown =
            growth(&rig, || assert_eq!(download(client, "/long.bin", portion, pause_every), long));
        tell(&format!("200 MiB to {reader}: the heap grew by {} KiB at most", grown >> 10));
        assert!(grown <= 1 << 20, "{grown} bytes for {reader}");
        let copied = rig.heap.gauges().bytes_copied - copied;
        assert!(copied < 64 << 10, "{copied} bytes were copied for {reader}");
    }
    let look = rig.look();
    assert_eq!((look.web.kept_entries, look.web.streamed, look.web.stream_failures), (2, 2, 0));
}

#[test]
fn more_downloads_than_files_may_be_read_at_once_all_come_whole() {
    let mut plan = Plan::new();
    plan.channel.files_max = 24;
    let rig = plan.start();
    let clients: Vec<Client> = (0..150).map(|_| rig.connect()).collect();
    let grown = growth(&rig, || {
        let readers: Vec<_> = clients
            .into_iter()
            .map(|client| std::thread::spawn(|| download(client, "/large.bin", 1 << 20, 0)))
            .collect();
        let whole = readers.into_iter().filter_map(|reader| reader.join().ok());
        assert_eq!(whole.filter(|bytes| *bytes == LARGE_BYTES).count(), 150);
    });
    tell(&format!("150 downloads at once: the heap grew by {} KiB at most", grown >> 10));
    assert!(grown <= 150 << 20, "{grown}");
    assert_eq!(rig.look().web.stream_failures, 0);
}

#[test]
fn a_download_that_finds_the_heap_full_waits_until_there_is_room() {
    let mut plan = Plan::new();
    plan.web.cache.revalidate = Duration::ZERO;
    let rig = plan.start();
    rig.heat("/large.bin"); // its head: otherwise that would give way
    let mut client = rig.connect();
    let hog = rig.heap.account("hog", u64::MAX).unwrap();
    let mut held = Vec::new();
    rig.while_held(|| {
        client.send("GET /large.bin HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        for bytes in [1 << 20, 64 << 10] {
            while let Ok(block) = hog.buf(bytes) {
                held.push(block);
            }
        }
    });
    let head = client.head();
    let reader = std::thread::spawn(move || client.rest());
    pause(300);
    assert!(!reader.is_finished(), "it waits");
    drop(held);
    let (body, behind) = reader.join().unwrap();
    assert_eq!((body.len(), behind), (head.length(), Behind::Closed));
    assert!(is_of_sparse(&body, 0));
}
