//! Errors: small, the same everywhere, and silent about what is inside.

use crate::rig::{Plan, Rig};

#[test]
fn an_error_is_small_names_its_cause_and_tells_nothing_of_the_files() {
    let rig = Rig::start();
    let root = rig.folder.path().to_str().unwrap().to_owned();
    let mut causes = Vec::new();
    for (method, target, fields, status) in [
        ("GET", "/secret-name", "", 404),
        ("GET", "/outside", "", 404),
        ("GET", "/pipe", "", 404),
        ("GET", "/sub/../secret-name", "", 400),
        ("GET", "/a.txt", "Content-Length: x\r\n", 400),
        ("POST", "/secret-name", "", 405),
        ("SECRET", "/a.txt", "", 501),
        ("GET", "/a.txt", "If-Match: \"x\"\r\n", 412),
        ("GET", "/a.txt", "Accept-Encoding: *;q=0\r\n", 406),
        ("GET", "/a.txt", "Range: bytes=99-\r\n", 416),
        ("GET", "/a.txt", "Content-Length: 99999999\r\n", 413),
        ("GET", "/a.txt", "Expect: secret\r\n", 417),
    ] {
        let reply = rig.ask(method, target, fields);
        let text = reply.text();
        assert_eq!(reply.status, status, "{method} {target} {fields}");
        assert_eq!(reply.field("Content-Type"), Some("text/html; charset=utf-8"), "{status}");
        assert!(text.len() < 300 && text.contains(&status.to_string()), "{text}");
        let everything = format!("{text}{:?}", reply.fields).to_lowercase();
        for secret in ["secret", "errno", "os error", "no such file", "levada", root.as_str()] {
            assert!(!everything.contains(secret), "{secret} in {everything}");
        }
        let cause = text.split_once("<code>").and_then(|(_, rest)| rest.split_once("</code>"));
        let cause = cause.expect("a cause").0.to_owned();
        assert!(cause.len() == 32 && cause.bytes().all(|byte| byte.is_ascii_hexdigit()), "{cause}");
        causes.push(cause);
    }
    let count = causes.len();
    causes.sort();
    causes.dedup();
    assert_eq!(causes.len(), count, "each has its own cause");
}

#[test]
fn a_request_that_cannot_be_answered_for_want_of_room_is_told_when_to_come_again() {
    let mut plan = Plan::new();
    plan.files_bytes_max = 1 << 20;
    std::fs::write(plan.path().join("two.bin"), vec![7; 2 << 20]).unwrap();
    let rig = plan.start();
    let mut client = rig.connect();
    let reply = client.get("/two.bin");
    assert_eq!((reply.status, reply.field("Retry-After")), (503, Some("1")));
    assert!(reply.text().contains("503 Service Unavailable"));
    assert_eq!(client.get("/a.txt").status, 200, "what fits is served on the same connection");
}
