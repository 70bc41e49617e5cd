//! The changelog tells each release under rubrics, so that a reader finds first what breaks.

use crate::finding::Finding;
use crate::markdown;
use crate::workspace::Workspace;

const CHANGELOG: &str = "CHANGELOG.md";
const RUBRICS: [&str; 5] = ["Breaks", "Repairs", "Faster, smaller", "New", "Inside"];
const UNRELEASED: &str = "Unreleased";

/// Every release of the changelog, the unreleased first, has known rubrics in order, and each of them a line.
#[must_use]
pub fn the_changelog_has_its_rubrics(workspace: &Workspace) -> Vec<Finding> {
    let text = match workspace.required(CHANGELOG, "what each release changes for its users") {
        Ok(text) => text,
        Err(finding) => return vec![finding],
    };
    let mut findings = Vec::new();
    let mut find = |line: usize, fault: String, cure: String| {
        findings.push(Finding::new(CHANGELOG, line, fault, cure))
    };
    let headings = markdown::headings(text);
    let entries: Vec<_> = markdown::units(text)
        .into_iter()
        .filter(|(_, unit)| unit.starts_with("- "))
        .map(|(line, _)| line)
        .collect();
    let first = headings.iter().find(|heading| heading.level == 2);
    if first.is_none_or(|heading| heading.title != UNRELEASED) {
        let line = first.map_or(1, |heading| heading.line);
        find(
            line,
            format!("the first release is not `## {UNRELEASED}`"),
            "write it above".to_owned(),
        );
    }
    let mut rank = None;
    for (at, heading) in headings.iter().enumerate() {
        let end = headings.get(at + 1).map_or(usize::MAX, |next| next.line);
        let has_entry = entries.iter().any(|line| (heading.line..end).contains(line));
        match heading.level {
            1 | 2 => {
                rank = None;
                if has_entry {
                    let fault = format!("a line under “{}” has no rubric", heading.title);
                    find(
                        heading.line,
                        fault,
                        format!("put it under one of: {}", RUBRICS.join(", ")),
                    );
                }
            }
            _ => {
                let here = RUBRICS.iter().position(|rubric| *rubric == heading.title);
                if heading.level != 3 || here.is_none() {
                    let fault = format!("“{}” is no rubric", heading.title);
                    find(
                        heading.line,
                        fault,
                        format!("use one of, as ###: {}", RUBRICS.join(", ")),
                    );
                } else if here <= rank {
                    let fault = format!("“{}” stands too late", heading.title);
                    find(heading.line, fault, format!("keep the order: {}", RUBRICS.join(", ")));
                }
                if !has_entry {
                    let fault = format!("“{}” is empty", heading.title);
                    find(heading.line, fault, "take it out until it has a line".to_owned());
                }
                rank = rank.max(here);
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<usize> {
        let workspace = Workspace::of(&[("CHANGELOG.md", text)]);
        the_changelog_has_its_rubrics(&workspace).iter().map(|finding| finding.line).collect()
    }

    const GOOD: &str = "# Changelog

What is **New**.

## Unreleased

### Breaks

- a

### New

- b

## 0.1.0

### Repairs

- c
";

    #[test]
    fn rubrics_in_order_with_lines_are_no_finding() {
        assert_eq!(lines(GOOD), [0; 0]);
    }

    #[test]
    fn wrong_late_empty_and_missing_rubrics_are_found() {
        assert_eq!(lines(&GOOD.replace("### New", "### Added")), [11]);
        assert_eq!(lines(&GOOD.replace("### Breaks", "### Inside")), [11]);
        assert_eq!(lines(&GOOD.replace("- b", "b")), [11]);
        assert_eq!(lines(&GOOD.replace("### Repairs\n", "")), [15]);
        assert_eq!(lines(&GOOD.replace("## Unreleased", "## 0.2.0")), [5]);
        assert_eq!(lines("# Changelog\n"), [1]);
    }
}
