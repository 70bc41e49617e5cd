//! What the comparisons need of the machine: its clocks, its cores, its processes, its page cache.

pub(crate) mod allocator;
pub(crate) mod clock;
pub(crate) mod cores;
pub(crate) mod cpu_clock;
pub(crate) mod facts;
pub(crate) mod folder;
pub(crate) mod open_files;
pub(crate) mod packets;
pub(crate) mod process_group;
pub(crate) mod program;
pub(crate) mod resident;
pub(crate) mod road;
pub(crate) mod server;
pub(crate) mod socket_server;
pub(crate) mod syscalls;
pub(crate) mod version;
pub(crate) mod veth;
pub(crate) mod worker;
