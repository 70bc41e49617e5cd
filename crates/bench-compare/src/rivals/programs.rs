//! The programs that rows are made by, and the flag by which each tells its version.

use crate::machine::program::Places;
use crate::machine::version::version_of;

const OURS: (&str, &str) = ("levada", "--version");

const RIVALS: [(&str, &str); 4] =
    [("nginx", "-v"), ("static-web-server", "--version"), ("wrk", "-v"), ("iperf3", "--version")];

/// Names and versions of those programs that are part of some row's name.
pub(crate) fn versions(places: &Places, row_names: &[&str]) -> Vec<String> {
    let takes_part =
        |(name, _): &(&str, &str)| row_names.iter().any(|row_name| row_name.contains(name));
    let ours = [OURS].into_iter().filter(takes_part).filter_map(|(name, flag)| {
        let version = version_of(&places.ours(name).ok()?, flag)?;
        Some(format!("{name} {version}"))
    });
    let rivals = RIVALS.into_iter().filter(takes_part).filter_map(|(name, flag)| {
        let version = version_of(&places.rival(name, "").ok()?, flag)?;
        Some(format!("{name} {version}"))
    });
    ours.chain(rivals).collect()
}
