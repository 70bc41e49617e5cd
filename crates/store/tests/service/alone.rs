//! Alone: a test that counts what the whole program has runs in a program of its own.

use std::process::Command;

/// The name of the test that this program was started for.
const ALONE: &str = "LEVADA_TEST_ALONE";

/// Runs `test`, of that name in this crate, in an OS process where nothing else runs.
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
}
