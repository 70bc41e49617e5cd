//! Memcached commands: beside a folder, alone, over both kinds of sockets, and after a kill.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::process::Signal;

use crate::rig::{Served, await_lines, connect, get, levada, run, serve};

/// Serves memcached commands alone, there.
fn alone(places: &[&str], arguments: &[&str]) -> Served {
    let mut command = levada();
    command.args(["serve", "--memory", "64MiB"]).args(arguments);
    for place in places {
        command.args(["--memcache", place]);
    }
    await_lines(&mut command)
}

fn path_of(path: &Path) -> String {
    format!("unix:{}", path.display())
}

/// What is answered to these lines, until the connection is closed.
fn ask(mut stream: impl Read + Write, lines: &str) -> String {
    stream.write_all(lines.replace('\n', "\r\n").as_bytes()).expect("it answers");
    stream.write_all(b"\r\nquit\r\n").expect("it answers");
    let mut reply = String::new();
    stream.read_to_string(&mut reply).expect("it answers");
    reply.replace("\r\n", "\n")
}

#[test]
fn commands_are_answered_over_tcp_and_within_the_machine() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("memcached.socket");
    let served = alone(&["127.0.0.1:0", &path_of(&path)], &["--cores", "1"]);
    assert!(served.addresses.is_empty(), "no folder is served");
    let address = served.memcached[0].parse().unwrap();
    assert_eq!(served.memcached[1], path_of(&path));
    assert_eq!(ask(connect(address), "set a 7 0 5\nhello"), "STORED\n");
    let within = UnixStream::connect(&path).unwrap();
    assert_eq!(ask(within, "get a"), "VALUE a 7 5\nhello\nEND\n");
    let left = served.stop();
    assert_eq!((left.code, left.err.as_str()), (Some(0), ""));
    assert!(!path.exists(), "its path goes with it");
}

#[test]
fn a_folder_is_served_beside_and_the_pages_count_both() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.txt"), "a file").unwrap();
    let arguments = ["--memcache", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--memory", "128MiB"];
    let served = serve(folder.path(), &arguments);
    assert!(served.get("/a.txt").ends_with("a file"));
    let address = served.memcached[0].parse().unwrap();
    assert_eq!(
        ask(connect(address), "set a 0 0 1\n1\nget a\nget b"),
        "STORED\nVALUE a 0 1\n1\nEND\nEND\n"
    );
    let admin = served.admin.unwrap();
    let metrics = get(admin, "/metrics");
    for line in [
        "levada_requests_total 1\n",
        "levada_memcached_cmd_set_total 1\n",
        "levada_memcached_get_misses_total 1\n",
        "levada_memcached_items 1\n",
    ] {
        assert!(metrics.contains(line), "{line}{metrics}");
    }
    let status = get(admin, "/status");
    let status: serde_json::Value =
        serde_json::from_str(status.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(status["memcached"]["counters"]["get_hits"], 1);
    assert_eq!(status["memcached"]["items"], 1);
    let left = served.stop();
    assert_eq!((left.code, left.err.as_str()), (Some(0), ""));
}

#[test]
fn after_a_kill_it_starts_again_on_its_port_and_path_empty() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("memcached.socket");
    let mut served = alone(&["127.0.0.1:0", &path_of(&path)], &[]);
    let port = served.memcached[0].clone();
    assert_eq!(ask(connect(port.parse().unwrap()), "set a 0 0 1\n1"), "STORED\n");
    served.signal(Signal::KILL);
    assert_eq!(served.wait(), None);
    assert!(path.exists(), "who is killed cleans nothing up");
    let again = alone(&[&port, &path_of(&path)], &[]);
    assert_eq!(ask(connect(port.parse().unwrap()), "get a\nset a 0 0 1\n2"), "END\nSTORED\n");
    assert_eq!(ask(UnixStream::connect(&path).unwrap(), "get a"), "VALUE a 0 1\n2\nEND\n");
    assert_eq!(again.stop().code, Some(0));
}

#[test]
fn a_path_that_another_program_listens_on_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("memcached.socket");
    let served = alone(&[&path_of(&path)], &[]);
    let refused = run(&["serve", "--memory", "64MiB", "--memcache", &path_of(&path)]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        refused.status.code() == Some(1) && said.contains("in use; choose another path"),
        "{said}"
    );
    assert_eq!(ask(UnixStream::connect(&path).unwrap(), "get a"), "END\n");
    assert_eq!(served.stop().code, Some(0));
}

#[test]
fn a_wish_for_udp_is_refused_with_why() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("levada.toml");
    fs::write(&config, "[memcached]\nlisten = ['127.0.0.1:0']\nudp = 11211\n").unwrap();
    let refused = run(&["serve", "--config", config.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        said.contains("levada.toml:3: memcached.udp: memcached over UDP is not supported"),
        "{said}"
    );
}

#[test]
fn limits_change_with_a_reload_and_places_with_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("levada.toml");
    let socket = folder.path().join("socket");
    fs::write(&config, "[memcached]\nlisten = ['unix:socket']\n").unwrap();
    let served = alone(&[], &["--config", config.to_str().unwrap()]);
    assert_eq!(served.memcached, [path_of(&socket)], "beside the file");
    let long = format!("set a 0 0 3000\n{}", "x".repeat(3000));
    assert_eq!(ask(UnixStream::connect(&socket).unwrap(), &long), "STORED\n");
    fs::write(&config, "[memcached]\nlisten = ['unix:other']\nitem_max = '2KiB'\n").unwrap();
    served.signal(Signal::HUP);
    assert!(served.next_complaint().contains("`memcached.listen` has changed"));
    assert!(served.next_complaint().contains("was read again"));
    let mut said = String::new();
    for _ in 0..100 {
        said = ask(UnixStream::connect(&socket).unwrap(), &long);
        if said != "STORED\n" {
            break;
        }
    }
    assert_eq!(said, "SERVER_ERROR object too large for cache\n");
    assert_eq!(served.stop().code, Some(0));
}
