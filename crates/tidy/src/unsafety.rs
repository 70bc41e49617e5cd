//! Unsafe is a place: some crates may hold it, each file says so and why, and all others forbid it.

use crate::finding::Finding;
use crate::house::{ESCAPE, ESCAPE_CRATE, ESCAPES, UNSAFE_CRATES};
use crate::package::{Package, TargetKind};
use crate::source::LintLevel;
use crate::workspace::Workspace;

const LINT: &str = "unsafe_code";

/// Unsafe code is let in by a file that opens with a reason, in the crates of one list; the others forbid it whole.
///
/// The workspace denies the lint, so the compiler finds unsafe code that nobody let in. A file whose only unsafe code is in
/// its tests lets it in there: over the whole file the expectation would be false in every other build.
#[must_use]
pub fn unsafe_stays_in_its_crates(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in &workspace.packages {
        let listed = UNSAFE_CRATES.contains(&package.folder.as_str());
        if !listed {
            findings.extend(not_forbidden(workspace, package));
        }
        let inside = format!("{}/", package.path());
        let sources = workspace.sources.iter().filter(|(file, _)| file.starts_with(&inside));
        for (file, source) in sources {
            let lets_in = |lint: &&LintLevel| {
                ["expect", "allow", "warn"].contains(&lint.level.as_str()) && names_it(lint)
            };
            for lint in source.lints.iter().filter(lets_in) {
                if !listed {
                    findings.push(Finding::new(
                        file,
                        lint.line,
                        format!("{} lets unsafe code in and is not on the list", package.folder),
                        "do it safely, or let a crate below do it",
                    ));
                } else if lint.level != "expect" || !lint.reason || !(lint.for_file || lint.test) {
                    findings.push(Finding::new(
                        file,
                        lint.line,
                        "unsafe code is let in otherwise than by the whole file and with a reason",
                        "open the file with #![expect(unsafe_code, reason = \"…\")]",
                    ));
                }
            }
        }
    }
    findings
}

fn names_it(lint: &LintLevel) -> bool {
    lint.lints.iter().any(|name| name == LINT)
}

/// The targets of a package that could hold unsafe code if somebody let it in.
fn not_forbidden(workspace: &Workspace, package: &Package) -> Vec<Finding> {
    let mut findings = Vec::new();
    for target in package.targets(&workspace.tree) {
        let forbids = |lint: &LintLevel| {
            lint.level == "forbid" && lint.for_file && lint.always && names_it(lint)
        };
        let source = workspace.sources.get(&target.file);
        let forbidden = source.is_none_or(|source| source.lints.iter().any(forbids));
        if target.kind != TargetKind::Beside && !forbidden {
            findings.push(Finding::new(
                &target.file,
                1,
                format!("{} may hold no unsafe code and does not forbid it", package.folder),
                "write #![forbid(unsafe_code)] at the top",
            ));
        }
    }
    findings
}

/// Every use of the escape from `Message` stands in one list with its reason, and the list names no other.
#[must_use]
pub fn escapes_are_listed(workspace: &Workspace) -> Vec<Finding> {
    escapes_unlike(workspace, &ESCAPES)
}

fn escapes_unlike(workspace: &Workspace, list: &[(&str, &str)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let home = format!("crates/{ESCAPE_CRATE}/");
    let mut used = Vec::new();
    for (file, source) in workspace.sources.iter().filter(|(file, _)| !file.starts_with(&home)) {
        let uses = source.watched.iter().filter(|(_, word)| word == ESCAPE);
        for (line, _) in uses {
            used.push(file.as_str());
            if !list.iter().any(|(listed, _)| listed == file) {
                findings.push(Finding::new(
                    file,
                    *line,
                    format!("{ESCAPE} is used here, and tidy's list does not say why"),
                    "send a `Message`, or add the file to ESCAPES in tidy's house.rs with a reason",
                ));
            }
        }
    }
    for (listed, _) in list.iter().filter(|(listed, _)| !used.contains(listed)) {
        findings.push(Finding::new(
            listed,
            1,
            format!("{ESCAPE} is listed for this file and not used in it"),
            "take the file out of ESCAPES",
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unsafe_lines(folder: &str, lib: &str, other: &str) -> Vec<(String, usize)> {
        let file = |rest: &str| format!("crates/{folder}/{rest}");
        let (manifest, face, more) = (file("Cargo.toml"), file("src/lib.rs"), file("src/raw.rs"));
        let workspace = Workspace::of(&[(&manifest, ""), (&face, lib), (&more, other)]);
        let findings = unsafe_stays_in_its_crates(&workspace);
        findings
            .iter()
            .map(|it| (it.file.rsplit('/').next().unwrap().to_owned(), it.line))
            .collect()
    }

    #[test]
    fn a_crate_that_is_not_listed_forbids_unsafe_code_and_lets_none_in() {
        let opens = "#![expect(unsafe_code, reason = \"x\")]\n";
        assert_eq!(unsafe_lines("web", "#![forbid(unsafe_code)]\n", ""), []);
        assert_eq!(
            unsafe_lines("web", "//! #![forbid(unsafe_code)]\n", ""),
            [("lib.rs".to_owned(), 1)]
        );
        let found = unsafe_lines("web", "#![forbid(unsafe_code)]\n", opens);
        assert_eq!(found, [("raw.rs".to_owned(), 1)]);
    }

    #[test]
    fn a_listed_crate_lets_unsafe_code_in_by_the_file_with_a_reason() {
        for good in [
            "//! Raw.\n#![expect(unsafe_code, reason = \"x\")]\n",
            "#![cfg_attr(not(loom), expect(unsafe_code, reason = \"x\"))]\n",
            "#[cfg(test)]\n#[expect(unsafe_code, reason = \"x\")]\nmod tests {}\n",
        ] {
            assert_eq!(unsafe_lines("pile", "mod raw;\n", good), [], "{good}");
        }
        for bad in [
            "#![expect(unsafe_code)]\n",
            "#![allow(unsafe_code, reason = \"x\")]\n",
            "#[expect(unsafe_code, reason = \"x\")]\nfn f() {}\n",
        ] {
            assert_eq!(
                unsafe_lines("pile", "mod raw;\n", bad),
                [("raw.rs".to_owned(), 1)],
                "{bad}"
            );
        }
    }

    #[test]
    fn an_escape_is_found_unless_it_is_listed_and_a_stale_list_is_found() {
        let (used, unused) = ("crates/web/src/lib.rs", "crates/web/src/a.rs");
        let workspace = Workspace::of(&[
            ("crates/process/src/lib.rs", "pub struct Isolated;\n"),
            (used, "// Isolated\nfn f() { g(Isolated::new(1, 2)) }\n"),
            (unused, "const A: &str = \"Isolated\";\n"),
        ]);
        let found = escapes_unlike(&workspace, &[]);
        assert_eq!((found.len(), found[0].file.as_str(), found[0].line), (1, used, 2));
        assert_eq!(escapes_unlike(&workspace, &[(used, "why")]), []);
        let stale = escapes_unlike(&workspace, &[(used, "why"), (unused, "why")]);
        assert_eq!((stale.len(), stale[0].file.as_str()), (1, unused));
    }
}
