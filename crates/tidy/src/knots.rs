//! A knot is a way along imports from a file back to itself; in straight crates there is none.

use std::collections::{BTreeMap, BTreeSet};

use crate::finding::Finding;
use crate::modules::Modules;
use crate::workspace::Workspace;

/// Where a file first imports another.
type Arrows = BTreeMap<(String, String), usize>;

/// Inside every crate the arrows between files run one way; what only tests import does not count.
#[must_use]
pub fn files_form_no_knot(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in &workspace.packages {
        for target in package.targets(&workspace.tree) {
            findings.extend(knots(&arrows(workspace, &Modules::of(workspace, &target))));
        }
    }
    findings
}

fn arrows(workspace: &Workspace, modules: &Modules) -> Arrows {
    let mut arrows = Arrows::new();
    for module in modules.files().filter(|module| !module.test) {
        let Some(source) = workspace.sources.get(&module.file) else { continue };
        for import in source.uses.iter().filter(|import| !import.test) {
            let Some(place) = modules.resolve(module, import) else { continue };
            // What is only passed on there is `no_import_through_the_face`'s to find.
            if place.module.file != module.file
                && modules.passed_on_from(workspace, &place).is_none()
            {
                let arrow = (module.file.clone(), place.module.file.clone());
                arrows.entry(arrow).or_insert(import.line);
            }
        }
    }
    arrows
}

fn knots(arrows: &Arrows) -> Vec<Finding> {
    let mut findings = Vec::new();
    for ((from, to), line) in arrows {
        if let Some(way) = way_back(arrows, to, from) {
            let names: Vec<_> = way.iter().map(|file| short(file)).collect();
            findings.push(Finding::new(
                from,
                *line,
                format!(
                    "imports {}, from where imports lead back: {}",
                    short(to),
                    names.join(" → ")
                ),
                "put what both want of each other into a third, lower file",
            ));
        }
    }
    findings
}

/// The shortest way along arrows.
fn way_back<'a>(arrows: &'a Arrows, from: &'a str, to: &str) -> Option<Vec<&'a str>> {
    let mut seen = BTreeSet::from([from]);
    let mut ways = vec![vec![from]];
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            let last = *way.last()?;
            if last == to {
                return Some(way);
            }
            for (start, next) in arrows.keys() {
                if start == last && seen.insert(next) {
                    longer.push(way.iter().copied().chain([next.as_str()]).collect());
                }
            }
        }
        ways = longer;
    }
    None
}

/// A file from its package's source folder on.
fn short(file: &str) -> &str {
    file.split_once("/src/").map_or(file, |(_, inside)| inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(files: &[(&str, &str)]) -> Vec<String> {
        let files = files.iter().map(|(file, text)| (format!("crates/pile/{file}"), *text));
        let files: Vec<_> = files.collect();
        let files: Vec<_> = files.iter().map(|(file, text)| (file.as_str(), *text)).collect();
        files_form_no_knot(&Workspace::of(&files)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_straight_crate_has_none() {
        let faults = faults(&[
            ("Cargo.toml", ""),
            ("src/lib.rs", "mod a;\nmod b;\npub use a::A;\n"),
            ("src/a.rs", "use crate::b::B;\n#[cfg(test)]\nmod tests { use super::*; }\n"),
            ("src/b.rs", "#[cfg(test)]\nmod tests { use crate::a::A; }\n// use crate::a::A;\n"),
        ]);
        assert_eq!(faults, [""; 0]);
    }

    #[test]
    fn a_knot_of_three_is_found_at_each_of_its_arrows() {
        let faults = faults(&[
            ("Cargo.toml", ""),
            ("src/lib.rs", "mod a;\nmod b;\nmod c;\n"),
            ("src/a.rs", "use crate::b::B;\n"),
            ("src/b.rs", "\nuse super::c::C;\n"),
            ("src/c.rs", "fn f() { crate::a::g() }\n"),
        ]);
        assert_eq!(faults.len(), 3);
        let told = "crates/pile/src/b.rs:2: imports c.rs, from where imports lead back: c.rs → a.rs → b.rs";
        assert!(faults[1].starts_with(told), "{faults:#?}");
    }

    #[test]
    fn a_child_that_imports_from_the_parent_that_imports_it_is_found() {
        let faults = faults(&[
            ("Cargo.toml", ""),
            ("src/lib.rs", "mod a;\n"),
            ("src/a.rs", "mod b;\nuse b::B;\npub struct A;\n"),
            ("src/a/b.rs", "use super::A;\n"),
        ]);
        assert_eq!(faults.len(), 2);
    }
}
