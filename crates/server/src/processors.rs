//! Processors are those that this program may run on; a core of ours is pinned to each that is wanted.

use rustix::thread::{CpuSet, sched_getaffinity};

use crate::fault::Fault;
use crate::settings::file::Key;
use crate::settings::read::Settled;
use crate::units::Cores;

/// The processors to pin a core to, each.
///
/// # Errors
/// More than there are, or one that is not allowed.
pub(crate) fn processors(settled: &Settled) -> Result<Vec<usize>, Fault> {
    let set = sched_getaffinity(None).map_err(|errno| {
        Fault::failed(format!("cannot ask which processors there are: {errno}"))
    })?;
    let allowed: Vec<usize> =
        (0..CpuSet::MAX_CPU).filter(|number| set.is_set(*number)).take(255).collect();
    choose(&settled.settings.cores, &allowed)
        .map_err(|what| settled.source.fault(&[Key::Name("cores")], "--cores", what))
}

fn choose(cores: &Cores, allowed: &[usize]) -> Result<Vec<usize>, String> {
    match cores {
        Cores::All => Ok(allowed.to_vec()),
        Cores::Count(count) => allowed.get(..*count).map(<[usize]>::to_vec).ok_or_else(|| {
            format!(
                "{count} cores are more than this program may use: ask for at most {}",
                allowed.len()
            )
        }),
        Cores::List(list) => match list.iter().find(|number| !allowed.contains(number)) {
            Some(number) => Err(format!(
                "processor {number} is not there, or this program may not use it: choose from {allowed:?}"
            )),
            None => Ok(list.clone()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_are_chosen_from_those_that_are_allowed() {
        let allowed = [1, 4, 5];
        assert_eq!(choose(&Cores::All, &allowed), Ok(vec![1, 4, 5]));
        assert_eq!(choose(&Cores::Count(2), &allowed), Ok(vec![1, 4]));
        assert_eq!(choose(&Cores::List(vec![5]), &allowed), Ok(vec![5]));
        assert!(choose(&Cores::Count(4), &allowed).unwrap_err().contains("at most 3"));
        assert!(choose(&Cores::List(vec![0]), &allowed).unwrap_err().contains("[1, 4, 5]"));
    }
}
