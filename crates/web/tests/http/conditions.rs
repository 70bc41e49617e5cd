//! Conditions: what a client holds already, judged in the order of RFC 9110, 13.2.2.

use crate::folder::{AFTER, BEFORE, MODIFIED};
use crate::rig::Rig;

#[test]
fn a_reply_carries_validators_and_says_that_parts_can_be_had() {
    let rig = Rig::start();
    let reply = rig.get("/a.txt");
    assert!(reply.tag().starts_with('"') && reply.tag().ends_with('"'), "a strong tag");
    assert_eq!(reply.field("Last-Modified"), Some(MODIFIED));
    assert_eq!(reply.field("Accept-Ranges"), Some("bytes"));
    assert_eq!(rig.get("/inside").tag(), reply.tag(), "a tag is of the content, not of the name");
    assert_ne!(rig.get("/style.css").tag(), reply.tag());
}

#[test]
fn conditions_are_judged_in_their_order() {
    let rig = Rig::start();
    let tag = rig.get("/a.txt").tag().to_owned();
    let other = "\"other\"";
    let cases = [
        (format!("If-None-Match: {tag}"), 304),
        (format!("If-None-Match: W/{tag}"), 304),
        (format!("If-None-Match: {other}, W/{tag}"), 304),
        (format!("If-None-Match: {other}\r\nIf-None-Match: {tag}"), 304),
        ("If-None-Match: *".to_owned(), 304),
        (format!("If-None-Match: {other}"), 200),
        (format!("If-Modified-Since: {MODIFIED}"), 304),
        (format!("If-Modified-Since: {AFTER}"), 304),
        (format!("If-Modified-Since: {BEFORE}"), 200),
        ("If-Modified-Since: yesterday".to_owned(), 200),
        (format!("If-Modified-Since: {MODIFIED}\r\nIf-None-Match: {other}"), 200),
        (format!("If-Modified-Since: {BEFORE}\r\nIf-None-Match: {tag}"), 304),
        (format!("If-Match: {tag}"), 200),
        (format!("If-Match: {other}, {tag}"), 200),
        ("If-Match: *".to_owned(), 200),
        (format!("If-Match: {other}"), 412),
        (format!("If-Match: W/{tag}"), 412),
        (format!("If-Unmodified-Since: {MODIFIED}"), 200),
        (format!("If-Unmodified-Since: {BEFORE}"), 412),
        (format!("If-Unmodified-Since: {BEFORE}\r\nIf-Match: {tag}"), 200),
        (format!("If-Unmodified-Since: {AFTER}\r\nIf-Match: {other}"), 412),
        (format!("If-Match: {tag}\r\nIf-None-Match: {tag}"), 304),
        (format!("If-Match: {other}\r\nIf-None-Match: {tag}"), 412),
        (format!("If-None-Match: {tag}\r\nRange: bytes=0-1"), 304),
        (format!("If-Match: {other}\r\nRange: bytes=0-1"), 412),
        (format!("If-Match: {tag}\r\nRange: bytes=0-1"), 206),
    ];
    for (fields, status) in &cases {
        for method in ["GET", "HEAD"] {
            let is_part = *status == 206 && method == "HEAD";
            let expected = if is_part { 200 } else { *status };
            let reply = rig.ask(method, "/a.txt", &format!("{fields}\r\n"));
            assert_eq!(reply.status, expected, "{method} with {fields}");
        }
    }
}

#[test]
fn a_reply_that_nothing_has_changed_keeps_what_a_cache_needs() {
    let rig = Rig::start();
    let whole = rig.get_with("/page.html", "Accept-Encoding: br\r\n");
    let fields = format!("Accept-Encoding: br\r\nIf-None-Match: {}\r\n", whole.tag());
    let mut client = rig.connect();
    client.send(&format!("GET /page.html HTTP/1.1\r\nHost: h\r\n{fields}\r\n"));
    let reply = client.reply();
    assert_eq!(reply.status, 304);
    for name in ["ETag", "Last-Modified", "Vary"] {
        assert_eq!(reply.field(name), whole.field(name), "{name}");
    }
    for name in ["Content-Length", "Content-Type", "Content-Encoding"] {
        assert_eq!(reply.field(name), None, "{name}");
    }
    assert_eq!(client.get("/a.txt").status, 200, "no body stands behind it");
}

#[test]
fn conditions_about_what_is_not_there_do_not_hide_that() {
    let mut plan = crate::rig::Plan::new();
    plan.site().not_found = Some("404.html".to_owned());
    let rig = plan.start();
    let page = rig.get("/404.html");
    let fields = format!("If-None-Match: {}\r\n", page.tag());
    assert_eq!(rig.get_with("/nothing", &fields).status, 404);
    assert_eq!(rig.get_with("/nothing", "Range: bytes=0-1\r\n").text(), "<p>lost</p>\n");
}

#[test]
fn a_tag_made_of_the_content_changes_with_it_alone() {
    let mut plan = crate::rig::Plan::new();
    plan.site().tags_content = true;
    std::fs::copy(plan.path().join("a.txt"), plan.path().join("copy.txt")).unwrap();
    let rig = plan.start();
    let (one, other) = (rig.get("/a.txt"), rig.get("/copy.txt"));
    assert_ne!(one.field("Last-Modified"), other.field("Last-Modified"));
    assert_eq!(one.tag(), other.tag());
    assert_ne!(one.tag(), rig.get("/style.css").tag());
    assert_eq!(rig.get_with("/a.txt", &format!("If-None-Match: {}\r\n", one.tag())).status, 304);
}
