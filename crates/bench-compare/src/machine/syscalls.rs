//! How many system calls OS processes make while something is done, counted by perf in the kernel: the same way for all.
//!
//! Counting costs each call a little, so it is not done while CPU time is measured.

use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::frame::fault::Fault;
use crate::machine::clock::pause;
use crate::machine::program::Places;

const EVENT: &str = "raw_syscalls:sys_enter";

/// perf says nothing when it has begun.
const UNTIL_ATTACHED: Duration = Duration::from_millis(150);

/// What `act` says, and how many system calls `processes` made meanwhile; no number where perf is not installed or may not
/// count.
/// # Errors
/// Those of `act`.
pub(crate) fn count_while<R>(
    places: &Places,
    processes: &[Pid],
    act: impl FnOnce() -> Result<R, Fault>,
) -> Result<(R, Option<u64>), Fault> {
    let Ok(perf) = places.rival("perf", "the package `linux-perf` brings it") else {
        return Ok((act()?, None));
    };
    let numbers: Vec<_> =
        processes.iter().map(|process| process.as_raw_nonzero().to_string()).collect();
    let mut command = Command::new(perf);
    command.args(["stat", "-x", ",", "-e", EVENT, "-p", &numbers.join(",")]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let Ok(counting) = command.spawn() else { return Ok((act()?, None)) };
    pause(UNTIL_ATTACHED);
    let answer = act();
    if let Some(process) = i32::try_from(counting.id()).ok().and_then(Pid::from_raw) {
        // If it has ended already, it says why instead of a number.
        let _sent = kill_process(process, Signal::INT);
    }
    let said = counting.wait_with_output();
    let count = said.ok().and_then(|said| read(&String::from_utf8_lossy(&said.stderr)));
    Ok((answer?, count))
}

/// The number before the event's name.
fn read(said: &str) -> Option<u64> {
    let line = said.lines().find(|line| line.contains(EVENT))?;
    line.split(',').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_read_and_what_is_not_counted_is_none() {
        assert_eq!(read("417,,raw_syscalls:sys_enter,5000,100.00,,\n"), Some(417));
        assert_eq!(read("<not counted>,,raw_syscalls:sys_enter,0,100.00,,\n"), None);
        assert_eq!(read("event syntax error: 'raw_syscalls:sys_enter'\n"), None);
    }
}
