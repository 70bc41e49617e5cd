//! A near `clippy.toml` hides the root's, since clippy reads only one; so it repeats what the root says.

use crate::finding::Finding;
use crate::manifest::{Node, Value};
use crate::workspace::Workspace;

const ROOT_FILE: &str = "clippy.toml";

/// Every `clippy.toml` of a crate says all that the root's says, and more if it likes.
#[must_use]
pub fn near_clippy_files_repeat_the_root(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    let root = match workspace.required(ROOT_FILE, "the rules that all crates share") {
        Ok(text) => Node::parse(ROOT_FILE, text),
        Err(finding) => Err(finding),
    };
    let root = match root {
        Ok(root) => root,
        Err(finding) => return vec![finding],
    };
    for (file, text) in workspace.tree.ending("clippy.toml").filter(|(file, _)| *file != ROOT_FILE)
    {
        match Node::parse(file, text) {
            Ok(near) => findings.extend(missing(&root, file, &near)),
            Err(finding) => findings.push(finding),
        }
    }
    findings
}

fn missing(root: &Node, file: &str, near: &Node) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |line: usize, what: String| {
        let fault = format!("does not repeat the root's {what}");
        findings.push(Finding::new(file, line, fault, "copy it from the root's clippy.toml"));
    };
    for (key, wanted) in root.entries().into_iter().flatten() {
        let said = near.at(&[key]);
        match (wanted.list(), said.and_then(Node::list)) {
            _ if said.is_none() => find(1, key.clone()),
            (Some(wanted), Some(said)) => {
                let lacking = wanted
                    .iter()
                    .filter(|item| !said.iter().any(|other| path(other) == path(item)));
                lacking.for_each(|item| {
                    find(near.at(&[key]).map_or(1, |it| it.line), format!("{key}: {}", path(item)))
                });
            }
            _ if said != Some(wanted) => find(said.map_or(1, |said| said.line), key.clone()),
            _ => {}
        }
    }
    findings
}

/// What an entry forbids: its path, whether it has a reason or not.
fn path(entry: &Node) -> &str {
    match &entry.value {
        Value::Text(path) => path,
        _ => entry.text_at(&["path"]).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "allow-unwrap-in-tests = true\ndisallowed-methods = [\n    { path = \"a::b\", reason = \"x\" },\n    \"c::d\",\n]\n";

    fn faults(near: &str) -> Vec<String> {
        let workspace = Workspace::of(&[("clippy.toml", ROOT), ("crates/web/clippy.toml", near)]);
        near_clippy_files_repeat_the_root(&workspace).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_near_file_may_add_and_reword() {
        let near = format!("disallowed-types = [\"e::F\"]\n{}", ROOT.replace("\"x\"", "\"y\""));
        assert_eq!(faults(&near), [""; 0]);
    }

    #[test]
    fn a_near_file_that_says_less_is_found() {
        let found = faults("allow-unwrap-in-tests = false\ndisallowed-methods = [\"a::b\"]\n");
        assert_eq!(found.len(), 2, "{found:#?}");
        assert!(
            found[0]
                .starts_with("crates/web/clippy.toml:1: does not repeat the root's allow-unwrap")
        );
        assert!(found[1].starts_with(
            "crates/web/clippy.toml:2: does not repeat the root's disallowed-methods: c::d"
        ));
    }
}
