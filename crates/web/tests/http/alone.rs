//! Alone: a test that counts what the whole program has runs in a program of its own.

use std::io::Write;
use std::process::Command;

/// The name of the test that this program was started for.
const ALONE: &str = "LEVADA_TEST_ALONE";

/// Runs `test`, of that name in this crate, in an OS process where nothing else runs, and shows what it printed.
pub(crate) fn alone(name: &str, test: impl FnOnce()) {
    if std::env::var(ALONE).is_ok_and(|alone| alone == name) {
        // Whoever started this may be killed for taking too long.
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
            .unwrap();
        test();
        return;
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", name, "--nocapture", "--test-threads=1"]).env(ALONE, name);
    let output = command.output().unwrap();
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains("1 passed"), "{out}\n{err}");
    tell(&err);
}

/// Shows a measurement, also of a test that goes well.
pub(crate) fn tell(text: &str) {
    std::io::stderr().write_all(format!("{}\n", text.trim()).as_bytes()).unwrap();
}

/// The descriptors that this program has open.
pub(crate) fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Raises how many descriptors this program may have to what it may ask for, and says how many that is.
pub(crate) fn raise_descriptors() -> usize {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
    limit.maximum.map_or(usize::MAX, |maximum| usize::try_from(maximum).unwrap())
}

/// The memory of this program that is in the machine.
pub(crate) fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = statm.split_whitespace().nth(1).unwrap().parse().unwrap();
    pages * 4096
}
