//! However a stream of requests is cut, and however much of it comes together, the answers are the same.

use crate::rig::{Plan, Rig};

/// Requests of every kind, and their answers.
fn conversation() -> (Vec<u8>, Vec<u8>) {
    let long = "x".repeat(9000);
    let steps = [
        ("set a 5 0 5\r\nhello\r\n".to_owned(), "STORED\r\n".to_owned()),
        ("get a\r\n".to_owned(), "VALUE a 5 5\r\nhello\r\nEND\r\n".to_owned()),
        (
            "get a b a\r\nmg a v f\r\n".to_owned(),
            "VALUE a 5 5\r\nhello\r\nVALUE a 5 5\r\nhello\r\nEND\r\nVA 5 f5\r\nhello\r\n"
                .to_owned(),
        ),
        (
            "append a 0 0 3\r\n123\r\nget a\r\n".to_owned(),
            "STORED\r\nVALUE a 5 8\r\nhello123\r\nEND\r\n".to_owned(),
        ),
        (format!("set long 0 0 9000\r\n{long}\r\n"), "STORED\r\n".to_owned()),
        ("mg long s\r\n".to_owned(), "HD s9000\r\n".to_owned()),
        ("get long\r\n".to_owned(), format!("VALUE long 0 9000\r\n{long}\r\nEND\r\n")),
        ("nonsense\r\n".to_owned(), "ERROR\r\n".to_owned()),
        ("set n 0 0 2 noreply\r\n41\r\nincr n 1\r\n".to_owned(), "42\r\n".to_owned()),
        ("set bad 0 0 3\r\nabcdef".to_owned(), "CLIENT_ERROR bad data chunk\r\n".to_owned()),
        ("\r\n".to_owned(), "ERROR\r\n".to_owned()),
        (
            "ms YQ== 2 b\r\nhi\r\nmg YQ== b k v\r\n".to_owned(),
            "HD\r\nVA 2 kYQ== b\r\nhi\r\n".to_owned(),
        ),
        (
            "ms toolarge 2000000\r\n".to_owned(),
            "SERVER_ERROR object too large for cache\r\n".to_owned(),
        ),
        ("y".repeat(2_000_000) + "\r\nmn\r\n", "MN\r\n".to_owned()),
        ("md a q\r\nmg a v q\r\nmn\r\n".to_owned(), "MN\r\n".to_owned()),
    ];
    let asked = steps.iter().flat_map(|step| step.0.bytes()).collect();
    (asked, steps.iter().flat_map(|step| step.1.bytes()).collect())
}

#[test]
fn requests_that_come_together_are_answered_in_order() {
    let rig = Rig::start();
    let (asked, answered) = conversation();
    for mut client in [rig.connect(), rig.connect_within()] {
        client.ask("flush_all\r\n", "OK\r\n");
        client.ask(&asked, &answered);
    }
}

#[test]
fn requests_that_come_byte_by_byte_are_answered_the_same() {
    let rig = Rig::start();
    let (asked, answered) = conversation();
    let mut client = rig.connect_within();
    // Of what is only dropped not every byte needs a send of its own.
    let dropped = asked.windows(64).position(|run| run == [b'y'; 64]).unwrap();
    for byte in &asked[..dropped] {
        client.send([*byte]);
    }
    for portion in asked[dropped..].chunks(7777) {
        client.send(portion);
    }
    client.ask("", &answered);
}

#[test]
fn requests_in_portions_of_any_length_are_answered_the_same() {
    let rig = Plan { cores: 2, ..Plan::new() }.start();
    let (asked, answered) = conversation();
    for portion_bytes in [2, 3, 5, 17, 100, 4095, 4096, 4097, 9001, 20_000] {
        let mut client = rig.connect();
        client.ask("flush_all\r\n", "OK\r\n");
        let portions = asked.chunks(portion_bytes).enumerate();
        for (number, portion) in portions {
            client.send(portion);
            if number > 2000 {
                break;
            }
        }
        let sent = (portion_bytes * 2002).min(asked.len());
        client.send(&asked[sent..]);
        client.ask("", &answered);
    }
}

#[test]
fn a_thousand_commands_in_one_send_are_a_few_passes_and_fewer_lookups_than_keys() {
    let rig = Rig::start();
    let mut client = rig.connect_within();
    let keys: Vec<String> = (0..50).map(|number| format!("key{number}")).collect();
    for key in &keys {
        client.ask(format!("set {key} 0 0 3\r\nabc\r\n"), "STORED\r\n");
    }
    let before = rig.look().counters;
    let asked: String = (0..1000).map(|n| format!("get {}\r\n", keys[n % 50])).collect();
    let value = |n: usize| format!("VALUE {} 0 3\r\nabc\r\nEND\r\n", keys[n % 50]);
    client.ask(asked, (0..1000).map(value).collect::<String>());
    let after = rig.look().counters;
    assert_eq!(after.lookups - before.lookups, 1000);
    assert!(after.lookup_runs - before.lookup_runs <= 50, "{after:?}");
    assert!(after.passes - before.passes <= 20, "{after:?}");
}

#[test]
fn a_write_stands_in_its_place_among_reads() {
    let rig = Rig::start();
    let mut client = rig.connect();
    let asked = "get a\r\nset a 0 0 1\r\n1\r\nget a a\r\ndelete a\r\nget a\r\nmg a v\r\n";
    let answered =
        "END\r\nSTORED\r\nVALUE a 0 1\r\n1\r\nVALUE a 0 1\r\n1\r\nEND\r\nDELETED\r\nEND\r\nEN\r\n";
    client.ask(asked, answered);
}
