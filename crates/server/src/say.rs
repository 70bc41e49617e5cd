//! Saying is writing a line for whoever runs the program. Where nobody listens any more, nothing is said; where somebody
//! listens slowly, nobody waits for him once the program serves.

use core::fmt::Display;
use core::time::Duration;
use std::io::Write;
use std::sync::OnceLock;

use crate::line_writer::LineWriter;

/// How many lines may wait to be written to standard error.
const LINES_MAX: usize = 1024;

/// How long who ends waits for his last lines to be written.
pub(crate) const LAST_WORDS: Duration = Duration::from_millis(500);

/// Where complaints go once the program serves.
static COMPLAINTS: OnceLock<LineWriter> = OnceLock::new();

/// A line of what the program does, while it starts.
pub(crate) fn say(line: &impl Display) {
    let mut out = std::io::stdout().lock();
    // A pipe that was closed is no reason to stop serving.
    let _is_heard: bool = writeln!(out, "{line}").and_then(|()| out.flush()).is_ok();
}

/// A line of what went wrong, or of what was done for a signal.
pub(crate) fn complain(line: &impl Display) {
    write_error(format!("levada: {line}\n"));
}

/// A whole text to standard error.
pub(crate) fn write_error(text: String) {
    match COMPLAINTS.get() {
        Some(writer) => writer.write(text),
        None => {
            let _is_heard: bool = std::io::stderr().write_all(text.as_bytes()).is_ok();
        }
    }
}

/// From now on nobody waits for who reads the complaints.
pub(crate) fn stop_waiting() {
    if let Ok(writer) = LineWriter::start("levada-errors", std::io::stderr(), LINES_MAX) {
        // Set once, by who serves.
        let _is_set: bool = COMPLAINTS.set(writer).is_ok();
    }
}

/// Gives complaints that wait a moment to be written.
pub(crate) fn flush_complaints(within: Duration) {
    if let Some(writer) = COMPLAINTS.get() {
        writer.flush(within);
    }
}
