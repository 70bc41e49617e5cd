//! Sites: which folder a host's name leads to, and what each site's replies say besides.

use levada_domain::Folder;
use levada_http::ExtraField;
use levada_web::{FieldRule, HostName, Site};

use crate::folder::LETTERS;
use crate::rig::{Plan, Rig};

/// Two sites: the known files, and one folder for `two.test` with a page of its own.
fn two_sites() -> (Rig, tempfile::TempDir) {
    let other = tempfile::tempdir().unwrap();
    std::fs::write(other.path().join("a.txt"), "the second\n").unwrap();
    let mut second = Site::new(Folder::open(other.path()).unwrap());
    second.hosts = vec![HostName::new("two.test").unwrap(), HostName::new("www.two.test").unwrap()];
    let mut plan = Plan::new();
    plan.site().hosts = vec![HostName::new("one.test").unwrap()];
    plan.web.sites.push(second);
    (plan.start(), other)
}

#[test]
fn the_host_says_which_site_is_meant_and_the_first_is_for_all_others() {
    let (rig, _other) = two_sites();
    for (host, text) in [
        ("one.test", LETTERS),
        ("two.test", "the second\n"),
        ("TWO.test", "the second\n"),
        ("two.test:8080", "the second\n"),
        ("two.test.", "the second\n"),
        ("www.two.test", "the second\n"),
        ("three.test", LETTERS),
        ("127.0.0.1", LETTERS),
        ("[::1]:80", LETTERS),
        ("xtwo.test", LETTERS),
    ] {
        for _ in 0..2 {
            let mut client = rig.connect();
            client.send(&format!("GET /a.txt HTTP/1.1\r\nHost: {host}\r\n\r\n"));
            assert_eq!(client.reply().text(), text, "{host}");
        }
    }
    let mut client = rig.connect();
    client.send("GET http://two.test/a.txt HTTP/1.1\r\nHost: one.test\r\n\r\n");
    assert_eq!(client.reply().text(), "the second\n", "a whole address goes first");
    client.send("GET /a.txt HTTP/1.0\r\n\r\n");
    assert_eq!(client.reply().text(), LETTERS, "without a name it is the first");
}

#[test]
fn a_host_that_is_missing_double_or_none_is_refused() {
    let rig = Rig::start();
    for fields in [
        "",
        "Host: a\r\nHost: a\r\n",
        "Host: a\r\nHost: b\r\n",
        "Host: a b\r\n",
        "Host: a/b\r\n",
        "Host: a@b\r\n",
        "Host: a:port\r\n",
        "Host: a, b\r\n",
    ] {
        let mut client = rig.connect();
        client.send(&format!("GET /a.txt HTTP/1.1\r\n{fields}\r\n"));
        let reply = client.reply();
        assert!(reply.status == 400 && reply.says_close(), "{fields}: {reply:?}");
    }
}

fn rule(pattern: &str, fields: &[(&str, &str)]) -> FieldRule {
    let fields = fields.iter().map(|(name, value)| ExtraField::new(name, value).unwrap());
    FieldRule::new(pattern, fields.collect()).unwrap()
}

#[test]
fn rules_add_fields_by_path_and_the_last_one_counts() {
    let mut plan = Plan::new();
    plan.site().lists = true;
    plan.site().fields = vec![
        rule("**", &[("Cache-Control", "no-cache"), ("X-Content-Type-Options", "nosniff")]),
        rule("*.css", &[("Cache-Control", "max-age=60")]),
        rule("sub/**", &[("Cache-Control", "immutable"), ("X-Sub", "yes")]),
    ];
    let rig = plan.start();
    let tag = rig.get("/style.css").tag().to_owned();
    for (target, fields, status, control, is_sub) in [
        ("/a.txt", String::new(), 200, "no-cache", false),
        ("/style.css", String::new(), 200, "max-age=60", false),
        ("/style.css", "Range: bytes=0-1\r\n".to_owned(), 206, "max-age=60", false),
        ("/style.css", "Range: bytes=0-1,4-5\r\n".to_owned(), 206, "max-age=60", false),
        ("/style.css", format!("If-None-Match: {tag}\r\n"), 304, "max-age=60", false),
        ("/page.html", "Accept-Encoding: br\r\n".to_owned(), 200, "no-cache", false),
        ("/large.bin", "Range: bytes=0-1\r\n".to_owned(), 206, "no-cache", false),
        ("/sub/", String::new(), 200, "immutable", true),
        ("/bare/", String::new(), 200, "no-cache", false),
    ] {
        let reply = rig.get_with(target, &fields);
        assert_eq!(
            (reply.status, reply.field("Cache-Control")),
            (status, Some(control)),
            "{target} {fields}"
        );
        assert_eq!(reply.field("X-Content-Type-Options"), Some("nosniff"), "{target} {fields}");
        assert_eq!(reply.field("X-Sub").is_some(), is_sub, "{target} {fields}");
    }
}

#[test]
fn a_browser_that_asks_before_it_asks_gets_the_answer_of_its_site() {
    let mut plan = Plan::new();
    let field = |name, value| ExtraField::new(name, value).unwrap();
    plan.site().fields = vec![rule("**", &[("Access-Control-Allow-Origin", "*")])];
    plan.site().preflight = vec![field("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")];
    let rig = plan.start();
    let asked =
        rig.ask("OPTIONS", "/a.txt", "Origin: http://o\r\nAccess-Control-Request-Method: GET\r\n");
    assert_eq!(asked.status, 204);
    assert_eq!(asked.field("Access-Control-Allow-Methods"), Some("GET, HEAD, OPTIONS"));
    assert_eq!(asked.field("Access-Control-Allow-Origin"), Some("*"));
    assert_eq!(rig.ask("OPTIONS", "/a.txt", "").field("Access-Control-Allow-Methods"), None);
    assert_eq!(rig.get("/a.txt").field("Access-Control-Allow-Origin"), Some("*"));
}
