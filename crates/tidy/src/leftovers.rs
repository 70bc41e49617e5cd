//! A leftover is a note to do something later; what is not done is an issue or a sentence, not a note.

use crate::finding::Finding;
use crate::markdown;
use crate::workspace::Workspace;

const MARKS: [&str; 4] = ["TODO", "FIXME", "XXX", "HACK"];
const MACROS: [&str; 2] = ["todo", "unimplemented"];
/// Where a comment begins with a number sign.
const HASH_ENDINGS: [&str; 4] = [".toml", ".sh", ".py", ".yml"];

/// No comment and no document has a mark for later, and no code stops at a macro that stands for it.
#[must_use]
pub fn no_todo_remains(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, text) in workspace.tree.texts() {
        for (line, text) in notes(workspace, file, text) {
            let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
            for mark in words.filter(|word| MARKS.contains(word)) {
                let fault = format!("says {mark}");
                findings.push(Finding::new(
                    file,
                    line,
                    fault,
                    "do it, or say what is so in a sentence",
                ));
            }
        }
    }
    for (file, source) in &workspace.sources {
        for (line, word) in
            source.watched.iter().filter(|(_, word)| MACROS.contains(&word.as_str()))
        {
            let fault = format!("stops at {word}!");
            findings.push(Finding::new(file, *line, fault, "write what is missing"));
        }
    }
    findings
}

/// What people wrote to people.
fn notes(workspace: &Workspace, file: &str, text: &str) -> Vec<(usize, String)> {
    if file.ends_with(".rs") {
        let source = workspace.sources.get(file);
        source.map(|source| source.comments.clone()).unwrap_or_default()
    } else if file.ends_with(".md") {
        markdown::prose(text)
    } else if file.starts_with(".ci/") || HASH_ENDINGS.iter().any(|end| file.ends_with(end)) {
        let comment =
            |(line, text): (usize, &str)| Some((line, text.split_once('#')?.1.to_owned()));
        (1..).zip(text.lines()).filter_map(comment).collect()
    } else {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_for_later_is_found_in_comments_documents_and_scripts() {
        let workspace = Workspace::of(&[
            // In parts, so that who searches the workspace for the macro finds none.
            (
                "crates/pile/src/lib.rs",
                concat!("// fine\n/// TODO: more\nfn f() {\n    todo", "!()\n}\n"),
            ),
            ("docs/a.md", "So.\n\nFIXME later.\n"),
            (".ci/run", "cargo test # XXX\n"),
            ("clippy.toml", "a = 1 # HACK\n"),
        ]);
        let findings = no_todo_remains(&workspace);
        let told: Vec<_> = findings.iter().map(|it| (it.file.as_str(), it.line)).collect();
        assert_eq!(
            told,
            [
                (".ci/run", 1),
                ("clippy.toml", 1),
                ("crates/pile/src/lib.rs", 2),
                ("docs/a.md", 3),
                ("crates/pile/src/lib.rs", 4)
            ]
        );
    }

    #[test]
    fn the_word_in_a_string_or_in_code_is_no_note() {
        let workspace = Workspace::of(&[
            (
                "crates/pile/src/lib.rs",
                concat!("const A: &str = \"TODO // todo", "!()\";\nfn f(todos: u8) {}\n"),
            ),
            ("docs/a.md", "No `TODO` here.\n\n```\nTODO\n```\n"),
            (".ci/run", "grep TODO src\n"),
        ]);
        assert_eq!(no_todo_remains(&workspace), []);
    }
}
