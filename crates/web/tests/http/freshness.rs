//! Freshness: what changes on the disk is served new within two seconds, and nobody gets half of each.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;

use levada_channel::now;

use crate::client::{Behind, Client, Reply};
use crate::folder::{LARGE_BYTES, LETTERS, is_of_sparse, sparse};
use crate::rig::{Rig, pause};

/// Puts `bytes` in the place of a file, as editors and deployments do.
fn replace(folder: &Path, name: &str, bytes: &[u8]) {
    let beside = folder.join(format!("{name}.next"));
    fs::write(&beside, bytes).unwrap();
    fs::rename(beside, folder.join(name)).unwrap();
}

/// Asks until the reply is as it should be, and once more. Each reply before must be as it was.
fn until(
    rig: &Rig,
    target: &str,
    fields: &str,
    was: impl Fn(&Reply) -> bool,
    is: impl Fn(&Reply) -> bool,
) {
    let begin = now();
    let mut client = rig.connect();
    loop {
        client.send(&format!("GET {target} HTTP/1.1\r\nHost: h\r\n{fields}\r\n"));
        let reply = client.reply();
        if is(&reply) {
            break;
        }
        assert!(was(&reply), "{target}: {} {:?}", reply.status, reply.fields);
        assert!((now() - begin).as_millis() < 2_000, "{target} is still the old one");
        pause(5);
    }
    for _ in 0..3 {
        assert!(is(&rig.get_with(target, fields)), "{target} does not become old again");
    }
}

#[test]
fn a_file_that_is_replaced_is_served_new_within_two_seconds() {
    let rig = Rig::start();
    let folder = rig.folder.path();
    let is_text =
        |text: &'static str| move |reply: &Reply| reply.status == 200 && reply.text() == text;
    let is_lost = |reply: &Reply| reply.status == 404;
    assert_eq!(rig.get("/a.txt").text(), LETTERS);
    let tag = rig.get("/a.txt").tag().to_owned();
    replace(folder, "a.txt", b"the next state\n");
    until(&rig, "/a.txt", "", is_text(LETTERS), is_text("the next state\n"));
    assert_ne!(rig.get("/a.txt").tag(), tag);
    assert_eq!(rig.get_with("/a.txt", &format!("If-None-Match: {tag}\r\n")).status, 200);

    fs::write(folder.join("a.txt"), "written in place").unwrap();
    until(&rig, "/a.txt", "", is_text("the next state\n"), is_text("written in place"));

    fs::remove_file(folder.join("a.txt")).unwrap();
    until(&rig, "/a.txt", "", is_text("written in place"), is_lost);

    fs::write(folder.join("a.txt"), "back").unwrap();
    until(&rig, "/a.txt", "", is_lost, is_text("back"));

    assert_eq!(rig.get("/sub/").text(), "<p>sub</p>\n");
    replace(folder, "sub/index.html", b"<p>next</p>\n");
    until(&rig, "/sub/", "", is_text("<p>sub</p>\n"), is_text("<p>next</p>\n"));

    let is_coded =
        |reply: &Reply| reply.field("Content-Encoding") == Some("gzip") && reply.text() == "packed";
    fs::write(folder.join("style.css.gz"), "packed").unwrap();
    until(&rig, "/style.css", "Accept-Encoding: gzip\r\n", is_text("p { color: red }\n"), is_coded);
}

/// Asks for a file and reads a little of it. The reply's head, and what was read.
fn begin(rig: &Rig, target: &str) -> (Client, Reply, Vec<u8>) {
    let mut client = rig.connect();
    client.send(&format!("GET {target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
    let head = client.head();
    assert_eq!(head.status, 200);
    let mut some = vec![0; 1000];
    let bytes = client.read(&mut some).unwrap();
    some.truncate(bytes);
    (client, head, some)
}

#[test]
fn a_reader_in_flight_gets_the_old_bytes_whole() {
    let rig = Rig::start();
    let folder = rig.folder.path();
    sparse(&folder.join("kept.bin"), 6 << 20);
    sparse(&folder.join("long.bin"), 40 << 20);
    for name in ["kept.bin", "long.bin"] {
        let target = format!("/{name}");
        let (mut client, head, mut bytes) = begin(&rig, &target);
        replace(folder, name, b"short and new");
        let old = head.length();
        until(
            &rig,
            &target,
            "",
            |reply| reply.body.len() == old,
            |reply| reply.body == b"short and new",
        );
        let (rest, behind) = client.rest();
        bytes.extend(rest);
        assert_eq!((bytes.len(), behind), (old, Behind::Closed), "{name}");
        assert!(is_of_sparse(&bytes, 0), "{name}");
    }
}

#[test]
fn a_long_file_that_is_replaced_is_never_broken_off() {
    let rig = Rig::start();
    let folder = rig.folder.path();
    assert_eq!(rig.get_with("/large.bin", "Range: bytes=0-7\r\n").status, 206);
    for length in [LARGE_BYTES + 8, LARGE_BYTES + 16] {
        let beside = folder.join("beside");
        sparse(&beside, length);
        let file = fs::File::options().write(true).open(&beside).unwrap();
        file.write_all_at(&length.to_le_bytes(), 8).unwrap(); // it knows how long it is
        fs::rename(beside, folder.join("large.bin")).unwrap();
        let reply = rig.get("/large.bin");
        assert_eq!(reply.body.len(), reply.length());
        assert_eq!(
            reply.body[8..16],
            reply.body.len().to_le_bytes(),
            "a head of one, a body of another"
        );
        assert!(is_of_sparse(&reply.body[16..], 16));
        let range = rig.get_with("/large.bin", "Range: bytes=1048576-2097151\r\n");
        assert!(range.status == 206 && is_of_sparse(&range.body, 1 << 20));
    }
    fs::remove_file(folder.join("large.bin")).unwrap();
    assert_eq!(rig.get("/large.bin").status, 404);
    assert_eq!(rig.look().web.stream_failures, 0);
}

#[test]
fn a_file_that_is_truncated_while_it_is_sent_never_looks_whole() {
    let rig = Rig::start();
    let path = rig.folder.path().join("long.bin");
    for ranges in ["", "Range: bytes=0-\r\n", "Range: bytes=0-100000000,150000000-\r\n"] {
        sparse(&path, 200 << 20);
        pause(1_100);
        let mut client = rig.connect();
        client.send(&format!("GET /long.bin HTTP/1.1\r\nHost: h\r\n{ranges}\r\n"));
        let head = client.head();
        assert!(head.status == if ranges.is_empty() { 200 } else { 206 }, "{ranges}");
        let mut block = vec![0; 100_000];
        let mut read = client.read(&mut block).unwrap();
        fs::File::options().write(true).open(&path).unwrap().set_len(1 << 20).unwrap();
        let behind = loop {
            match client.read(&mut block) {
                Ok(bytes) => read += bytes,
                Err(behind) => break behind,
            }
        };
        assert_eq!(behind, Behind::Reset, "{ranges}");
        assert!(read < head.length(), "{read} bytes of {} with {ranges}", head.length());
    }
    assert_eq!(rig.look().web.stream_failures, 3);
}

#[test]
fn a_file_that_is_overwritten_in_place_while_it_is_sent_never_looks_whole() {
    let rig = Rig::start();
    let path = rig.folder.path().join("long.bin");
    sparse(&path, 64 << 20);
    let mut client = rig.connect();
    client.send("GET /long.bin HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    let head = client.head();
    let mut block = vec![0; 100_000];
    let mut read = client.read(&mut block).unwrap();
    let file = fs::File::options().write(true).open(&path).unwrap();
    // As long as it was, and in the part that has not been read yet.
    file.write_all_at(b"another state", 63 << 20).unwrap();
    let behind = loop {
        match client.read(&mut block) {
            Ok(bytes) => read += bytes,
            Err(behind) => break behind,
        }
    };
    assert_eq!(behind, Behind::Reset);
    assert!(read < head.length(), "{read} bytes of two states");
}
