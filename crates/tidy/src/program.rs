//! A program's arguments as its source derives them: subcommands, and the flags that each takes.

use std::collections::{BTreeMap, BTreeSet};

use crate::package::Package;
use crate::source::{Argument, CommandType};
use crate::workspace::Workspace;

/// What every derived program takes.
const ALWAYS: [&str; 4] = ["--help", "-h", "--version", "-V"];

/// The arguments of one program.
#[derive(Debug, Default)]
pub(crate) struct Program {
    /// Flags that stand before a subcommand, or in a program without any.
    pub(crate) flags: BTreeSet<String>,
    /// The flags of each subcommand.
    pub(crate) subcommands: BTreeMap<String, BTreeSet<String>>,
}

impl Program {
    /// The program of a package, if its arguments are derived.
    pub(crate) fn of(workspace: &Workspace, package: &Package) -> Option<Self> {
        let inside = format!("{}/src/", package.path());
        let sources = workspace.sources.iter().filter(|(file, _)| file.starts_with(&inside));
        let types: Vec<_> = sources.flat_map(|(_, source)| &source.types).collect();
        let parser = types.iter().find(|of| of.is_parser)?;
        let mut program = Self::default();
        program.flags.extend(ALWAYS.map(str::to_owned));
        program.take(&types, &parser.fields, &mut BTreeSet::new());
        Some(program)
    }

    /// Takes the fields of the parser: flags, and subcommands with theirs.
    fn take(&mut self, types: &[&CommandType], fields: &[Argument], seen: &mut BTreeSet<String>) {
        for field in fields {
            let inner = types.iter().find(|of| of.name == field.type_name);
            match inner {
                Some(inner) if says(&field.says, "subcommand") => {
                    for variant in &inner.variants {
                        let mut flags: BTreeSet<_> = ALWAYS.map(str::to_owned).into();
                        for field in &variant.fields {
                            collect(types, field, &mut flags, seen);
                        }
                        let name = named(&variant.says).unwrap_or_else(|| kebab(&variant.name));
                        self.subcommands.insert(name, flags);
                    }
                }
                _ => collect(types, field, &mut self.flags, seen),
            }
        }
        if !self.subcommands.is_empty() {
            self.subcommands.insert("help".to_owned(), BTreeSet::new());
        }
    }
}

/// The flags of a field: its own, or those of the arguments that it holds.
fn collect(
    types: &[&CommandType],
    field: &Argument,
    flags: &mut BTreeSet<String>,
    seen: &mut BTreeSet<String>,
) {
    let holds = field.name.is_empty() || says(&field.says, "flatten");
    if holds && let Some(inner) = types.iter().find(|of| of.name == field.type_name) {
        if seen.insert(inner.name.clone()) {
            for field in &inner.fields {
                collect(types, field, flags, seen);
            }
            seen.remove(&inner.name);
        }
        return;
    }
    for (word, value) in &field.says {
        match word.as_str() {
            "long" => {
                let name = value.clone().unwrap_or_else(|| field.name.replace('_', "-"));
                flags.insert(format!("--{name}"));
            }
            "short" => flags.extend(field.name.chars().next().map(|first| format!("-{first}"))),
            "alias" | "visible_alias" => flags.extend(value.iter().map(|name| format!("--{name}"))),
            _ => {}
        }
    }
}

fn says(said: &[(String, Option<String>)], word: &str) -> bool {
    said.iter().any(|(name, _)| name == word)
}

fn named(said: &[(String, Option<String>)]) -> Option<String> {
    said.iter().find(|(name, _)| name == "name").and_then(|(_, value)| value.clone())
}

/// As a variant is called on a command line.
fn kebab(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !out.is_empty() {
            out.push('-');
        }
        out.extend(letter.to_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subcommands_and_flags_are_read_from_the_derives() {
        let text = "
#[derive(Debug, Parser)]
struct Arguments {
    #[arg(long, global = true)]
    quiet: bool,
    #[command(subcommand)]
    action: Action,
}
#[derive(clap::Subcommand)]
enum Action {
    Serve(Box<Serve>),
    #[command(name = \"check\")]
    Verify { #[arg(long = \"config\", short)] file: String },
    ShowAll,
}
#[derive(Args)]
struct Serve {
    folder: String,
    #[command(flatten)]
    shared: Shared,
}
#[derive(Args)]
struct Shared {
    #[arg(long)]
    memory_max: String,
}
";
        let workspace =
            Workspace::of(&[("crates/server/Cargo.toml", ""), ("crates/server/src/main.rs", text)]);
        let program = Program::of(&workspace, &workspace.packages[0]).unwrap();
        assert!(program.flags.contains("--quiet"));
        let names: Vec<_> = program.subcommands.keys().collect();
        assert_eq!(names, ["check", "help", "serve", "show-all"]);
        assert!(program.subcommands["serve"].contains("--memory-max"));
        assert!(!program.subcommands["serve"].contains("--folder"));
        let check = &program.subcommands["check"];
        assert!(check.contains("--config") && check.contains("-f") && !check.contains("--file"));
    }
}
