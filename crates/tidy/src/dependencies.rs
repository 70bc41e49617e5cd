//! A dependency is a choice: each has its sentence, rivals stay outside, and plain `cargo` builds none of them.

use std::collections::BTreeMap;

use crate::finding::Finding;
use crate::house::{self, RIVALS, RIVALS_CRATE};
use crate::manifest::Node;
use crate::markdown;
use crate::workspace::{ROOT_MANIFEST, Workspace};

const SENTENCES: &str = "docs/dependencies.md";
/// Fewer words beside the name are no sentence.
const SENTENCE_WORDS_MIN: usize = 5;

/// Every dependency that is not ours has its sentence in `docs/dependencies.md`; the rivals have their own document.
#[must_use]
pub fn every_dependency_has_its_sentence(workspace: &Workspace) -> Vec<Finding> {
    let text = match workspace.required(SENTENCES, "a sentence for each dependency: why this one") {
        Ok(text) => text,
        Err(finding) => return vec![finding],
    };
    let units = markdown::units(text);
    let says = |name: &str| {
        let mark = format!("`{name}`");
        units.iter().any(|(_, unit)| {
            let words = unit.replace(&mark, "");
            let words =
                words.split_whitespace().filter(|word| word.chars().any(char::is_alphabetic));
            unit.contains(&mark) && words.count() >= SENTENCE_WORDS_MIN
        })
    };
    let mut found = BTreeMap::new();
    for (name, node) in workspace
        .root
        .at(&["workspace", "dependencies"])
        .and_then(Node::entries)
        .into_iter()
        .flatten()
    {
        let package = node.text_at(&["package"]).unwrap_or(name);
        found.entry(package.to_owned()).or_insert((ROOT_MANIFEST, node.line));
    }
    for package in workspace.packages.iter().filter(|package| package.folder != RIVALS_CRATE) {
        for dependency in package.dependencies(&workspace.root) {
            found.entry(dependency.package).or_insert((&package.file, dependency.line));
        }
    }
    let lacking = found.iter().filter(|(name, _)| house::folder_of(name).is_none() && !says(name));
    let finding = |(name, (file, line)): (&String, &(&str, usize))| {
        let fault = format!("{name} has no sentence in {SENTENCES}");
        Finding::new(file, *line, fault, format!("write there why: a line with `{name}`"))
    };
    lacking.map(finding).collect()
}

/// Only the comparison depends on rivals, and nobody depends on the comparison.
#[must_use]
pub fn rivals_stay_outside(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    let comparison = house::package_name(RIVALS_CRATE);
    for package in workspace.packages.iter().filter(|package| package.folder != RIVALS_CRATE) {
        for dependency in package.dependencies(&workspace.root) {
            let name = dependency.package;
            if name == comparison || RIVALS.contains(&name.as_str()) {
                let fault =
                    format!("{} depends on {name}, which only {RIVALS_CRATE} may", package.folder);
                let cure =
                    "do without it, or take it off the rivals in tidy's house.rs and say why";
                findings.push(Finding::new(&package.file, dependency.line, fault, cure));
            }
        }
    }
    findings
}

/// Plain `cargo` builds every crate but the one with the rivals.
#[must_use]
pub fn default_members_are_all_but_one(workspace: &Workspace) -> Vec<Finding> {
    let node = workspace.root.at(&["workspace", "default-members"]);
    if node.is_none() && workspace.package(RIVALS_CRATE).is_none() {
        return Vec::new();
    }
    let line = node.map_or(1, |node| node.line);
    let said: Vec<_> =
        node.and_then(Node::list).unwrap_or_default().iter().filter_map(Node::text).collect();
    let wanted: Vec<_> = workspace
        .packages
        .iter()
        .filter(|package| package.folder != RIVALS_CRATE)
        .map(crate::package::Package::path)
        .collect();
    let mut findings = Vec::new();
    for path in wanted.iter().filter(|path| !said.contains(&path.as_str())) {
        let fault = format!("default-members lacks {path}");
        findings.push(Finding::new(ROOT_MANIFEST, line, fault, "add it"));
    }
    for path in said.iter().filter(|path| !wanted.iter().any(|wanted| wanted == *path)) {
        let fault = format!(
            "default-members has {path}, which plain `cargo` must not build or cannot find"
        );
        findings.push(Finding::new(ROOT_MANIFEST, line, fault, "take it out"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(findings: &[Finding]) -> Vec<(&str, usize)> {
        findings.iter().map(|finding| (finding.file.as_str(), finding.line)).collect()
    }

    #[test]
    fn a_dependency_without_a_sentence_is_found_where_it_is_named() {
        let workspace = Workspace::of(&[
            (
                "Cargo.toml",
                "[workspace.dependencies]\nlevada-pages = \"0.1\"\nlibc = \"0.2\"\nserde = \"1\"\n",
            ),
            (
                "crates/pile/Cargo.toml",
                "[dev-dependencies]\nrand = \"0.9\"\nserde.workspace = true\n",
            ),
            ("crates/bench-compare/Cargo.toml", "[dependencies]\nmoka = \"0.12\"\n"),
            (
                "docs/dependencies.md",
                "| name | why |\n| --- | --- |\n| `serde` | reads the configuration into our types |\n| `libc` | – |\n",
            ),
        ]);
        let findings = every_dependency_has_its_sentence(&workspace);
        assert_eq!(told(&findings), [("Cargo.toml", 3), ("crates/pile/Cargo.toml", 2)]);
    }

    #[test]
    fn without_the_document_that_is_what_is_found() {
        let findings = every_dependency_has_its_sentence(&Workspace::of(&[("Cargo.toml", "")]));
        assert_eq!(told(&findings), [("docs/dependencies.md", 1)]);
    }

    #[test]
    fn a_rival_outside_the_comparison_is_found() {
        let workspace = Workspace::of(&[
            (
                "Cargo.toml",
                "[workspace.dependencies]\nfast = { package = \"tokio\", version = \"1\" }\n",
            ),
            ("crates/bench-compare/Cargo.toml", "[dependencies]\ntokio = \"1\"\n"),
            (
                "crates/web/Cargo.toml",
                "[dependencies]\nfast.workspace = true\nlevada-bench-compare = \"0.1\"\n",
            ),
        ]);
        let file = "crates/web/Cargo.toml";
        assert_eq!(told(&rivals_stay_outside(&workspace)), [(file, 2), (file, 3)]);
    }

    #[test]
    fn default_members_that_are_too_few_or_too_many_are_found() {
        let manifests = [("crates/pile/Cargo.toml", ""), ("crates/bench-compare/Cargo.toml", "")];
        let of = |root: &str| {
            let mut files = vec![("Cargo.toml", root)];
            files.extend(manifests);
            default_members_are_all_but_one(&Workspace::of(&files)).len()
        };
        assert_eq!(of("[workspace]\ndefault-members = [\"crates/pile\"]\n"), 0);
        assert_eq!(of("[workspace]\n"), 1);
        assert_eq!(
            of("[workspace]\ndefault-members = [\"crates/pile\", \"crates/bench-compare\"]\n"),
            1
        );
        assert_eq!(of("[workspace]\ndefault-members = [\"crates/pil\"]\n"), 2);
    }
}
