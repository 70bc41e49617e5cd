//! What is a request's head and what is none, case by case.

use levada_http::h1::{
    BodyLength, HeadLimits, HeadScan, Persistence, Refusal, RequestHead, Version, parse_head,
};
use levada_http::{Field, Method, Target};

fn parse(text: &str) -> Result<Option<RequestHead<'_>>, Refusal> {
    parse_head(text.as_bytes(), &HeadLimits::default())
}

#[track_caller]
fn head(text: &str) -> RequestHead<'_> {
    match parse(text) {
        Ok(Some(head)) => head,
        other => panic!("{text:?} gave {other:?}"),
    }
}

#[track_caller]
fn refused(text: &str, refusal: Refusal, code: u16) {
    match parse(text) {
        Err(found) => assert_eq!((found, found.status().code()), (refusal, code), "{text:?}"),
        other => panic!("{text:?} gave {other:?}"),
    }
}

#[test]
fn a_head_is_what_it_says() {
    let text = "GET /a/b?c=d HTTP/1.1\r\nHost: Example.org:8080\r\nuser-agent:\t x y \t\r\nX-Other: 1\r\nAccept:\r\n\r\nmore";
    let head = head(text);
    assert_eq!(head.request.method, Method::Get);
    assert_eq!(head.request.target, Target::Resource { path: b"/a/b", query: Some(b"c=d") });
    assert_eq!(
        head.request.host.map(|host| (host.name(), host.port())),
        Some((&b"Example.org"[..], Some(8080)))
    );
    assert_eq!(head.request.fields.first(Field::UserAgent), Some(&b"x y"[..]));
    assert_eq!(head.request.fields.first(Field::Accept), Some(&b""[..]));
    assert_eq!(head.request.fields.first(Field::Range), None);
    assert_eq!(head.request.fields.called("x-OTHER").collect::<Vec<_>>(), [b"1"]);
    assert_eq!(head.line, b"GET /a/b?c=d HTTP/1.1");
    assert_eq!(
        (head.version, head.body, head.expects_continue),
        (Version::V11, BodyLength::None, false)
    );
    assert_eq!(head.persistence, Persistence::Keep);
    assert_eq!(head.head_bytes, text.len() - "more".len());
}

#[test]
fn all_lines_are_there_in_their_order() {
    let head = head(
        "GET / HTTP/1.1\r\nHost: a\r\nB:  b : c\t\r\nAccept: 1\r\nEmpty:\r\naccept: 2\r\nACCEPT: 3\r\n\r\n",
    );
    let fields = head.request.fields;
    let lines: Vec<_> = fields.lines().collect();
    let expected: [(&[u8], &[u8]); 6] = [
        (b"Host", b"a"),
        (b"B", b"b : c"),
        (b"Accept", b"1"),
        (b"Empty", b""),
        (b"accept", b"2"),
        (b"ACCEPT", b"3"),
    ];
    assert_eq!(lines, expected);
    assert_eq!(fields.all(Field::Accept).collect::<Vec<_>>(), [b"1", b"2", b"3"]);
    assert_eq!(fields.all(Field::Host).collect::<Vec<_>>(), [b"a"]);
    assert_eq!(fields.all(Field::Range).count(), 0);
    assert!(fields.is_repeated(Field::Accept) && !fields.is_repeated(Field::Host));
    assert_eq!((fields.only(Field::Accept), fields.only(Field::Host)), (None, Some(&b"a"[..])));
}

#[test]
fn every_beginning_of_a_head_is_not_yet_one() {
    let text = "\r\nOPTIONS http://a/b HTTP/1.0\r\nHost: a\r\nX:\ty z\r\nContent-Length: 5\r\n\r\n";
    for length in 0..text.len() {
        assert!(matches!(parse(&text[..length]), Ok(None)), "{:?}", &text[..length]);
    }
    assert_eq!(head(text).head_bytes, text.len());
}

#[test]
fn a_first_line_has_one_form() {
    refused("GET  / HTTP/1.1\r\n\r\n", Refusal::RequestLine, 400);
    refused(" GET / HTTP/1.1\r\n\r\n", Refusal::RequestLine, 400);
    refused("GET\t/ HTTP/1.1\r\n\r\n", Refusal::RequestLine, 400);
    refused("G@T / HTTP/1.1\r\n\r\n", Refusal::RequestLine, 400);
    refused("G\u{c9}T / HTTP/1.1\r\n\r\n", Refusal::RequestLine, 400);
    refused("\0", Refusal::RequestLine, 400);
    refused("\u{16}\u{3}\u{1}", Refusal::RequestLine, 400);
    refused("GET / HTTP/1.1 \r\n\r\n", Refusal::VersionMalformed, 400);
    refused("GET /  HTTP/1.1\r\n\r\n", Refusal::VersionMalformed, 400);
    refused("GET / x HTTP/1.1\r\n\r\n", Refusal::VersionMalformed, 400);
    refused("GET / HTTP/1.1\n\n", Refusal::BareLineFeed, 400);
    refused("GET / HTTP/1.1\rX", Refusal::BareCarriageReturn, 400);
    refused("GET /\r\n", Refusal::VersionMissing, 400);
    refused("GET /\n", Refusal::VersionMissing, 400);
    refused("GET / \r\n", Refusal::VersionMissing, 400);
}

#[test]
fn a_version_is_known_or_refused() {
    assert_eq!(head("GET / HTTP/1.0\r\n\r\n").version, Version::V10);
    assert_eq!(head("GET / HTTP/1.1\r\nHost: a\r\n\r\n").version, Version::V11);
    assert_eq!(head("GET / HTTP/1.7\r\nHost: a\r\n\r\n").version, Version::V11);
    for version in ["HTTP/0.9", "HTTP/2.0", "HTTP/3.0", "HTTP/9.9"] {
        refused(&format!("GET / {version}\r\n"), Refusal::VersionUnknown, 505);
    }
    refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Refusal::VersionUnknown, 505);
    for version in [
        "http/1.1",
        "HTTP/1",
        "HTTP/1.",
        "HTTP/11",
        "HTTP/1.10",
        "HTTP/01.1",
        "HTTP/+.1",
        "HTTPS/1.1",
        "XTTP/1.1",
    ] {
        refused(&format!("GET / {version}\r\n"), Refusal::VersionMalformed, 400);
    }
}

#[test]
fn a_method_has_its_case_and_an_end() {
    assert_eq!(head("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").request.method, Method::Head);
    assert_eq!(head("DELETE / HTTP/1.1\r\nHost: a\r\n\r\n").request.method, Method::NotAllowed);
    assert_eq!(head("get / HTTP/1.1\r\nHost: a\r\n\r\n").request.method, Method::Unknown);
    assert_eq!(
        head("!#$%&'*+-.^_`|~9 / HTTP/1.1\r\nHost: a\r\n\r\n").request.method,
        Method::Unknown
    );
    assert!(matches!(parse(&"A".repeat(32)), Ok(None)));
    refused(&"A".repeat(33), Refusal::MethodTooLong, 501);
    refused("CONNECT a:443 HTTP/1.1\r\n", Refusal::Connect, 405);
}

#[test]
fn a_target_is_a_path_an_address_or_the_server() {
    let target = |line: &str| {
        let text = format!("{line} HTTP/1.1\r\nHost: other\r\n\r\n");
        let head = head(&text);
        let name = head.request.host.map(|host| String::from_utf8_lossy(host.name()).into_owned());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (path, query) =
            (head.request.target.path().map(text), head.request.target.query().map(text));
        (
            name.unwrap_or_default(),
            path.unwrap_or_else(|| "*".into()),
            query.unwrap_or_else(|| "none".into()),
        )
    };
    let cases = [
        ("GET /", ("other", "/", "none")),
        ("GET /?", ("other", "/", "")),
        ("GET /a?b?c", ("other", "/a", "b?c")),
        ("GET //a", ("other", "//a", "none")),
        ("GET /%00|{}^`\"<>\\", ("other", "/%00|{}^`\"<>\\", "none")),
        ("GET http://A.example", ("A.example", "/", "none")),
        ("GET HTTPS://a.example:1/b", ("a.example", "/b", "none")),
        ("GET http://a.example?b/c", ("a.example", "/", "b/c")),
        ("GET http://[::1]:80/b", ("::1", "/b", "none")),
        ("OPTIONS *", ("other", "*", "none")),
        ("OPTIONS http://a.example", ("a.example", "*", "none")),
        ("OPTIONS http://a.example/", ("a.example", "/", "none")),
        ("OPTIONS /*", ("other", "/*", "none")),
    ];
    for (line, (name, path, query)) in cases {
        assert_eq!(target(line), (name.to_owned(), path.to_owned(), query.to_owned()), "{line}");
    }
}

#[test]
fn a_target_of_another_form_is_refused() {
    let cases = [
        ("GET a", Refusal::TargetForm),
        ("GET *", Refusal::TargetForm),
        ("OPTIONS **", Refusal::TargetForm),
        ("GET ?a", Refusal::TargetForm),
        ("GET a.example:80", Refusal::TargetForm),
        ("GET ftp://a.example/", Refusal::TargetForm),
        ("GET http:/a.example/", Refusal::TargetForm),
        ("GET http:///a", Refusal::HostMalformed),
        ("GET http://?a", Refusal::HostMalformed),
        ("GET http://user@a.example/", Refusal::HostMalformed),
        ("GET http://a.example:x/", Refusal::HostMalformed),
        ("GET /a#b", Refusal::TargetByte),
        ("GET #", Refusal::TargetByte),
        ("GET /\u{fc}", Refusal::TargetByte),
        ("GET /\u{1}", Refusal::TargetByte),
        ("GET /\t", Refusal::TargetByte),
        ("GET /\0", Refusal::TargetByte),
        ("GET /\u{7f}", Refusal::TargetByte),
    ];
    for (line, refusal) in cases {
        refused(&format!("{line} HTTP/1.1\r\nHost: a\r\n\r\n"), refusal, 400);
    }
}

#[test]
fn a_field_has_one_form() {
    let cases = [
        ("A : b", Refusal::SpaceBeforeColon),
        ("A\t: b", Refusal::SpaceBeforeColon),
        ("A b: c", Refusal::SpaceBeforeColon),
        (": b", Refusal::FieldName),
        ("A", Refusal::FieldName),
        ("A@: b", Refusal::FieldName),
        ("(A): b", Refusal::FieldName),
        ("A\0: b", Refusal::FieldName),
        ("\u{fc}: b", Refusal::FieldName),
        ("A: b\0c", Refusal::FieldValue),
        ("A: \u{b}", Refusal::FieldValue),
        ("A: \u{7f}", Refusal::FieldValue),
        ("A: b\rc", Refusal::BareCarriageReturn),
        ("A: b\r\rc", Refusal::BareCarriageReturn),
        ("\rA: b", Refusal::BareCarriageReturn),
        ("A: b\nC: d", Refusal::BareLineFeed),
        ("A\n", Refusal::BareLineFeed),
        ("\nA: b", Refusal::BareLineFeed),
        ("A: b\r\n c", Refusal::FoldedLine),
        ("A: b\r\n\tc", Refusal::FoldedLine),
        (" A: b", Refusal::FoldedLine),
    ];
    for (line, refusal) in cases {
        refused(&format!("GET / HTTP/1.1\r\n{line}\r\nHost: a\r\n\r\n"), refusal, 400);
        refused(&format!("GET / HTTP/1.1\r\nHost: a\r\n{line}\r\n\r\n"), refusal, 400);
    }
    let value = "\u{fc} \"a\tb\" (c) ~";
    let text = format!("GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: {value}\r\n\r\n");
    assert_eq!(head(&text).request.fields.first(Field::UserAgent), Some(value.as_bytes()));
}

#[test]
fn http_1_1_has_one_host_that_is_right() {
    refused("GET / HTTP/1.1\r\n\r\n", Refusal::HostMissing, 400);
    refused("GET http://a/ HTTP/1.1\r\n\r\n", Refusal::HostMissing, 400);
    refused("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", Refusal::HostRepeated, 400);
    refused("GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n", Refusal::HostRepeated, 400);
    for host in ["", "a b", "a,b:80x", "a/b", "user@a", "a:b", "[::1", "a:99999"] {
        refused(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"), Refusal::HostMalformed, 400);
        refused(
            &format!("GET http://a/ HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            Refusal::HostMalformed,
            400,
        );
    }
    assert!(head("GET / HTTP/1.0\r\n\r\n").request.host.is_none());
}

#[test]
fn a_body_has_one_length() {
    let body = |lines: &str| head(&format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n")).body;
    assert_eq!(body("Content-Length: 0"), BodyLength::None);
    assert_eq!(body("Content-Length: 00012"), BodyLength::Bytes(12));
    assert_eq!(body("Content-Length: 18446744073709551616"), BodyLength::Bytes(u64::MAX));
    assert_eq!(body("Transfer-Encoding: chunked"), BodyLength::Chunked);
    assert_eq!(body("transfer-encoding:  CHUNKED "), BodyLength::Chunked);
    let cases = [
        ("Content-Length: 5\r\nTransfer-Encoding: chunked", Refusal::LengthAndCoding, 400),
        ("Transfer-Encoding: chunked\r\nContent-Length: 0", Refusal::LengthAndCoding, 400),
        ("Transfer-Encoding: x\r\nContent-Length: 0", Refusal::LengthAndCoding, 400),
        ("Content-Length: 5\r\nContent-Length: 5", Refusal::LengthRepeated, 400),
        ("Content-Length: 5\r\nContent-Length: 6", Refusal::LengthRepeated, 400),
        ("Content-Length: 5, 5", Refusal::LengthMalformed, 400),
        ("Content-Length: +5", Refusal::LengthMalformed, 400),
        ("Content-Length: -5", Refusal::LengthMalformed, 400),
        ("Content-Length: 0x5", Refusal::LengthMalformed, 400),
        ("Content-Length: 5 5", Refusal::LengthMalformed, 400),
        ("Content-Length: 5.", Refusal::LengthMalformed, 400),
        ("Content-Length:", Refusal::LengthMalformed, 400),
        ("Transfer-Encoding: chunked, chunked", Refusal::CodingMalformed, 400),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", Refusal::CodingMalformed, 400),
        ("Transfer-Encoding: chunked, gzip", Refusal::CodingMalformed, 400),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
            Refusal::CodingMalformed,
            400,
        ),
        ("Transfer-Encoding: identity", Refusal::CodingMalformed, 400),
        ("Transfer-Encoding: gzip", Refusal::CodingMalformed, 400),
        ("Transfer-Encoding: xchunked", Refusal::CodingMalformed, 400),
        ("Transfer-Encoding: chunked;q=1", Refusal::CodingMalformed, 400),
        ("Transfer-Encoding: \"chunked\"", Refusal::CodingMalformed, 400),
        ("Transfer-Encoding: chunked,", Refusal::CodingMalformed, 400),
        ("Transfer-Encoding: ,chunked", Refusal::CodingMalformed, 400),
        ("Transfer-Encoding:", Refusal::CodingMalformed, 400),
        ("Transfer-Encoding: gzip, chunked", Refusal::CodingUnknown, 501),
        ("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", Refusal::CodingUnknown, 501),
    ];
    for (lines, refusal, code) in cases {
        refused(&format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n"), refusal, code);
    }
    refused("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", Refusal::CodingTooOld, 400);
}

#[test]
fn a_connection_is_kept_as_its_version_and_options_say() {
    let cases = [
        ("1.1", "", Persistence::Keep),
        ("1.1", "Connection: keep-alive\r\n", Persistence::Keep),
        ("1.1", "Connection: close\r\n", Persistence::Close),
        ("1.1", "Connection: CLOSE\r\n", Persistence::Close),
        ("1.1", "Connection: keep-alive, close\r\n", Persistence::Close),
        ("1.1", "Connection: keep-alive\r\nConnection: x,\tClose\r\n", Persistence::Close),
        ("1.1", "Connection: upgrade, closed\r\n", Persistence::Keep),
        ("1.1", "Connection: \"close\"\r\n", Persistence::Keep),
        ("1.0", "", Persistence::Close),
        ("1.0", "Connection: Keep-Alive\r\n", Persistence::KeepSaid),
        ("1.0", "Connection: keep-alive\r\n", Persistence::KeepSaid),
        ("1.0", "Connection: x\r\nConnection: keep-alive\r\n", Persistence::KeepSaid),
        ("1.0", "Connection: keep-alive, close\r\n", Persistence::Close),
        ("1.0", "Connection: x\r\n", Persistence::Close),
        ("1.0", "Proxy-Connection: keep-alive\r\n", Persistence::Close),
    ];
    for (version, lines, persistence) in cases {
        let text = format!("GET / HTTP/{version}\r\nHost: a\r\n{lines}\r\n");
        assert_eq!(head(&text).persistence, persistence, "{text:?}");
        assert_eq!(persistence.keeps(), persistence != Persistence::Close);
    }
}

#[test]
fn only_one_expectation_is_known_and_only_before_a_body() {
    let expects = |lines: &str| {
        head(&format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n")).expects_continue
    };
    assert!(expects("Expect: 100-continue\r\nContent-Length: 5"));
    assert!(expects("Expect: 100-Continue\r\nTransfer-Encoding: chunked"));
    assert!(!expects("Expect: 100-continue"));
    assert!(!expects("Expect: 100-continue\r\nContent-Length: 0"));
    assert!(!expects("Expect:\r\nContent-Length: 5"));
    for value in ["200-ok", "100-continue, x", "100-continue=1", "\"100-continue\""] {
        let text =
            format!("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: {value}\r\n\r\n");
        refused(&text, Refusal::ExpectationUnknown, 417);
    }
    refused(
        "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nExpect: x\r\n\r\n",
        Refusal::ExpectationUnknown,
        417,
    );
    assert!(!head("GET / HTTP/1.0\r\nExpect: x\r\nContent-Length: 5\r\n\r\n").expects_continue);
}

#[test]
fn empty_lines_in_front_are_passed_over_up_to_four() {
    let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    for count in 0..=4 {
        let text = format!("{}{request}", "\r\n".repeat(count));
        assert_eq!(head(&text).head_bytes, text.len());
        assert_eq!(head(&text).line, b"GET / HTTP/1.1");
    }
    refused(&format!("{}{request}", "\r\n".repeat(5)), Refusal::RequestLine, 400);
    refused(&format!("\n{request}"), Refusal::BareLineFeed, 400);
    refused(&format!("\r{request}"), Refusal::BareCarriageReturn, 400);
}

#[test]
fn a_limit_is_what_just_fits() {
    let limits = HeadLimits { target_bytes_max: 10, head_bytes_max: 60, field_count_max: 3 };
    // Whether the head is there, or the code that refuses it.
    let code = |text: &str| match parse_head(text.as_bytes(), &limits) {
        Ok(head) => Ok(head.is_some()),
        Err(refusal) => Err(refusal.status().code()),
    };
    let line = |target: &str| format!("GET {target} HTTP/1.0\r\n\r\n");
    assert_eq!(code(&line("/123456789")), Ok(true));
    assert_eq!(code(&line("/1234567890")), Err(414));
    assert_eq!(code("GET /123456789"), Ok(false));
    assert_eq!(code("GET /1234567890"), Err(414), "before the line has ended");

    let fields = |count: usize| format!("GET / HTTP/1.0\r\n{}\r\n", "A: b\r\n".repeat(count));
    assert_eq!(code(&fields(3)), Ok(true));
    assert_eq!(code(&fields(4)), Err(431));

    let filled =
        |value_bytes: usize| format!("GET / HTTP/1.0\r\nA: {}\r\n\r\n", "b".repeat(value_bytes));
    assert_eq!(filled(37).len(), 60);
    assert_eq!(code(&filled(37)), Ok(true));
    assert_eq!(code(&filled(38)), Err(431));
    assert_eq!(code(&filled(38)[..60]), Ok(false));
    assert_eq!(code(&filled(38)[..61]), Err(431), "before the head has ended");
    assert_eq!(code(&format!("{}{}", filled(37), "more".repeat(99))), Ok(true));

    let limits = HeadLimits::default();
    assert_eq!(
        (limits.target_bytes_max, limits.head_bytes_max, limits.field_count_max),
        (8_192, 32_768, 100)
    );
}

#[test]
fn a_head_that_comes_byte_by_byte_is_read_once() {
    let limits = HeadLimits::default();
    let text = format!("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(90));
    let mut scan = HeadScan::new();
    for length in 0..text.len() {
        assert!(!scan.is_worth_parsing(&text.as_bytes()[..length], &limits), "{length}");
    }
    assert!(scan.is_worth_parsing(text.as_bytes(), &limits));
    assert!(HeadScan::new().is_worth_parsing(text.as_bytes(), &limits), "in one portion too");
}

#[test]
fn a_scan_sees_what_will_be_refused_for_its_length_or_its_line_ends() {
    let limits = HeadLimits { target_bytes_max: 20, head_bytes_max: 60, field_count_max: 3 };
    let worth = |text: &str| HeadScan::new().is_worth_parsing(text.as_bytes(), &limits);
    assert!(!worth(&"G".repeat(20)));
    assert!(worth(&"G".repeat(21)));
    assert!(!worth(&format!("GET / HTTP/1.1\r\n{}", "x".repeat(44))));
    assert!(worth(&format!("GET / HTTP/1.1\r\n{}", "x".repeat(45))));
    assert!(worth("GET / HTTP/1.1\n"));
    assert!(worth("\n"));
    assert!(worth(&"\r\n".repeat(11)));
    assert!(!worth("GET / HTTP/1.1\r\nA: b\r\n\r"));
}
