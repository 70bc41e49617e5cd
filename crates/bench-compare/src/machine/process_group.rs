//! A process group holds a server with all the OS processes that it starts, so that they are counted and ended together.

use std::fs;
use std::io;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::machine::cpu_clock::cpu_ns;

/// The group of a server that this program started; its number is the first process's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProcessGroup(pub(crate) Pid);

impl ProcessGroup {
    /// The group's processes, as they are now.
    /// # Errors
    /// If the kernel's list cannot be read.
    pub(crate) fn members(self) -> io::Result<Vec<Pid>> {
        let mut members = Vec::new();
        for entry in fs::read_dir("/proc")? {
            let name = entry?.file_name();
            let Some(number) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
            // One that has ended meanwhile is no member.
            let Ok(text) = fs::read_to_string(format!("/proc/{number}/stat")) else { continue };
            if group_of(&text) == Some(self.0.as_raw_nonzero().get()) {
                members.extend(Pid::from_raw(number));
            }
        }
        Ok(members)
    }

    /// Sends a signal to each member.
    pub(crate) fn signal(self, signal: Signal) {
        // A group that is gone already is what the signal was for.
        let _sent = kill_process_group(self.0, signal);
    }
}

/// What all of them have used so far.
/// # Errors
/// If one of them has ended, as no server should while it is measured.
pub(crate) fn sum_cpu_ns(processes: &[Pid]) -> io::Result<u64> {
    processes.iter().map(|process| cpu_ns(*process)).sum()
}

/// The group that a line of `/proc/PID/stat` names: the third word behind the program's name, which may hold anything.
fn group_of(stat: &str) -> Option<i32> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    behind_name.split_whitespace().nth(2)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_read_behind_any_name() {
        assert_eq!(group_of("417 (nginx) S 400 417 417 0 -1 4194624 1 2"), Some(417));
        assert_eq!(group_of("9 (a) b (c 1 2 3) R 1 77 9 0"), Some(77));
        assert_eq!(group_of("9 (cut"), None);
        assert_eq!(group_of("9 (cut) R 1"), None);
    }

    #[test]
    fn this_process_is_a_member_of_its_group() {
        let group = ProcessGroup(rustix::process::getpgid(None).unwrap());
        let me = rustix::process::getpid();
        assert!(group.members().unwrap().contains(&me));
        assert!(sum_cpu_ns(&[me]).unwrap() > 0);
    }
}
