//! An excerpt in a document stands in the file that it names, word for word: what is shown is what is built and tested.

use crate::finding::Finding;
use crate::markdown::{self, Fence};
use crate::workspace::Workspace;

/// Every block of code that names a file behind its language is a run of lines of that file, which may be indented there.
#[must_use]
pub fn excerpts_stand_in_their_files(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (document, text) in workspace.tree.ending(".md") {
        for fence in markdown::fences(text) {
            let Some((_, file)) = fence.info.split_once(' ') else { continue };
            let fault = match workspace.tree.text(file) {
                None => format!("shows lines of {file}, and nothing lies there"),
                Some(text) => match first_strange(&fence, text) {
                    None => continue,
                    Some(line) => format!("`{line}` does not stand there in {file}"),
                },
            };
            let cure = "copy the lines as they are there now, and name the file by its path from the workspace";
            findings.push(Finding::new(document, fence.line, fault, cure));
        }
    }
    findings
}

/// The first line of an excerpt that the file does not have where the lines before it are; none if it has all.
fn first_strange(fence: &Fence, text: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let shown: Vec<&str> = fence.lines.iter().map(|(_, line)| line.as_str()).collect();
    let agreeing = (0..lines.len()).map(|start| {
        let indent_bytes = lines[start].len() - lines[start].trim_start().len();
        let there = lines[start..].iter().map(|line| line.get(indent_bytes..).unwrap_or(""));
        shown.iter().zip(there).take_while(|(shown, there)| *shown == there).count()
    });
    let most = agreeing.max().unwrap_or(0);
    shown.get(most).map(|line| line.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str =
        "fn main() {\n    let a = 1;\n\n    if a > 0 {\n        let b = 2;\n    }\n}\n";

    fn faults(document: &str) -> Vec<String> {
        let workspace = Workspace::of(&[("docs/guide.md", document), ("examples/a.rs", FILE)]);
        excerpts_stand_in_their_files(&workspace).into_iter().map(|finding| finding.fault).collect()
    }

    #[test]
    fn lines_that_stand_there_are_no_finding_indented_or_not() {
        let inner = "```rust examples/a.rs\nlet a = 1;\n\nif a > 0 {\n    let b = 2;\n}\n```\n";
        let whole = format!("```rust examples/a.rs\n{FILE}```\n");
        let unnamed = "```rust\nlet z = 1;\n```\n";
        for document in [inner, &whole, unnamed] {
            assert_eq!(faults(document), [""; 0], "{document}");
        }
    }

    #[test]
    fn lines_that_were_changed_left_out_or_have_no_file_are_found() {
        let changed = "```rust examples/a.rs\nlet a = 1;\n\nif a > 1 {\n```\n";
        assert_eq!(faults(changed), ["`if a > 1 {` does not stand there in examples/a.rs"]);
        let left_out = "```rust examples/a.rs\nlet a = 1;\nif a > 0 {\n```\n";
        assert_eq!(faults(left_out), ["`if a > 0 {` does not stand there in examples/a.rs"]);
        let nowhere = "```rust examples/b.rs\nlet a = 1;\n```\n";
        assert_eq!(faults(nowhere), ["shows lines of examples/b.rs, and nothing lies there"]);
    }
}
