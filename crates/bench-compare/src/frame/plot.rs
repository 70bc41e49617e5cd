//! The plot: a picture for each panel, its cases from left to right, a line for each entrant with the spread of its rounds.
//!
//! ```text
//! cost │   ┬          entrant A: a mark at the median, a bar from the lowest to the highest round,
//!      │   ●───────●  and a line to the next case
//!      └───┴───────┴─ cases
//! ```

use std::fmt::Write;

use crate::frame::case_report::{CaseReport, RowReport};

const PANEL_WIDTH: f64 = 380.0;
const PANEL_HEIGHT: f64 = 260.0;
const LEFT: f64 = 64.0;
const TOP: f64 = 64.0;
const LEGEND_LINE: f64 = 20.0;

/// Told apart by people who see few colours (Okabe and Ito's), ours first.
const COLOURS: [&str; 8] =
    ["#d55e00", "#e69f00", "#000000", "#999999", "#0072b2", "#56b4e9", "#009e73", "#cc79a7"];

/// All cases as an SVG document.
pub(crate) fn plot(title: &str, unit: &str, cases: &[CaseReport]) -> String {
    let mut panels: Vec<&str> = Vec::new();
    let mut names: Vec<&str> = Vec::new();
    for case in cases {
        if !panels.contains(&case.panel.as_str()) {
            panels.push(&case.panel);
        }
        for row in &case.rows {
            if !names.contains(&row.name.as_str()) {
                names.push(&row.name);
            }
        }
    }
    let width = LEFT + (PANEL_WIDTH + LEFT) * panels.len().max(1) as f64;
    let height = TOP + PANEL_HEIGHT + 64.0 + LEGEND_LINE * names.len() as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    text(&mut svg, LEFT, 24.0, "start", &format!("{title} ({unit}; less is better)"));
    for (index, panel) in panels.iter().enumerate() {
        let left = LEFT + (PANEL_WIDTH + LEFT) * index as f64;
        let shown: Vec<_> = cases.iter().filter(|case| case.panel == *panel).collect();
        draw_panel(&mut svg, left, panel, &shown, &names);
    }
    for (index, name) in names.iter().enumerate() {
        let y = TOP + PANEL_HEIGHT + 56.0 + LEGEND_LINE * index as f64;
        let (colour, end) = (colour(index), LEFT + 24.0);
        line(&mut svg, (LEFT, y - 4.0), (end, y - 4.0), colour);
        let has_figure = cases
            .iter()
            .flat_map(|case| &case.rows)
            .any(|row| row.name == *name && row.cost.is_some());
        let said = if has_figure { (*name).to_owned() } else { format!("{name}: no figure") };
        text(&mut svg, end + 8.0, y, "start", &said);
    }
    svg.push_str("</svg>\n");
    svg
}

fn draw_panel(svg: &mut String, left: f64, panel: &str, cases: &[&CaseReport], names: &[&str]) {
    let costs = cases.iter().flat_map(|case| &case.rows).filter_map(|row| row.cost);
    let step = step_up_to(costs.map(|cost| cost.highest).fold(0.0, f64::max));
    let top_value = step * 5.0;
    let bottom = TOP + PANEL_HEIGHT;
    let height_of = |value: f64| bottom - PANEL_HEIGHT * value / top_value;
    let place_of = |index: usize| left + PANEL_WIDTH * (index as f64 + 0.5) / cases.len() as f64;
    text(svg, left, TOP - 12.0, "start", panel);
    for tick in 0..=5 {
        let value = step * f64::from(tick);
        let y = height_of(value);
        line(svg, (left, y), (left + PANEL_WIDTH, y), "#dddddd");
        text(svg, left - 6.0, y + 4.0, "end", &format!("{}", (value * 1e3).round() / 1e3));
    }
    let (ticks, axis) = ticks_of(cases);
    for (index, tick) in ticks.iter().enumerate() {
        text(svg, place_of(index), bottom + 18.0, "middle", tick);
    }
    text(svg, left + PANEL_WIDTH / 2.0, bottom + 34.0, "middle", axis);
    for (number, name) in names.iter().enumerate() {
        // A little aside of each other: spreads of equals would hide each other.
        let aside = (number as f64 - names.len() as f64 / 2.0) * 5.0;
        let mut before = None;
        for (index, case) in cases.iter().enumerate() {
            let is_it = |row: &&RowReport| row.name == *name;
            let Some(cost) = case.rows.iter().find(is_it).and_then(|row| row.cost) else {
                before = None;
                continue;
            };
            let x = place_of(index) + aside;
            let here = (x, height_of(cost.median));
            line(svg, (x, height_of(cost.lowest)), (x, height_of(cost.highest)), colour(number));
            let mark = format!("<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\"", here.0, here.1);
            writeln!(svg, "{mark} fill=\"{}\"/>", colour(number)).expect("a string takes all");
            if let Some(before) = before {
                line(svg, before, here, colour(number));
            }
            before = Some(here);
        }
    }
}

/// What stands under each case; a word that stands behind every number is said once, for the axis.
fn ticks_of<'a>(cases: &[&'a CaseReport]) -> (Vec<&'a str>, &'a str) {
    let whole = || cases.iter().map(|case| case.point.as_str()).collect();
    let is_same = |one: &str, other: &str| one.trim_end_matches('s') == other.trim_end_matches('s');
    let parts: Option<Vec<_>> = cases.iter().map(|case| case.point.split_once(' ')).collect();
    match parts.as_deref() {
        Some([rest @ .., (_, word)]) if rest.iter().all(|(_, other)| is_same(other, word)) => {
            (parts.iter().flatten().map(|(number, _)| *number).collect(), *word)
        }
        _ => (whole(), ""),
    }
}

/// A fifth of a round number that is not below `highest`.
fn step_up_to(highest: f64) -> f64 {
    let wanted = (highest / 5.0).max(1e-9);
    let power = 10_f64.powf(wanted.log10().floor());
    let factor = [1.0, 2.0, 2.5, 5.0].into_iter().find(|factor| factor * power >= wanted);
    factor.unwrap_or(10.0) * power
}

fn colour(index: usize) -> &'static str {
    COLOURS[index % COLOURS.len()]
}

fn line(svg: &mut String, from: (f64, f64), to: (f64, f64), colour: &str) {
    let ((x1, y1), (x2, y2)) = (from, to);
    let ends = format!("x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"");
    writeln!(svg, "<line {ends} stroke=\"{colour}\" stroke-width=\"1.5\"/>")
        .expect("a string takes all");
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, said: &str) {
    let said = said.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{said}</text>")
        .expect("a string takes all");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::case_report::tests::sample_case;

    #[test]
    fn the_picture_has_a_mark_for_each_figure_and_a_name_for_each_entrant() {
        let mut second = sample_case();
        second.point = "1000 connections".to_owned();
        let svg = plot("sample <of> all", "µs", &[sample_case(), second]);
        assert_eq!(svg.matches("<circle").count(), 8, "four entrants with figures in two cases");
        for name in ["levada", "bare ring", "nginx, sendfile off", "static-web-server: no figure"] {
            assert!(svg.contains(&format!(">{name}</text>")), "{name}");
        }
        assert!(svg.contains(">64</text>") && svg.contains(">1000</text>"));
        assert_eq!(svg.matches(">connections</text>").count(), 1, "the axis says it for both");
        assert_eq!(svg.matches(">1 KiB</text>").count(), 1, "one panel for both");
        assert!(svg.contains("sample &lt;of&gt; all"));
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    }

    #[test]
    fn the_axis_reaches_above_the_highest_by_round_steps() {
        for (highest, step) in [(9.0, 2.0), (11.0, 2.5), (26.0, 10.0), (0.4, 0.1), (301.0, 100.0)] {
            let found = step_up_to(highest);
            assert!((found - step).abs() < 1e-9, "{highest}: {found}");
            assert!(found * 5.0 >= highest);
        }
    }
}
