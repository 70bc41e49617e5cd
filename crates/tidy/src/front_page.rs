//! A front page is a `lib.rs`'s own documentation: what the crate is, how it is used, what it costs and where it ends.

use crate::finding::Finding;
use crate::house::BESIDE;
use crate::markdown;
use crate::package::Package;
use crate::workspace::Workspace;

const ARCHITECTURE: &str = "ARCHITECTURE.md";
/// What may stand behind the fence of an example that runs.
const RUNS: [&str; 3] = ["rust", "should_panic", "edition2024"];

/// A public crate's page has an example that runs, its cost and its limits, and says first what its manifest and the map say.
#[must_use]
pub fn every_front_page_runs(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    let map = workspace.required(ARCHITECTURE, "the map of the crates, a line or paragraph each");
    if let Err(finding) = &map {
        findings.push(finding.clone());
    }
    for package in &workspace.packages {
        if BESIDE.contains(&package.folder.as_str()) || !package.is_published() {
            continue;
        }
        findings.extend(page(workspace, package));
        if let Ok(map) = map {
            findings.extend(line_in_map(map, package));
        }
    }
    findings
}

fn page(workspace: &Workspace, package: &Package) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Some(library) = package.library(&workspace.tree) else { return findings };
    let Some(source) = workspace.sources.get(&library.file) else { return findings };
    let mut find = |line: usize, fault: String, cure: &str| {
        findings.push(Finding::new(&library.file, line, fault, cure))
    };
    let text: Vec<_> = source.docs.iter().map(|(_, text)| text.as_str()).collect();
    let text = text.join("\n");
    let line = |at: usize| source.docs.get(at - 1).map_or(1, |(line, _)| *line);

    let fences = markdown::fences(&text);
    let words = |info: &str| info.split([',', ' ']).map(str::to_owned).collect::<Vec<_>>();
    let runs = |info: &str| {
        words(info).iter().all(|word| word.is_empty() || RUNS.contains(&word.as_str()))
    };
    if !fences.iter().any(|fence| runs(&fence.info)) {
        let cure = "show its use in about ten lines, neither `ignore` nor `no_run`";
        find(1, "the page has no example that runs".to_owned(), cure);
    }
    for fence in &fences {
        if words(&fence.info).iter().any(|word| word.starts_with("ignore") || word == "no_run") {
            find(
                line(fence.line),
                format!("this example is not run: {}", fence.info),
                "let it run",
            );
        }
    }
    let headings = markdown::headings(&text);
    for wanted in ["Cost", "Limits"] {
        if !headings.iter().any(|heading| heading.level == 1 && heading.title == wanted) {
            let cure = format!("write `//! # {wanted}` and under it what a user has to know");
            find(1, format!("the page has no part `# {wanted}`"), &cure);
        }
    }
    let first =
        markdown::units(&text).first().map(|(_, unit)| first_sentence(unit)).unwrap_or_default();
    let described = package.manifest.text_at(&["package", "description"]).unwrap_or_default();
    if first.is_empty() || first != first_sentence(described) {
        let fault =
            format!("the page begins “{first}”, the manifest's description is “{described}”");
        find(1, fault, "say the same sentence in both");
    }
    findings
}

fn line_in_map(map: &str, package: &Package) -> Option<Finding> {
    let described = package.manifest.text_at(&["package", "description"]).map(first_sentence)?;
    let names = [format!("`{}`", package.name()), format!("`{}`", package.folder)];
    let units = markdown::units(map);
    let named = |unit: &&(usize, String)| names.iter().any(|name| unit.1.contains(name));
    let says = |unit: &(usize, String)| plain(&unit.1).contains(&plain(&described));
    if units.iter().filter(named).any(says) {
        return None;
    }
    let line = units.iter().find(named).map_or(1, |unit| unit.0);
    let fault = format!("does not say of {} what its manifest says: “{described}”", names[1]);
    Some(Finding::new(
        ARCHITECTURE,
        line,
        fault,
        "say the same sentence in the line that names the crate",
    ))
}

/// Up to the first full stop, without it.
fn first_sentence(text: &str) -> String {
    let text = text.trim();
    let end = text.find(". ").unwrap_or(text.len());
    text[..end].trim_end_matches('.').to_owned()
}

/// Without marks for code, in small letters, so that a sentence may continue another.
fn plain(text: &str) -> String {
    text.replace('`', "").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "
[package]
name = \"levada-pile\"
description = \"Keeps typed things outside the heap.\"
";
    const PAGE: &str = "//! Keeps typed things
//! outside the heap. More.
//!
//! ```
//! assert!(true);
//! ```
//! # Cost
//! Little.
//! # Limits
//! None.
";
    const MAP: &str = "# Map

- `pile`: keeps typed things
  outside the heap; and so on.
";

    fn faults(manifest: &str, page: &str, map: &str) -> Vec<String> {
        let workspace = Workspace::of(&[
            ("ARCHITECTURE.md", map),
            ("crates/pile/Cargo.toml", manifest),
            ("crates/pile/src/lib.rs", page),
        ]);
        every_front_page_runs(&workspace).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_whole_page_is_no_finding() {
        assert_eq!(faults(MANIFEST, PAGE, MAP), [""; 0]);
    }

    #[test]
    fn each_thing_that_a_page_lacks_is_found() {
        for (page, told) in [
            (PAGE.replace("```\n//! assert", "```ignore\n//! assert"), "no example that runs"),
            (PAGE.replace("```\n//! assert", "```no_run\n//! assert"), "is not run"),
            (PAGE.replace("# Cost", "# Price"), "no part `# Cost`"),
            (PAGE.replace("# Limits", "## Limits"), "no part `# Limits`"),
            (PAGE.replace("typed", "any"), "the page begins"),
            (PAGE.replace("//!", "//"), "no example that runs"),
        ] {
            let faults = faults(MANIFEST, &page, MAP);
            assert!(faults.iter().any(|fault| fault.contains(told)), "{told}: {faults:#?}");
        }
    }

    #[test]
    fn a_map_that_says_otherwise_or_is_missing_is_found() {
        let found = faults(MANIFEST, PAGE, "# Map\n\n- `pile`: keeps things.\n");
        assert!(found[0].starts_with("ARCHITECTURE.md:3: does not say of `pile`"), "{found:#?}");
        let workspace = Workspace::of(&[
            ("crates/pile/Cargo.toml", MANIFEST),
            ("crates/pile/src/lib.rs", PAGE),
        ]);
        assert!(every_front_page_runs(&workspace)[0].fault.contains("missing"));
    }

    #[test]
    fn a_crate_that_nobody_is_meant_to_get_needs_no_page() {
        let manifest = format!("{MANIFEST}publish = false\n");
        assert_eq!(faults(&manifest, "//! Else.\n", "# Map\n"), [""; 0]);
    }
}
