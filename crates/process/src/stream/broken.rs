//! What can come between the two ends of a stream, as each of them hears of it.

use crate::cancelled::Cancelled;
use crate::stream::window::Window;
use levada_shared::{Full, SharedData};
use std::error::Error;
use std::fmt;

/// How an end of a stream went that did not say that it had done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Left {
    /// It was dropped.
    Dropped,
    /// Its process was killed, or panicked.
    Crashed,
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dropped => "was dropped",
            Self::Crashed => "went with its process, which was killed or panicked",
        })
    }
}

/// Why nothing is read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum StreamError {
    /// So much is never there at once: it is more than the window, or all of a full window was examined, or found to be too little,
    /// and nothing of it consumed. The stream can be used on.
    NeedExceedsWindow {
        /// How many bytes would have to be there.
        need_bytes: u64,
        /// What lets no more through.
        window: Window,
    },
    /// The writer went without having finished; all that it wrote before was read.
    Aborted(Left),
    /// The reader's account has no room for what was written while the reader was on its way to another process. Nothing is lost: it
    /// is read when there is room.
    AccountFull(Full<()>),
    /// Who reads was cancelled. The stream is as it was.
    Cancelled,
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeedExceedsWindow { need_bytes, window: Window { bytes, pieces } } => {
                write!(
                    f,
                    "{need_bytes} bytes were to be there at once in a window of {bytes} bytes and {pieces} pieces"
                )
            }
            Self::Aborted(left) => write!(f, "the writer of the stream {left}"),
            Self::AccountFull(full) => write!(f, "the reader's account: {full}"),
            Self::Cancelled => fmt::Display::fmt(&Cancelled, f),
        }
    }
}

impl Error for StreamError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        matches!(self, Self::Cancelled).then_some(&Cancelled as _)
    }
}

/// Why something is not written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum WriteError {
    /// The reader went.
    NoReader(Left),
    /// The reader wants no more, and said why.
    Stopped(&'static str),
    /// The account of the reader has no room for it. The stream can be used on.
    AccountFull(Full<()>),
    /// It would be more than 1,024 pieces, with what writes left that were dropped before they were done. The stream can be used on.
    TooManyPieces,
    /// Who writes was cancelled. The stream can be used on, by what he [finishes](crate::Context::finish).
    Cancelled,
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoReader(left) => write!(f, "the reader of the stream {left}"),
            Self::Stopped(why) => write!(f, "the reader wants no more: {why}"),
            Self::AccountFull(full) => write!(f, "the reader's account: {full}"),
            Self::TooManyPieces => f.write_str("the data has too many pieces"),
            Self::Cancelled => fmt::Display::fmt(&Cancelled, f),
        }
    }
}

impl Error for WriteError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        matches!(self, Self::Cancelled).then_some(&Cancelled as _)
    }
}

/// What was not written, and why.
#[derive(Debug)]
pub struct Unwritten {
    /// Why.
    pub why: WriteError,
    /// What the stream did not accept: the end of what was to be written, or all of it.
    pub back: SharedData,
}

impl fmt::Display for Unwritten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes were not written: {}", self.back.len(), self.why)
    }
}

impl Error for Unwritten {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.why.source()
    }
}
