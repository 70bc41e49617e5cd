//! Descriptors are what the OS counts sockets and files by; we raise our limit to what we may, and live within it.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that are not for connections: files being read, listeners, rings, logs, for each core.
const OTHERS_PER_CORE: u64 = 128;

/// Raises the limit as far as it goes, and says how many connections fit into it.
pub(crate) fn room_for_connections(cores: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    // Refused, it stays as it was.
    let is_raised = setrlimit(Resource::Nofile, raised).is_ok();
    let current = if is_raised { limit.maximum } else { limit.current };
    let room = current.unwrap_or(u64::MAX).saturating_sub(OTHERS_PER_CORE * cores as u64);
    usize::try_from(room).unwrap_or(usize::MAX).max(1)
}
