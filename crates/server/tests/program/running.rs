//! Running: serving, signals, reloading, sockets handed over.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::rig::{WITHIN, await_lines, levada, serve};

fn site(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).expect("a file");
    }
    folder
}

#[test]
fn the_sample_site_is_served_and_the_lines_say_where_and_how() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/site");
    let served = serve(&folder, &["--cores", "1"]);
    assert!(served.state.contains("1 core, 64MiB memory"), "{}", served.state);
    let home = served.get("/");
    assert!(home.starts_with("HTTP/1.1 200 OK\r\n") && home.contains("<title>Levada"), "{home}");
    assert!(served.get("/styles").starts_with("HTTP/1.1 404 "));
    let left = served.stop();
    assert_eq!((left.code, left.err.as_str()), (Some(0), ""));
}

#[test]
fn a_download_that_has_begun_is_finished_after_the_signal_to_stop() {
    let bytes: Vec<u8> = (0..24_u32 << 20).map(|at| at.to_le_bytes()[1]).collect();
    let folder = site(&[("large.bin", &bytes), ("small.txt", b"small")]);
    for name in ["large.bin", "small.txt"] {
        let served = serve(folder.path(), &[]);
        let mut stream = served.connect();
        let mut idle = served.connect();
        idle.write_all(b"HEAD /small.txt HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        while idle.read(&mut [0; 1024]).unwrap() == 1024 {}
        write!(stream, "GET /{name} HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        let mut begin = [0; 32];
        stream.read_exact(&mut begin).unwrap();
        assert!(begin.starts_with(b"HTTP/1.1 200 OK\r\n"));
        served.signal(Signal::TERM);
        // Both are told: who is idle at once, who downloads behind what he asked for.
        assert_eq!(idle.read(&mut [0; 1]).unwrap(), 0);
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        let expected = fs::read(folder.path().join(name)).unwrap();
        assert!(rest.ends_with(&expected), "{name}: {} bytes came", rest.len());
        let left = served.leave();
        assert_eq!((left.code, left.err.as_str()), (Some(0), ""), "{name}");
    }
}

#[test]
fn a_download_that_nobody_reads_is_cut_when_the_grace_is_over() {
    let folder = site(&[("large.bin", &vec![7; 24 << 20])]);
    let config = folder.path().join("levada.toml");
    fs::write(&config, "grace = '300ms'\n").unwrap();
    let served = serve(folder.path(), &["--config", config.to_str().unwrap()]);
    let mut stream = served.connect();
    write!(stream, "GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    stream.read_exact(&mut [0; 32]).unwrap();
    let left = served.stop();
    assert_eq!(left.code, Some(0));
    assert!(left.err.contains("1 connection was cut"), "{}", left.err);
}

#[test]
fn a_port_of_a_program_that_was_killed_is_had_again() {
    let folder = site(&[("a", b"a file")]);
    let first = serve(folder.path(), &[]);
    let address = first.addresses[0].to_string();
    first.signal(Signal::KILL);
    assert_eq!(first.leave().code, None);
    let mut command = levada();
    command.arg("serve").arg(folder.path()).args(["--memory", "64MiB", "--listen", &address]);
    let second = await_lines(&mut command);
    assert!(second.get("/a").ends_with("a file"));
    assert_eq!(second.stop().code, Some(0));
}

#[test]
fn nobody_waits_for_who_does_not_read_the_log() {
    let folder = site(&[("a", b"a file")]);
    let mut served = serve(folder.path(), &["--log", "json"]);
    // Its output is a pipe that is not read from here on; each line is some 250 bytes.
    let mut stream = served.connect();
    for _ in 0..2000 {
        stream.write_all(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        let mut reply = [0; 1024];
        let mut come = 0;
        while !reply[..come].ends_with(b"a file") {
            come += stream.read(&mut reply[come..]).unwrap();
        }
    }
    served.signal(Signal::HUP);
    assert_eq!(served.next_complaint(), "levada: the configuration was read again");
    served.signal(Signal::USR1);
    assert!(served.next_complaint().contains("SIGUSR1 means nothing here"));
    served.signal(Signal::TERM);
    let code = served.wait();
    assert_eq!(code, Some(0));
}

#[test]
fn who_says_nothing_is_let_go_when_the_time_for_a_head_is_over() {
    let folder = site(&[("a", b"a file")]);
    let config = folder.path().join("levada.toml");
    fs::write(&config, "limits.header = '300ms'\n").unwrap();
    let served = serve(folder.path(), &["--config", config.to_str().unwrap()]);
    let mut silent = served.connect();
    let mut slow = served.connect();
    slow.write_all(b"GET /a HT").unwrap();
    let mut reply = String::new();
    slow.read_to_string(&mut reply).unwrap();
    assert!(reply.starts_with("HTTP/1.1 408 "), "{reply}");
    assert_eq!(silent.read(&mut [0; 1]).unwrap(), 0);
    assert!(served.get("/a").ends_with("a file"));
    assert_eq!(served.stop().code, Some(0));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let folder = site(&[("large.bin", &vec![7; 24 << 20])]);
    let served = serve(folder.path(), &[]);
    let mut stream = served.connect();
    write!(stream, "GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    stream.read_exact(&mut [0; 32]).unwrap();
    served.signal(Signal::TERM);
    // It has been heard when it accepts nothing any more.
    while std::net::TcpStream::connect(served.addresses[0]).is_ok() {
        std::thread::yield_now();
    }
    served.signal(Signal::INT);
    let left = served.leave();
    assert_eq!(left.code, Some(1));
    assert!(left.err.contains("told to stop twice"), "{}", left.err);
}

#[test]
fn a_configuration_is_read_again_and_a_wrong_one_changes_nothing() {
    let (old, new) = (site(&[("a", b"old")]), site(&[("a", b"new")]));
    let folder = site(&[]);
    let config = folder.path().join("levada.toml");
    let say = |text: String| fs::write(&config, text).unwrap();
    say(format!("listen = ['127.0.0.1:0']\n[[site]]\nroot = {:?}\n", old.path()));
    let served = await_lines(levada().args(["serve", "--memory=64MiB", "--config"]).arg(&config));
    assert!(served.get("/a").ends_with("old"));
    say("listen = ['127.0.0.1:0']\n[[site]]\nroot = '/nowhere'\n".to_owned());
    served.signal(Signal::HUP);
    let told = served.next_complaint();
    assert!(told.contains("levada.toml:3: site[1].root: cannot serve `/nowhere`"), "{told}");
    assert!(told.ends_with("the configuration stays as it was"), "{told}");
    assert!(served.get("/a").ends_with("old"));
    say(format!("cores = 1\nlisten = ['127.0.0.1:0']\n[[site]]\nroot = {:?}\n", new.path()));
    served.signal(Signal::HUP);
    let told = served.next_complaint();
    assert!(told.contains("`cores` has changed: that takes another start"), "{told}");
    assert_eq!(served.next_complaint(), "levada: the configuration was read again");
    while !served.get("/a").ends_with("new") {
        std::thread::yield_now();
    }
    let left = served.stop();
    assert_eq!(left.code, Some(0));
}

#[test]
fn what_a_site_always_says_it_says_with_errors_too() {
    let folder = site(&[("a", b"a file")]);
    let config = folder.path().join("levada.toml");
    let headers = "[[site.headers]]\npaths = '**'\nset = { Cache-Control = 'immutable' }\n";
    let text = format!("[[site]]\nsecurity_headers = true\ncors = '*'\n{headers}");
    fs::write(&config, text).unwrap();
    let served = serve(folder.path(), &["--config", config.to_str().unwrap()]);
    for (path, status, is_there) in [("/a", "200", true), ("/b", "404", false)] {
        let reply = served.get(path);
        assert!(reply.starts_with(&format!("HTTP/1.1 {status} ")), "{reply}");
        for field in ["X-Content-Type-Options: nosniff\r\n", "Access-Control-Allow-Origin: *\r\n"] {
            assert_eq!(reply.matches(field).count(), 1, "{reply}");
        }
        assert_eq!(reply.contains("Cache-Control: immutable\r\n"), is_there, "{reply}");
    }
    assert_eq!(served.stop().code, Some(0));
}

#[test]
fn sockets_that_systemd_hands_over_are_used_and_it_is_told_when_all_is_ready() {
    let folder = site(&[("a", b"handed over")]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let notify = folder.path().join("notify");
    let told = UnixDatagram::bind(&notify).unwrap();
    told.set_read_timeout(Some(WITHIN)).unwrap();
    let mut command = Command::new("sh");
    let line = r#"LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" serve "$1" --memory 64MiB 3<&0 </dev/null"#;
    command.args(["-c", line, env!("CARGO_BIN_EXE_levada")]).arg(folder.path());
    command.env("NOTIFY_SOCKET", &notify).stdin(OwnedFd::from(listener));
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let served = await_lines(&mut command);
    assert_eq!(served.addresses, [address]);
    let mut message = [0; 64];
    let length = told.recv(&mut message).unwrap();
    assert_eq!(&message[..length], b"READY=1\n");
    assert!(served.get("/a").ends_with("handed over"));
    assert_eq!(served.stop().code, Some(0));
    let length = told.recv(&mut message).unwrap();
    assert_eq!(&message[..length], b"STOPPING=1\n");
}
