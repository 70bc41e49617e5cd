//! An import names the file that defines what it wants: no star, and never a face that passes it on.

use crate::finding::Finding;
use crate::modules::{Modules, test_files};
use crate::workspace::Workspace;

/// No import ends in a star, but `use super::*` in tests.
#[must_use]
pub fn no_star_but_super_in_tests(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in &workspace.packages {
        let tests = test_files(workspace, package);
        let inside = format!("{}/", package.path());
        for (file, source) in workspace.sources.iter().filter(|(file, _)| file.starts_with(&inside))
        {
            for import in source.uses.iter().filter(|import| import.star) {
                let in_test = import.test || tests.contains(file);
                if !(in_test && import.path == ["super"]) {
                    findings.push(Finding::new(
                        file,
                        import.line,
                        format!("imports {}::*", import.path.join("::")),
                        "name what is wanted",
                    ));
                }
            }
        }
    }
    findings
}

/// Inside a crate nothing is imported from a file that only passes it on; tests may, as its users do.
#[must_use]
pub fn no_import_through_the_face(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in &workspace.packages {
        for target in package.targets(&workspace.tree) {
            let modules = Modules::of(workspace, &target);
            for module in modules.files().filter(|module| !module.test) {
                let Some(source) = workspace.sources.get(&module.file) else { continue };
                for import in source.uses.iter().filter(|import| !import.test) {
                    let Some(place) = modules.resolve(module, import) else { continue };
                    if place.module.file == module.file {
                        continue;
                    }
                    if let Some(origin) = modules.passed_on_from(workspace, &place) {
                        let (path, face) = (import.path.join("::"), &place.module.file);
                        findings.push(Finding::new(
                            &module.file,
                            import.line,
                            format!("{path} only passes through {face}"),
                            format!("import it from where {origin} is"),
                        ));
                    }
                }
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(a: &str, test: &str) -> Workspace {
        Workspace::of(&[
            ("crates/pile/Cargo.toml", ""),
            ("crates/pile/src/lib.rs", "mod a;\nmod b;\npub use b::B;\n"),
            ("crates/pile/src/a.rs", a),
            ("crates/pile/src/b.rs", "pub struct B;\n"),
            ("crates/pile/tests/model.rs", test),
        ])
    }

    #[test]
    fn a_star_is_found_and_super_in_tests_is_not() {
        let workspace = sample(
            "use crate::b::*;\nmod raw { use super::*; }\n#[cfg(test)]\nmod tests { use super::*; }\n",
            "use proptest::prelude::*;\nmod part { use super::*; }\n",
        );
        let findings = no_star_but_super_in_tests(&workspace);
        let lines: Vec<_> =
            findings.iter().map(|finding| (finding.file.as_str(), finding.line)).collect();
        let a = "crates/pile/src/a.rs";
        assert_eq!(lines, [(a, 1), (a, 2), ("crates/pile/tests/model.rs", 1)]);
    }

    #[test]
    fn a_file_that_hands_out_its_own_inner_module_or_a_library_is_asked_for_it() {
        let workspace = Workspace::of(&[
            ("crates/pile/Cargo.toml", ""),
            ("crates/pile/src/lib.rs", "mod a;\nmod sync;\nmod raw_user;\n"),
            ("crates/pile/src/a.rs", "pub use raw::Raw;\nmod raw { pub struct Raw; }\n"),
            ("crates/pile/src/sync.rs", "pub use std::sync::Arc;\n"),
            ("crates/pile/src/raw_user.rs", "use crate::a::Raw;\nuse crate::sync::Arc;\n"),
        ]);
        assert_eq!(no_import_through_the_face(&workspace), []);
    }

    #[test]
    fn what_the_face_passes_on_is_not_imported_from_it() {
        let workspace = sample(
            "use crate::B;\nuse super::B as C;\nuse crate::b::B as D;\n#[cfg(test)]\nmod tests { use crate::B; }\nfn f(_: crate::B) {}\n",
            "use levada_pile::B;\n",
        );
        let lines: Vec<_> =
            no_import_through_the_face(&workspace).iter().map(|it| it.line).collect();
        assert_eq!(lines, [1, 2, 6]);
    }
}
