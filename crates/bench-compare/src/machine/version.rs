//! Which version of a program was measured, in the words of the program.

use std::path::Path;
use std::process::Command;

/// The version that `program` tells when it is asked by `flag`; nothing if it tells none.
pub(crate) fn version_of(program: &Path, flag: &str) -> Option<String> {
    let said = Command::new(program).arg(flag).output().ok()?;
    // nginx tells its version where others complain.
    [said.stdout, said.stderr].iter().find_map(|said| first_version(&String::from_utf8_lossy(said)))
}

/// The first word that has a number with a point in it, without a name before a slash or a sign of equality.
fn first_version(said: &str) -> Option<String> {
    let is_version =
        |word: &&str| word.contains('.') && word.contains(|c: char| c.is_ascii_digit());
    let word = said.split_whitespace().find(is_version)?;
    Some(word.rsplit_once(['/', '=']).map_or(word, |(_, version)| version).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_found_in_each_program_s_words() {
        for (said, version) in [
            ("nginx version: nginx/1.22.1\n", "1.22.1"),
            ("Version:      2.44.1\nBuilt:\n", "2.44.1"),
            ("wrk debian/4.1.0-3 [epoll] Copyright (C) 2012 Will Glozer\n", "4.1.0-3"),
            ("levada 0.1.0\n", "0.1.0"),
            ("Redis server v=7.0.15 sha=00000000:0 bits=64\n", "7.0.15"),
        ] {
            assert_eq!(first_version(said).as_deref(), Some(version), "{said}");
        }
        assert_eq!(first_version("no such flag"), None);
    }
}
