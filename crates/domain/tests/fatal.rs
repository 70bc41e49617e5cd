//! What is not contained: it ends the OS process, and is for who started that to see.

use std::hint::black_box;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Output};

use levada_domain::{Config, Domain};
use levada_process::{Context, Failure, Mailbox};
use levada_shared::{Options, SharedHeap};

/// Tells the test that it is the program that is to end.
const WAY: &str = "LEVADA_FATAL";

/// Recurses until the stack of its core is used up.
fn deeper(depth: u64) -> u64 {
    let room = black_box([depth; 64]);
    if room[0] == u64::MAX { 0 } else { deeper(depth + 1) + room[63] }
}

/// Panics when it is dropped.
struct Worse;

impl Drop for Worse {
    fn drop(&mut self) {
        panic!("in a drop");
    }
}

/// Starts a domain in which one process does what cannot be contained, and another waits for it.
fn run(way: &str) {
    let way = way.to_owned();
    let heap = SharedHeap::new(Options::default()).expect("there is memory");
    let domain = Domain::start(&Config::new(heap), move |cx: Context, _| async move {
        let ends = cx.spawn("ends", move |_, _: Mailbox<()>| async move {
            match way.as_str() {
                "stack" => drop(black_box(deeper(0))),
                "nested" => {
                    let _worse = Worse;
                    panic!("first");
                }
                _ => panic!("alone"),
            }
            Ok(())
        });
        let ends = ends.map_err(|_| Failure::new("no room"))?;
        cx.monitor(ends.pid).await;
        Ok(())
    });
    let domain = domain.expect("there is room for a core");
    domain.wait().expect("the first process ends by itself");
}

/// How an OS process ends that does this, by a test that is started once more; none in that process itself, where it is done.
fn outcome(way: &str, test: &str) -> Option<Output> {
    if let Ok(way) = std::env::var(WAY) {
        run(&way);
        return None;
    }
    let program = std::env::current_exe().expect("a test has a program");
    let again = Command::new(program).args(["--exact", test]).env(WAY, way).output();
    Some(again.expect("it is started once more"))
}

#[test]
fn a_stack_overflow_ends_the_os_process() {
    if let Some(output) = outcome("stack", "a_stack_overflow_ends_the_os_process") {
        assert!(output.status.signal().is_some(), "{output:?}");
    }
}

#[test]
fn a_panic_in_a_drop_while_unwinding_ends_the_os_process() {
    let test = "a_panic_in_a_drop_while_unwinding_ends_the_os_process";
    if let Some(output) = outcome("nested", test) {
        assert!(output.status.signal().is_some(), "{output:?}");
    }
}

#[test]
fn a_panic_alone_ends_its_process_and_the_os_process_goes_on() {
    let test = "a_panic_alone_ends_its_process_and_the_os_process_goes_on";
    if let Some(output) = outcome("alone", test) {
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{output:?}");
    }
}
