//! Framing: where a request ends is never guessed, and the next one begins exactly there.

use crate::client::Behind;
use crate::folder::LETTERS;
use crate::rig::{Rig, pause};

/// What must be refused with 400, and end the connection before anything behind it is answered.
const MALFORMED: [(&str, &str); 36] = [
    ("both lengths", "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    (
        "both lengths, turned round",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    ),
    ("two lengths", "Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde"),
    ("one length twice", "Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd"),
    ("two lengths in one", "Content-Length: 4, 5\r\n\r\nabcde"),
    ("one length twice in one", "Content-Length: 4, 4\r\n\r\nabcd"),
    ("a length with a sign", "Content-Length: +4\r\n\r\nabcd"),
    ("a negative length", "Content-Length: -1\r\n\r\n"),
    ("a length in hexadecimal", "Content-Length: 0x4\r\n\r\nabcd"),
    ("an empty length", "Content-Length: \r\n\r\n"),
    ("a length with space in it", "Content-Length: 4 4\r\n\r\n"),
    ("an unknown last coding", "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"),
    ("chunked twice", "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
    ("a coding that looks like chunked", "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    ("a coding in quotes", "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"),
    ("a coding with vertical tab", "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n"),
    ("identity", "Transfer-Encoding: identity\r\n\r\n"),
    ("an empty coding", "Transfer-Encoding: \r\n\r\n"),
    ("a folded field", "X: a\r\n b\r\n\r\n"),
    ("a folded coding", "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"),
    ("space in front of a field", " X: a\r\n\r\n"),
    ("space before the colon", "Content-Length : 4\r\n\r\nabcd"),
    ("a tab before the colon", "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n"),
    ("no colon", "nonsense\r\n\r\n"),
    ("no name", ": a\r\n\r\n"),
    ("a bare carriage return", "X: a\rContent-Length: 4\r\n\r\nabcd"),
    ("a bare line feed", "X: a\nContent-Length: 4\r\n\r\nabcd"),
    ("a bare line feed at the end", "X: a\r\n\n"),
    ("NUL in a value", "X: a\0b\r\n\r\n"),
    ("a control byte in a name", "X\x01: a\r\n\r\n"),
    ("a chunk without digits", "Transfer-Encoding: chunked\r\n\r\n\r\n0\r\n\r\n"),
    ("a chunk with a sign", "Transfer-Encoding: chunked\r\n\r\n+1\r\na\r\n0\r\n\r\n"),
    ("a chunk with 0x", "Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n"),
    ("a chunk with a bare line feed", "Transfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n"),
    ("a chunk longer than it said", "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n"),
    ("a chunk of too many digits", "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\na\r\n"),
];

const NEXT: &str = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n";

#[test]
fn what_is_malformed_is_refused_and_nothing_behind_it_is_answered() {
    let rig = Rig::start();
    for (name, rest) in MALFORMED {
        for method in ["GET", "POST"] {
            let mut client = rig.connect();
            client.send(&format!("{method} /a.txt HTTP/1.1\r\nHost: h\r\n{rest}{NEXT}"));
            let reply = client.reply();
            assert_eq!(reply.status, 400, "{name}");
            assert!(reply.says_close(), "{name}");
            assert_eq!(client.behind(5_000), Behind::Closed, "{name}");
        }
    }
}

#[test]
fn what_is_malformed_is_refused_the_same_byte_by_byte() {
    let rig = Rig::start();
    for (name, rest) in MALFORMED {
        let mut client = rig.connect();
        for byte in format!("GET /a.txt HTTP/1.1\r\nHost: h\r\n{rest}").bytes() {
            if !client.try_send(&[byte]) {
                break; // it was refused already
            }
        }
        let reply = client.reply();
        assert!(reply.status == 400 && reply.says_close(), "{name}: {reply:?}");
    }
}

#[test]
fn a_first_line_that_is_none_is_refused() {
    let rig = Rig::start();
    for (line, status) in [
        ("GET /a.txt", 400),
        ("GET /a.txt HTTP/1.1 ", 400),
        ("GET  /a.txt HTTP/1.1", 400),
        ("GET /a.txt  HTTP/1.1", 400),
        ("GET /a .txt HTTP/1.1", 400),
        (" GET /a.txt HTTP/1.1", 400),
        ("GET\t/a.txt\tHTTP/1.1", 400),
        ("GET /a.txt HTTP/1", 400),
        ("GET /a.txt http/1.1", 400),
        ("GET /a.txt HTTP/1.10", 400),
        ("GET /a.txt HTTP/2.0", 505),
        ("GET /a.txt HTTP/0.9", 505),
        ("PRI * HTTP/2.0", 505),
        ("\u{16}\u{3}\u{1}", 400),
    ] {
        let mut client = rig.connect();
        client.send(&format!("{line}\r\nHost: h\r\n\r\n"));
        let reply = client.reply();
        assert!(reply.status == status && reply.says_close(), "{line}: {reply:?}");
        assert_eq!(client.behind(5_000), Behind::Closed, "{line}");
    }
}

#[test]
fn a_body_that_nobody_wants_is_stepped_over_to_the_byte() {
    let rig = Rig::start();
    let long = "x".repeat(65_536);
    let chunks = format!("{:x}\r\n{long}\r\n0\r\n\r\n", long.len());
    let small: String = "1\r\nx\r\n".repeat(3000) + "0\r\n\r\n";
    let cases = [
        ("no body", "Content-Length: 0\r\n\r\n".to_owned()),
        ("a request as the body", format!("Content-Length: {}\r\n\r\n{NEXT}", NEXT.len())),
        ("all that may be", format!("Content-Length: 65536\r\n\r\n{long}")),
        ("one chunk", "Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n".to_owned()),
        (
            "an extension and a trailer",
            "Transfer-Encoding: chunked\r\n\r\n1;a=b\r\nx\r\n0\r\nX: y\r\n\r\n".to_owned(),
        ),
        (
            "a chunk that looks like the end",
            "Transfer-Encoding: chunked\r\n\r\n5\r\n0\r\n\r\n\r\n0\r\n\r\n".to_owned(),
        ),
        ("chunks up to the limit", format!("Transfer-Encoding: chunked\r\n\r\n{chunks}")),
        ("many chunks", format!("Transfer-Encoding: chunked\r\n\r\n{small}")),
    ];
    for (name, rest) in &cases {
        for (method, status) in [("GET", 200), ("POST", 405), ("HEAD", 200), ("NONE", 501)] {
            let text = format!(
                "{method} /a.txt HTTP/1.1\r\nHost: h\r\n{rest}GET /style.css HTTP/1.1\r\nHost: h\r\n\r\n"
            );
            for portion in [text.len(), 4096, 1000, 7] {
                if portion == 7 && text.len() > 1000 {
                    continue;
                }
                let mut client = rig.connect();
                for part in text.as_bytes().chunks(portion) {
                    client.send_bytes(part);
                }
                assert_eq!(client.reply_to(method).status, status, "{method} with {name}");
                let next = client.reply();
                assert_eq!(
                    next.text(),
                    "p { color: red }\n",
                    "behind {method} with {name} by {portion}"
                );
                assert_eq!(client.behind(1), Behind::Open, "behind {method} with {name}");
            }
        }
    }
}

#[test]
fn a_body_that_is_too_long_is_refused_and_ends_the_connection() {
    let rig = Rig::start();
    let long = "x".repeat(65_537);
    let chunks: String = (0..70).map(|_| format!("400\r\n{}\r\n", "x".repeat(1024))).collect();
    let extended: String = (0..100).map(|_| format!("1;{}\r\nx\r\n", "e".repeat(1000))).collect();
    for (name, rest) in [
        ("one byte more", format!("Content-Length: 65537\r\n\r\n{long}")),
        ("a number beyond all", "Content-Length: 99999999999999999999999999\r\n\r\n".to_owned()),
        ("chunks", format!("Transfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n")),
        ("one long chunk", "Transfer-Encoding: chunked\r\n\r\nffffff\r\n".to_owned()),
        (
            "chunks with long extensions",
            format!("Transfer-Encoding: chunked\r\n\r\n{extended}0\r\n\r\n"),
        ),
    ] {
        let mut client = rig.connect();
        client.send(&format!("GET /a.txt HTTP/1.1\r\nHost: h\r\n{rest}"));
        client.try_send(NEXT.as_bytes());
        let reply = client.reply();
        assert!(reply.status == 413 && reply.says_close(), "{name}: {reply:?}");
        assert_eq!(client.behind(5_000), Behind::Closed, "{name}");
    }
}

#[test]
fn a_refusal_is_read_also_by_who_is_still_sending() {
    let rig = Rig::start();
    let mut client = rig.connect();
    client.send("POST /a.txt HTTP/1.1\r\nHost: h\r\nContent-Length: 10000000\r\n\r\n");
    let block = vec![b'x'; 16 << 10];
    for _ in 0..12 {
        assert!(client.try_send(&block), "it may go on sending for a while");
        pause(5);
    }
    let reply = client.reply();
    assert_eq!((reply.status, client.behind(5_000)), (413, Behind::Closed));
}

#[test]
fn up_to_four_empty_lines_in_front_of_a_request_are_passed_over() {
    let rig = Rig::start();
    let mut client = rig.connect();
    client.send("\r\n\r\nGET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n\r\n");
    assert_eq!(client.reply().text(), LETTERS);
    assert_eq!(client.get("/style.css").status, 200);
}
