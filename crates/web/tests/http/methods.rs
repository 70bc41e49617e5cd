//! Methods: what a file can be asked, and what it cannot.

use crate::client::Behind;
use crate::folder::LETTERS;
use crate::rig::Rig;

#[test]
fn each_method_has_its_status_and_a_refused_one_names_the_others() {
    let rig = Rig::start();
    let cases = [
        ("GET", 200, false),
        ("HEAD", 200, false),
        ("OPTIONS", 204, true),
        ("POST", 405, true),
        ("PUT", 405, true),
        ("PATCH", 405, true),
        ("DELETE", 405, true),
        ("TRACE", 405, true),
        ("get", 501, false),
        ("PROPFIND", 501, false),
        ("G3T!", 501, false),
    ];
    for (method, status, allows) in cases {
        let mut client = rig.connect();
        client.send(&format!("{method} /a.txt HTTP/1.1\r\nHost: h\r\n\r\n"));
        let reply = client.reply_to(method);
        assert_eq!(reply.status, status, "{method}");
        let allowed = allows.then_some("GET, HEAD, OPTIONS");
        assert_eq!(reply.field("Allow"), allowed, "{method}");
        assert_eq!(client.get("/a.txt").text(), LETTERS, "the connection goes on behind {method}");
    }
}

#[test]
fn connect_is_refused_and_ends_the_connection() {
    let rig = Rig::start();
    let mut client = rig.connect();
    client
        .send("CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n\x16\x03\x01 a hello");
    let reply = client.reply();
    assert_eq!(reply.status, 405);
    assert_eq!(reply.field("Allow"), Some("GET, HEAD, OPTIONS"));
    assert!(reply.says_close());
    assert_eq!(client.behind(5_000), Behind::Closed);
}

#[test]
fn a_name_longer_than_any_method_is_refused_before_its_line_ends() {
    let rig = Rig::start();
    let mut client = rig.connect();
    client.send(&"A".repeat(100));
    let reply = client.reply();
    assert!(reply.status == 501 && reply.says_close(), "{reply:?}");
}

#[test]
fn head_says_what_get_says_and_sends_nothing_of_it() {
    let rig = Rig::start();
    let targets = ["/a.txt", "/", "/large.bin", "/nothing", "/bare", "/page.html", "/empty.txt"];
    for target in targets {
        let (get, head) = (rig.get(target), rig.ask("HEAD", target, ""));
        let without_date = |fields: &[(String, String)]| -> Vec<(String, String)> {
            fields.iter().filter(|(name, _)| name != "Date").cloned().collect()
        };
        assert_eq!(get.status, head.status, "{target}");
        assert_eq!(without_date(&get.fields), without_date(&head.fields), "{target}");
    }
}

#[test]
fn options_of_the_server_and_of_a_file_are_told_and_its_body_is_stepped_over() {
    let rig = Rig::start();
    for target in ["*", "/a.txt", "/nothing"] {
        let reply = rig.ask("OPTIONS", target, "");
        assert_eq!(
            (reply.status, reply.field("Allow")),
            (204, Some("GET, HEAD, OPTIONS")),
            "{target}"
        );
    }
    let mut client = rig.connect();
    client.send("OPTIONS * HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n{\"a\": 1}\n");
    assert_eq!(client.reply().status, 204);
    assert_eq!(client.get("/a.txt").status, 200);
    assert_eq!(rig.get("*").status, 400);
}
