//! Values of any length, out and in, and how many of their bytes are copied on the way.

use crate::rig::{Plan, Rig};

fn value(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| u8::try_from(at * 7 % 251).unwrap()).collect()
}

fn set(key: &str, value: &[u8]) -> Vec<u8> {
    [format!("set {key} 9 0 {}\r\n", value.len()).as_bytes(), value, b"\r\n"].concat()
}

fn got(key: &str, value: &[u8]) -> Vec<u8> {
    [format!("VALUE {key} 9 {}\r\n", value.len()).as_bytes(), value, b"\r\n"].concat()
}

#[test]
fn values_of_any_length_come_back_as_they_went() {
    let rig = Rig::start();
    for mut client in [rig.connect(), rig.connect_within()] {
        for bytes in [
            0, 1, 100, 4000, 4083, 4084, 4085, 4096, 5000, 16_383, 16_384, 16_385, 65_536, 100_000,
            1_000_000, 1_048_400,
        ] {
            let value = value(bytes);
            client.ask(set("long", &value), "STORED\r\n");
            client.ask("get long\r\n", [got("long", &value), b"END\r\n".to_vec()].concat());
        }
    }
}

#[test]
fn what_follows_a_long_value_is_not_lost() {
    let rig = Rig::start();
    let mut client = rig.connect();
    let value = value(300_000);
    let mut asked = Vec::new();
    let mut answered = Vec::new();
    for number in 0..10 {
        asked.extend(set(&format!("k{number}"), &value));
        asked.extend(format!("mg k{number} s\r\nadd k{number} 0 0 20000\r\n").bytes());
        asked.extend(vec![b'z'; 20_000]);
        asked.extend(b"\r\n");
        answered.extend(b"STORED\r\nHD s300000\r\nNOT_STORED\r\n");
    }
    client.ask(asked, answered);
}

#[test]
fn long_values_leave_without_a_copy() {
    let rig = Rig::start();
    let mut client = rig.connect();
    let (short, long) = (value(100), value(64 << 10));
    client.ask(set("short", &short), "STORED\r\n");
    client.ask(set("long", &long), "STORED\r\n");
    let before = rig.look().counters;
    for _ in 0..10 {
        client.ask("get long\r\n", [got("long", &long), b"END\r\n".to_vec()].concat());
    }
    let after = rig.look().counters;
    assert_eq!(after.bytes_copied_out, before.bytes_copied_out);
    assert_eq!(after.holds - before.holds, 10);
    client.ask("mg short v\r\n", [b"VA 100\r\n", &short[..], b"\r\n"].concat());
    assert_eq!(rig.look().counters.bytes_copied_out - after.bytes_copied_out, 100);
}

#[test]
fn long_values_arrive_with_no_copy_but_of_what_came_with_their_line() {
    let rig = Rig::start();
    let mut client = rig.connect();
    let before = rig.look().counters;
    for bytes in [64 << 10, 1_000_000] {
        let value = value(bytes);
        client.send(format!("set long 9 0 {bytes}\r\n"));
        rig.look_until(|look| look.receiving_bytes > 0); // its line is read before its value comes
        client.ask([&value[..], b"\r\n"].concat(), "STORED\r\n");
        client.ask("get long\r\n", [got("long", &value), b"END\r\n".to_vec()].concat());
    }
    let after = rig.look().counters;
    assert_eq!((after.bytes_copied_in - before.bytes_copied_in, after.lent - before.lent), (0, 2));
    // All at once: what comes in the block of the line is copied, and what had come before the rest was asked for.
    let value = value(1_000_000);
    client.ask(set("long", &value), "STORED\r\n");
    let copied = rig.look().counters.bytes_copied_in - after.bytes_copied_in;
    assert!(copied <= 4096, "{copied}");
}

#[test]
fn a_reply_of_many_long_values_is_sent_as_fast_as_it_is_read() {
    let rig = Rig::start();
    let mut client = rig.connect();
    let long = value(500_000);
    client.ask(set("long", &long), "STORED\r\n");
    // A hundred times half a megabyte: more than is ever queued at once.
    let line = format!("get{}\r\n", " long".repeat(100));
    client.send(&line);
    for _ in 0..100 {
        client.hears(got("long", &long));
    }
    client.hears("END\r\n");
    assert!(rig.look().counters.paused_sockets > 0);
    client.ask("get long\r\n", [got("long", &long), b"END\r\n".to_vec()].concat());
}

#[test]
fn a_value_that_is_replaced_while_it_is_sent_is_sent_whole() {
    let rig = Rig::start();
    let (mut reader, mut writer) = (rig.connect(), rig.connect());
    let (old, new) = (vec![b'o'; 1_000_000], vec![b'n'; 1_000_000]);
    writer.ask(set("long", &old), "STORED\r\n");
    reader.send("get long\r\n");
    reader.hears("VALUE long 9 1000000\r\n");
    for _ in 0..20 {
        writer.ask(set("long", &new), "STORED\r\n");
    }
    reader.hears([&old[..], b"\r\nEND\r\n"].concat());
    writer.ask("delete long\r\n", "DELETED\r\n");
}

#[test]
fn more_than_fits_lets_others_go_and_never_fails() {
    let rig = Plan { items_bytes_max: 8 << 20, ..Plan::new() }.start();
    let mut client = rig.connect_within();
    let value = value(10_000);
    for number in 0..5000 {
        client.send(set(&format!("key{number}"), &value));
        client.hears("STORED\r\n");
    }
    let look = rig.look();
    assert!(look.evictions > 4000 && look.items > 300, "{look:?}");
    assert!(look.item_bytes <= 8 << 20, "{look:?}");
    client.ask("mg key4999 s\r\nmg key0 s\r\n", "HD s10000\r\nEN\r\n");
}
