//! Ranges: parts of a file, cut from memory or read from the disk, and never more than the whole.

use crate::client::Reply;
use crate::folder::{AFTER, LARGE_BYTES, LETTERS, MODIFIED, is_of_sparse};
use crate::rig::Rig;

#[test]
fn one_range_is_cut_out_and_says_where_it_lies() {
    let rig = Rig::start();
    let cases = [
        ("bytes=0-0", "a", "bytes 0-0/26"),
        ("bytes=2-5", "cdef", "bytes 2-5/26"),
        ("bytes=24-", "yz", "bytes 24-25/26"),
        ("bytes=-3", "xyz", "bytes 23-25/26"),
        ("bytes=-100", LETTERS, "bytes 0-25/26"),
        ("bytes=20-99", "uvwxyz", "bytes 20-25/26"),
        ("bytes=0-99999999999999999999", LETTERS, "bytes 0-25/26"),
        ("bytes=2-3,100-", "cd", "bytes 2-3/26"),
        ("bytes=0-9,5-12", "abcdefghijklm", "bytes 0-12/26"),
        ("bytes=0-,0-,0-,0-", LETTERS, "bytes 0-25/26"),
    ];
    for (range, text, place) in cases {
        let reply = rig.get_with("/a.txt", &format!("Range: {range}\r\n"));
        assert_eq!((reply.status, reply.text().as_str()), (206, text), "{range}");
        assert_eq!(reply.field("Content-Range"), Some(place), "{range}");
        assert_eq!(reply.field("Content-Type"), Some("text/plain; charset=utf-8"), "{range}");
        assert!(reply.field("ETag").is_some() && reply.field("Last-Modified").is_some(), "{range}");
    }
}

#[test]
fn a_range_that_is_malformed_or_of_too_many_is_as_if_it_were_not_there() {
    let rig = Rig::start();
    let seventeen = format!("bytes=0-0{}", ",2-2".repeat(16));
    let cases = [
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=5-2",
        "bytes=a-b",
        "bytes=0-1,x",
        "items=0-1",
        "bytes=0 - 1",
        &seventeen,
    ];
    for range in cases {
        let reply = rig.get_with("/a.txt", &format!("Range: {range}\r\n"));
        assert_eq!((reply.status, reply.text().as_str()), (200, LETTERS), "{range}");
    }
    let twice = rig.get_with("/a.txt", "Range: bytes=0-1\r\nRange: bytes=2-3\r\n");
    assert_eq!(twice.status, 200);
}

#[test]
fn a_range_outside_says_how_long_the_file_is() {
    let rig = Rig::start();
    for (target, range, place) in [
        ("/a.txt", "bytes=26-", "bytes */26"),
        ("/a.txt", "bytes=-0", "bytes */26"),
        ("/a.txt", "bytes=30-40,99-", "bytes */26"),
        ("/empty.txt", "bytes=0-", "bytes */0"),
        ("/large.bin", "bytes=9437184-", "bytes */9437184"),
    ] {
        let mut client = rig.connect();
        client.send(&format!("GET {target} HTTP/1.1\r\nHost: h\r\nRange: {range}\r\n\r\n"));
        let reply = client.reply();
        assert_eq!(
            (reply.status, reply.field("Content-Range")),
            (416, Some(place)),
            "{target} {range}"
        );
        assert_eq!(client.get("/a.txt").status, 200, "{target} {range}");
    }
}

#[test]
fn a_range_counts_only_for_who_holds_the_same_state() {
    let rig = Rig::start();
    let tag = rig.get("/a.txt").tag().to_owned();
    let weak = format!("W/{tag}");
    for (held, status) in [
        (tag.as_str(), 206),
        (MODIFIED, 206),
        (weak.as_str(), 200),
        ("\"other\"", 200),
        (AFTER, 200),
        ("nonsense", 200),
    ] {
        let fields = format!("Range: bytes=0-1\r\nIf-Range: {held}\r\n");
        assert_eq!(rig.get_with("/a.txt", &fields).status, status, "If-Range: {held}");
    }
}

/// The parts of a multipart body: where each lies, and its bytes.
fn parts(reply: &Reply) -> Vec<(String, Vec<u8>)> {
    let content_type = reply.field("Content-Type").unwrap();
    let boundary =
        content_type.strip_prefix("multipart/byteranges; boundary=").expect(content_type);
    let delimiter = format!("\r\n--{boundary}");
    let mut rest = &[b"\r\n", &reply.body[..]].concat()[..];
    let mut parts = Vec::new();
    loop {
        rest = rest.strip_prefix(delimiter.as_bytes()).expect("a delimiter");
        if rest.starts_with(b"--") {
            assert_eq!(rest, b"--\r\n", "nothing behind the last");
            return parts;
        }
        rest = rest.strip_prefix(b"\r\n").expect("a line end");
        let head_end = rest.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
        let head = String::from_utf8(rest[..head_end].to_vec()).unwrap();
        let place =
            head.lines().find_map(|line| line.strip_prefix("Content-Range: ")).expect(&head);
        assert!(head.contains("Content-Type: "), "{head}");
        rest = &rest[head_end + 4..];
        let next = rest.windows(delimiter.len()).position(|window| window == delimiter.as_bytes());
        let (body, behind) = rest.split_at(next.expect("a part has an end"));
        parts.push((place.to_owned(), body.to_vec()));
        rest = behind;
    }
}

#[test]
fn several_ranges_come_as_parts_in_the_order_asked() {
    let rig = Rig::start();
    for (range, expected) in [
        ("bytes=0-1,24-25", &[("bytes 0-1/26", "ab"), ("bytes 24-25/26", "yz")][..]),
        ("bytes=-2,0-0", &[("bytes 24-25/26", "yz"), ("bytes 0-0/26", "a")]),
        ("bytes=0-1, 3-4 ,99-", &[("bytes 0-1/26", "ab"), ("bytes 3-4/26", "de")]),
        ("bytes=4-6,0-1,5-9", &[("bytes 0-1/26", "ab"), ("bytes 4-9/26", "efghij")]),
    ] {
        let mut client = rig.connect();
        client.send(&format!("GET /a.txt HTTP/1.1\r\nHost: h\r\nRange: {range}\r\n\r\n"));
        let reply = client.reply();
        assert_eq!(reply.status, 206, "{range}");
        let found = parts(&reply);
        let found: Vec<(&str, &str)> = found
            .iter()
            .map(|(place, body)| (place.as_str(), str::from_utf8(body).unwrap()))
            .collect();
        assert_eq!(found, expected, "{range}");
        assert_eq!(client.get("/a.txt").text(), LETTERS, "behind {range}");
    }
}

#[test]
fn ranges_of_a_file_that_is_not_kept_are_read_from_the_disk() {
    let rig = Rig::start();
    let (mib, end) = (1 << 20, LARGE_BYTES);
    for (first, last) in
        [(0, 7), (0, end - 1), (mib - 8, mib + 7), (3 * mib, 5 * mib - 1), (end - 16, end - 1)]
    {
        let reply = rig.get_with("/large.bin", &format!("Range: bytes={first}-{last}\r\n"));
        assert_eq!(reply.status, 206, "{first}-{last}");
        assert_eq!(reply.body.len() as u64, last + 1 - first);
        assert!(is_of_sparse(&reply.body, first), "{first}-{last}");
    }
    let reply = rig.get_with("/large.bin", "Range: bytes=2097152-2097167,0-15,-1048576\r\n");
    let found = parts(&reply);
    let lengths: Vec<usize> = found.iter().map(|(_, body)| body.len()).collect();
    assert_eq!(lengths, [16, 16, 1 << 20]);
    for ((_, body), from) in found.iter().zip([2 << 20, 0, end - mib]) {
        assert!(is_of_sparse(body, from), "the part at {from}");
    }
}

#[test]
fn no_set_of_ranges_makes_a_reply_much_longer_than_the_file() {
    let rig = Rig::start();
    let sixteen: Vec<String> =
        (0..16).map(|place| format!("{}-{}", place * 589_824, place * 589_824 + 589_822)).collect();
    let nested: Vec<String> = (0..16).map(|place| format!("{place}-")).collect();
    for ranges in
        [sixteen.join(","), nested.join(","), ["0-"; 16].join(","), ["0-"; 1000].join(",")]
    {
        let reply = rig.get_with("/large.bin", &format!("Range: bytes={ranges}\r\n"));
        assert!((reply.body.len() as u64) < LARGE_BYTES + 16 * 256, "{} ranges", ranges.len());
    }
}
