//! What memcached 1.6.18 answered is what the service answers, but for the differences that are told beside the record.
//!
//! The record is `tests/recorded/requests.txt`, with its grammar at its head.

use std::collections::BTreeMap;

use crate::client::Client;
use crate::rig::Rig;

const CONVERSATIONS: &str = include_str!("../recorded/requests.txt");

/// A part of what is sent or received.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Unit {
    Bytes(Vec<u8>),
    /// What stands in braces: its name, its argument.
    Held(String, String),
}

/// What is sent, in pieces, and what is received before anything else is sent.
#[derive(Default)]
struct Exchange {
    pieces: Vec<Vec<String>>,
    received: Vec<String>,
    expected: Option<Vec<String>>,
    closes: bool,
    closes_here: bool,
}

struct Case {
    name: String,
    exchanges: Vec<Exchange>,
}

/// The numbers that were seen in a case.
type Seen = BTreeMap<u64, u64>;

fn read() -> Vec<Case> {
    let (_, cases_text) = CONVERSATIONS.split_once("\n== ").unwrap();
    let mut cases: Vec<Case> = Vec::new();
    for line in
        cases_text.lines().skip(1).filter(|line| !line.is_empty() && !line.starts_with("== "))
    {
        let (kind, rest) = line.split_at(line.len().min(2));
        if kind == "# " {
            cases.push(Case { name: rest.to_owned(), exchanges: Vec::new() });
            continue;
        }
        let exchanges = &mut cases.last_mut().unwrap().exchanges;
        if kind == "> " {
            let is_over = |last: &Exchange| {
                !last.received.is_empty() || last.closes || last.expected.is_some()
            };
            if exchanges.last().is_none_or(is_over) {
                exchanges.push(Exchange { pieces: vec![Vec::new()], ..Exchange::default() });
            }
            exchanges.last_mut().unwrap().pieces.last_mut().unwrap().push(rest.to_owned());
            continue;
        }
        let exchange = exchanges.last_mut().unwrap();
        match (kind, line) {
            (_, "~") => exchange.pieces.push(Vec::new()),
            ("< ", _) => exchange.received.push(rest.to_owned()),
            ("= ", _) => exchange.expected.get_or_insert_default().push(rest.to_owned()),
            ("* ", _) => {}
            (_, "closed") if exchange.expected.is_none() => exchange.closes = true,
            (_, "closed") => exchange.closes_here = true,
            _ => panic!("not in the grammar: {line}"),
        }
    }
    cases
}

/// The parts of lines, each with its end.
fn units(lines: &[String]) -> Vec<Unit> {
    let mut units: Vec<Unit> = Vec::new();
    let mut bytes = Vec::new();
    for line in lines {
        let (line, has_end) = match line.strip_suffix("\\c") {
            Some(line) => (line, false),
            None => (line.as_str(), true),
        };
        let mut rest = line;
        while let Some(at) = rest.find('\\') {
            bytes.extend_from_slice(&rest.as_bytes()[..at]);
            let letter = rest[at + 1..].chars().next().unwrap();
            rest = &rest[at + 1 + letter.len_utf8()..];
            match letter {
                'x' => {
                    bytes.push(u8::from_str_radix(&rest[..2], 16).unwrap());
                    rest = &rest[2..];
                }
                'r' => bytes.push(b'\r'),
                'n' => bytes.push(b'\n'),
                't' => bytes.push(b'\t'),
                '0' => bytes.push(0),
                '\\' => bytes.push(b'\\'),
                '{' => {
                    let (held, behind) = rest.split_once('}').unwrap();
                    rest = behind;
                    match held.rsplit_once('*') {
                        Some((text, times)) => {
                            bytes.extend_from_slice(text.repeat(times.parse().unwrap()).as_bytes());
                        }
                        None => {
                            let (name, argument) = held.split_once(':').unwrap_or((held, ""));
                            units.push(Unit::Bytes(core::mem::take(&mut bytes)));
                            units.push(Unit::Held(name.to_owned(), argument.to_owned()));
                        }
                    }
                }
                letter => panic!("no such escape: {letter}"),
            }
        }
        bytes.extend_from_slice(rest.as_bytes());
        if has_end {
            bytes.extend_from_slice(b"\r\n");
        }
    }
    units.push(Unit::Bytes(bytes));
    units
}

fn to_send(lines: &[String], seen: &Seen) -> Vec<u8> {
    let of = |unit| match unit {
        Unit::Bytes(bytes) => bytes,
        Unit::Held(name, argument) => {
            assert_eq!(name, "cas", "only numbers are sent again");
            let at = argument.find(['+', '-']).unwrap_or(argument.len());
            let (number, more) = argument.split_at(at);
            let more: i64 = if more.is_empty() { 0 } else { more.parse().unwrap() };
            let number = seen[&number.parse().unwrap()];
            number.checked_add_signed(more).unwrap().to_string().into_bytes()
        }
    };
    units(lines).into_iter().flat_map(of).collect()
}

/// How far `data` agrees with what is expected, and whether that is all of it. Numbers that are seen are remembered.
fn agreed(expected: &[Unit], data: &[u8], seen: &mut Seen) -> (usize, bool) {
    let mut at = 0;
    for unit in expected {
        let rest = &data[at..];
        let (name, argument) = match unit {
            Unit::Bytes(bytes) => {
                let alike = rest.iter().zip(bytes).take_while(|(come, wanted)| come == wanted);
                let count = alike.count();
                at += count;
                if count < bytes.len() {
                    return (at, false);
                }
                continue;
            }
            Unit::Held(name, argument) => (name.as_str(), argument.as_str()),
        };
        let run = |is: fn(&u8) -> bool| rest.iter().take_while(|byte| is(byte)).count();
        let count = match name {
            "stats" => {
                let lines = rest.split_inclusive(|byte| *byte == b'\n');
                lines.take_while(|line| line.starts_with(b"STAT ")).map(<[u8]>::len).sum()
            }
            "word" => run(|byte| !b" \r\n".contains(byte)),
            _ => run(u8::is_ascii_digit),
        };
        if matches!(name, "cas" | "left" | "passed") {
            let argument: u64 = argument.parse().unwrap();
            let Ok(value) = core::str::from_utf8(&rest[..count]).unwrap().parse::<u64>() else {
                return (at, false);
            };
            let is_good = match name {
                "cas" => *seen.entry(argument).or_insert(value) == value,
                "left" => (argument.saturating_sub(2)..=argument).contains(&value),
                _ => (argument..=argument + 2).contains(&value),
            };
            if !is_good {
                return (at, false);
            }
        }
        at += count;
    }
    (at, at == data.len())
}

/// What differs, if anything does.
fn replay(case: &Case, client: &mut Client) -> Result<(), String> {
    let mut seen = Seen::new();
    let mut is_binary = false;
    for exchange in &case.exchanges {
        for piece in &exchange.pieces {
            let bytes = to_send(piece, &seen);
            is_binary |= bytes.starts_with(b"\x80");
            // Who closes need not take all of it.
            let _is_taken: bool = client.try_send(&bytes);
        }
        let (lines, closes) = match &exchange.expected {
            Some(expected) => (expected, exchange.closes_here),
            None => (&exchange.received, exchange.closes),
        };
        let expected = units(lines);
        let mut data = Vec::new();
        loop {
            let mut newly_seen = seen.clone();
            let (at, is_all) = agreed(&expected, &data, &mut newly_seen);
            let differs = || format!("not {lines:?}: {}", data.escape_ascii());
            if is_all && !closes {
                seen = newly_seen;
                break;
            }
            if at < data.len() {
                return Err(differs());
            }
            match client.some() {
                Some(more) => data.extend(more),
                None if is_all && closes => return Ok(()),
                None => return Err(format!("it ended, and {}", differs())),
            }
        }
    }
    if !is_binary {
        client.ask("", "");
    }
    Ok(())
}

#[test]
fn the_recorded_requests_are_answered_as_the_reference_did() {
    let rig = Rig::start();
    let cases = read();
    assert!(cases.len() >= 400, "{} cases", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        rig.connect().ask("flush_all\r\n", "OK\r\n");
        if let Err(differs) = replay(case, &mut rig.connect()) {
            wrong.push(format!("{}: {differs}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
