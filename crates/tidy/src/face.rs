//! A face is a `lib.rs`: it names modules and hands out names, and holds no code.

use crate::finding::Finding;
use crate::manifest::Node;
use crate::source::ItemKind;
use crate::workspace::Workspace;

/// No `lib.rs` holds code, but for the functions that a crate of derives must have there.
#[must_use]
pub fn a_face_holds_no_code(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in &workspace.packages {
        let Some(library) = package.library(&workspace.tree) else { continue };
        let Some(source) = workspace.sources.get(&library.file) else { continue };
        let derives =
            package.manifest.at(&["lib", "proc-macro"]).and_then(Node::truth) == Some(true);
        for item in &source.items {
            let what = match item.kind {
                ItemKind::Face => continue,
                ItemKind::ProcMacro if derives => continue,
                ItemKind::ProcMacro => "fn",
                ItemKind::Code(keyword) => keyword,
            };
            findings.push(Finding::new(
                &library.file,
                item.line,
                format!("the face holds code: {what}"),
                "move it to the file of its idea and hand its name out with `pub use`",
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(manifest: &str, face: &str) -> Vec<usize> {
        let workspace = Workspace::of(&[
            ("crates/pile/Cargo.toml", manifest),
            ("crates/pile/src/lib.rs", face),
        ]);
        a_face_holds_no_code(&workspace).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn modules_names_and_a_refusal_to_compile_are_a_face() {
        let face = "//! Pile.\n#[cfg(not(unix))]\ncompile_error!(\"no\");\nmod a;\npub use a::A;\nextern crate self as pile;\n";
        assert_eq!(lines("", face), [0; 0]);
    }

    #[test]
    fn code_in_a_face_is_found_also_inside_a_module() {
        let face = "mod a;\nfn f() {}\npub mod inner {\n    pub struct S;\n}\nconst C: u8 = 1;\n";
        assert_eq!(lines("", face), [2, 4, 6]);
    }

    #[test]
    fn a_derive_stands_in_the_face_of_its_crate_only() {
        let face =
            "#[proc_macro_derive(Message)]\npub fn message(input: T) -> T { a::message(input) }\n";
        assert_eq!(lines("[lib]\nproc-macro = true\n", face), [0; 0]);
        assert_eq!(lines("", face), [1]);
    }
}
