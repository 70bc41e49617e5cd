//! Storage: loads are shared, memory has a limit that holds, and another configuration comes as one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use levada_domain::Folder;
use levada_http::ExtraField;
use levada_web::{FieldRule, HostName, Site, WebConfig};

use crate::client::Client;
use crate::rig::{Plan, Rig, pause};

#[test]
fn who_asks_for_the_same_file_at_once_shares_one_load() {
    let rig = Rig::start();
    let mut clients: Vec<Client> = (0..64).map(|_| rig.connect()).collect();
    rig.get("/a.txt");
    let before = rig.look().web;
    rig.while_held(|| {
        let request = "GET /page.html HTTP/1.1\r\nHost: h\r\n\r\n";
        clients.iter_mut().for_each(|client| client.send(request));
    });
    assert!(clients.iter_mut().all(|client| client.reply().status == 200));
    let after = rig.look().web;
    assert_eq!((after.loads - before.loads, after.shared_loads - before.shared_loads), (1, 63));
}

#[test]
fn a_full_heap_is_said_and_passes() {
    let mut plan = Plan::new();
    plan.heap_bytes_max = 64 << 20;
    plan.web.cache.revalidate = Duration::ZERO;
    std::fs::write(plan.path().join("four.bin"), vec![7; 4 << 20]).unwrap();
    let rig = plan.start();
    rig.heat("/a.txt");
    let mut client = rig.connect();
    assert_eq!(client.get("/four.bin").body, vec![7; 4 << 20], "kept softly, it gives way");
    let hog = rig.heap.account("hog", u64::MAX).unwrap();
    let mut held = Vec::new();
    while let Ok(block) = hog.buf(2 << 20) {
        held.push(block);
    }
    let reply = client.get("/four.bin");
    assert_eq!((reply.status, reply.field("Retry-After")), (503, Some("1")));
    for target in ["/a.txt", "/page.html"] {
        assert_eq!(client.get(target).status, 200, "what is hot or small is served all the while");
    }
    assert!(rig.look().web.hot_bytes > 0, "what is hot does not cool for what cannot be");
    drop(held);
    assert_eq!(client.get("/four.bin").body, vec![7; 4 << 20]);
}

#[test]
fn more_files_than_the_heap_holds_are_served_in_turn() {
    for cores in [1, 2] {
        let mut plan = Plan::new();
        plan.cores = cores;
        plan.heap_bytes_max = 32 << 20;
        for number in 0..60 {
            std::fs::write(plan.path().join(format!("{number}.bin")), vec![number; 1 << 20])
                .unwrap();
        }
        let rig = plan.start();
        for round in 0..2 {
            for number in 0..60 {
                let reply = rig.get(&format!("/{number}.bin"));
                assert_eq!(
                    reply.status,
                    200,
                    "file {number}, round {round}, {cores} cores: {:?}",
                    rig.look().web
                );
                assert_eq!(reply.body, vec![number; 1 << 20]);
            }
        }
    }
}

#[test]
fn what_is_kept_keeps_to_its_limits() {
    let mut plan = Plan::new();
    plan.web.cache.back_bytes_max = 4 << 20;
    plan.web.cache.hot_bytes_max = 1 << 20;
    plan.web.cache.entries_max = 50;
    plan.web.cache.front_entries_max = 30;
    for number in 0..200_u8 {
        std::fs::write(plan.path().join(format!("{number}.bin")), vec![number; 50_000]).unwrap();
    }
    let rig = plan.start();
    let mut client = rig.connect();
    for number in 0..200_u8 {
        assert_eq!(client.get(&format!("/{number}.bin")).body, vec![number; 50_000]);
    }
    let web = rig.look().web;
    assert!(web.kept_bytes <= 4 << 20 && web.kept_entries <= 50 && web.evicted >= 150, "{web:?}");
    assert!(web.hot_bytes <= 1 << 20 && web.front_entries <= 30, "{web:?}");
    let used = rig.heap.gauges().used_bytes;
    assert!(used <= 9 << 20, "{used} bytes, blocks that wait for what comes among them");
}

/// A site that says in each reply and in each file which one it is.
fn site(folder: &std::path::Path, name: &str, host: &str) -> Site {
    let folder = folder.join(name);
    let mut site = Site::new(Folder::open(&folder).unwrap());
    site.hosts = vec![HostName::new(host).unwrap()];
    let field = ExtraField::new("X-Site", name).unwrap();
    site.fields = vec![FieldRule::new("**", vec![field]).unwrap()];
    site
}

#[test]
fn another_configuration_comes_as_one_and_leaves_nothing_of_the_one_before() {
    let mut plan = Plan::new();
    plan.cores = 2;
    let path = plan.path().to_path_buf();
    for name in ["red", "blue"] {
        std::fs::create_dir(path.join(name)).unwrap();
        for number in 0..40 {
            std::fs::write(path.join(name).join(format!("{number}.txt")), name).unwrap();
        }
        crate::folder::sparse(&path.join(name).join("large.bin"), 9 << 20);
    }
    // Red and blue change places and hosts: whatever is mixed of both shows.
    let red = site(&path, "red", "one.test");
    let blue = site(&path, "blue", "two.test");
    let configs = [vec![red.clone(), blue.clone()], vec![blue.clone(), red.clone()], vec![blue]]
        .map(|sites| {
            let mut config = WebConfig::new(sites[0].clone());
            config.sites = sites;
            config.cache.revalidate = Duration::ZERO; // so that each request asks the storage
            config
        });
    plan.web = configs[0].clone();
    let rig = plan.start();
    let is_over = Arc::new(AtomicBool::new(false));
    let askers: Vec<_> = (0..4_usize)
        .map(|asker| {
            let (is_over, address) = (Arc::clone(&is_over), rig.address);
            std::thread::spawn(move || {
                let mut count = 0;
                let mut client = Client::connect(address);
                while !is_over.load(Ordering::Relaxed) {
                    let number = (count * 7 + asker) % 40;
                    let is_large = count % 10 == 0;
                    let range =
                        if count % 3 == 0 || is_large { "Range: bytes=0-99\r\n" } else { "" };
                    let target =
                        if is_large { "large.bin".to_owned() } else { format!("{number}.txt") };
                    let host = if asker % 2 == 0 || is_large { "two.test" } else { "one.test" };
                    client.send(&format!("GET /{target} HTTP/1.1\r\nHost: {host}\r\n{range}\r\n"));
                    let reply = client.reply();
                    let said = reply.field("X-Site").unwrap_or_default();
                    count += 1;
                    assert!(
                        said == "blue" || host == "one.test",
                        "two.test is blue in each of them"
                    );
                    assert!(is_large || reply.text() == said, "{said} about {}", reply.text());
                    assert!(matches!(reply.status, 200 | 206), "{reply:?}");
                }
                count
            })
        })
        .collect();
    for round in 0..150 {
        rig.reload(configs[round % 3].clone());
        pause(3);
    }
    is_over.store(true, Ordering::Relaxed);
    let counts: Vec<usize> = askers.into_iter().map(|asker| asker.join().unwrap()).collect();
    assert!(counts.iter().all(|count| *count > 20), "{counts:?}");
    assert_eq!(rig.look().processes.exits_panicked, 0);
}

#[test]
fn what_the_configuration_before_said_of_a_file_is_not_said_any_more() {
    let mut plan = Plan::new();
    let path = plan.path().to_path_buf();
    std::fs::create_dir(path.join("red")).unwrap();
    std::fs::write(path.join("red/a.txt"), "red").unwrap();
    let mut other = site(&path, "red", "one.test");
    plan.web = WebConfig::new(other.clone());
    let rig = plan.start();
    assert_eq!(rig.get("/a.txt").field("X-Site"), Some("red"));
    other.fields = Vec::new();
    rig.reload(WebConfig::new(other));
    for _ in 0..3 {
        assert_eq!(rig.get("/a.txt").field("X-Site"), None);
    }
}

#[test]
fn small_files_that_fill_the_heap_leave_room_for_what_peers_send() {
    let mut plan = Plan::new();
    plan.heap_bytes_max = 16 << 20;
    plan.channel.receive_blocks = 64;
    let folder = plan.path().join("small");
    std::fs::create_dir(&folder).unwrap();
    for number in 0..6000 {
        std::fs::write(folder.join(format!("{number}.txt")), [b'x'; 3500]).unwrap();
    }
    let rig = plan.start();
    let mut clients: Vec<Client> = (0..8).map(|_| rig.connect()).collect();
    for number in 0..6000 {
        let client = &mut clients[number % 8];
        let reply = client.get(&format!("/small/{number}.txt"));
        assert_eq!(reply.status, 200, "file {number}: {:?}", rig.look());
    }
    let heap = rig.heap.gauges();
    assert!(heap.stolen_bytes > 0, "the heap was full, and what was kept gave way: {heap:?}");
}
