//! Abuse: after thousands of broken connections all is as it was before.

use std::io::Read;
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;

use crate::alone::{alone, descriptors, tell};
use crate::client::Client;
use crate::folder::LETTERS;
use crate::rig::Plan;

/// A generator of numbers that are hard to guess and always the same.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes(&mut self, count: u64) -> Vec<u8> {
        (0..count).map(|_| self.roll().to_le_bytes()[3]).collect()
    }
}

/// The next close of this socket resets its peer.
fn will_reset(client: &Client) {
    set_socket_linger(&client.stream, Some(Duration::ZERO)).unwrap();
}

/// Begins something and breaks it off.
fn abuse(client: &mut Client, dice: &mut Dice) {
    let large = "GET /large.bin HTTP/1.1\r\nHost: h\r\n\r\n";
    match dice.roll() % 10 {
        0 => will_reset(client),
        1 => {}
        2 => client.send("GET /a.txt HTTP/1.1\r\nHost"),
        3 => {
            let bytes = dice.roll() % 6000;
            client.try_send(&dice.bytes(bytes));
        }
        4 => {
            client.send(large);
            let mut some = vec![0; 1 + usize::try_from(dice.roll() % 100_000).unwrap()];
            client.stream.read_exact(&mut some).unwrap();
            will_reset(client);
        }
        5 => {
            client.send(large);
            will_reset(client);
        }
        6 => client.send(&large.repeat(3)),
        7 => {
            client.send("POST /a.txt HTTP/1.1\r\nHost: h\r\nContent-Length: 5000\r\n\r\nab");
            will_reset(client);
        }
        8 => {
            client.send(&"GET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n".repeat(500));
            will_reset(client);
        }
        _ => {
            let target = dice.roll();
            client.send(&format!("GET /{target:x}/{target:o} HTTP/1.1\r\nHost: h\r\n\r\n"));
            assert_eq!(client.reply().status, 404);
        }
    }
}

#[test]
fn after_abuse_the_service_lives_and_has_what_it_had_before() {
    alone("abuse::after_abuse_the_service_lives_and_has_what_it_had_before", || {
        let mut plan = Plan::new();
        plan.web.limits.header = Duration::from_secs(3);
        let rig = plan.start();
        let quiet = || {
            assert_eq!(rig.get("/a.txt").text(), LETTERS);
            let is_quiet = |look: &crate::rig::Look| {
                let channel = &look.channel;
                look.web.connections_open == 0
                    && channel.streams_open == 0
                    && channel.files_in_flight == 0
            };
            let look = rig.look_until(is_quiet);
            (descriptors(), rig.heap.gauges().used_bytes, look)
        };
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
        for _ in 0..100 {
            abuse(&mut rig.connect(), &mut dice); // what is made once is made now
        }
        let (fds, bytes, before) = quiet();
        for _ in 0..40 {
            let mut clients: Vec<Client> = (0..100).map(|_| rig.connect()).collect();
            clients.iter_mut().for_each(|client| abuse(client, &mut dice));
        }
        let (fds_after, bytes_after, after) = quiet();
        tell(&format!(
            "4,000 broken connections: descriptors {fds} to {fds_after}, heap {bytes} to {bytes_after} bytes"
        ));
        assert!(fds_after <= fds, "{fds} descriptors became {fds_after}");
        // What is kept is the same; blocks that wait for what comes are lent as before.
        assert!(bytes_after <= bytes + (64 << 10), "{bytes} bytes became {bytes_after}");
        assert_eq!(after.processes.processes_live, before.processes.processes_live);
        assert_eq!((after.processes.exits_panicked, after.processes.panics_contained), (0, 0));
    });
}
