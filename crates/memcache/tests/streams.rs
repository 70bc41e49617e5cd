//! However a stream is cut into receives, its steps are the same.

use levada_memcache::{Command, Limits, Parser, Reply, Step, write_reply};
use proptest::prelude::{
    ProptestConfig, Strategy, any, prop, prop_assert_eq, prop_oneof, proptest,
};

const LIMITS: Limits = Limits { line_bytes_max: 3_000, item_bytes_max: 5_000, key_bytes_max: 250 };

/// What a server would have done, as text, and how many bytes nobody used.
#[derive(Debug, PartialEq)]
struct Heard {
    steps: Vec<String>,
    is_ended: bool,
    unused_bytes: usize,
}

/// A server that receives `stream` in portions of so many bytes, the last of them again and again.
fn serve(stream: &[u8], portions: &[usize]) -> Heard {
    let mut parser = Parser::new(LIMITS);
    let mut portions =
        portions.iter().copied().chain(std::iter::repeat(*portions.last().expect("there is one")));
    let (mut start, mut end) = (0, 0);
    let mut heard = Heard { steps: Vec::new(), is_ended: false, unused_bytes: 0 };
    let mut skip_bytes = 0_u64;
    loop {
        let skipped_bytes = usize::try_from(skip_bytes).unwrap_or(usize::MAX).min(end - start);
        skip_bytes -= skipped_bytes as u64;
        start += skipped_bytes;
        let needed_bytes = if skip_bytes > 0 {
            1
        } else {
            match parser.step(&stream[start..end]) {
                Step::Need(bytes) => {
                    assert!(bytes > end - start, "what is there already is not asked for");
                    bytes
                }
                Step::Command(command, used_bytes) => {
                    assert!(used_bytes > 0 && used_bytes <= end - start);
                    heard.steps.push(format!("{command:?}"));
                    if let Command::Store(store) = command {
                        skip_bytes = store.block_bytes();
                    }
                    start += used_bytes;
                    0
                }
                Step::Swallow(bytes) => {
                    assert!(bytes > 0);
                    heard.steps.push(format!("swallow {bytes}"));
                    skip_bytes = bytes;
                    0
                }
                Step::Refuse(reply, used_bytes) => {
                    assert!(used_bytes > 0 && used_bytes <= end - start);
                    heard.steps.push(format!("{reply:?}"));
                    start += used_bytes;
                    0
                }
                Step::End(reply) => {
                    heard.steps.push(format!("end {reply:?}"));
                    heard.is_ended = true;
                    return heard;
                }
            }
        };
        // One portion, and then as many as were asked for.
        while end < stream.len() && (needed_bytes > end - start) {
            end = (end + portions.next().expect("they repeat").max(1)).min(stream.len());
            if skip_bytes > 0 {
                break;
            }
        }
        if needed_bytes > end - start {
            heard.unused_bytes = end - start;
            return heard;
        }
    }
}

fn line() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        8 => "[a-e]{1,3}",
        4 => "(0|1|30|-1|x|4294967297|noreply)",
        3 => "[bcfhklqstuvNRTCFIMJDPL][0-9]{0,2}",
        1 => "[ -~]{0,12}",
        1 => "k{251}",
    ];
    let name = prop_oneof![
        "(get|gets|gat|gats|set|add|replace|append|prepend|cas|incr|decr|delete|touch)",
        "(flush_all|stats|version|verbosity|quit|mg|ms|md|ma|me|mn|GET|foo|)",
    ];
    let row = (name, prop::collection::vec(word, 0..8), "(\r\n|\n|\r\r\n)")
        .prop_map(|(name, words, end)| format!("{name} {}{end}", words.join(" ")).into_bytes());
    let stored = ("(set|ms|add)", "[a-e]{1,3}", "[x-z]{0,40}", "(\r\n|\n)").prop_map(
        |(name, key, value, end)| {
            let numbers = if name == "ms" { "" } else { "0 0 " };
            format!("{name} {key} {numbers}{}\r\n{value}{end}", value.len()).into_bytes()
        },
    );
    prop_oneof![
        6 => row,
        3 => stored,
        1 => prop::collection::vec(any::<u8>(), 0..60),
        1 => (0..3_500_usize).prop_map(|bytes| [b"get ".as_slice(), &vec![b'k'; bytes]].concat()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_split_of_a_stream_gives_the_same_steps(
        lines in prop::collection::vec(line(), 1..8),
        portions in prop::collection::vec(1..40_usize, 1..8),
    ) {
        let stream = lines.concat();
        let at_once = serve(&stream, &[stream.len()]);
        prop_assert_eq!(&at_once, &serve(&stream, &[1]));
        prop_assert_eq!(&at_once, &serve(&stream, &portions));
    }

    #[test]
    fn a_command_is_given_when_its_line_is_there_and_not_before(line in line()) {
        let mut parser = Parser::new(LIMITS);
        if let Step::Command(command, used_bytes) = parser.step(&line) {
            let whole = format!("{command:?}");
            let cut = needed(&Parser::new(LIMITS).step(&line[..used_bytes - 1]));
            prop_assert_eq!(cut, Some(used_bytes));
            let mut parser = Parser::new(LIMITS);
            let Step::Command(command, _) = parser.step(&line[..used_bytes]) else { panic!() };
            prop_assert_eq!(whole, format!("{command:?}"), "what stands behind is not looked at");
        }
    }
}

fn needed(step: &Step<'_>) -> Option<usize> {
    if let Step::Need(bytes) = step { Some(*bytes) } else { None }
}

fn ends(stream: &[u8]) -> bool {
    let at_once = serve(stream, &[stream.len()]);
    assert_eq!(at_once, serve(stream, &[1]));
    at_once.is_ended
}

#[test]
fn a_long_line_that_is_no_get_ends_the_connection() {
    assert!(!ends(&[b'x'; 2_048]));
    assert!(ends(&[b'x'; 2_049]));
    assert!(ends(&[&[b' '; 2_048], b"mn\r\n".as_slice()].concat()));
    let padded = |bytes: usize| [&vec![b' '; bytes - 2], b"mn\n".as_slice()].concat();
    assert!(!ends(&padded(2_048)));
    assert!(ends(&padded(2_049)));
}

#[test]
fn the_line_of_a_get_may_be_longer_up_to_its_own_limit() {
    for name in ["get ", "gets ", "  get ", "gat 0 ", "gats 0 "] {
        let fitting = [name.as_bytes(), &vec![b' '; 3_000 - name.len()]].concat();
        assert!(!ends(&fitting), "{name}");
        assert!(ends(&[fitting, b" ".to_vec()].concat()), "{name}");
    }
    assert!(ends(&[&[b' '; 101], b"get ".as_slice(), &[b'k'; 2_000]].concat()));
}

#[test]
fn a_client_of_the_binary_protocol_is_told_so() {
    let mut request = [0_u8; 24];
    request[..2].copy_from_slice(&[0x80, 0x0a]);
    request[12..16].copy_from_slice(b"opaq");
    let mut parser = Parser::new(LIMITS);
    assert_eq!(needed(&parser.step(&request[..1])), Some(24));
    let Step::End(reply) = parser.step(&request) else { panic!() };
    let mut frame = Vec::new();
    write_reply(&reply, &mut frame).unwrap();
    let text = b"binary protocol not supported: use text or meta commands";
    assert_eq!(frame[..8], [0x81, 0x0a, 0, 0, 0, 0, 0x00, 0x83]);
    assert_eq!(frame[8..12], [0, 0, 0, 56]);
    assert_eq!(frame[12..24], *b"opaq\0\0\0\0\0\0\0\0");
    assert_eq!(frame[24..], *text);
    assert!(matches!(parser.step(b"get a\r\n"), Step::End(Reply::Nothing)));
    let mut later = Parser::new(LIMITS);
    assert!(matches!(later.step(b"mn\r\n"), Step::Command(Command::Noop, 4)));
    assert!(matches!(later.step(b"\x80\r\n"), Step::Refuse(..)), "behind a line it is a word");
}

#[test]
fn nothing_is_asked_for_that_a_peer_may_never_send() {
    let mut parser = Parser::new(LIMITS);
    assert_eq!(needed(&parser.step(b"")), Some(1));
    assert_eq!(needed(&parser.step(b"ge")), Some(3));
    assert_eq!(needed(&parser.step(b"get a\r")), Some(7));
    assert!(matches!(parser.step(b"get a\r\n"), Step::Command(Command::Get(_), 7)));
}
