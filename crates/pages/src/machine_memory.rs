//! Machine memory is what all programs share, as `/proc/meminfo` counts it.

use std::path::Path;

use crate::kernel_file::{KernelFile, number_of};
use crate::room::Room;

/// The machine's own account of its memory.
#[derive(Debug)]
pub(crate) struct MachineMemory(KernelFile);

impl MachineMemory {
    /// Opens it below `root`; nothing where it does not say what is available.
    pub(crate) fn under(root: &Path) -> Option<Self> {
        let machine = Self(KernelFile::open(&root.join("proc/meminfo")).ok()?);
        machine.room().map(|_| machine)
    }

    /// `MemAvailable` of `MemTotal`.
    pub(crate) fn room(&self) -> Option<Room> {
        self.0.read(|text| {
            let bytes_of = |key| Some(number_of(key, text)?.saturating_mul(1024));
            Some(Room { left_bytes: bytes_of("MemAvailable:")?, all_bytes: bytes_of("MemTotal:")? })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::fixture::Fixture;

    #[test]
    fn what_is_available_is_read_in_bytes_at_each_asking() {
        let machine = Fixture::new();
        machine.machine(4096, 1024);
        let memory = MachineMemory::under(machine.root()).unwrap();
        assert_eq!(memory.room(), Some(Room { left_bytes: 1 << 20, all_bytes: 4 << 20 }));
        machine.machine(4096, 2048);
        assert_eq!(memory.room().unwrap().left_bytes, 2 << 20);
        machine.write("proc/meminfo", "MemTotal: much\n");
        assert_eq!(memory.room(), None);
    }

    #[test]
    fn a_machine_that_does_not_say_what_is_available_is_left_out() {
        let machine = Fixture::new();
        assert!(MachineMemory::under(machine.root()).is_none());
        machine.write("proc/meminfo", "MemTotal: 4096 kB\nMemFree: 1 kB\n");
        assert!(MachineMemory::under(machine.root()).is_none());
    }
}
