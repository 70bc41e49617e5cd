//! A connection's bytes are read as requests with bodies, at once and in portions, and compared: with
//! each other, with another library's reading of the lines, with a decoder of chunks that is too
//! simple to be wrong.
//!
//! The first two bytes choose where the rest is split; the rest is what a peer sent.
#![no_main]

use levada_http::h1::{
    BodyDiscard, BodyLength, BodyLimits, Fed, HeadLimits, HeadScan, Refusal, RequestHead, Version,
    parse_head,
};
use levada_http::{
    Coding, CodingSet, Compose, Field, FileVersion, PREFERENCE, PathRules, RangePlan, TraceParent,
    Validators, choose_coding, judge, plan_ranges,
};
use libfuzzer_sys::fuzz_target;

const HEAD_LIMITS: HeadLimits =
    HeadLimits { target_bytes_max: 100, head_bytes_max: 1_000, field_count_max: 12 };
const BODY_LIMITS: BodyLimits = BodyLimits { payload_bytes_max: 300, chunk_bytes_max: 200 };

fuzz_target!(|input: &[u8]| {
    let [one, other, sent @ ..] = input else { return };
    let mut rest = sent;
    for _ in 0..8 {
        let Some(behind) = read_request(rest, [usize::from(*one), usize::from(*other)]) else {
            return;
        };
        rest = behind;
    }
});

/// Reads one request and its body; gives what stands behind it, if that is known.
fn read_request(bytes: &[u8], splits: [usize; 2]) -> Option<&[u8]> {
    let parsed = parse_head(bytes, &HEAD_LIMITS);
    head_in_portions(bytes, &parsed, splits);
    let head = match parsed {
        Ok(Some(head)) => head,
        Ok(None) => {
            assert!(
                bytes.len() <= HEAD_LIMITS.head_bytes_max,
                "a head beyond its limit is refused"
            );
            return None;
        }
        Err(refusal) => {
            assert!(matches!(refusal.status().code(), 400 | 405 | 414 | 417 | 431 | 501 | 505));
            return None;
        }
    };
    check_head(bytes, &head);
    check_semantics(&head);
    let behind_head = &bytes[head.head_bytes..];
    let fed = body_in_portions(behind_head, head.body, splits).ok()?;
    fed.is_done.then(|| &behind_head[fed.body_bytes..])
}

/// Of each beginning, either nothing is said yet or the same as of all.
fn head_in_portions(
    bytes: &[u8],
    at_once: &Result<Option<RequestHead<'_>>, Refusal>,
    splits: [usize; 2],
) {
    let mut scan = HeadScan::new();
    let mut lengths =
        [splits[0].min(bytes.len()), (splits[0] + splits[1]).min(bytes.len()), bytes.len()];
    lengths.sort_unstable();
    for length in lengths {
        let portion = &bytes[..length];
        let is_worth = scan.is_worth_parsing(portion, &HEAD_LIMITS);
        match parse_head(portion, &HEAD_LIMITS) {
            Ok(None) => assert!(length < bytes.len() || matches!(at_once, Ok(None))),
            decided => {
                assert_eq!(format!("{decided:?}"), format!("{at_once:?}"));
                assert!(is_worth || decided.is_err(), "a head that is there is seen");
                return;
            }
        }
    }
}

fn check_head(bytes: &[u8], head: &RequestHead<'_>) {
    let text = &bytes[..head.head_bytes];
    assert!(text.ends_with(b"\r\n\r\n") && head.head_bytes <= HEAD_LIMITS.head_bytes_max);
    assert!(
        matches!(parse_head(&text[..text.len() - 1], &HEAD_LIMITS), Ok(None)),
        "not before its end"
    );

    let feeds = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    assert!(
        feeds.into_iter().all(|(index, _)| index > 0 && text[index - 1] == b'\r'),
        "no line feed alone"
    );
    let returns = text.iter().filter(|byte| **byte == b'\r').count();
    assert_eq!(
        returns,
        text.iter().filter(|byte| **byte == b'\n').count(),
        "no carriage return alone"
    );
    assert!(text.iter().all(|byte| !byte.is_ascii_control() || b"\r\n\t".contains(byte)));

    let fields = head.request.fields;
    let mut headers = [httparse::EMPTY_HEADER; 16];
    let mut theirs = httparse::Request::new(&mut headers);
    match theirs.parse(text) {
        Ok(status) => {
            assert_eq!(status, httparse::Status::Complete(text.len()));
            let lines: Vec<_> = theirs
                .headers
                .iter()
                .map(|header| (header.name.as_bytes(), header.value))
                .collect();
            assert_eq!(fields.lines().collect::<Vec<_>>(), lines);
        }
        // A later HTTP/1 is answered like HTTP/1.1; they do not know it.
        Err(error) => assert!(error == httparse::Error::Version && head.version == Version::V11),
    }
    for field in Field::ALL {
        assert!(
            fields.all(field).eq(fields.called(field.name())),
            "one pass finds what a search finds"
        );
    }

    let count = |name| fields.called(name).count();
    assert!(count("host") <= 1 && (count("host") == 1 || head.version == Version::V10));
    assert!(
        count("content-length") + count("transfer-encoding") <= 1
            || head.body == BodyLength::Chunked
    );
    match head.body {
        BodyLength::None => assert_eq!(count("transfer-encoding"), 0),
        BodyLength::Bytes(length_bytes) => {
            let digits =
                std::str::from_utf8(fields.called("content-length").next().unwrap()).unwrap();
            assert!(digits.bytes().all(|byte| byte.is_ascii_digit()));
            assert_eq!(digits.parse().unwrap_or(u64::MAX), length_bytes);
        }
        BodyLength::Chunked => {
            assert_eq!(
                (count("content-length"), count("transfer-encoding"), head.version),
                (0, 1, Version::V11)
            );
            assert!(
                fields
                    .called("transfer-encoding")
                    .all(|coding| coding.eq_ignore_ascii_case(b"chunked"))
            );
        }
    }
}

fn check_semantics(head: &RequestHead<'_>) {
    let (method, fields) = (head.request.method, &head.request.fields);
    if let Some(raw) = head.request.target.path() {
        let mut scratch = Vec::new();
        if let Ok(path) = PathRules::default().resolve(raw, &mut scratch) {
            let relative = std::str::from_utf8(path.relative).unwrap();
            let is_inside =
                |component: &str| !component.is_empty() && !matches!(component, "." | "..");
            assert!(relative.is_empty() || relative.split('/').all(is_inside));
            assert!(!relative.contains(|char: char| char.is_ascii_control() || char == '\\'));
        }
    }
    let version = FileVersion { length_bytes: 100, modified_unix_s: 784_111_777, modified_ns: 0 };
    let validators = Validators::from_file(version, Coding::Identity);
    judge(method, fields, &validators);
    let codings: CodingSet = Coding::ALL.into_iter().collect();
    choose_coding(fields, codings, &PREFERENCE);
    if let Some(value) = fields.only(Field::Traceparent)
        && let Some(parent) = TraceParent::parse(value)
    {
        let mut text = Vec::new();
        parent.put_into(&mut text);
        // A later version may say more, and is written as the one that is known.
        assert_eq!(text[2..], value[2..TraceParent::TEXT_BYTES]);
    }
    match plan_ranges(method, fields, 100, &validators) {
        RangePlan::One(range) => assert!(range.first() <= range.last() && range.last() < 100),
        RangePlan::Several(ranges) => {
            let sent: u64 = ranges.as_slice().iter().map(|range| range.length_bytes()).sum();
            assert!(sent <= 100 && ranges.as_slice().len() > 1);
        }
        RangePlan::Whole | RangePlan::Unsatisfiable => {}
    }
}

/// However a body is cut, the same of it is taken.
fn body_in_portions(bytes: &[u8], length: BodyLength, splits: [usize; 2]) -> Result<Fed, Refusal> {
    let at_once = discard(bytes.chunks(bytes.len().max(1)), length);
    let (one, other) = bytes.split_at(splits[0].min(bytes.len()));
    assert_eq!(discard([one, other].into_iter(), length), at_once);
    assert_eq!(discard(bytes.chunks(splits[1].max(1)), length), at_once);
    assert_eq!(discard(bytes.chunks(1), length), at_once);
    match (length, at_once) {
        (BodyLength::None, fed) => assert_eq!(fed, Ok(Fed { body_bytes: 0, is_done: true })),
        (BodyLength::Bytes(length_bytes), Ok(fed)) => {
            assert!(length_bytes <= BODY_LIMITS.payload_bytes_max);
            assert_eq!(fed.body_bytes as u64, length_bytes.min(bytes.len() as u64));
        }
        (BodyLength::Chunked, Ok(fed)) if fed.is_done => {
            assert_eq!(chunks_end(bytes), Some(fed.body_bytes))
        }
        _ => {}
    }
    at_once
}

fn discard<'a>(
    portions: impl Iterator<Item = &'a [u8]>,
    length: BodyLength,
) -> Result<Fed, Refusal> {
    let mut discard = BodyDiscard::new(length, &BODY_LIMITS)?;
    let mut all = Fed { body_bytes: 0, is_done: discard.is_done() };
    for portion in portions {
        let fed = discard.feed(portion)?;
        assert!(fed.body_bytes == portion.len() || fed.is_done);
        all = Fed { body_bytes: all.body_bytes + fed.body_bytes, is_done: fed.is_done };
    }
    Ok(all)
}

/// Where a body in chunks ends, if it is right: line by line, nothing remembered.
fn chunks_end(bytes: &[u8]) -> Option<usize> {
    let line_end =
        |from: usize| Some(from + bytes.get(from..)?.windows(2).position(|pair| pair == b"\r\n")?);
    let mut at = 0;
    loop {
        let end = line_end(at)?;
        let line =
            std::str::from_utf8(bytes.get(at..end)?.split(|byte| b"; \t".contains(byte)).next()?)
                .ok()?;
        let length = usize::from_str_radix(line, 16).ok()?;
        at = end + 2;
        if length == 0 {
            break;
        }
        assert_eq!(bytes.get(at + length..at + length + 2)?, b"\r\n");
        at += length + 2;
    }
    loop {
        let end = line_end(at)?;
        if end == at {
            return Some(end + 2);
        }
        at = end + 2;
    }
}
