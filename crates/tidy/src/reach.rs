//! A file is reached if `mod` lines lead to it; a file that nothing reaches is compiled by nobody.

use std::collections::BTreeSet;

use crate::finding::Finding;
use crate::modules::Modules;
use crate::workspace::Workspace;

/// What lies there is handed to the compiler by a test, to see it refused.
const REFUSED_FOLDER: &str = "/tests/ui/";

/// Every Rust file of a crate is reached by `mod` from one of its targets, and none says its own place.
#[must_use]
pub fn every_file_is_reached_by_mod(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut reached = BTreeSet::new();
    for package in &workspace.packages {
        for target in package.targets(&workspace.tree) {
            let modules = Modules::of(workspace, &target);
            reached.extend(modules.files().map(|module| module.file.clone()));
        }
    }
    for (file, source) in &workspace.sources {
        if !reached.contains(file) && !file.contains(REFUSED_FOLDER) {
            let cure = "name it by `mod` in the file above it, or remove it";
            findings.push(Finding::new(file, 1, "no `mod` leads here", cure));
        }
        for placed in source.mods.iter().filter(|inner| inner.placed) {
            findings.push(Finding::new(
                file,
                placed.line,
                format!("`mod {}` says by #[path] where it lies", placed.name),
                "put the file where its name says",
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_no_mod_names_is_found_and_so_is_a_placed_one() {
        let workspace = Workspace::of(&[
            ("crates/pile/Cargo.toml", ""),
            ("crates/pile/src/lib.rs", "mod a;\n// mod b;\n#[path = \"elsewhere.rs\"]\nmod c;\n"),
            ("crates/pile/src/a.rs", "mod inner { mod deep; }\n"),
            ("crates/pile/src/a/inner/deep.rs", ""),
            ("crates/pile/src/b.rs", ""),
            ("crates/pile/tests/model.rs", "mod steps;\n"),
            ("crates/pile/tests/steps/mod.rs", ""),
            ("crates/pile/tests/ui/refused.rs", ""),
        ]);
        let findings = every_file_is_reached_by_mod(&workspace);
        let told: Vec<_> =
            findings.iter().map(|finding| (finding.file.as_str(), finding.line)).collect();
        assert_eq!(told, [("crates/pile/src/b.rs", 1), ("crates/pile/src/lib.rs", 3)]);
    }
}
