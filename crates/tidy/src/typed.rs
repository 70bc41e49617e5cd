//! What a reader would get who typed a command: whether its packages, programs, subcommands, flags and paths are there.

use std::collections::BTreeSet;

use crate::house::RIVALS_CRATE;
use crate::package::{Package, Target};
use crate::program::Program;
use crate::workspace::Workspace;

/// The program that `cargo run` starts, by the name under which it is installed.
pub(crate) const PROGRAM: &str = "levada";
/// Cargo's flags whose value names something that has to be there.
const CARGO_NAMES: [&str; 7] =
    ["-p", "--package", "--bin", "--test", "--bench", "--example", "--path"];
/// Cargo's flags that stand alone.
const CARGO_FLAGS: [&str; 16] = [
    "--all",
    "--all-targets",
    "--bins",
    "--check",
    "--doc",
    "--force",
    "--lib",
    "--locked",
    "--no-deps",
    "--no-run",
    "--offline",
    "--open",
    "--quiet",
    "--release",
    "--workspace",
    "--examples",
];
/// Those with a value that this rule has no opinion of.
const CARGO_VALUES: [&str; 6] =
    ["--profile", "--target-dir", "--features", "--target", "-j", "--jobs"];

/// What is wrong with a command of cargo or of our program.
pub(crate) fn faults(workspace: &Workspace, words: &[String]) -> Vec<String> {
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    match words.split_first() {
        Some((&"cargo", rest)) => of_cargo(workspace, rest),
        Some((_, rest)) => program_owner(workspace, PROGRAM).map_or_else(
            || vec![format!("no package has the program {PROGRAM}")],
            |package| of_program(workspace, package, rest),
        ),
        None => Vec::new(),
    }
}

/// What stands for a value to be filled in: `DIR`, `[ADDR]`, `<name>`, `…`.
pub(crate) fn is_placeholder(word: &str) -> bool {
    let word = word.trim_matches(['[', ']', '.', '…', ',', ')']);
    word.is_empty()
        || word.starts_with('<')
        || word.chars().all(|c| c.is_ascii_uppercase() || c == '_' || c == '|')
}

fn program_owner<'a>(workspace: &'a Workspace, program: &str) -> Option<&'a Package> {
    let is_it = |target: &Target| target.flag == "bin" && target.name == program;
    workspace.packages.iter().find(|package| package.targets(&workspace.tree).iter().any(is_it))
}

/// What is wrong with a command of cargo.
fn of_cargo(workspace: &Workspace, words: &[&str]) -> Vec<String> {
    let mut faults = Vec::new();
    let split = words.iter().position(|word| *word == "--").unwrap_or(words.len());
    let (cargo, rest) = (&words[..split], words.get(split + 1..).unwrap_or_default());
    let mut chosen = None;
    let mut program = None;
    let mut at = cargo.iter().skip(1);
    while let Some(word) = at.next() {
        let (flag, mut value) =
            word.split_once('=').map_or((*word, None), |(flag, value)| (flag, Some(value)));
        if !flag.starts_with('-') || CARGO_FLAGS.contains(&flag) {
            continue;
        }
        value = value.or_else(|| at.next().copied());
        let value = value.unwrap_or_default();
        match flag {
            _ if CARGO_VALUES.contains(&flag) => {}
            _ if CARGO_NAMES.contains(&flag) && is_placeholder(value) => {}
            "-p" | "--package" => {
                chosen = workspace.packages.iter().find(|package| package.name() == value);
                if chosen.is_none() {
                    faults.push(format!("there is no package {value}"));
                }
            }
            "--bin" | "--test" | "--bench" | "--example" => {
                let key = &flag[2..];
                let is_it = |target: &Target| target.flag == key && target.name == value;
                let has = |package: &&Package| package.targets(&workspace.tree).iter().any(is_it);
                let owner = workspace
                    .packages
                    .iter()
                    .filter(|package| chosen.is_none_or(|chosen| chosen.folder == package.folder))
                    .find(has);
                if owner.is_none() {
                    faults.push(format!("there is no {key} {value}"));
                }
                program = owner.filter(|_| key == "bin");
            }
            "--path" if workspace.tree.has(value.trim_end_matches('/')) => {}
            "--path" => faults.push(format!("nothing lies at {value}")),
            _ => faults.push(format!("cargo is given {flag}, which tidy does not know")),
        }
    }
    if cargo.first() == Some(&"run") && faults.is_empty() {
        match program.or(chosen).map_or_else(|| only_program(workspace), Ok) {
            Ok(package) => faults.extend(of_program(workspace, package, rest)),
            Err(fault) => faults.push(fault),
        }
    }
    faults
}

/// The package that plain `cargo run` runs.
fn only_program(workspace: &Workspace) -> Result<&Package, String> {
    let has = |package: &&Package| {
        package.folder != RIVALS_CRATE
            && package.targets(&workspace.tree).iter().any(|target| target.flag == "bin")
    };
    let programs: Vec<_> = workspace.packages.iter().filter(has).collect();
    match programs.as_slice() {
        [one] => Ok(one),
        [] => Err("no default member has a program to run".to_owned()),
        many => {
            let names: Vec<_> = many.iter().map(|package| package.folder.as_str()).collect();
            Err(format!("cargo cannot choose between the programs of {}", names.join(" and ")))
        }
    }
}

/// What is wrong with the arguments of a program of ours; one whose arguments are not derived is not looked into.
fn of_program(workspace: &Workspace, package: &Package, words: &[&str]) -> Vec<String> {
    let mut faults = Vec::new();
    let Some(program) = Program::of(workspace, package) else { return faults };
    let mut words = words.iter();
    let mut flags = program.flags.clone();
    if !program.subcommands.is_empty()
        && let Some(name) =
            words.clone().find(|word| !word.starts_with('-') && !word.starts_with('['))
        && !is_placeholder(name)
    {
        match program.subcommands.get(*name) {
            Some(of_subcommand) => {
                flags.extend(of_subcommand.iter().cloned());
                let at = words.clone().position(|word| word == name).unwrap_or_default();
                let before: Vec<_> = words.clone().take(at).copied().collect();
                faults.extend(unknown_flags(&before, &program.flags));
                words = words.as_slice()[at + 1..].iter();
            }
            None => faults.push(format!("{} has no subcommand {name}", package.folder)),
        }
    }
    let rest: Vec<_> = words.copied().collect();
    faults.extend(unknown_flags(&rest, &flags));
    for word in rest.iter().filter(|word| word.contains('/') && !word.contains(':')) {
        let inside = !word.starts_with(['/', '-', '<', '[', '~', '.', '$']);
        if inside && !workspace.tree.has(word.trim_end_matches('/')) {
            faults.push(format!("nothing lies at {word}"));
        }
    }
    faults
}

fn unknown_flags(words: &[&str], known: &BTreeSet<String>) -> Vec<String> {
    let flags = words.iter().map(|word| word.trim_matches(['[', ']', '.']));
    let flags = flags.filter(|word| word.starts_with('-') && word.len() > 1);
    let names = flags.map(|word| word.split_once('=').map_or(word, |(flag, _)| flag));
    names
        .filter(|flag| !known.contains(*flag))
        .map(|flag| format!("the program takes no {flag}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(command: &str) -> Vec<String> {
        let program = "#[derive(Parser)]\nstruct A { #[command(subcommand)] action: Action }\n\
            #[derive(Subcommand)]\nenum Action { Serve { folder: String, #[arg(long)] listen: String } }\n";
        let workspace = Workspace::of(&[
            ("examples/site/index.html", ""),
            ("crates/server/Cargo.toml", "[[bin]]\nname = \"levada\"\n"),
            ("crates/server/src/main.rs", program),
            ("crates/bench-compare/Cargo.toml", ""),
            ("crates/bench-compare/src/main.rs", ""),
        ]);
        let words: Vec<_> = command.split(' ').map(str::to_owned).collect();
        faults(&workspace, &words)
    }

    #[test]
    fn what_is_there_can_be_typed() {
        for command in [
            "cargo run --release -- serve examples/site --listen=127.0.0.1:0",
            "cargo run -p levada-bench-compare -- http --quick",
            "cargo clippy --all-targets -- -D warnings",
            "cargo install --path crates/server",
            "cargo bench -p <crate> --bench NAME",
            "levada serve [DIR] [--listen ADDR]...",
            "levada --version",
        ] {
            assert_eq!(told(command), [""; 0], "{command}");
        }
    }

    #[test]
    fn each_thing_that_is_not_there_is_told() {
        for (command, fault) in [
            ("cargo run --example none", "there is no example none"),
            ("cargo install --path crates/none", "nothing lies at crates/none"),
            ("cargo run -- server", "server has no subcommand server"),
            ("cargo run -- serve examples/none", "nothing lies at examples/none"),
            ("levada --listen serve x", "the program takes no --listen"),
            ("levada serve --quiet", "the program takes no --quiet"),
            ("cargo test --fast", "cargo is given --fast, which tidy does not know"),
        ] {
            assert_eq!(told(command), [fault], "{command}");
        }
    }
}
