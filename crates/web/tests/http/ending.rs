//! Ending: what is being answered is answered, what is idle is closed, and nothing new is taken.

use std::net::TcpStream;
use std::time::Duration;

use crate::client::{Behind, Client};
use crate::folder::{LETTERS, is_of_sparse, sparse};
use crate::rig::{Plan, Rig, pause};

#[test]
fn a_service_that_stops_finishes_what_it_is_sending_and_closes_the_rest() {
    let rig = Rig::start();
    sparse(&rig.folder.path().join("long.bin"), 40 << 20);
    let mut idle: Vec<Client> = (0..20).map(|_| rig.connect()).collect();
    assert!(idle.iter_mut().all(|client| client.get("/a.txt").text() == LETTERS));
    let mut silent = rig.connect();
    let mut downloading = rig.connect();
    downloading.send("GET /long.bin HTTP/1.1\r\nHost: h\r\n\r\n");
    let head = downloading.head();
    let reader = std::thread::spawn(move || {
        pause(300);
        downloading.rest()
    });
    let look = rig.wind_down();
    let (body, behind) = reader.join().unwrap();
    assert_eq!((body.len(), behind), (head.length(), Behind::Closed));
    assert!(is_of_sparse(&body, 0));
    assert_eq!(look.web.connections_open, 0);
    assert!(idle.iter_mut().all(|client| client.behind(5_000) == Behind::Closed));
    assert_eq!(silent.behind(5_000), Behind::Closed);
    let late = TcpStream::connect_timeout(&rig.address, Duration::from_secs(1));
    assert!(late.is_err(), "nobody listens any more");
}

#[test]
fn who_takes_nothing_of_an_answer_is_reset_and_holds_nothing() {
    let mut plan = Plan::new();
    plan.channel.write_stall = Duration::from_secs(1);
    let rig = plan.start();
    sparse(&rig.folder.path().join("long.bin"), 40 << 20);
    rig.get("/a.txt");
    let look = rig.look_until(|look| look.channel.streams_open == 0);
    let before = rig.heap.gauges().used_bytes;
    let mut clients: Vec<Client> = (0..10).map(|_| rig.connect()).collect();
    for client in &mut clients {
        client.send("GET /long.bin HTTP/1.1\r\nHost: h\r\n\r\n");
    }
    rig.look_until(|look| look.channel.stalls_aborted == 10 && look.web.connections_open == 0);
    for client in &mut clients {
        let length = client.head().length();
        let (body, behind) = client.rest();
        assert!(body.len() < length && behind == Behind::Reset, "{behind:?}");
    }
    assert_eq!(look.processes.exits_panicked, 0);
    let after = rig.heap.gauges().used_bytes;
    assert!(after < before + (64 << 10), "{before} bytes became {after}");
}
