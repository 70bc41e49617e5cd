//! Limits: how much a request may be, how long it may take, and how many may be asking.

use std::time::Duration;

use crate::client::{Behind, Client};
use crate::rig::{Plan, Rig, pause};

#[test]
fn a_target_may_be_eight_kibibytes_long_and_not_longer() {
    let rig = Rig::start();
    let at_limit = format!("/{}", "a".repeat(8191));
    assert_eq!(rig.get(&at_limit).status, 404);
    let mut client = rig.connect();
    client.send(&format!("GET {at_limit}a HTTP/1.1\r\nHost: h\r\n\r\n"));
    let reply = client.reply();
    assert!(reply.status == 414 && reply.says_close(), "{reply:?}");
    assert_eq!(client.behind(5_000), Behind::Closed);
}

#[test]
fn a_head_may_have_a_hundred_fields_and_32_kibibytes_and_not_more() {
    let rig = Rig::start();
    let fields = |count: usize, bytes: usize| -> String {
        (0..count).map(|index| format!("X-{index}: {}\r\n", "v".repeat(bytes))).collect()
    };
    for (name, fields, status) in [
        ("a hundred", fields(99, 1), 200),
        ("one more", fields(100, 1), 431),
        ("just short enough", fields(90, 350), 200),
        ("too long", fields(90, 380), 431),
        ("one too long", fields(1, 40_000), 431),
        ("many more", fields(20_000, 1), 431),
    ] {
        let mut client = rig.connect();
        client.try_send(format!("GET /a.txt HTTP/1.1\r\nHost: h\r\n{fields}\r\n").as_bytes());
        let reply = client.reply();
        assert_eq!(reply.status, status, "{name}");
        if status == 431 {
            assert!(reply.says_close(), "{name}");
            assert!(matches!(client.behind(5_000), Behind::Closed | Behind::Reset), "{name}");
        }
    }
    let before = rig.look().web.connections;
    let mut client = rig.connect();
    for part in
        format!("GET /a.txt HTTP/1.1\r\nHost: h\r\n{}\r\n", fields(90, 350)).as_bytes().chunks(100)
    {
        client.send_bytes(part);
    }
    assert_eq!(client.reply().status, 200, "in small portions");
    assert_eq!(rig.look().web.connections, before + 1);
}

fn hasty() -> Rig {
    let mut plan = Plan::new();
    plan.web.limits.header = Duration::from_millis(300);
    plan.web.limits.idle = Duration::from_millis(1500);
    plan.start()
}

#[test]
fn a_head_that_takes_too_long_is_answered_with_408_however_busy_its_client_looks() {
    let rig = hasty();
    let mut slow = rig.connect();
    let mut bytes = b"GET /a.txt HTTP/1.1\r\nHost: h\r\nX: ".iter().chain([b'a'; 1000].iter());
    let mut sent = 0;
    while slow.try_send(&[*bytes.next().expect("it is refused before these are sent")]) {
        sent += 1;
        pause(10);
        if rig.look().web.timeouts > 0 {
            break;
        }
    }
    let reply = slow.reply();
    assert!(reply.status == 408 && reply.says_close() && sent < 500, "{reply:?}");
    assert!(matches!(slow.behind(5_000), Behind::Closed | Behind::Reset));
}

#[test]
fn a_second_head_that_takes_too_long_is_timed_from_its_own_begin() {
    let mut plan = Plan::new();
    plan.web.limits.header = Duration::from_millis(1500);
    let rig = plan.start();
    let mut client = rig.connect();
    assert_eq!(client.get("/a.txt").status, 200);
    pause(1600); // longer than a head may take, shorter than it may be idle
    client.send("GET /a.txt HTT");
    pause(900);
    client.send("P/1.1\r\nHost: h\r\n\r\nGET /style.css HT");
    assert_eq!(client.reply().status, 200);
    pause(1000); // together with the first head's time it would be too long
    client.send("TP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(client.reply().status, 200, "each head has its own time");
    client.send("GET /");
    assert_eq!(client.reply().status, 408);
}

#[test]
fn a_body_that_takes_too_long_is_answered_with_408() {
    let rig = hasty();
    let mut client = rig.connect();
    client.send("POST /a.txt HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc");
    let reply = client.reply();
    assert!(reply.status == 408 && reply.says_close(), "{reply:?}");
}

#[test]
fn who_asks_nothing_is_closed_without_a_word() {
    let rig = hasty();
    let mut silent = rig.connect();
    assert_eq!(silent.behind(10_000), Behind::Closed);
    let mut idle = rig.connect();
    assert_eq!(idle.get("/a.txt").status, 200);
    assert_eq!(idle.behind(10_000), Behind::Closed);
    rig.look_until(|look| look.web.connections_open == 0 && look.channel.streams_open == 0);
}

#[test]
fn one_connection_too_many_is_told_so_and_the_others_are_served() {
    let mut plan = Plan::new();
    plan.web.limits.connections_max = 8;
    let rig = plan.start();
    let mut within: Vec<Client> = (0..8).map(|_| rig.connect()).collect();
    assert!(within.iter_mut().all(|client| client.get("/a.txt").status == 200));
    for _ in 0..20 {
        let mut client = rig.connect();
        let reply = client.reply();
        assert_eq!((reply.status, reply.field("Retry-After")), (503, Some("1")));
        assert!(reply.says_close());
        client.end();
        assert_eq!(client.behind(5_000), Behind::Closed);
    }
    assert!(within.iter_mut().all(|client| client.get("/a.txt").status == 200));
    assert_eq!(rig.look().web.connections_refused, 20);
    within.truncate(4);
    rig.look_until(|look| look.web.connections_open == 4);
    assert_eq!(rig.get("/a.txt").status, 200);
}

#[test]
fn those_that_are_too_many_are_themselves_not_too_many() {
    let mut plan = Plan::new();
    plan.web.limits.connections_max = 1;
    let rig = plan.start();
    let mut within = rig.connect();
    assert_eq!(within.get("/a.txt").status, 200);
    let beyond: Vec<Client> = (0..600).map(|_| rig.connect()).collect();
    let look = rig.look_until(|look| look.web.connections_refused == 600);
    assert!(look.processes.processes_live < 300, "{look:?}");
    assert_eq!(within.get("/a.txt").status, 200);
    drop(beyond);
}

#[test]
fn more_connections_than_there_are_sockets_are_told_so_too() {
    let mut plan = Plan::new();
    plan.channel.sockets_max = 164; // of which 64 are for accepting
    let rig = plan.start();
    let (mut served, mut refused) = (Vec::new(), 0);
    for number in 0..150 {
        let mut client = rig.connect();
        client.send("GET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n");
        match client.reply().status {
            200 => served.push(client),
            status => {
                assert_eq!(status, 503, "connection {number}");
                refused += 1;
            }
        }
    }
    assert!(served.len() >= 64 && refused >= 50, "{} served, {refused} refused", served.len());
    assert!(served.iter_mut().all(|client| client.get("/a.txt").status == 200));
}
