//! Faults: what cannot be is refused at the start, in one line that names it and the remedy, with exit code 2.

use std::fs;
use std::net::TcpListener;
use std::process::{Command, Stdio};

use crate::rig::{await_lines, run};

#[test]
fn what_cannot_be_is_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let config = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let unknown = config("unknown.toml", "memory = '64MiB'\nlissten = []\n");
    let missing = config("missing.toml", "[[site]]\nroot = 'nothing/here'\n");
    let gone = folder.path().join("gone.toml").to_str().unwrap().to_owned();
    let front = config("front.toml", "memory = '64MiB'\n[cache]\nfront = '8MiB'\n");
    let hot = config("hot.toml", "memory = '64MiB'\ncores = 1\n[cache]\nhot = '48MiB'\n");
    let cases: [(&[&str], &str); 9] = [
        (
            &["serve", "/nowhere/at/all"],
            "levada: DIR: cannot serve `/nowhere/at/all`: there is none",
        ),
        (&["serve", "--memory", "1MiB", "--cores", "1"], "choose at least 16 MiB"),
        (&["serve", "--memory", "9000TiB"], "levada: --memory: 9000TiB is more than the"),
        (&["check", "--config", &front], "front.toml:3: front: `8MiB` is no number of entries"),
        (&["check", "--config", &hot], "hot.toml:4: cache.hot: 48MiB would leave too little"),
        (&["serve", "--cores", "1000"], "more than this program may use: ask for at most"),
        (&["serve", "--config", &unknown], "unknown.toml:2: unknown field `lissten`, expected one"),
        (&["serve", "--config", &missing], "missing.toml:2: site[1].root: cannot serve"),
        (&["check", "--config", &gone], "levada: --config: cannot read"),
    ];
    for (arguments, told) in cases {
        let ended = run(arguments);
        let err = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(2), "{arguments:?}: {err}");
        assert!(err.contains(told), "{arguments:?}: {err}");
        assert_eq!(err.lines().count(), 1, "{arguments:?}: {err}");
        assert!(ended.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn flags_that_are_none_are_told_by_name() {
    for (arguments, told) in [
        (["serve", "--io", "ring"], "invalid value 'ring' for '--io <DRIVER>'"),
        (["serve", "--memory", "much"], "`much` is no size: write it like 512MiB"),
        (["serve", "--listen", "8080"], "`8080` is no address: write it like 127.0.0.1:8080"),
        (["serve", "--lissten", "x"], "unexpected argument '--lissten'"),
    ] {
        let ended = run(&arguments);
        let err = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(2), "{err}");
        assert!(err.contains(told), "{err}");
    }
    let version = run(&["--version"]);
    assert_eq!(version.status.code(), Some(0));
    assert!(version.stdout.starts_with(b"levada 0."));
}

#[test]
fn what_check_shows_is_a_configuration_that_says_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("levada.toml");
    let text = "log = 'json'\ncores = 1\nmemory = '64MiB'\n[[site]]\nhosts = ['a.example']\nroot = '.'\n\
                [[site.headers]]\npaths = '*.css'\nset = { Cache-Control = 'no-cache' }\n";
    fs::write(&path, text).unwrap();
    let check = || {
        let ended = run(&["check", "--config", path.to_str().unwrap()]);
        let err = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(0), "{err}");
        String::from_utf8(ended.stdout).unwrap()
    };
    let shown = check();
    for line in [
        "log = \"json\"",
        "back = \"54MiB\"\nhot = \"6912KiB\"\nentries = 4096\nfront = 4096\n",
        "header = \"10s\"",
        "paths = \"*.css\"",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    fs::write(&path, &shown).unwrap();
    assert_eq!(check(), shown);
}

#[test]
fn an_address_that_cannot_be_had_is_told_and_no_fault_of_the_configuration() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().to_string();
    for (address, told) in [
        (port.as_str(), "--listen: cannot listen on"),
        (port.as_str(), "another program has that port; choose another address"),
        ("192.0.2.1:0", "this machine has no such address"),
    ] {
        let ended = run(&["serve", "--memory", "64MiB", "--listen", address]);
        let err = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(1), "{address}: {err}");
        assert!(err.contains(told) && err.lines().count() == 1, "{address}: {err}");
    }
}

#[test]
fn descriptors_that_are_too_few_are_told_before_it_says_that_it_serves() {
    let limited = |limit: &str| {
        let line =
            format!("ulimit -n {limit}; exec \"$0\" serve --listen 127.0.0.1:0 --memory 64MiB");
        let mut command = Command::new("sh");
        command.args(["-c", &line, env!("CARGO_BIN_EXE_levada")]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    let ended = limited("20").output().unwrap();
    let err = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{err}");
    assert!(err.contains("20 descriptors are too few") && err.contains("`ulimit -n`"), "{err}");
    assert!(ended.stdout.is_empty());

    let served = await_lines(&mut limited("64"));
    for _ in 0..10 {
        assert!(served.get("/").starts_with("HTTP/1.1 "), "with few it serves a few");
    }
    assert_eq!(served.stop().code, Some(0));
}
