//! What the operations of a cache answer when they cannot do what was asked: refusals are values, and change nothing.

use core::fmt;
use std::error::Error;

use levada_pages::ReserveError;
use levada_pile::Full;

use crate::room::watermarks::Watermarks;

/// Why a table takes no more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Refused {
    /// A durable table, or its pile, has no room, and nothing of it is evicted.
    OutOfSpace,
    /// Only dearer levels and reserves are left, or all that could go is in use.
    NoVictim,
    /// The cheapest level is refused above the high watermark.
    High,
    /// No value may be so long.
    TooLarge {
        /// What there is room for: key and value, or, in reserved room, what is behind that which was written.
        most_bytes: u64,
    },
    /// Too many keys have the same two bins.
    Crowded,
    /// More is being loaded than may be at once.
    Loads,
    /// The value refused to be encoded.
    Unencodable,
    /// The pile is closed.
    Closed,
    /// No key may be so long.
    KeyTooLong {
        /// The longest.
        most_bytes: u64,
    },
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfSpace => write!(f, "there is no room; remove entries or raise the limit"),
            Self::NoVictim => write!(f, "there is no room, and nothing cheaper that could go"),
            Self::High => write!(f, "the cache is full but for what is dearer than level 0"),
            Self::TooLarge { most_bytes } => {
                write!(f, "the value is too long: there is room for {most_bytes} bytes")
            }
            Self::Crowded => write!(f, "too many keys share their two bins"),
            Self::Loads => write!(f, "more is being loaded than may be at once"),
            Self::Unencodable => write!(f, "the value cannot be encoded"),
            Self::Closed => write!(f, "the pile is closed"),
            Self::KeyTooLong { most_bytes } => {
                write!(f, "the key is too long: at most {most_bytes} bytes")
            }
        }
    }
}

impl Error for Refused {}

/// What a pile's refusal is to a table.
pub(crate) fn refused_by(full: Full) -> Refused {
    match full {
        Full::TooLarge { most_bytes } => Refused::TooLarge { most_bytes },
        Full::Closed => Refused::Closed,
        _ => Refused::OutOfSpace,
    }
}

/// Options that no cache or table can have.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum OptionError {
    /// A cache has less than a mebibyte, or more than its pile.
    Limit {
        /// What was asked for.
        limit_bytes: u64,
        /// What its pile may have.
        pile_bytes: u64,
    },
    /// They do not rise from 0.5 to 0.99.
    Watermarks(Watermarks),
    /// A part that is not between none and all.
    Part(&'static str),
    /// The reserves of all tables are more than the low watermark.
    Reserves {
        /// Their sum.
        reserve_bytes: u64,
        /// The low watermark.
        low_bytes: u64,
    },
    /// A table's limit is below its reserve.
    BelowReserve,
    /// A level above seven.
    Level(u8),
    /// More than two notes.
    Notes(u8),
    /// A load that no index can have.
    Load(f64),
    /// The pile can have no more tables.
    Tables,
    /// The OS refused addresses for the index.
    Addresses(ReserveError),
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limit { limit_bytes, pile_bytes } => write!(
                f,
                "the limit of {limit_bytes} B is not between 1 MiB and the pile's {pile_bytes} B"
            ),
            Self::Watermarks(Watermarks { low, high, max }) => {
                write!(f, "the watermarks {low}, {high}, {max} do not rise from 0.5 to 0.99")
            }
            Self::Part(name) => write!(f, "{name} is a part of the limit, from 0 to 1"),
            Self::Reserves { reserve_bytes, low_bytes } => write!(
                f,
                "the tables' reserves are {reserve_bytes} B, above the low watermark of {low_bytes} B"
            ),
            Self::BelowReserve => write!(f, "the table's limit is below its reserve"),
            Self::Level(level) => write!(f, "level {level}: levels are 0 to 7"),
            Self::Notes(notes) => write!(f, "{notes} notes: a table has at most 2"),
            Self::Load(load) => write!(f, "a load of {load}: it is from 0.5 to 0.92"),
            Self::Tables => write!(f, "the pile has as many tables and keepers as it can"),
            Self::Addresses(error) => write!(f, "no addresses for the index: {error}"),
        }
    }
}

impl Error for OptionError {}

/// Why a table is not given by its name.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum TableError {
    /// There is one of that name whose keys, values, mode or words are others.
    Mismatch {
        /// The name.
        name: String,
        /// What is another.
        what: &'static str,
    },
    /// Its options are none.
    Options(OptionError),
}

impl From<OptionError> for TableError {
    fn from(error: OptionError) -> Self {
        Self::Options(error)
    }
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mismatch { name, what } => {
                write!(f, "there is a table {name:?} already, with other {what}")
            }
            Self::Options(error) => error.fmt(f),
        }
    }
}

impl Error for TableError {}
