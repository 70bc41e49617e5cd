//! What arrives in portions is what arrives at once, and hostile bytes are read as another library
//! reads them, or not at all.

use levada_http::h1::{
    BodyDiscard, BodyLength, BodyLimits, Fed, HeadLimits, HeadScan, Refusal, RequestHead,
    parse_head,
};
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use proptest::sample::select;
use proptest::{collection, option};

/// Small, so that they are met.
const LIMITS: HeadLimits =
    HeadLimits { target_bytes_max: 40, head_bytes_max: 300, field_count_max: 8 };

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, cases: 2_000, ..ProptestConfig::default() }
}

/// Heads that are right, nearly right, and wrong in the ways that matter.
fn heads() -> impl Strategy<Value = Vec<u8>> {
    let empty_lines = select(&["", "", "", "\r\n", "\r\n\r\n", "\n"][..]);
    let methods =
        select(&["GET", "GET", "HEAD", "OPTIONS", "POST", "get", "CONNECT", "G T", ""][..]);
    let targets = select(
        &[
            "/",
            "/a?b",
            "/%2e%2e/",
            "*",
            "http://h/a",
            "http://h",
            "https://[::1]:9/",
            "/a#b",
            "a",
            "",
            "/\u{fc}",
        ][..],
    );
    let versions = select(
        &["HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/1.9", "HTTP/2.0", "HTTP/1", ""][..],
    );
    let lines = select(
        &[
            "Host: h",
            "host:h:80",
            "Host:",
            "Connection: close",
            "Connection: keep-alive, x",
            "Content-Length: 5",
            "Content-Length: 5, 5",
            "Transfer-Encoding: chunked",
            "Transfer-Encoding: gzip, chunked",
            "Expect: 100-continue",
            "Expect: x",
            "Range: bytes=0-1",
            "X-Y: \t z \t",
            "X-Y:",
            "X : y",
            " folded",
            ": x",
            "X: \u{1}",
            "X: \u{fc}",
            "If-None-Match: \"a\", \"b\"",
            "Accept-Encoding: gzip",
            "accept-encoding: br",
        ][..],
    );
    let ends =
        || select(&["\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r", "\r\r\n"][..]);
    let fields = collection::vec((lines, ends()), 0..6);
    (empty_lines, methods, targets, versions, ends(), fields, "[a-z\r\n]{0,8}").prop_map(
        |(empty_lines, method, target, version, end, fields, behind)| {
            let fields: String =
                fields.into_iter().map(|(line, end)| format!("{line}{end}")).collect();
            format!("{empty_lines}{method} {target} {version}{end}{fields}\r\n{behind}")
                .into_bytes()
        },
    )
}

/// The same with a few bytes changed, or left out.
fn spoiled_heads() -> impl Strategy<Value = Vec<u8>> {
    let changes =
        collection::vec((any::<proptest::sample::Index>(), option::of(any::<u8>())), 0..4);
    (heads(), changes).prop_map(|(mut head, changes)| {
        for (index, byte) in changes {
            let index = index.index(head.len());
            match byte {
                Some(byte) => head[index] = byte,
                None if head.len() > 1 => drop(head.remove(index)),
                None => {}
            }
        }
        head
    })
}

fn any_heads() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![4 => heads(), 4 => spoiled_heads(), 1 => collection::vec(any::<u8>(), 0..400)]
}

/// Bodies that are right or nearly.
fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let chunks =
        collection::vec((collection::vec(any::<u8>(), 1..40), extensions(), any::<bool>()), 0..4);
    let trailers = select(&["", "", "A: b\r\n", "A:\r\nB: c\td\r\n", "A : b\r\n", "A: b\n"][..]);
    let spoil = option::weighted(0.3, (any::<proptest::sample::Index>(), any::<u8>()));
    (chunks, extensions(), trailers, spoil, "[a-zA-Z\r\n]{0,8}").prop_map(
        |(chunks, last, trailers, spoil, behind)| {
            let mut body = Vec::new();
            for (payload, extension, is_upper) in chunks {
                let length = if is_upper {
                    format!("{:X}", payload.len())
                } else {
                    format!("{:03x}", payload.len())
                };
                body.extend_from_slice(format!("{length}{extension}\r\n").as_bytes());
                body.extend_from_slice(&payload);
                body.extend_from_slice(b"\r\n");
            }
            body.extend_from_slice(format!("0{last}\r\n{trailers}\r\n{behind}").as_bytes());
            if let Some((index, byte)) = spoil {
                let index = index.index(body.len());
                body[index] = byte;
            }
            body
        },
    )
}

fn extensions() -> impl Strategy<Value = &'static str> {
    select(&["", "", "", ";a", " ; a = b", ";a=\"b;\\\"c\";d", ";", ";a=\"", " "][..])
}

/// What a head says, in a form that can be compared.
fn said(parsed: &Result<Option<RequestHead<'_>>, Refusal>) -> String {
    format!("{parsed:?}")
}

fn discarded(length: BodyLength, limits: &BodyLimits, portions: &[&[u8]]) -> Result<Fed, Refusal> {
    let mut discard = BodyDiscard::new(length, limits)?;
    let mut all = Fed { body_bytes: 0, is_done: discard.is_done() };
    for portion in portions {
        let fed = discard.feed(portion)?;
        assert!(
            fed.body_bytes == portion.len() || fed.is_done,
            "what is not taken belongs to another"
        );
        all = Fed { body_bytes: all.body_bytes + fed.body_bytes, is_done: fed.is_done };
    }
    Ok(all)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_head_in_portions_is_the_head_at_once(bytes in any_heads()) {
        let at_once = parse_head(&bytes, &LIMITS);
        let mut scan = HeadScan::new();
        let mut is_decided = false;
        for length in 0..=bytes.len() {
            let portion = &bytes[..length];
            let parsed = parse_head(portion, &LIMITS);
            let is_worth = scan.is_worth_parsing(portion, &LIMITS);
            match &parsed {
                Ok(None) => assert!(!is_decided, "what is decided stays decided"),
                decided => {
                    assert_eq!(said(decided), said(&at_once), "at {length}");
                    if !is_decided && decided.is_ok() {
                        assert!(is_worth, "a head that is there is seen");
                    }
                    is_decided = true;
                }
            }
        }
    }

    #[test]
    fn a_body_in_portions_is_the_body_at_once(body in bodies(), payload_bytes_max in 0_u64..80, split in any::<proptest::sample::Index>()) {
        let limits = BodyLimits { payload_bytes_max, chunk_bytes_max: 60 };
        for length in [BodyLength::Chunked, BodyLength::Bytes(7), BodyLength::None] {
            let at_once = discarded(length, &limits, &[&body]);
            let (one, other) = body.split_at(split.index(body.len() + 1));
            assert_eq!(discarded(length, &limits, &[one, other]), at_once);
            let bytes: Vec<&[u8]> = body.chunks(1).collect();
            assert_eq!(discarded(length, &limits, &bytes), at_once);
        }
    }

    #[test]
    fn a_body_of_chunks_ends_where_it_was_written_to_end(payloads in collection::vec(collection::vec(any::<u8>(), 1..50), 0..5), behind in "[0-9\r\n]{0,9}") {
        let mut body = Vec::new();
        for payload in &payloads {
            body.extend_from_slice(format!("{:x}\r\n", payload.len()).as_bytes());
            body.extend_from_slice(payload);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"0\r\n\r\n");
        let body_bytes = body.len();
        body.extend_from_slice(behind.as_bytes());
        let fed = discarded(BodyLength::Chunked, &BodyLimits::default(), &[&body]);
        assert_eq!(fed, Ok(Fed { body_bytes, is_done: true }));
    }

    #[test]
    fn what_is_taken_for_a_head_another_library_reads_alike(bytes in any_heads()) {
        if let Ok(Some(head)) = parse_head(&bytes, &LIMITS) {
            let mut headers = [httparse::EMPTY_HEADER; 16];
            let mut theirs = httparse::Request::new(&mut headers);
            let parsed = theirs.parse(&bytes[..head.head_bytes]);
            // They know HTTP/1.0 and HTTP/1.1 only; we answer a later HTTP/1 like HTTP/1.1.
            if parsed == Err(httparse::Error::Version) {
                assert!(head.line.ends_with(b"HTTP/1.9"));
                return Ok(());
            }
            assert_eq!(parsed, Ok(httparse::Status::Complete(head.head_bytes)));
            let line = format!("{} {} HTTP/1.{}", theirs.method.unwrap(), theirs.path.unwrap(), theirs.version.unwrap());
            assert_eq!(head.line, line.as_bytes());
            let lines: Vec<_> = theirs.headers.iter().map(|header| (header.name.as_bytes(), header.value)).collect();
            assert_eq!(head.request.fields.lines().collect::<Vec<_>>(), lines);
        }
    }

    #[test]
    fn a_known_field_is_what_a_search_for_its_name_finds(bytes in any_heads()) {
        if let Ok(Some(head)) = parse_head(&bytes, &LIMITS) {
            let fields = head.request.fields;
            for field in levada_http::Field::ALL {
                let searched: Vec<_> = fields.called(field.name()).collect();
                assert_eq!(fields.all(field).collect::<Vec<_>>(), searched);
                assert_eq!(fields.first(field), searched.first().copied());
                assert_eq!(fields.is_repeated(field), searched.len() > 1);
            }
        }
    }

    #[test]
    fn no_scan_reads_twice_what_says_nothing_new(head in Just(()).prop_flat_map(|()| collection::vec("[A-Z]{1,4}: [a-z]{0,9}\r\n", 0..8))) {
        let text = format!("GET / HTTP/1.1\r\n{}\r\n", head.concat());
        let mut scan = HeadScan::new();
        let worth_count = (0..=text.len())
            .filter(|length| scan.is_worth_parsing(&text.as_bytes()[..*length], &LIMITS))
            .count();
        assert_eq!(worth_count, 1);
    }
}
