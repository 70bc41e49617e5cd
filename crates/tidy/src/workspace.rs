//! The workspace is what all rules are asked about: its tree, its manifests, and the facts of its sources.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::Path;
use std::{io, thread};

use crate::finding::Finding;
use crate::manifest::Node;
use crate::package::Package;
use crate::source::Source;
use crate::tree::Tree;

/// Everything that lies in the workspace, read once.
#[derive(Debug)]
pub struct Workspace {
    pub(crate) tree: Tree,
    /// The manifest at the root.
    pub(crate) root: Node,
    pub(crate) packages: Vec<Package>,
    /// By file.
    pub(crate) sources: BTreeMap<String, Source>,
    unreadable: Vec<Finding>,
}

impl Workspace {
    /// Reads the workspace that this crate was built in.
    /// # Errors
    /// Those of the file system.
    pub fn read() -> io::Result<Self> {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
        let root = crates.and_then(Path::parent).ok_or(io::ErrorKind::NotFound)?;
        Ok(Self::from_tree(Tree::read(root)?))
    }

    pub(crate) fn from_tree(tree: Tree) -> Self {
        let mut unreadable = Vec::new();
        let mut manifest = |file: &str| {
            let text = tree.text(file).unwrap_or_default();
            Node::parse(file, text).map_err(|finding| unreadable.push(finding)).ok()
        };
        let root = manifest(ROOT_MANIFEST).unwrap_or_else(Node::empty);
        let packages = tree
            .ending("/Cargo.toml")
            .filter_map(|(file, _)| {
                Some((file, file.strip_prefix("crates/")?.strip_suffix("/Cargo.toml")?))
            })
            .filter(|(_, folder)| !folder.contains('/'))
            .filter_map(|(file, folder)| Some(Package::new(folder, file, manifest(file)?)))
            .collect();
        let mut readable = BTreeMap::new();
        for (file, source) in read_sources(&tree) {
            match source {
                Ok(source) => readable.extend([(file.to_owned(), source)]),
                Err(finding) => unreadable.push(finding),
            }
        }
        Self { root, packages, sources: readable, unreadable, tree }
    }

    /// A workspace of these files, for a rule's own tests.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        Self::from_tree(Tree::of(files))
    }

    /// The package in that folder of `crates/`.
    pub(crate) fn package(&self, folder: &str) -> Option<&Package> {
        self.packages.iter().find(|package| package.folder == folder)
    }

    /// A line of a file that the rule cannot do without, or the finding that the file is not there.
    pub(crate) fn required(&self, file: &str, what: &str) -> Result<&str, Finding> {
        let missing = || Finding::new(file, 1, "the file is missing", format!("write {what}"));
        self.tree.text(file).ok_or_else(missing)
    }
}

/// Parses every source of the crates, on as many threads as there are cores: it is nearly all of the work.
fn read_sources(tree: &Tree) -> Vec<(&str, Result<Source, Finding>)> {
    let files: Vec<_> =
        tree.ending(".rs").filter(|(file, _)| file.starts_with("crates/")).collect();
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    // Neighbours differ less in length than crates do, so each thread takes files from everywhere.
    let share = |first: usize| {
        let files = files.iter().skip(first).step_by(threads);
        files.map(|(file, text)| (*file, Source::parse(file, text))).collect::<Vec<_>>()
    };
    thread::scope(|scope| {
        let share = &share;
        let readers: Vec<_> = (0..threads).map(|first| scope.spawn(move || share(first))).collect();
        readers
            .into_iter()
            .flat_map(|reader| reader.join().expect("a reader gives a finding, it does not panic"))
            .collect()
    })
}

/// The manifest at the root.
pub(crate) const ROOT_MANIFEST: &str = "Cargo.toml";

/// Every manifest and source of the crates parses: what does not is skipped by all other rules.
#[must_use]
pub fn every_file_can_be_read(workspace: &Workspace) -> Vec<Finding> {
    workspace.unreadable.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_does_not_parse_is_named_and_the_others_are_read() {
        let workspace = Workspace::of(&[
            ("Cargo.toml", "[workspace]\n"),
            ("crates/pile/Cargo.toml", "[package]\nname = \"levada-pile\"\n"),
            ("crates/pile/src/lib.rs", "mod a;\n"),
            ("crates/pile/src/a.rs", "fn f() {\n    let = 3;\n}\n"),
        ]);
        let findings = every_file_can_be_read(&workspace);
        assert_eq!(findings.len(), 1);
        assert_eq!((findings[0].file.as_str(), findings[0].line), ("crates/pile/src/a.rs", 2));
        assert_eq!((workspace.packages.len(), workspace.sources.len()), (1, 1));
    }
}
