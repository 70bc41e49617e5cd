//! A fault is why there is no figure; it is told in the table, where the figure would stand.

use std::fmt;
use std::io;

#[derive(Debug)]
pub(crate) enum Fault {
    /// Somebody asked us to stop.
    Stopped,
    /// Something is not installed or not built; the sentence names what brings it.
    Absent(String),
    /// What was measured did not do its work rightly.
    Wrong(String),
    /// The machine refused.
    Machine { doing: &'static str, error: io::Error },
}

impl Fault {
    pub(crate) fn machine(doing: &'static str, error: io::Error) -> Self {
        Self::Machine { doing, error }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => f.write_str("stopped"),
            Self::Absent(why) | Self::Wrong(why) => f.write_str(why),
            Self::Machine { doing, error } => write!(f, "{doing}: {error}"),
        }
    }
}
