//! How many files may be open: a load and a server of thousands of connections need more than a shell is usually given.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::frame::fault::Fault;

/// For the most connections of any sweep, and all else; more would only let careless programs walk through long tables.
const ENOUGH: u64 = 65_536;

/// Raises the limit as far as is wanted and this user may; servers that are started later inherit it.
/// # Errors
/// If the kernel refuses what it said it would allow.
pub(crate) fn raise_limit() -> Result<(), Fault> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.map_or(ENOUGH, |maximum| maximum.min(ENOUGH));
    // No limit at all is more than enough.
    let current = current.map(|current| current.max(wanted));
    setrlimit(Resource::Nofile, Rlimit { current, maximum })
        .map_err(|errno| Fault::machine("cannot raise the limit of open files", errno.into()))
}
