//! The machine's pressure is what the kernel shows of it to an ordinary user: who waits for memory, and what is left.
//!
//! Cost: a look is one `pread` for the stalls, one for the machine, and one for each control group that we are in and
//! can see; for each of those that has a limit one more, and one for its page cache where less than a tenth is left
//! without that. Nothing is allocated. Two descriptors stay open, and three for each group. A look took 12 µs with three
//! groups of version 1 (2-core x86-64 VM, Linux 6.18).
//! Checked: `a_look_allocates_nothing` (a count).

use core::time::Duration;
use std::path::{Path, PathBuf};

use crate::group_folders::Hierarchies;
use crate::machine_memory::MachineMemory;
use crate::memory_group::MemoryGroups;
use crate::pressure::{Pressure, PressureSource};
use crate::pressure_window::PressureWindow;
use crate::room::LOW_PERCENT;
use crate::stalls::StallFile;

const NO_STALLS: &str = "without pressure stall information (/proc/pressure/memory): memory is short when little is left, not when programs wait for it";
const NO_MACHINE: &str =
    "without MemAvailable (/proc/meminfo): what is left of the machine's memory is not heard";
const NO_GROUPS: &str =
    "without some control group's files: what is left to its memory limit is not heard";

/// Hears how short memory is on this machine, and in the control groups that this OS process is in.
///
/// | told | when, in a window of two seconds |
/// | --- | --- |
/// | [`Tight`](Pressure::Tight) | some tasks waited for memory for 70 ms |
/// | [`Low`](Pressure::Low) | some waited for 100 ms, or less than 10 % is left |
/// | [`Critical`](Pressure::Critical) | all that had work waited for 100 ms, or less than 5 % is left |
/// | [`Quiet`](Pressure::Quiet) | the window has passed and nothing was told in it |
///
/// Within a window a level is told once, and after it only a stronger one. Where looks come later than that, a window
/// lasts from one to the next, and it is the share of it that was waited that counts.
///
/// *Waited* is what our control group's `memory.pressure` counts (version 2), or where there is none
/// `/proc/pressure/memory`. The kernel's sums are read at each look; its triggers, which would need a descriptor to wait
/// on and rights or long windows, are not used. *Left* is `MemAvailable` of the machine's memory, and of each group's
/// limit, versions 1 and 2, what is not used or is page cache.
///
/// What cannot be read is left out: [`lacks`](Self::lacks) says so. The groups are those of the moment of
/// [`open`](Self::open); limits that are set later are heard. A group's `memory.high` and swap are not looked at: who is
/// slowed down by them waits, and that is heard.
///
/// ```
/// use std::time::Duration;
/// use levada_pages::{MachinePressure, Pressure, PressureSource};
///
/// let mut machine = MachinePressure::open();
/// if machine.look(Duration::ZERO) >= Pressure::Low {
///     println!("memory is short");
/// }
/// ```
#[derive(Debug)]
pub struct MachinePressure {
    stalls: Option<StallFile>,
    machine: Option<MachineMemory>,
    groups: MemoryGroups,
    window: PressureWindow,
    lacks: Vec<&'static str>,
}

impl MachinePressure {
    /// Opens what there is to look at.
    #[must_use]
    pub fn open() -> Self {
        Self::under(Path::new("/"))
    }

    /// The same on a machine whose root is elsewhere.
    fn under(root: &Path) -> Self {
        let hierarchies = Hierarchies::under(root);
        let of_group = hierarchies.two.as_ref().map(|two| two.own().join("memory.pressure"));
        let stall_paths = [of_group, Some(PathBuf::from("proc/pressure/memory"))];
        let stalls =
            stall_paths.into_iter().flatten().find_map(|path| StallFile::at(&root.join(path)));
        let machine = MachineMemory::under(root);
        let groups = MemoryGroups::among(&hierarchies);
        let lacks = [
            (stalls.is_none(), NO_STALLS),
            (machine.is_none(), NO_MACHINE),
            (!groups.are_whole, NO_GROUPS),
        ];
        let lacks = lacks.into_iter().filter_map(|(lacks, what)| lacks.then_some(what)).collect();
        Self { stalls, machine, groups, window: PressureWindow::new(), lacks }
    }

    /// What it does without here, in sentences for whoever runs the program; empty where all can be read.
    #[must_use]
    pub fn lacks(&self) -> &[&'static str] {
        &self.lacks
    }
}

impl PressureSource for MachinePressure {
    fn look(&mut self, now: Duration) -> Pressure {
        let stalls = self.stalls.as_ref().and_then(StallFile::stalls);
        let machine = self.machine.as_ref().and_then(MachineMemory::room);
        let groups = self.groups.groups.iter().filter_map(|group| group.room(LOW_PERCENT));
        let shortness = machine.into_iter().chain(groups).map(|room| room.pressure()).max();
        self.window.hear(now, stalls, shortness.unwrap_or(Pressure::Unchanged))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use Pressure::{Critical, Low, Quiet, Tight, Unchanged};

    use crate::fixture::Fixture;

    const STALLS: &str = "proc/pressure/memory";
    const GROUP_STALLS: &str = "sys/fs/cgroup/a/memory.pressure";

    /// Half of everything is left, and nobody has waited since it was opened.
    fn machine() -> Fixture {
        let machine = Fixture::new();
        machine.machine(1000, 500);
        machine.stalls(STALLS, 7_000_000, 6_000_000);
        machine.unified("/a");
        machine.group("a", "1000", 700, 200);
        machine
    }

    /// What each look tells, 100 ms after the one before, when `change` was made between the first and the second.
    fn told<const LOOKS: usize>(machine: &Fixture, change: impl FnOnce()) -> [Pressure; LOOKS] {
        let mut source = MachinePressure::under(machine.root());
        let mut change = Some(change);
        let mut now = Duration::ZERO;
        [0; LOOKS].map(|_| {
            let told = source.look(now);
            now += Duration::from_millis(100);
            if let Some(change) = change.take() {
                change();
            }
            told
        })
    }

    #[test]
    fn stalls_of_the_machine_are_heard_by_their_rows() {
        for (some_us, full_us, level) in [
            (69_999, 0, Unchanged),
            (70_000, 0, Tight),
            (100_000, 0, Low),
            (100_000, 100_000, Critical),
        ] {
            let machine = machine();
            let told = told(&machine, || {
                machine.stalls(STALLS, 7_000_000 + some_us, 6_000_000 + full_us);
            });
            assert_eq!(told, [Unchanged, level, Unchanged]);
        }
    }

    #[test]
    fn stalls_of_our_own_group_count_instead_of_the_machines() {
        let machine = machine();
        machine.stalls(GROUP_STALLS, 0, 0);
        let told = told(&machine, || machine.stalls(STALLS, 9_000_000, 9_000_000));
        assert_eq!(told, [Unchanged, Unchanged]);
        let told = self::told(&machine, || machine.stalls(GROUP_STALLS, 70_000, 0));
        assert_eq!(told, [Unchanged, Tight]);
    }

    #[test]
    fn a_group_that_counts_no_stalls_leaves_the_machines() {
        let machine = machine();
        machine.write(GROUP_STALLS, "");
        let told = told(&machine, || machine.stalls(STALLS, 7_100_000, 6_000_000));
        assert_eq!(told, [Unchanged, Low]);
        assert!(MachinePressure::under(machine.root()).lacks().is_empty());
    }

    #[test]
    fn what_is_left_of_the_machine_is_heard_by_its_rows() {
        for (available, level) in [(100, Unchanged), (99, Low), (50, Low), (49, Critical)] {
            let machine = machine();
            let told = told(&machine, || machine.machine(1000, available));
            assert_eq!(told, [Unchanged, level, Unchanged]);
        }
    }

    #[test]
    fn what_is_left_to_a_limit_of_version_2_is_heard_by_its_rows() {
        for (left, level) in [(100, Unchanged), (99, Low), (50, Low), (49, Critical)] {
            let machine = machine();
            let told = told(&machine, || machine.group("a", "1000", 1000, left));
            assert_eq!(told, [Unchanged, level, Unchanged]);
        }
    }

    #[test]
    fn what_is_left_to_a_limit_of_version_1_is_heard_by_its_rows() {
        for (left, level) in [(100, Unchanged), (99, Low), (50, Low), (49, Critical)] {
            let machine = machine();
            machine.legacy("/", "/a");
            machine.legacy_group("a", "1000", 700, 200);
            machine.legacy_group("", "9223372036854771712", 1 << 40, 0);
            let told = told(&machine, || machine.legacy_group("a", "1000", 1000, left));
            assert_eq!(told, [Unchanged, level, Unchanged]);
        }
    }

    #[test]
    fn a_group_around_ours_is_heard_too() {
        let machine = machine();
        machine.unified("/a/b/c");
        machine.group("a/b/c", "1000", 0, 0);
        machine.group("a/b", "max", 1000, 0);
        let told = told(&machine, || machine.group("a", "1000", 1000, 49));
        assert_eq!(told, [Unchanged, Critical]);
    }

    #[test]
    fn in_a_container_the_mounts_root_is_heard_in_our_groups_place() {
        let machine = machine();
        machine.legacy("/", "/docker/7f3");
        machine.legacy_group("", "1000", 700, 200);
        let told = told(&machine, || machine.legacy_group("", "1000", 1000, 99));
        assert_eq!(told, [Unchanged, Low]);
    }

    #[test]
    fn a_limit_that_is_set_later_is_heard() {
        let machine = machine();
        machine.group("a", "max", 990, 0);
        let told = told(&machine, || machine.group("a", "1000", 990, 0));
        assert_eq!(told, [Unchanged, Critical]);
    }

    #[test]
    fn windows_follow_each_other_while_one_looks() {
        let machine = machine();
        let told: [_; 62] = told(&machine, || machine.machine(1000, 60));
        for (look, told) in told.into_iter().enumerate() {
            let expected = if [1, 20, 40, 60].contains(&look) { Low } else { Unchanged };
            assert_eq!(told, expected, "look {look}");
        }
        let told: [_; 42] = self::told(&machine, || machine.machine(1000, 600));
        for (look, told) in told.into_iter().enumerate() {
            let expected = match look {
                0 => Low,
                40 => Quiet,
                _ => Unchanged,
            };
            assert_eq!(told, expected, "look {look}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_said_and_left_out() {
        let bare = Fixture::new();
        let mut source = MachinePressure::under(bare.root());
        assert_eq!(source.lacks(), [NO_STALLS, NO_MACHINE, NO_GROUPS]);
        assert_eq!(source.look(Duration::ZERO), Unchanged);
        assert_eq!(source.look(Duration::from_secs(2)), Quiet);

        let lacks = |path: &str| {
            let machine = machine();
            machine.write(path, b"\xff garbage");
            let mut source = MachinePressure::under(machine.root());
            assert_eq!(source.look(Duration::ZERO), Unchanged);
            source.lacks().to_vec()
        };
        assert_eq!(lacks("proc/elsewhere"), [""; 0]);
        assert_eq!(lacks(STALLS), [NO_STALLS]);
        assert_eq!(lacks("proc/meminfo"), [NO_MACHINE]);
        assert_eq!(lacks("sys/fs/cgroup/a/memory.max"), [NO_GROUPS]);
        assert_eq!(lacks("sys/fs/cgroup/a/memory.current"), [NO_GROUPS]);
        assert_eq!(lacks("sys/fs/cgroup/a/memory.stat"), [NO_GROUPS]);
    }

    #[test]
    fn files_that_turn_to_garbage_later_are_left_out() {
        let paths = [
            STALLS,
            "proc/meminfo",
            "sys/fs/cgroup/a/memory.max",
            "sys/fs/cgroup/a/memory.current",
            "sys/fs/cgroup/a/memory.stat",
        ];
        let long = "9".repeat(20_000);
        for garbage in ["", "\n", "\0", "some\nfull", "MemTotal: 0 kB\nMemAvailable: 0 kB", &long] {
            let machine = machine();
            let told =
                told(&machine, || paths.iter().for_each(|path| machine.write(path, garbage)));
            assert_eq!(told, [Unchanged; 5]);
        }
    }

    #[test]
    fn this_machine_can_be_looked_at() {
        let mut source = MachinePressure::open();
        let first = source.look(Duration::ZERO);
        assert!([Unchanged, Low, Critical].contains(&first), "{first:?}");
        let second = source.look(Duration::from_secs(2));
        assert!(first > Unchanged || second > Unchanged, "a window has passed: {source:?}");
    }
}
