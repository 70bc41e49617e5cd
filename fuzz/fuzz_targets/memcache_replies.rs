//! A server's bytes are read as reply lines, at once and byte by byte, and compared; what is said of a value is within the line.
#![no_main]

use levada_memcache::{Reply, ReplyLine, ReplyStep, ValueHead, read_reply, write_reply};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut rest = input;
    loop {
        match read_reply(rest) {
            ReplyStep::Need(bytes) => {
                assert!(bytes > rest.len());
                return;
            }
            ReplyStep::Strange => return,
            ReplyStep::Line(line, used_bytes) => {
                assert!(used_bytes > 0 && used_bytes <= rest.len());
                let alone = rest[..used_bytes].to_vec();
                let ReplyStep::Line(again, again_bytes) = read_reply(&alone) else {
                    panic!("a line needs nothing behind it")
                };
                assert_eq!((format!("{line:?}"), used_bytes), (format!("{again:?}"), again_bytes));
                assert!(matches!(read_reply(&alone[..used_bytes - 1]), ReplyStep::Need(_)));
                if let ReplyLine::Meta(line) = line {
                    assert!(
                        line.flags().map(|(_, token)| token.len() + 1).sum::<usize>() < used_bytes
                    );
                }
                if let ReplyLine::Value(head) = line {
                    written_again(head);
                }
                let block_bytes = line.block_bytes().unwrap_or(0);
                let behind = &rest[used_bytes..];
                rest = &behind[usize::try_from(block_bytes).unwrap().min(behind.len())..];
            }
        }
    }
});

/// The head of a value that was read is written as one that reads the same.
fn written_again(head: ValueHead<'_>) {
    let mut text = Vec::new();
    write_reply(&Reply::Value(head), &mut text).unwrap();
    let ReplyStep::Line(ReplyLine::Value(again), _) = read_reply(&text) else { panic!() };
    assert_eq!(head, again);
}
