//! Saying is writing a line for whoever runs the program. Where nobody listens any more, nothing is said.

use core::fmt::Display;
use std::io::Write;

/// A line of what the program does.
pub(crate) fn say(line: &impl Display) {
    let mut out = std::io::stdout().lock();
    // A pipe that was closed is no reason to stop serving.
    let _is_heard: bool = writeln!(out, "{line}").and_then(|()| out.flush()).is_ok();
}

/// A line of what went wrong.
pub(crate) fn complain(line: &impl Display) {
    let _is_heard: bool = writeln!(std::io::stderr().lock(), "levada: {line}").is_ok();
}
