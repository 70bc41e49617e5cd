//! Two cores: the first is the server's, the second the client's, and neither touches the other's.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::frame::fault::Fault;

/// Where every server runs.
pub(crate) const SERVER_CORE: usize = 0;

/// Where the load runs, and whatever else this program does.
pub(crate) const CLIENT_CORE: usize = 1;

/// Moves this thread to the client's core.
/// # Errors
/// If the machine does not have both cores, or does not let us have them.
pub(crate) fn settle() -> Result<(), Fault> {
    let allowed = sched_getaffinity(None)
        .map_err(|errno| Fault::machine("cannot see which cores may be used", errno.into()))?;
    if allowed.is_set(SERVER_CORE) && allowed.is_set(CLIENT_CORE) {
        return move_to(CLIENT_CORE);
    }
    Err(Fault::Wrong(format!(
        "a comparison needs core {SERVER_CORE} for the server and core {CLIENT_CORE} for the client"
    )))
}

/// Does something on the server's core: an OS process that is started there stays there, with all its threads.
/// # Errors
/// What `act` says, or that the core cannot be had.
pub(crate) fn on_server_core<R>(act: impl FnOnce() -> Result<R, Fault>) -> Result<R, Fault> {
    move_to(SERVER_CORE)?;
    let answer = act();
    move_to(CLIENT_CORE)?;
    answer
}

/// Does something on both cores: an OS process that is started there may use both, the client's among them.
/// # Errors
/// What `act` says, or that the cores cannot be had.
pub(crate) fn on_both_cores<R>(act: impl FnOnce() -> Result<R, Fault>) -> Result<R, Fault> {
    let mut both = CpuSet::new();
    both.set(SERVER_CORE);
    both.set(CLIENT_CORE);
    sched_setaffinity(None, &both)
        .map_err(|errno| Fault::machine("cannot move to the cores", errno.into()))?;
    let answer = act();
    move_to(CLIENT_CORE)?;
    answer
}

/// Moves this thread to a core.
/// # Errors
/// If the core cannot be had.
pub(crate) fn move_to(core: usize) -> Result<(), Fault> {
    let mut only = CpuSet::new();
    only.set(core);
    sched_setaffinity(None, &only)
        .map_err(|errno| Fault::machine("cannot move to a core", errno.into()))
}
