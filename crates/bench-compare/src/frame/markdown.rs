//! The report as a page of Markdown, fit for `docs/benchmarks`: it names the command, the kernel and the cores, and no host,
//! no user and no path.

use std::fmt::Write;

use crate::frame::case_report::CaseReport;
use crate::frame::comparison::Comparison;
use crate::frame::table::{Line, lines};
use crate::machine::facts::Facts;

/// What stands above the tables.
pub(crate) struct Circumstances<'a> {
    /// As it is typed.
    pub(crate) command: &'a str,
    pub(crate) machine: &'a Facts,
    /// Names and versions.
    pub(crate) programs: &'a [String],
    pub(crate) window_ms: u128,
}

/// All cases as a page; the plot is expected beside it.
pub(crate) fn page(
    comparison: &Comparison,
    circumstances: &Circumstances<'_>,
    cases: &[CaseReport],
) -> String {
    let Circumstances { command, machine, programs, window_ms } = circumstances;
    let mut text = format!("# {}\n\n```bash\n{command}\n```\n\n", comparison.title);
    let kernel = version_alone(&machine.kernel);
    let core_count = machine.core_count;
    write!(text, "Linux {kernel}, {core_count} cores{}", comparison.manner.road())
        .expect("a string takes all");
    for program in *programs {
        write!(text, ", {program}").expect("a string takes all");
    }
    let method = comparison.manner.method();
    writeln!(
        text,
        ". {method} A ratio is the median of the ratios round by round, with the lowest and the highest. Only ratios are \
         worth comparing between machines."
    )
    .expect("a string takes all");
    for note in comparison.notes {
        writeln!(text, "{note}").expect("a string takes all");
    }
    write!(text, "\n![{} as a plot]({}.svg)\n", comparison.name, comparison.name)
        .expect("a string takes all");
    for case in cases {
        write!(text, "\n## {}, {}\n\n", case.panel, case.point).expect("a string takes all");
        add_table(&mut text, comparison, case);
        let round_count = case.rows.iter().map(|row| row.costs.len()).max().unwrap_or_default();
        let rounds = comparison.manner.rounds(round_count, *window_ms);
        write!(text, "\n{rounds}.\n").expect("a string takes all");
        for verdict in &case.verdicts {
            write!(text, "\n- levada: {}", verdict.in_words()).expect("a string takes all");
        }
        if !case.verdicts.is_empty() {
            text.push('\n');
        }
    }
    text
}

fn add_table(text: &mut String, comparison: &Comparison, case: &CaseReport) {
    let mut lines = lines(comparison, case).into_iter();
    let head = lines.next().expect("a table has a head");
    let column_count = head.len();
    add_line(text, &head, column_count);
    let rule = (0..column_count).map(|column| if column == 0 { "---" } else { "---:" });
    add_line(text, &rule.map(str::to_owned).collect(), column_count);
    for line in lines {
        add_line(text, &line.iter().map(|cell| without_paths(cell)).collect(), column_count);
    }
}

fn add_line(text: &mut String, cells: &Line, column_count: usize) {
    let empty = String::new();
    for column in 0..column_count {
        let cell = cells.get(column).unwrap_or(&empty).replace('|', "\\|");
        write!(text, "| {cell} ").expect("a string takes all");
    }
    text.push_str("|\n");
}

/// The kernel's number; what distributors and hosts write behind it stays out.
fn version_alone(release: &str) -> &str {
    let end = release.find(|c: char| !c.is_ascii_digit() && c != '.');
    release[..end.unwrap_or(release.len())].trim_end_matches('.')
}

/// A sentence in which each absolute path is an ellipsis: reasons may quote what a server said.
fn without_paths(said: &str) -> String {
    let is_path = |word: &str| word.trim_start_matches(['"', '\'', '`', '(']).starts_with('/');
    let words: Vec<_> =
        said.split(' ').map(|word| if is_path(word) { "…" } else { word }).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::case_report::tests::sample_case;
    use crate::frame::comparison::Yardstick;
    use crate::frame::manner::Manner;

    fn sample_page() -> String {
        let comparison = Comparison {
            name: "sample",
            manner: Manner::Servers,
            title: "sample: this and that",
            unit: "µs/request",
            rate_unit: "requests/s",
            other_units: &[],
            yardsticks: &[Yardstick::Floor, Yardstick::Rival("nginx")],
            notes: &["A note."],
            cases: |_| Ok(Vec::new()),
        };
        let machine = Facts {
            kernel: "6.18.5-house-of-somebody".to_owned(),
            processor: "Some".to_owned(),
            core_count: 2,
            memory_bytes: 1,
        };
        let circumstances = Circumstances {
            command: "cargo run --release -p levada-bench-compare -- sample",
            machine: &machine,
            programs: &["nginx 1.22.1".to_owned()],
            window_ms: 500,
        };
        page(&comparison, &circumstances, &[sample_case()])
    }

    #[test]
    fn the_page_has_the_command_the_circumstances_the_figures_and_the_verdicts() {
        let text = sample_page();
        for part in [
            "```bash\ncargo run --release -p levada-bench-compare -- sample\n```",
            "Linux 6.18.5, 2 cores, loopback, nginx 1.22.1.",
            "A note.",
            "![sample as a plot](sample.svg)",
            "## 1 KiB, 64 connections",
            "| levada | 6.00 | 1.20 (1.20–1.20) | 0.75 (0.75–0.75) |",
            "3 rounds of 500 ms.",
            "- levada: 0.75 (0.75–0.75) of nginx: bar 0.80 met, goal 0.70 not met",
            "| static-web-server | – not installed: apt |",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains("somebody"));
    }

    #[test]
    fn every_line_of_a_table_has_as_many_cells() {
        let text = sample_page();
        let bars = |line: &str| line.matches('|').count();
        let counts: Vec<_> = text.lines().filter(|line| line.starts_with('|')).map(bars).collect();
        assert_eq!(counts.len(), 7);
        assert!(counts.iter().all(|count| *count == counts[0]), "{counts:?}");
    }

    #[test]
    fn paths_are_left_out_of_what_is_told() {
        assert_eq!(
            without_paths("cannot open \"/home/a/b\": no such file"),
            "cannot open … no such file"
        );
        assert_eq!(
            without_paths("cargo install x --root target/compare"),
            "cargo install x --root target/compare"
        );
    }
}
