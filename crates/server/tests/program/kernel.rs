//! Kernels that lack something: the program says what, and serves all the same.

use std::collections::BTreeMap;
use std::path::PathBuf;

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

use crate::rig::{await_lines, levada, run, serve};

/// The calls of io_uring; they have these numbers on every architecture.
const RING_CALLS: [i64; 3] = [425, 426, 427];

/// Runs `start` on a thread that may not set up rings; what it starts inherits that.
fn without_rings<T: Send + 'static>(start: impl FnOnce() -> T + Send + 'static) -> T {
    let rules: BTreeMap<i64, Vec<_>> =
        RING_CALLS.into_iter().map(|call| (call, Vec::new())).collect();
    let denial = SeccompAction::Errno(1);
    let arch = std::env::consts::ARCH.try_into().expect("an architecture that it knows");
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, denial, arch).expect("a filter");
    let program: BpfProgram = filter.try_into().expect("a program");
    let thread = std::thread::spawn(move || {
        apply_filter(&program).expect("the kernel has filters");
        start()
    });
    thread.join().expect("it started")
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/site")
}

#[test]
fn where_rings_are_denied_it_says_so_and_serves_on_epoll() {
    let served = without_rings(|| {
        let mut command = levada();
        command.env_remove("LEVADA_IO").arg("serve").arg(folder());
        await_lines(command.args(["--listen", "127.0.0.1:0", "--memory", "64MiB"]))
    });
    assert!(served.state.starts_with("epoll, "), "{}", served.state);
    let told = "io_uring is denied here (EPERM): using epoll (";
    assert!(served.state.contains(told), "{}", served.state);
    assert!(served.get("/").starts_with("HTTP/1.1 200 OK\r\n"));
    assert_eq!(served.stop().code, Some(0));
}

#[test]
fn where_rings_are_denied_and_demanded_it_refuses_to_start() {
    let ended = without_rings(|| run(&["serve", "--io", "uring", "--listen", "127.0.0.1:0"]));
    let err = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(2), "{err}");
    assert!(err.contains("--io: io_uring is denied here (EPERM)"), "{err}");
    assert_eq!(err.lines().count(), 1, "{err}");
}

#[test]
fn epoll_can_be_chosen() {
    let served = serve(&folder(), &["--io", "epoll"]);
    assert!(served.state.starts_with("epoll, "), "{}", served.state);
    assert!(!served.state.contains("denied"), "{}", served.state);
    assert!(served.get("/").starts_with("HTTP/1.1 200 OK\r\n"));
    assert_eq!(served.stop().code, Some(0));
}
