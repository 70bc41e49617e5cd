//! Persistence: when a connection goes on, and that many requests on it are answered in their order.

use crate::client::Behind;
use crate::folder::{LETTERS, is_of_sparse};
use crate::rig::{Rig, pause};

#[test]
fn version_and_tokens_say_whether_a_connection_goes_on() {
    let rig = Rig::start();
    let cases = [
        ("1.1", "", true, None),
        ("1.1", "Connection: keep-alive\r\n", true, None),
        ("1.1", "Connection: close\r\n", false, Some("close")),
        ("1.1", "Connection: CLOSE\r\n", false, Some("close")),
        ("1.1", "Connection: keep-alive, close\r\n", false, Some("close")),
        ("1.1", "Connection: te\r\nConnection: close\r\n", false, Some("close")),
        ("1.1", "Connection: closed\r\n", true, None),
        ("1.0", "", false, Some("close")),
        ("1.0", "Connection: keep-alive\r\n", true, Some("keep-alive")),
        ("1.0", "Connection: Keep-Alive, x\r\n", true, Some("keep-alive")),
        ("1.0", "Connection: keep-alive, close\r\n", false, Some("close")),
    ];
    for (version, fields, goes_on, said) in cases {
        for target in ["/a.txt", "/nothing", "/large.bin"] {
            let mut client = rig.connect();
            client.send(&format!("GET {target} HTTP/{version}\r\nHost: h\r\n{fields}\r\n"));
            let reply = client.reply();
            assert_eq!(reply.field("Connection"), said, "{target} HTTP/{version} {fields}");
            if goes_on {
                assert_eq!(
                    client.get("/a.txt").text(),
                    LETTERS,
                    "{target} HTTP/{version} {fields}"
                );
            } else {
                assert_eq!(
                    client.behind(5_000),
                    Behind::Closed,
                    "{target} HTTP/{version} {fields}"
                );
            }
        }
    }
}

#[test]
fn old_clients_need_no_host() {
    let rig = Rig::start();
    let mut client = rig.connect();
    client.send("GET /a.txt HTTP/1.0\r\n\r\n");
    assert_eq!(client.reply().text(), LETTERS);
}

#[test]
fn requests_that_come_together_are_answered_in_their_order() {
    let rig = Rig::start();
    let targets = [
        "/a.txt",
        "/nothing",
        "/style.css",
        "/large.bin",
        "/sub",
        "/data.json",
        "/bare/",
        "/a.txt",
    ];
    let text: String = (0..200)
        .map(|index| {
            let target = targets[index % targets.len()];
            let range =
                if target == "/large.bin" { "Range: bytes=2097152-3145727\r\n" } else { "" };
            format!("GET {target} HTTP/1.1\r\nHost: h\r\n{range}\r\n")
        })
        .collect();
    for portion in [text.len(), 4095, 333] {
        let mut client = rig.connect();
        let mut stream = client.stream.try_clone().unwrap();
        let text = text.clone();
        let writer = std::thread::spawn(move || {
            use std::io::Write;
            text.as_bytes().chunks(portion).for_each(|part| stream.write_all(part).unwrap());
        });
        for index in 0..200 {
            let (target, reply) = (targets[index % targets.len()], client.reply());
            let is_right = match target {
                "/a.txt" => reply.text() == LETTERS,
                "/style.css" => reply.text() == "p { color: red }\n",
                "/data.json" => reply.text() == "{}\n",
                "/large.bin" => reply.status == 206 && is_of_sparse(&reply.body, 2 << 20),
                "/sub" => reply.field("Location") == Some("/sub/"),
                _ => reply.status == 404,
            };
            assert!(is_right, "{index}: {target} in portions of {portion}: {}", reply.status);
        }
        writer.join().unwrap();
        assert_eq!(client.behind(1), Behind::Open);
    }
}

#[test]
fn what_comes_behind_a_last_request_is_not_answered_and_takes_nothing_from_its_answer() {
    let rig = Rig::start();
    let next = "GET /style.css HTTP/1.1\r\nHost: h\r\n\r\n".repeat(4000);
    for target in ["/a.txt", "/large.bin"] {
        let mut client = rig.connect();
        client
            .send(&format!("GET {target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n{next}"));
        pause(20); // what comes later than the answer must not break it either
        client.try_send(next.as_bytes());
        let reply = client.reply();
        assert!(reply.status == 200 && reply.body.len() == reply.length(), "{target}");
        assert!(matches!(client.behind(5_000), Behind::Closed | Behind::Reset), "{target}");
    }
}

#[test]
fn a_client_that_has_said_all_gets_all_its_answers() {
    let rig = Rig::start();
    for target in ["/a.txt", "/large.bin", "/nothing"] {
        let mut client = rig.connect();
        client.send(&format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n").repeat(2));
        client.end();
        for _ in 0..2 {
            let reply = client.reply();
            assert_eq!(reply.body.len(), reply.length(), "{target}");
        }
        assert_eq!(client.behind(5_000), Behind::Closed, "{target}");
    }
}

#[test]
fn who_waits_before_it_sends_a_body_is_told_to_go_on() {
    let rig = Rig::start();
    let mut client = rig.connect();
    client.send(
        "POST /a.txt HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
    );
    assert_eq!(client.reply().status, 100);
    client.send("abcde");
    assert_eq!(client.reply().status, 405);
    client.send(
        "GET /a.txt HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nabcde",
    );
    assert_eq!(client.reply().status, 200, "who did not wait needs no word");
    client.send("GET /a.txt HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(client.reply().status, 200, "without a body there is nothing to wait for");
    client.send("GET /a.txt HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\nx");
    assert_eq!(client.reply().status, 200, "an old client does not know the word");
    client.send(
        "POST /a.txt HTTP/1.1\r\nHost: h\r\nContent-Length: 70000\r\nExpect: 100-continue\r\n\r\n",
    );
    let reply = client.reply();
    assert!(reply.status == 413 && reply.says_close(), "no word for what is refused: {reply:?}");
    assert_eq!(rig.get_with("/a.txt", "Expect: wonders\r\n").status, 417);
}
