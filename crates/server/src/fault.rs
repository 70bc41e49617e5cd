//! A fault is why the program ends without having done its work: where it lies, what is wrong, what to do.

use core::fmt;
use std::process::ExitCode;

/// Told in one line.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    /// A flag, a variable, a key of the file: the user can put it right.
    Told {
        /// The file with its line, or the flag.
        place: String,
        /// What is wrong with what stands there, and the remedy.
        what: String,
    },
    /// The machine, or the program itself.
    Failed(String),
}

impl Fault {
    pub(crate) fn told(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self::Told { place: place.into(), what: what.into() }
    }

    pub(crate) fn failed(what: impl Into<String>) -> Self {
        Self::Failed(what.into())
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Told { .. } => ExitCode::from(2),
            Self::Failed(_) => ExitCode::from(1),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Told { place, what } => write!(f, "{place}: {what}"),
            Self::Failed(what) => f.write_str(what),
        }
    }
}
