//! Closed is what a mailbox says for ever once it takes no more, and why.

use crate::message::{Message, Visit};
use std::error::Error;
use std::fmt;

/// Why a mailbox takes no more. As wide as a word: a result that may be this is then copied in whole words, which a narrower one
/// is not, at 10 ns a message.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
#[repr(u64)]
pub enum Closed {
    /// Every sender has gone; what they sent was received first.
    NoSenders = 1,
    /// Its owner closed it, or dropped it.
    ByOwner,
    /// Its core stops.
    Stopping,
    /// Its process has ended.
    Ended,
    /// It was full, and a mailbox of its kind then ends its process.
    Overflow,
    /// Who waits here was cancelled. The mailbox may be open.
    Cancelled,
}

impl Closed {
    /// As a number that fits three bits; zero is open.
    pub(crate) fn to_bits(self) -> u64 {
        self as u64
    }

    pub(crate) fn from_bits(bits: u64) -> Option<Self> {
        [Self::NoSenders, Self::ByOwner, Self::Stopping, Self::Ended, Self::Overflow]
            .into_iter()
            .find(|why| why.to_bits() == bits)
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSenders => "every sender has gone",
            Self::ByOwner => "the mailbox was closed by its owner",
            Self::Stopping => "the core stops",
            Self::Ended => "the process has ended",
            Self::Overflow => "the mailbox was full, and its process ended by that",
            Self::Cancelled => "who waits here was cancelled",
        })
    }
}

impl Error for Closed {}

impl Message for Closed {
    const FLAT: bool = true;
    const CHARGES: bool = false;

    fn visit(&mut self, _visit: &mut Visit<'_>) {}
}
