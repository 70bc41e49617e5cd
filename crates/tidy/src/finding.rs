//! A finding is one departure from a rule: where it is, what is wrong, and what to do about it.

use std::fmt;

/// One departure from a rule.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Finding {
    /// The file, from the workspace's root.
    pub file: String,
    /// The line, counted from one.
    pub line: usize,
    /// What is wrong.
    pub fault: String,
    /// What to do about it.
    pub cure: String,
}

impl Finding {
    pub(crate) fn new(
        file: &str,
        line: usize,
        fault: impl Into<String>,
        cure: impl Into<String>,
    ) -> Self {
        Self { file: file.to_owned(), line, fault: fault.into(), cure: cure.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {}; {}", self.file, self.line, self.fault, self.cure)
    }
}

/// All findings of a rule in the order of a reader, one a line.
#[must_use]
pub fn report(findings: &[Finding]) -> String {
    let mut sorted: Vec<_> = findings.iter().collect();
    sorted.sort();
    sorted.dedup();
    let lines: Vec<_> = sorted.iter().map(ToString::to_string).collect();
    format!("{} found\n{}", lines.len(), lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_names_file_line_fault_and_cure_once_and_in_order() {
        let late = Finding::new("b.rs", 2, "two", "cut");
        let early = Finding::new("a.rs", 10, "one", "mend");
        let told = report(&[late.clone(), early, late]);
        assert_eq!(told, "2 found\na.rs:10: one; mend\nb.rs:2: two; cut");
    }
}
