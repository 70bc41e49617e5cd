//! Paths: decoded once, and never a way out of the folder.

use crate::folder::LETTERS;
use crate::rig::{Plan, Rig};

#[test]
fn a_path_is_decoded_once() {
    let rig = Rig::start();
    std::fs::write(rig.folder.path().join("100%25"), "percent\n").unwrap();
    std::fs::write(rig.folder.path().join("ü.txt"), "umlaut\n").unwrap();
    for (target, text) in [
        ("/%61.txt", LETTERS),
        ("/a%2Etxt", LETTERS),
        ("/with%20space.txt", "space\n"),
        ("/%C3%BC.txt", "umlaut\n"),
        ("/100%2525", "percent\n"),
        ("//a.txt", LETTERS),
        ("/a.txt?b=../..", LETTERS),
        ("http://elsewhere.test/a.txt", LETTERS),
    ] {
        let reply = rig.get(target);
        assert_eq!((reply.status, reply.text().as_str()), (200, text), "{target}");
    }
    for (target, status) in [("/%2561.txt", 404), ("/with+space.txt", 404), ("/100%25", 404)] {
        assert_eq!(rig.get(target).status, status, "{target}");
    }
}

#[test]
fn no_spelling_leads_out_of_the_folder() {
    let mut plan = Plan::new();
    plan.site().paths.serves_dotfiles = true;
    let rig = plan.start();
    let ups = [
        "..",
        "%2e%2e",
        ".%2e",
        "%2E.",
        "..%2f",
        "%2e%2e%2f",
        "..%5c",
        "..\\",
        "%5c..",
        "%c0%ae%c0%ae",
        "%c0%ae.",
        "%252e%252e",
        "..;",
        "...",
        "..%00",
        "%u002e%u002e",
        "\u{ff0e}\u{ff0e}",
    ];
    let mut client = rig.connect();
    for up in ups {
        for target in [
            format!("/{up}/{up}/{up}/{up}/etc/passwd"),
            format!("/sub/{up}/{up}/{up}/{up}/etc/passwd"),
            format!("/{up}{up}{up}{up}etc/passwd"),
            format!("//{up}/{up}//etc/passwd"),
            format!("/rootlink/{up}/etc/passwd"),
        ] {
            if !target.is_ascii() {
                continue;
            }
            client.send(&format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n"));
            let reply = client.reply();
            assert!(matches!(reply.status, 400 | 404), "{target}: {reply:?}");
            assert!(!reply.text().contains("root:"), "{target}");
            if reply.says_close() {
                client = rig.connect();
            }
        }
    }
    for target in ["/sub/../a.txt", "/./a.txt", "/a.txt/.", "/sub/%2e%2e/a.txt", "/.", "/.."] {
        assert_eq!(rig.get(target).status, 400, "{target}");
    }
}

#[test]
fn bytes_that_no_path_has_are_refused() {
    let rig = Rig::start();
    for target in [
        "/a%00.txt",
        "/%00",
        "/a.txt%00.html",
        "/a%2f",
        "/sub%2findex.html",
        "/a%5cb",
        "/a%0d%0ab",
        "/a%7f",
        "/%",
        "/%2",
        "/%zz",
        "/%ff",
        "/%c3",
        "/a%0",
        "a.txt",
        "?x",
        "/a#b",
    ] {
        let reply = rig.get(target);
        assert_eq!(reply.status, 400, "{target}");
    }
}

#[test]
fn a_link_is_followed_inside_and_leads_nowhere_outside() {
    let rig = Rig::start();
    assert_eq!(rig.get("/inside").text(), LETTERS);
    for target in [
        "/outside",
        "/absolute",
        "/rootlink",
        "/rootlink/",
        "/rootlink/etc/passwd",
        "/uplink",
        "/uplink/",
    ] {
        let reply = rig.get(target);
        assert!(reply.status == 404 && !reply.text().contains("root:"), "{target}: {reply:?}");
    }
}

#[test]
fn what_begins_with_a_dot_is_hidden_but_well_known_names() {
    let rig = Rig::start();
    for (target, status) in [
        ("/.hidden", 404),
        ("/%2ehidden", 404),
        ("/.git/config", 404),
        ("/.git/", 404),
        ("/sub/.well-known/acme", 404),
        ("/.well-known/acme", 200),
        ("/%2Ewell-known/acme", 200),
    ] {
        assert_eq!(rig.get(target).status, status, "{target}");
    }
    let mut plan = Plan::new();
    plan.site().paths.serves_dotfiles = true;
    let rig = plan.start();
    assert_eq!(rig.get("/.hidden").text(), "hidden\n");
}
