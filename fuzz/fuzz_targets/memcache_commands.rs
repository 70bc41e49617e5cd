//! A connection's bytes are read as memcached commands, at once and in portions, and compared: with each other, and with what is
//! read of the line that each command is written as.
//!
//! The first byte chooses the length of the portions, the next the limits; the rest is what a peer sent.
#![no_main]

use levada_memcache::{
    Command, Counted, Deleted, ItemFacts, KeyRoom, Limits, Parser, Reply, ReplyStep, Step, Stored,
    read_reply, write_command, write_reply,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let [portion, limit, sent @ ..] = input else { return };
    let limits = Limits {
        key_bytes_max: usize::from(*limit),
        line_bytes_max: 2_048 + usize::from(*limit),
        item_bytes_max: 60 + u64::from(*limit) * 16,
    };
    let at_once = serve(sent, sent.len().max(1), limits);
    assert_eq!(at_once, serve(sent, 1, limits));
    assert_eq!(at_once, serve(sent, usize::from(*portion).max(1), limits));
});

/// What a server would have done, as text.
fn serve(stream: &[u8], portion_bytes: usize, limits: Limits) -> Vec<String> {
    let mut parser = Parser::new(limits);
    let (mut start, mut end, mut skip_bytes) = (0, 0, 0_u64);
    let mut steps = Vec::new();
    loop {
        let here_bytes = (end - start) as u64;
        let skipped_bytes = skip_bytes.min(here_bytes);
        (start, skip_bytes) = (start + skipped_bytes as usize, skip_bytes - skipped_bytes);
        let needed_bytes = if skip_bytes > 0 {
            1
        } else {
            // A copy of just that length: a read past it is seen.
            let input = stream[start..end].to_vec();
            match parser.step(&input) {
                Step::Need(bytes) => {
                    assert!(bytes > input.len());
                    bytes
                }
                Step::Command(command, used_bytes) => {
                    assert!(used_bytes > 0 && used_bytes <= input.len());
                    check(&command, limits);
                    steps.push(format!("{command:?}"));
                    if let Command::Store(store) = command {
                        skip_bytes = store.block_bytes();
                    }
                    start += used_bytes;
                    0
                }
                Step::Swallow(bytes) => {
                    assert!(bytes > 0);
                    steps.push(format!("swallow {bytes}"));
                    skip_bytes = bytes;
                    0
                }
                Step::Refuse(reply, used_bytes) => {
                    assert!(used_bytes > 0 && used_bytes <= input.len());
                    check_reply(&reply);
                    steps.push(format!("{reply:?}"));
                    start += used_bytes;
                    0
                }
                Step::End(reply) => {
                    steps.push(format!("end {reply:?}"));
                    return steps;
                }
            }
        };
        if needed_bytes > end - start {
            if end == stream.len() {
                return steps;
            }
            end = (end + portion_bytes).min(stream.len());
        }
    }
}

/// A command is within its limits, is written as a line that is read as the same, and has answers that are read back.
fn check(command: &Command<'_>, limits: Limits) {
    let mut line = Vec::new();
    write_command(command, &mut line).unwrap();
    let generous = Limits { line_bytes_max: 1 << 20, ..limits };
    let Step::Command(again, used_bytes) = Parser::new(generous).step(&line) else {
        panic!("{} is no command", line.escape_ascii())
    };
    let mut second = Vec::new();
    write_command(&again, &mut second).unwrap();
    assert_eq!((used_bytes, &second), (line.len(), &line));

    let facts = ItemFacts { cas: u64::MAX, left_s: Some(u32::MAX), ..ItemFacts::default() };
    let coded = ItemFacts { is_key_base64: true, is_stale: true, is_won: true, ..facts };
    let mut room: KeyRoom = [0; _];
    match command {
        Command::Get(get) => {
            for key in get.keys {
                assert!(!key.is_empty() && key.len() <= limits.key_bytes_max);
                check_reply(&get.hit(key, u32::MAX, u64::MAX, u64::MAX));
            }
        }
        Command::MetaGet(get) => {
            assert!(get.key.bytes(&mut room).len() <= limits.key_bytes_max);
            [get.hit(facts), get.hit(coded), get.miss()].iter().for_each(check_reply);
        }
        Command::Store(store) => {
            assert!(store.key.bytes(&mut room).len() <= limits.key_bytes_max);
            let item_bytes = u64::from(store.value_bytes) + store.key.bytes(&mut room).len() as u64;
            assert!(store.is_too_large || item_bytes < limits.item_bytes_max);
            for stored in
                [Stored::Stored { cas: 1 }, Stored::NotStored, Stored::Exists, Stored::NotFound]
            {
                check_reply(&store.reply(stored));
            }
        }
        Command::Arith(arith) => {
            for counted in [Counted::Number(u64::MAX, coded), Counted::NotFound, Counted::Exists] {
                check_reply(&arith.reply(counted));
            }
        }
        Command::Delete(delete) => {
            for deleted in [Deleted::Done, Deleted::NotFound, Deleted::Exists] {
                check_reply(&delete.reply(deleted));
            }
        }
        Command::Touch(touch) => check_reply(&touch.reply(true)),
        Command::Dump(dump) => check_reply(&dump.hit(coded, u32::MAX, u64::MAX)),
        Command::FlushAll(flush) => check_reply(&flush.reply()),
        Command::Verbosity(verbosity) => check_reply(&verbosity.reply()),
        Command::Noop | Command::Stats(_) | Command::Version | Command::Quit => {}
    }
}

/// A reply has the length that it says, fits where there is just that room, and its first line is one that a client reads, unless
/// it is a line without a word or too long to be one.
fn check_reply(reply: &Reply<'_>) {
    let mut text = vec![0; reply.text_bytes()];
    let mut room = text.as_mut_slice();
    write_reply(reply, &mut room).unwrap();
    assert!(room.is_empty(), "it is as long as it says");
    if text.is_empty() {
        return;
    }
    assert!(write_reply(reply, &mut vec![0; text.len() - 1].as_mut_slice()).is_err());
    match read_reply(&text) {
        ReplyStep::Line(_, used_bytes) => assert!(used_bytes <= text.len()),
        step => panic!("{} gives {step:?}", text.escape_ascii()),
    }
}
