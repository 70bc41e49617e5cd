//! Descriptors are what the OS counts sockets and files by; we raise our limit to what we may, and live within it.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::fault::Fault;

/// Descriptors that are not for connections: files being read, listeners, rings, logs, for each core. Of a low limit half.
const OTHERS_PER_CORE: u64 = 128;

/// What the program and each of its cores cannot do without.
const NEEDED: u64 = 32;
const NEEDED_PER_CORE: u64 = 8;

/// What the limit allows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Descriptors {
    /// How many connections, all cores together.
    pub(crate) connections: usize,
    /// How many connections of a core may have a descriptor beside their place in a ring's table.
    pub(crate) beside_per_core: u32,
}

/// Raises the limit as far as it goes, and shares it out.
///
/// # Errors
/// A limit that is too low to run at all.
pub(crate) fn descriptors(cores: usize) -> Result<Descriptors, Fault> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    // Refused, it stays as it was.
    let is_raised = setrlimit(Resource::Nofile, raised).is_ok();
    let current = if is_raised { limit.maximum } else { limit.current };
    share_out(current.unwrap_or(u64::MAX), cores as u64)
}

fn share_out(limit: u64, cores: u64) -> Result<Descriptors, Fault> {
    let least = NEEDED + NEEDED_PER_CORE * cores;
    if limit < least {
        let what = format!(
            "{limit} descriptors are too few for {cores} cores: at least {least} are needed; raise `ulimit -n`"
        );
        return Err(Fault::failed(what));
    }
    let others = (OTHERS_PER_CORE * cores).min(limit / 2);
    Ok(Descriptors {
        connections: usize::try_from(limit - others).unwrap_or(usize::MAX),
        beside_per_core: u32::try_from(limit / 8 / cores).unwrap_or(u32::MAX),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_shared_out_or_too_low() {
        let of = |limit, cores| share_out(limit, cores).map(|shares| shares.connections).ok();
        assert_eq!(of(20_000, 2), Some(19_744));
        assert_eq!(of(64, 2), Some(32));
        assert_eq!(of(47, 2), None);
        assert_eq!(share_out(20_000, 2).unwrap().beside_per_core, 1250);
        assert!(share_out(10, 1).unwrap_err().to_string().contains("raise `ulimit -n`"));
    }
}
