//! Content: what a file is, what stands for a folder, and what for a thing that is not there.

use crate::client::Reply;
use crate::rig::{Plan, Rig};

#[test]
fn the_ending_says_the_type_and_text_says_its_charset() {
    let rig = Rig::start();
    for (target, content_type) in [
        ("/index.html", "text/html; charset=utf-8"),
        ("/a.txt", "text/plain; charset=utf-8"),
        ("/style.css", "text/css; charset=utf-8"),
        ("/script.js", "text/javascript; charset=utf-8"),
        ("/data.json", "application/json"),
        ("/image.png", "image/png"),
        ("/drawing.svg", "image/svg+xml"),
        ("/noending", "application/octet-stream"),
        ("/inside", "application/octet-stream"),
        ("/large.bin", "application/octet-stream"),
    ] {
        assert_eq!(rig.get(target).field("Content-Type"), Some(content_type), "{target}");
    }
    let empty = rig.get("/empty.txt");
    assert_eq!((empty.status, empty.length()), (200, 0));
}

#[test]
fn a_folder_is_its_index_and_without_its_slash_a_redirect() {
    let rig = Rig::start();
    assert_eq!(rig.get("/").text(), "<!doctype html><p>home</p>\n");
    assert_eq!(rig.get("/sub/").text(), "<p>sub</p>\n");
    assert_eq!(rig.get("/sub/").field("Content-Type"), Some("text/html; charset=utf-8"));
    for (target, location) in [
        ("/sub", "/sub/"),
        ("/sub?a=b&c", "/sub/?a=b&c"),
        ("//sub", "/sub/"),
        ("//bare//deep", "/bare/deep/"),
        ("/b%61re", "/bare/"),
        ("/.well-known", "/.well-known/"),
    ] {
        let reply = rig.get(target);
        assert_eq!((reply.status, reply.field("Location")), (308, Some(location)), "{target}");
    }
    for target in ["/bare/", "/a.txt/", "/sub/index.html/", "/nothing/"] {
        assert_eq!(rig.get(target).status, 404, "{target}");
    }
}

#[test]
fn another_index_may_be_named_and_the_first_that_is_there_counts() {
    let mut plan = Plan::new();
    plan.site().index = vec!["one.txt".to_owned(), "index.html".to_owned()];
    let rig = plan.start();
    assert_eq!(rig.get("/bare/").text(), "1\n");
    assert_eq!(rig.get("/").text(), "<!doctype html><p>home</p>\n");
}

fn listing_rig() -> Rig {
    let mut plan = Plan::new();
    plan.site().lists = true;
    plan.start()
}

#[test]
fn a_folder_without_an_index_is_listed_where_the_site_says_so() {
    let rig = listing_rig();
    let reply = rig.get("/bare/");
    let page = reply.text();
    assert_eq!(
        (reply.status, reply.field("Content-Type")),
        (200, Some("text/html; charset=utf-8"))
    );
    assert!(page.contains("<a href=\"one.txt\">one.txt</a>"), "{page}");
    assert!(page.contains("href=\"deep/\"") && page.contains("href=\"../\""), "{page}");
    assert!(page.contains("&lt;b&gt;&amp;.txt") && !page.contains("<b>"), "{page}");
    assert_eq!(rig.get("/").text(), "<!doctype html><p>home</p>\n", "an index goes first");
}

#[test]
fn a_list_as_data_names_each_entry_with_its_kind_and_length() {
    let rig = listing_rig();
    for _ in 0..2 {
        let reply = rig.get("/bare/?format=json");
        assert_eq!(reply.field("Content-Type"), Some("application/json"));
        let list: serde_json::Value = serde_json::from_slice(&reply.body).expect("it is JSON");
        let text = list.to_string();
        assert!(
            text.contains("\"one.txt\"") && text.contains("\"deep\"") && text.contains("<b>&.txt"),
            "{text}"
        );
        assert!(
            rig.get("/bare/").text().starts_with("<!doctype html>"),
            "each form is asked for anew"
        );
    }
}

#[test]
fn a_list_hides_what_cannot_be_asked_for() {
    let mut plan = Plan::new();
    (plan.site().lists, plan.site().index) = (true, Vec::new());
    let rig = plan.start();
    let page = rig.get("/").text();
    for hidden in
        [".hidden", ".git", "outside", "absolute", "rootlink", "uplink", "loop", "dangling", "pipe"]
    {
        assert!(!page.contains(&format!("\"{hidden}")), "{hidden} in {page}");
    }
    for shown in ["a.txt", "sub/", "inside", ".well-known/", "with%20space.txt"] {
        assert!(page.contains(&format!("\"{shown}\"")), "{shown} in {page}");
    }
}

fn is_lost(reply: &Reply) -> bool {
    reply.status == 404
        && reply.text() == "<p>lost</p>\n"
        && reply.field("Content-Type") == Some("text/html; charset=utf-8")
}

#[test]
fn a_site_may_have_its_own_page_for_what_is_not_there() {
    let mut plan = Plan::new();
    plan.site().not_found = Some("404.html".to_owned());
    let rig = plan.start();
    for target in ["/nothing", "/nothing/at/all", "/bare/", "/outside", "/loop"] {
        let reply = rig.get(target);
        assert!(is_lost(&reply), "{target}: {reply:?}");
    }
    assert_eq!(rig.get("/404.html").status, 200);
    std::fs::remove_file(rig.folder.path().join("404.html")).unwrap();
    crate::rig::pause(1_100);
    let reply = rig.get("/nothing");
    assert!(
        reply.status == 404 && reply.text().contains("404 Not Found"),
        "without the page: {reply:?}"
    );
}

#[test]
fn a_single_page_application_answers_for_what_is_not_there() {
    let mut plan = Plan::new();
    plan.site().fallback = Some("index.html".to_owned());
    let rig = plan.start();
    for target in ["/some/view", "/nothing", "/bare/"] {
        let reply = rig.get(target);
        assert_eq!(
            (reply.status, reply.text().as_str()),
            (200, "<!doctype html><p>home</p>\n"),
            "{target}"
        );
    }
    assert_eq!(rig.get("/a.txt").text(), crate::folder::LETTERS);
    assert_eq!(rig.get("/some/../view").status, 400);
}

#[test]
fn what_is_no_regular_file_is_not_there() {
    let rig = Rig::start();
    for target in ["/pipe", "/loop", "/dangling", "/pipe/", "/a.txt/b"] {
        assert_eq!(rig.get(target).status, 404, "{target}");
    }
}
