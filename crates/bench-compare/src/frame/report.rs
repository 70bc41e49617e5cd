//! The report: all that a comparison found out, in a file that programs read, and in a page and a picture that people do.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::frame::case_report::CaseReport;
use crate::frame::comparison::{Comparison, Ground};
use crate::frame::markdown::{Circumstances, page};
use crate::frame::plot::plot;
use crate::machine::facts::Facts;
use crate::rivals::{crates, programs};

/// One comparison, told.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) other_units: &'static [&'static str],
    pub(crate) notes: &'static [&'static str],
    pub(crate) command: String,
    pub(crate) machine: Facts,
    pub(crate) programs: Vec<String>,
    pub(crate) round_count: usize,
    pub(crate) window_ms: u128,
    pub(crate) cases: Vec<CaseReport>,
}

impl Report {
    pub(crate) fn new(comparison: &Comparison, ground: &Ground, cases: Vec<CaseReport>) -> Self {
        let quick = if ground.pace.is_quick() { " --quick" } else { "" };
        let name = comparison.name;
        let fewer = ground.connection_count.filter(|_| name == "social");
        let fewer = fewer.map(|count| format!(" --connections {count}")).unwrap_or_default();
        let command =
            format!("cargo run --release -p levada-bench-compare -- {name}{quick}{fewer}");
        let rows = cases.iter().flat_map(|case| &case.rows);
        let row_names: Vec<_> = rows.map(|row| row.name.as_str()).collect();
        let mut programs = programs::versions(&ground.places, &row_names);
        programs.extend(crates::versions(&row_names));
        Self {
            name: comparison.name,
            title: comparison.title,
            unit: comparison.unit,
            other_units: comparison.other_units,
            notes: comparison.notes,
            command,
            machine: Facts::read(),
            programs,
            round_count: ground.pace.round_count,
            window_ms: ground.pace.window.as_millis(),
            cases,
        }
    }

    /// Writes `NAME.json`, `NAME.svg` and `NAME.md`, and says where.
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn write_to(
        &self,
        comparison: &Comparison,
        folder: &Path,
    ) -> io::Result<[PathBuf; 3]> {
        let paths = ["json", "svg", "md"].map(|kind| folder.join(format!("{}.{kind}", self.name)));
        let mut json = serde_json::to_string_pretty(self)?;
        json.push('\n');
        fs::write(&paths[0], json)?;
        fs::write(&paths[1], plot(self.title, self.unit, &self.cases))?;
        let circumstances = Circumstances {
            command: &self.command,
            machine: &self.machine,
            programs: &self.programs,
            window_ms: self.window_ms,
        };
        fs::write(&paths[2], page(comparison, &circumstances, &self.cases))?;
        Ok(paths)
    }
}
