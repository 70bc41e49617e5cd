//! Negotiation: compressed neighbours in place of the file, for who takes them.

use crate::rig::{Plan, Rig};

#[test]
fn the_form_that_the_client_likes_best_is_sent() {
    let rig = Rig::start();
    let (plain, br, zst, gz) = (
        "plain page, the longest of all its forms\n",
        "brotli page\n",
        "zstd page form\n",
        "gzip page, longer\n",
    );
    let cases = [
        ("", None, plain),
        ("Accept-Encoding: gzip, deflate, br, zstd\r\n", Some("br"), br),
        ("Accept-Encoding: gzip, deflate\r\n", Some("gzip"), gz),
        ("Accept-Encoding: gzip;q=0.9, zstd;q=0.8\r\n", Some("gzip"), gz),
        ("Accept-Encoding: br;q=0, zstd\r\n", Some("zstd"), zst),
        ("Accept-Encoding: *\r\n", Some("br"), br),
        ("Accept-Encoding: *;q=0.5, identity;q=1\r\n", None, plain),
        ("Accept-Encoding: identity\r\n", None, plain),
        ("Accept-Encoding: deflate\r\n", None, plain),
        ("Accept-Encoding:\r\n", None, plain),
        ("Accept-Encoding: gzip\r\nAccept-Encoding: br\r\n", Some("br"), br),
        ("Accept-Encoding: identity;q=0, gzip;q=0.1\r\n", Some("gzip"), gz),
    ];
    let mut tags = Vec::new();
    for (fields, coding, text) in cases {
        let reply = rig.get_with("/page.html", fields);
        assert_eq!((reply.status, reply.text().as_str()), (200, text), "{fields}");
        assert_eq!(reply.field("Content-Encoding"), coding, "{fields}");
        assert_eq!(reply.field("Vary"), Some("Accept-Encoding"), "{fields}");
        assert_eq!(reply.field("Content-Type"), Some("text/html; charset=utf-8"), "{fields}");
        tags.push((coding, reply.tag().to_owned()));
    }
    for (coding, tag) in &tags {
        let is_own = |(other, its): &(Option<&str>, String)| (other == coding) == (its == tag);
        assert!(tags.iter().all(is_own), "tags differ by form and by nothing else: {tags:?}");
    }
}

#[test]
fn a_client_that_takes_no_form_that_is_there_is_told_so() {
    let rig = Rig::start();
    for (target, fields, status) in [
        ("/a.txt", "Accept-Encoding: identity;q=0\r\n", 406),
        ("/a.txt", "Accept-Encoding: *;q=0\r\n", 406),
        ("/a.txt", "Accept-Encoding: gzip, identity;q=0\r\n", 406),
        ("/gzonly.txt", "Accept-Encoding: br, identity;q=0\r\n", 406),
        ("/gzonly.txt", "Accept-Encoding: gzip, identity;q=0\r\n", 200),
        ("/a.txt", "Accept-Encoding: gzip\r\n", 200),
    ] {
        let reply = rig.get_with(target, fields);
        assert_eq!(reply.status, status, "{target} {fields}");
        assert_eq!(
            reply.field("Content-Encoding").is_some(),
            target == "/gzonly.txt" && status == 200
        );
    }
}

#[test]
fn a_file_without_neighbours_does_not_vary() {
    let rig = Rig::start();
    assert_eq!(rig.get("/a.txt").field("Vary"), None);
    assert_eq!(rig.get_with("/a.txt", "Accept-Encoding: br\r\n").field("Content-Encoding"), None);
}

#[test]
fn a_neighbour_older_than_its_file_is_left_alone() {
    let rig = Rig::start();
    let reply = rig.get_with("/newer.txt", "Accept-Encoding: gzip\r\n");
    assert_eq!(
        (reply.field("Content-Encoding"), reply.text().as_str()),
        (None, "newer than its neighbour\n")
    );
}

#[test]
fn neighbours_are_left_alone_where_the_site_says_so() {
    let mut plan = Plan::new();
    plan.site().serves_neighbours = false;
    let rig = plan.start();
    let reply = rig.get_with("/page.html", "Accept-Encoding: br, gzip\r\n");
    assert_eq!((reply.field("Content-Encoding"), reply.field("Vary")), (None, None));
}

#[test]
fn conditions_and_ranges_are_about_the_form_that_is_chosen() {
    let rig = Rig::start();
    let plain = rig.get("/page.html").tag().to_owned();
    let br = rig.get_with("/page.html", "Accept-Encoding: br\r\n").tag().to_owned();
    for (fields, status, text) in [
        (format!("Accept-Encoding: br\r\nIf-None-Match: {br}\r\n"), 304, ""),
        (format!("Accept-Encoding: br\r\nIf-None-Match: {plain}\r\n"), 200, "brotli page\n"),
        (format!("If-None-Match: {plain}\r\n"), 304, ""),
        ("Accept-Encoding: br\r\nRange: bytes=0-5\r\n".to_owned(), 206, "brotli"),
        (format!("Accept-Encoding: br\r\nRange: bytes=0-5\r\nIf-Range: {br}\r\n"), 206, "brotli"),
        (
            format!("Accept-Encoding: br\r\nRange: bytes=0-5\r\nIf-Range: {plain}\r\n"),
            200,
            "brotli page\n",
        ),
        ("Accept-Encoding: br\r\nRange: bytes=30-\r\n".to_owned(), 416, ""),
        ("Range: bytes=30-32\r\n".to_owned(), 206, " it"),
    ] {
        let reply = rig.get_with("/page.html", &fields);
        assert_eq!(reply.status, status, "{fields}");
        if status != 416 {
            assert_eq!(reply.text(), text, "{fields}");
        }
        if status == 206 && fields.contains("br") {
            assert_eq!(reply.field("Content-Encoding"), Some("br"), "{fields}");
        }
    }
}

#[test]
fn a_neighbour_is_also_a_file_of_its_own() {
    let rig = Rig::start();
    let reply = rig.get("/page.html.gz");
    assert_eq!(reply.text(), "gzip page, longer\n");
    assert_eq!(
        (reply.field("Content-Encoding"), reply.field("Content-Type")),
        (None, Some("application/gzip"))
    );
}
