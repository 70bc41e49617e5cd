//! The programs that rows are made by, and the flag by which each tells its version.

use crate::machine::program::Places;
use crate::machine::version::version_of;

const OURS: (&str, &str) = ("levada", "--version");

/// A rival as it is called in rows, its program and the flag.
const RIVALS: [(&str, &str, &str); 6] = [
    ("nginx", "nginx", "-v"),
    ("static-web-server", "static-web-server", "--version"),
    ("wrk", "wrk", "-v"),
    ("iperf3", "iperf3", "--version"),
    ("Redis", "redis-server", "--version"),
    ("memcached", "memcached", "--version"),
];

/// Names and versions of those programs that are part of some row's name.
pub(crate) fn versions(places: &Places, row_names: &[&str]) -> Vec<String> {
    let takes_part = |name: &str| row_names.iter().any(|row_name| row_name.contains(name));
    let ours =
        [OURS].into_iter().filter(|(name, _)| takes_part(name)).filter_map(|(name, flag)| {
            let version = version_of(&places.ours(name).ok()?, flag)?;
            Some(format!("{name} {version}"))
        });
    let rivals = RIVALS.into_iter().filter(|(name, ..)| takes_part(name));
    let rivals = rivals.filter_map(|(name, program, flag)| {
        let version = version_of(&places.rival(program, "").ok()?, flag)?;
        Some(format!("{name} {version}"))
    });
    ours.chain(rivals).collect()
}
