//! A session runs the comparisons that were asked for, one after the other, and tells what each found out.

use std::io::{self, Write};
use std::rc::Rc;

use crate::arguments::Arguments;
use crate::comparisons::catalogue::named;
use crate::frame::case_report::CaseReport;
use crate::frame::comparison::{Comparison, Ground, Side};
use crate::frame::fault::Fault;
use crate::frame::progress::Progress;
use crate::frame::report::Report;
use crate::frame::rounds;
use crate::frame::stop::Stop;
use crate::frame::table::table;
use crate::machine::cores;
use crate::machine::open_files;
use crate::machine::program::Places;

/// How a session ended, when nothing failed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum End {
    /// Ours was measured in every case.
    Whole,
    /// The rivals were measured, ours was not: the table says why.
    WithoutOurs,
}

/// Runs what `arguments` ask for.
/// # Errors
/// What ends a session before its end: a signal, a disk that is full.
pub(crate) fn run(arguments: &Arguments) -> Result<End, Fault> {
    let stop = Stop::listen().map_err(|error| Fault::machine("cannot listen for Ctrl-C", error))?;
    let places = Rc::new(Places::find()?);
    open_files::raise_limit()?;
    cores::settle()?;
    let mut end = End::Whole;
    for comparison in named(&arguments.name) {
        let pace = comparison.manner.pace(arguments.quick);
        let connection_count = arguments.connections;
        let (places, stop) = (Rc::clone(&places), stop.clone());
        let ground = Ground { places, pace, stop, connection_count };
        if compare(&comparison, &ground)? == End::WithoutOurs {
            end = End::WithoutOurs;
        }
    }
    Ok(end)
}

fn compare(comparison: &Comparison, ground: &Ground) -> Result<End, Fault> {
    say(&format!("\n{}\n", comparison.title))?;
    for note in comparison.notes {
        say(&format!("  {note}\n"))?;
    }
    let (round_count, window_ms) = (ground.pace.round_count, ground.pace.window.as_millis());
    let rounds = comparison.manner.rounds(round_count, window_ms);
    say(&format!("  {rounds} for each; ratios are medians of rounds (lowest–highest).\n"))?;
    let cases = (comparison.cases)(ground)?;
    let step_count = cases.iter().map(|case| case.entrants.len() * case.round_count).sum();
    let mut reports = Vec::new();
    let mut end = End::Whole;
    let progress = Progress::new(step_count);
    for mut case in cases {
        let name = (case.panel.clone(), case.point.clone());
        progress.begin_case(&format!("{}, {}", name.0, name.1));
        let bars = std::mem::take(&mut case.bars);
        let rows = rounds::run(case, &progress)?;
        if rows.iter().any(|row| row.side == Side::Ours && row.fault.is_some()) {
            end = End::WithoutOurs;
        }
        let report = CaseReport::of(name, &bars, comparison.yardsticks, &rows);
        progress.beside(|| say(&table(comparison, &report)))?;
        reports.push(report);
    }
    drop(progress);
    let report = Report::new(comparison, ground, reports);
    let written = report.write_to(comparison, &ground.places.compare);
    let paths = written.map_err(|error| Fault::machine("cannot write the report", error))?;
    let [json, svg, page] = paths.each_ref().map(|path| path.display());
    say(&format!("\nwritten: {json}, {svg} and {page}\n"))?;
    Ok(end)
}

fn say(text: &str) -> Result<(), Fault> {
    let mut out = io::stdout().lock();
    let said = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    said.map_err(|error| Fault::machine("cannot write to the terminal", error))
}
