//! What the operations of a pile answer when they cannot do what was asked: absence and limits are values.

use core::fmt;
use std::error::Error;

use crate::kept::folder_error::FolderError;

/// Why a pointer leads to nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Gone {
    /// Its record was deleted, or swept after its life: whatever is in its slot now is another's.
    Stale,
    /// Its record's life has ended; its memory was not taken back yet.
    Expired,
    /// No such pointer was ever issued by this pile.
    BadPointer,
    /// The record is of another type than it was asked for as.
    WrongType,
    /// The record is of the right type in another form: read in place, it is not this one, and no way up was registered.
    OldSchema {
        /// The schema that it was written with.
        schema: u8,
    },
    /// The pointer names the pile of another machine.
    ForeignNode(i32),
    /// The record's bytes are not what its type asks for: they came from outside and were damaged.
    Invalid,
    /// The pile is closed.
    Closed,
}

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stale => write!(f, "the record was deleted"),
            Self::Expired => write!(f, "the record's life has ended"),
            Self::BadPointer => write!(f, "the pointer was never issued by this pile"),
            Self::WrongType => write!(f, "the record is of another type"),
            Self::OldSchema { schema } => {
                write!(f, "the record has schema {schema}, for which no upgrade was registered")
            }
            Self::ForeignNode(node) => write!(f, "the record is on node {node}, not here"),
            Self::Invalid => write!(f, "the record's bytes are not a value of its type"),
            Self::Closed => write!(f, "the pile is closed"),
        }
    }
}

impl Error for Gone {}

/// Why a pile takes no more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Full {
    /// The limit is reached.
    OutOfSpace {
        /// The most bytes that the pile may have.
        limit_bytes: u64,
        /// What was asked for, overhead included.
        wanted_bytes: u64,
    },
    /// No record may be so long.
    TooLarge {
        /// The longest payload of a record.
        most_bytes: u64,
    },
    /// There are as many keepers as a pile can have.
    Keepers {
        /// How many that are.
        most: u64,
    },
    /// The pile is closed.
    Closed,
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfSpace { limit_bytes, wanted_bytes } => write!(
                f,
                "{wanted_bytes} bytes do not fit under the pile's limit of {limit_bytes}: delete records, or raise it with set_limit"
            ),
            Self::TooLarge { most_bytes } => {
                write!(f, "a record has at most {most_bytes} bytes: cut it into several")
            }
            Self::Keepers { most } => write!(f, "a pile has at most {most} keepers"),
            Self::Closed => write!(f, "the pile is closed"),
        }
    }
}

impl Error for Full {}

/// The pile was not purged: what keepers keep is theirs to end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct HasKeepers {
    /// How many there are.
    pub keepers: usize,
}

impl fmt::Display for HasKeepers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} keepers have records in the pile: drop their keeps first", self.keepers)
    }
}

impl Error for HasKeepers {}

/// Why a record was not updated; it is as it was.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum UpdateError {
    /// There is no such record.
    Gone(Gone),
    /// There is no room for the new bytes.
    Full(Full),
    /// The value has no encoding: it refused to be written, or cannot be read back.
    Unencodable,
    /// Somebody updated it since.
    Changed {
        /// Its version now.
        now: crate::naming::version::Version,
    },
}

impl From<Gone> for UpdateError {
    fn from(gone: Gone) -> Self {
        Self::Gone(gone)
    }
}

impl From<Full> for UpdateError {
    fn from(full: Full) -> Self {
        Self::Full(full)
    }
}

impl fmt::Display for UpdateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone(gone) => gone.fmt(f),
            Self::Full(full) => full.fmt(f),
            Self::Unencodable => write!(f, "the value cannot be encoded"),
            Self::Changed { .. } => {
                write!(f, "the record was updated since it was seen: look again")
            }
        }
    }
}

impl Error for UpdateError {}

/// Why a value was not put; nothing has changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum PutError {
    /// There is no room for it.
    Full(Full),
    /// The value has no encoding: it refused to be written, or cannot be read back.
    Unencodable,
}

impl From<Full> for PutError {
    fn from(full: Full) -> Self {
        Self::Full(full)
    }
}

impl From<PutError> for UpdateError {
    fn from(error: PutError) -> Self {
        match error {
            PutError::Full(full) => Self::Full(full),
            PutError::Unencodable => Self::Unencodable,
        }
    }
}

impl fmt::Display for PutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(full) => full.fmt(f),
            Self::Unencodable => write!(f, "the value cannot be encoded"),
        }
    }
}

impl Error for PutError {}

/// Why a pile could not be opened.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// A setting is outside of its bounds; none was taken over.
    Setting {
        /// The key.
        key: &'static str,
        /// What it may be.
        bounds: &'static str,
    },
    /// The OS refused addresses or memory.
    Memory(levada_pages::ReserveError),
    /// The folder is no pile that can be opened.
    Folder(FolderError),
    /// Huge pages are a must, and switched off on this machine.
    NoHugePages,
    /// Fixing the memory in RAM is a must, and this user may not fix so much.
    LockLimit {
        /// What the pile may have.
        limit_bytes: u64,
        /// What may be fixed (`RLIMIT_MEMLOCK`).
        lockable_bytes: u64,
    },
}

impl From<FolderError> for OpenError {
    fn from(error: FolderError) -> Self {
        Self::Folder(error)
    }
}

impl From<levada_pages::ReserveError> for OpenError {
    fn from(error: levada_pages::ReserveError) -> Self {
        Self::Memory(error)
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting { key, bounds } => write!(f, "{key} must be {bounds}"),
            Self::Memory(error) => write!(f, "no memory for the pile: {error}"),
            Self::Folder(error) => error.fmt(f),
            Self::NoHugePages => write!(
                f,
                "huge is \"must\" and the machine gives none: write madvise to /sys/kernel/mm/transparent_hugepage/enabled, or set \"try\""
            ),
            Self::LockLimit { limit_bytes, lockable_bytes } => write!(
                f,
                "lock is \"must\" for {limit_bytes} bytes and RLIMIT_MEMLOCK allows {lockable_bytes}: raise it, lower the limit, or set \"try\""
            ),
        }
    }
}

impl Error for OpenError {}
