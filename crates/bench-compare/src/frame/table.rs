//! The table: a line for each entrant, and under it the verdicts; what has no figure stands there with its reason.
//!
//! `client` is what the same work cost the client; `core`, how busy the server kept its own. Below 100 % the client was the
//! slower of the two: the cost holds, the rate is the client's.

use crate::frame::case_report::{CaseReport, RowReport};
use crate::frame::comparison::Comparison;
use crate::frame::ratio::Spread;

/// Words and figures of one line, from left to right.
pub(crate) type Line = Vec<String>;

const NO_FIGURE: &str = "–";

/// A case as text.
pub(crate) fn table(comparison: &Comparison, case: &CaseReport) -> String {
    let lines = lines(comparison, case);
    let column_count = lines.iter().map(Vec::len).max().unwrap_or_default();
    // A reason may be long, and stands alone behind its name: it widens no column.
    let figures = || lines.iter().filter(|line| line.len() == column_count);
    let mut widths: Vec<_> = (0..column_count)
        .map(|column| figures().map(|line| letters(&line[column])).max().unwrap_or_default())
        .collect();
    widths[0] = lines.iter().map(|line| letters(&line[0])).max().unwrap_or_default();
    let mut text = format!("\n{}, {}\n", case.panel, case.point);
    for line in &lines {
        text.push_str("  ");
        for (column, word) in line.iter().enumerate() {
            let fill = " ".repeat(widths[column].saturating_sub(letters(word)));
            let is_left = column == 0 || line.len() < column_count;
            let cell = if is_left { format!("{word}{fill}") } else { format!("{fill}{word}") };
            text.push_str(&cell);
            text.push_str("   ");
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    for verdict in &case.verdicts {
        text.push_str(&format!("  → levada: {}\n", verdict.in_words()));
    }
    for row in &case.rows {
        if let Some(share) = row.rest_share {
            let percent = share * 100.0;
            text.push_str(&format!("  ! {} used {percent:.1} % of a core at rest\n", row.name));
        }
    }
    text
}

/// The head and a line for each entrant, without the columns in which nobody has a figure.
pub(crate) fn lines(comparison: &Comparison, case: &CaseReport) -> Vec<Line> {
    let head = head(comparison);
    let column_count = head.len();
    let rows = case.rows.iter().map(|row| line(comparison, row));
    let mut lines: Vec<Line> = std::iter::once(head).chain(rows).collect();
    for column in (1..column_count).rev() {
        let mut cells = lines.iter().skip(1).filter(|line| line.len() == lines[0].len());
        // Where nobody has any figure the head says still what was asked for.
        if cells.clone().next().is_some() && cells.all(|line| line[column] == NO_FIGURE) {
            let column_count = lines[0].len();
            for line in lines.iter_mut().filter(|line| line.len() == column_count) {
                line.remove(column);
            }
        }
    }
    lines
}

/// What stands above the figures.
fn head(comparison: &Comparison) -> Line {
    let mut line = vec![String::new(), comparison.unit.to_owned()];
    line.extend(comparison.yardsticks.iter().map(|of| format!("of {}", of.name())));
    line.extend(["client", comparison.rate_unit, "p50 µs", "p99 µs", "core"].map(str::to_owned));
    line.extend(comparison.other_units.iter().map(|unit| (*unit).to_owned()));
    line
}

/// The figures of one entrant; without them its name, and why.
fn line(comparison: &Comparison, row: &RowReport) -> Line {
    let Some(cost) = row.cost else {
        let why = row.no_figure.as_deref().unwrap_or("no figure");
        return vec![row.name.clone(), format!("– {why}")];
    };
    let mut line = vec![row.name.clone(), with_places(cost.median)];
    for of in comparison.yardsticks {
        let found = row.ratios.iter().find(|ratio| ratio.of == of.name());
        line.push(found.map_or_else(
            || NO_FIGURE.to_owned(),
            |found| ratio(&row.name, &found.row, found.ratio),
        ));
    }
    let figure = |figure: Option<f64>| figure.map_or_else(|| NO_FIGURE.to_owned(), with_places);
    line.push(figure(row.client_cost.map(|cost| cost.median)));
    line.push(figure(row.rate_per_s.map(|rate| rate.median)));
    line.push(figure(row.latency_us.map(|latency| latency.p50)));
    line.push(figure(row.latency_us.map(|latency| latency.p99)));
    let busy = row.busy_share.map(|share| format!("{:.0} %", share.median * 100.0));
    line.push(busy.unwrap_or_else(|| NO_FIGURE.to_owned()));
    for index in 0..comparison.other_units.len() {
        line.push(figure(row.others.get(index).map(|other| other.median)));
    }
    line
}

fn ratio(name: &str, yardstick: &str, ratio: Spread) -> String {
    if name == yardstick {
        return "1".to_owned();
    }
    ratio.in_words()
}

/// Three figures that say something, and no more than two behind the point.
fn with_places(value: f64) -> String {
    let places = if value < 10.0 {
        2
    } else if value < 100.0 {
        1
    } else {
        0
    };
    format!("{value:.places$}")
}

fn letters(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::case_report::tests::sample_case;
    use crate::frame::comparison::Yardstick;
    use crate::frame::manner::Manner;

    fn comparison() -> Comparison {
        Comparison {
            name: "sample",
            manner: Manner::Servers,
            title: "sample",
            unit: "µs/request",
            rate_unit: "requests/s",
            other_units: &["syscalls/request"],
            yardsticks: &[Yardstick::Floor, Yardstick::Rival("nginx")],
            notes: &[],
            cases: |_| Ok(Vec::new()),
        }
    }

    #[test]
    fn a_line_has_cost_ratios_rate_latency_and_how_busy_the_core_was() {
        let text = table(&comparison(), &sample_case());
        let line = text.lines().find(|line| line.trim_start().starts_with("levada")).unwrap();
        let words: Vec<_> =
            line.split("  ").map(str::trim).filter(|word| !word.is_empty()).collect();
        let figures = [
            "levada",
            "6.00",
            "1.20 (1.20–1.20)",
            "0.75 (0.75–0.75)",
            "3.00",
            "166667",
            "2.00",
            "2.00",
            "99 %",
            "0.50",
        ];
        assert_eq!(words, figures);
    }

    #[test]
    fn a_column_without_a_figure_is_left_out() {
        let mut case = sample_case();
        for row in &mut case.rows {
            (row.client_cost, row.latency_us) = (None, None);
        }
        let lines = lines(&comparison(), &case);
        let head = [
            "",
            "µs/request",
            "of the floor",
            "of nginx",
            "requests/s",
            "core",
            "syscalls/request",
        ];
        assert_eq!(lines[0], head);
        assert_eq!(lines[1][1..3], ["6.00", "1.20 (1.20–1.20)"]);
        assert_eq!(lines[5].len(), 2, "a name and a reason");
    }

    #[test]
    fn the_table_says_what_is_missing_and_what_is_met() {
        let text = table(&comparison(), &sample_case());
        assert!(text.contains("static-web-server     – not installed: apt"), "{text}");
        assert!(
            text.contains("→ levada: 0.75 (0.75–0.75) of nginx: bar 0.80 met, goal 0.70 not met"),
            "{text}"
        );
        assert!(text.lines().all(|line| line == line.trim_end()));
    }
}
