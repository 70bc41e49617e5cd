//! A tree is what lies in the workspace: every path, and the text of those files that a rule reads.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

/// What rules read; a path of any other kind is only known to exist.
const TEXT_ENDINGS: [&str; 7] = [".rs", ".toml", ".md", ".sh", ".py", ".yml", ".js"];

/// Paths from the workspace's root with `/` between their parts, folders included.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    paths: BTreeMap<String, Option<String>>,
}

impl Tree {
    /// Reads what lies under `root`, but for what its `.gitignore` names from the root on.
    /// # Errors
    /// Those of the file system.
    pub(crate) fn read(root: &Path) -> io::Result<Self> {
        let ignored = fs::read_to_string(root.join(".gitignore")).unwrap_or_default();
        let mut skip: Vec<&str> =
            ignored.lines().filter_map(|line| line.strip_prefix('/')).collect();
        skip.push(".git");
        let mut tree = Self::default();
        tree.read_folder(root, "", &skip)?;
        Ok(tree)
    }

    fn read_folder(&mut self, root: &Path, folder: &str, skip: &[&str]) -> io::Result<()> {
        for entry in fs::read_dir(root.join(folder))? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            if skip.contains(&path.as_str()) {
                continue;
            }
            // `file_type` does not follow links: a link is a path, and nothing behind it is ours.
            if entry.file_type()?.is_dir() {
                self.read_folder(root, &path, skip)?;
                self.paths.insert(path, None);
            } else {
                let text =
                    if is_text(&path) { fs::read_to_string(entry.path()).ok() } else { None };
                self.paths.insert(path, text);
            }
        }
        Ok(())
    }

    /// A tree of these files, for a rule's own tests.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let mut paths = BTreeMap::new();
        for (path, text) in files {
            paths.insert((*path).to_owned(), Some((*text).to_owned()));
            for (at, _) in path.match_indices('/') {
                paths.insert(path[..at].to_owned(), None);
            }
        }
        Self { paths }
    }

    /// The text of a file, if it exists and is text.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.paths.get(path)?.as_deref()
    }

    /// Whether a file or folder lies there.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.paths.contains_key(path)
    }

    /// The files with text whose path ends so.
    pub(crate) fn ending<'a>(&'a self, end: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.texts().filter(move |(path, _)| path.ends_with(end))
    }

    /// All files with text.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.paths.iter().filter_map(|(path, text)| Some((path.as_str(), text.as_deref()?)))
    }
}

fn is_text(path: &str) -> bool {
    path.starts_with(".ci/") || TEXT_ENDINGS.iter().any(|end| path.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_knows_its_files_and_the_folders_above_them() {
        let tree = Tree::of(&[("crates/pile/src/lib.rs", "//! Pile.")]);
        assert!(tree.has("crates/pile") && tree.has("crates/pile/src/lib.rs"));
        assert!(!tree.has("crates/p"));
        assert_eq!(tree.text("crates/pile/src/lib.rs"), Some("//! Pile."));
        assert_eq!(tree.text("crates/pile"), None);
    }
}
