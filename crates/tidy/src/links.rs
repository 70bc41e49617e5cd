//! A link in a document leads to a file that lies there, and to a heading that stands in it.

use crate::finding::Finding;
use crate::markdown;
use crate::workspace::Workspace;

/// Every link of every document that leads inside the workspace leads somewhere.
#[must_use]
pub fn links_lead_somewhere(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, text) in workspace.tree.ending(".md") {
        for (line, link) in markdown::links(text) {
            let outside = link.contains("://") || link.starts_with("mailto:");
            if outside {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let Some(target) = resolve(file, path) else {
                let fault = format!("`{link}` leads out of the workspace");
                findings.push(Finding::new(
                    file,
                    line,
                    fault,
                    "link to what lies in it, by a relative path",
                ));
                continue;
            };
            if !workspace.tree.has(&target) && !target.is_empty() {
                let fault = format!("`{link}` leads to {target}, and nothing lies there");
                findings.push(Finding::new(
                    file,
                    line,
                    fault,
                    "mend the path, or take the link out",
                ));
            } else if let Some(text) = workspace.tree.text(&target)
                && target.ends_with(".md")
                && !anchor.is_empty()
                && !markdown::anchors(text).iter().any(|other| other == anchor)
            {
                let fault = format!("`{link}` leads to a heading that {target} does not have");
                findings.push(Finding::new(
                    file,
                    line,
                    fault,
                    "name a heading as it is written there",
                ));
            }
        }
    }
    findings
}

/// Where a relative path leads from a file, if that is inside.
fn resolve(from: &str, path: &str) -> Option<String> {
    if path.is_empty() {
        return Some(from.to_owned());
    }
    if path.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in path.trim_end_matches('/').split('/') {
        match part {
            "." => {}
            ".." => _ = parts.pop()?,
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_nothing_are_found_and_others_are_not() {
        let good = "# Top\n\n[a](b/c.md#one-two) [b](#top) [c](b/) [d](https://example.org/x) `[e](no.md)`\n";
        let bad =
            "[up](../a.md) [no](d.md)\n[head](../a.md#none)\n[out](../../x.md) [abs](/a.md)\n";
        let workspace =
            Workspace::of(&[("a.md", good), ("b/c.md", &format!("# One two\n\n{bad}"))]);
        let findings = links_lead_somewhere(&workspace);
        let told: Vec<_> = findings.iter().map(|it| (it.file.as_str(), it.line)).collect();
        assert_eq!(told, [("b/c.md", 3), ("b/c.md", 4), ("b/c.md", 5), ("b/c.md", 5)]);
    }
}
