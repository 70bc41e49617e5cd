//! What it costs to read the lines of the protocol and to write its replies.
//!
//! `cargo bench -p levada-memcache --bench lines`. They alternate; each figure is the median of the
//! rounds, with the least. `words` is the mere search for the line's end and its spaces, by the
//! standard library: what no reader can do without.
#![expect(clippy::print_stdout, reason = "a bench shows its figures")]

use std::hint::black_box;
use std::time::Instant;

use levada_memcache::{
    Command, ItemFacts, Limits, Parser, Reply, Step, Stored, ValueHead, write_reply,
};

const ROUNDS: usize = 41;
const STEPS_PER_ROUND: u32 = 20_000;

fn main() {
    let keys: Vec<String> = (0..50).map(|index| format!("key:{index:012}")).collect();
    let lines = [
        ("get", "get key:000000000001\r\n".to_owned()),
        ("get of 50", format!("get {}\r\n", keys.join(" "))),
        ("set", "set key:000000000001 0 0 100\r\n".to_owned()),
        ("mg", "mg key:000000000001 v t f O123 q\r\n".to_owned()),
        ("ms", "ms key:000000000001 100 T0 F5 O123 q\r\n".to_owned()),
        ("incr", "incr key:000000000001 1\r\n".to_owned()),
    ];
    println!("{:<10} {:>5} {:>14} {:>14}   ns, median (least)", "line", "bytes", "read", "words");
    let mut parser = Parser::new(Limits::default());
    for (name, line) in &lines {
        let (mut read, mut words) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            read.push(round(|| is_command(&mut parser, black_box(line.as_bytes()))));
            words.push(round(|| {
                let line = black_box(line.as_bytes());
                let end = line.iter().position(|byte| *byte == b'\n').unwrap_or_default();
                line[..end].split(|byte| *byte == b' ').filter(|word| !word.is_empty()).count() > 1
            }));
        }
        println!("{name:<10} {:>5} {:>14} {:>14}", line.len(), figures(read), figures(words));
    }
    println!("{:<10} {:>5} {:>14}", "reply", "bytes", "write");
    let get = b"mg key:000000000001 v t f O123\r\n";
    let Step::Command(Command::MetaGet(get), _) = parser.step(get) else { return };
    let set = b"set key:000000000001 0 0 100\r\n";
    let Step::Command(Command::Store(set), _) = parser.step(set) else { return };
    let facts = ItemFacts { value_bytes: 100, left_s: None, ..ItemFacts::default() };
    let head = ValueHead { key: b"key:000000000001", client_flags: 0, value_bytes: 100, cas: None };
    let replies = [
        ("STORED", set.reply(Stored::Stored { cas: 1 })),
        ("VALUE", Reply::Value(head)),
        ("VALUE cas", Reply::Value(ValueHead { cas: Some(123_456_789), ..head })),
        ("VA", get.hit(facts)),
    ];
    let mut room = Vec::with_capacity(400);
    for (name, reply) in replies {
        let mut write = Vec::new();
        for _ in 0..ROUNDS {
            write.push(round(|| {
                room.clear();
                write_reply(black_box(&reply), &mut room).is_ok()
            }));
        }
        println!("{name:<10} {:>5} {:>14}", room.len(), figures(write));
    }
}

/// Reads one command, and walks over its keys if it has several.
fn is_command(parser: &mut Parser, line: &[u8]) -> bool {
    match parser.step(line) {
        Step::Command(Command::Get(get), _) => get.keys.map(<[u8]>::len).sum::<usize>() > 0,
        Step::Command(command, used_bytes) => {
            black_box(&command);
            used_bytes == line.len()
        }
        _ => false,
    }
}

#[expect(clippy::disallowed_methods, reason = "a bench reads time")]
fn round(mut step: impl FnMut() -> bool) -> f64 {
    let start = Instant::now();
    for _ in 0..STEPS_PER_ROUND {
        assert!(black_box(step()), "the lines of this bench are right");
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(STEPS_PER_ROUND)
}

fn figures(mut rounds: Vec<f64>) -> String {
    rounds.sort_by(f64::total_cmp);
    format!("{:.1} ({:.1})", rounds[ROUNDS / 2], rounds[0])
}
