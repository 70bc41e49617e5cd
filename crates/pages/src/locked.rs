//! The lock limit is how much memory this user may fix in RAM, the kernel's rings included.

use rustix::process::{Resource, getrlimit};

/// What `RLIMIT_MEMLOCK` allows.
///
/// The kernel counts per user, not per OS process, and does not count at all for whoever holds `CAP_IPC_LOCK`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LockLimit {
    /// The soft limit, or `None` where there is none.
    pub bytes: Option<u64>,
}

/// Reads the limit that holds now.
#[must_use]
pub fn lock_limit() -> LockLimit {
    LockLimit { bytes: getrlimit(Resource::Memlock).current }
}
