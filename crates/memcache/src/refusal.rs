//! A refusal is a line that says what was wrong, in the reference's words.

/// Each error line that a server answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash)]
pub enum Refusal {
    /// Nobody knows the command, or it has too few or too many words.
    UnknownCommand,
    /// A key that is too long, a number that is none, a length below nought.
    BadLine,
    /// What follows the value is not CR LF.
    BadDataChunk,
    /// A `delete` with words that it does not take.
    DeleteUsage,
    /// A time that is no number.
    BadExpTime,
    /// A delta that is no number.
    BadDelta,
    /// `incr` or `decr` on a value that is text.
    NotANumber,
    /// The entry would be longer than the limit.
    TooLarge,
    /// No room for the entry.
    OutOfMemory,
    /// No room for the number that `incr` or `decr` gave.
    OutOfMemoryForNumber,
    /// No room for the entry that `ma` was to create.
    OutOfMemoryForNew,
    /// A flag twice, or one that is no ASCII.
    DuplicateFlag,
    /// A flag that nobody knows.
    UnknownFlag,
    /// `md` or `ma`: any fault in the flags or their tokens.
    BadFlags,
    /// A flag's number is none.
    BadToken,
    /// The initial value is no number.
    BadInitial,
    /// The delta of a flag is no number.
    BadDeltaToken,
    /// `mg` with more than seventeen flags.
    TooManyFlagsOfGet,
    /// Another meta command with so many.
    TooManyFlags,
    /// An opaque of more than 32 bytes.
    OpaqueTooLong,
    /// A key that is not in base64.
    BadBase64,
    /// A mode is one letter.
    BadModeLength,
    /// No mode of `ms`.
    BadModeOfSet,
    /// No mode of `ma`.
    BadModeOfArith,
    /// `stats cachedump` is switched off.
    NoCachedump,
    /// `stats detail` with anything.
    DetailUsage,
    /// `flush_all` is switched off.
    NoFlushAll,
    /// One connection more than the limit.
    TooManyConnections,
}

impl Refusal {
    /// The line, without its CR LF.
    #[must_use]
    pub fn line(self) -> &'static str {
        match self {
            Self::UnknownCommand => "ERROR",
            Self::BadLine => "CLIENT_ERROR bad command line format",
            Self::BadDataChunk => "CLIENT_ERROR bad data chunk",
            Self::DeleteUsage => {
                "CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]"
            }
            Self::BadExpTime => "CLIENT_ERROR invalid exptime argument",
            Self::BadDelta => "CLIENT_ERROR invalid numeric delta argument",
            Self::NotANumber => "CLIENT_ERROR cannot increment or decrement non-numeric value",
            Self::TooLarge => "SERVER_ERROR object too large for cache",
            Self::OutOfMemory => "SERVER_ERROR out of memory storing object",
            Self::OutOfMemoryForNumber => "SERVER_ERROR out of memory",
            Self::OutOfMemoryForNew => "SERVER_ERROR Out of memory allocating new item",
            Self::DuplicateFlag => "CLIENT_ERROR duplicate flag",
            Self::UnknownFlag => "CLIENT_ERROR invalid flag",
            Self::BadFlags => "CLIENT_ERROR invalid or duplicate flag",
            Self::BadToken => "CLIENT_ERROR bad token in command line format",
            Self::BadInitial => "CLIENT_ERROR invalid numeric initial value",
            Self::BadDeltaToken => "CLIENT_ERROR invalid numeric delta value",
            Self::TooManyFlagsOfGet => "CLIENT_ERROR options flags are too long",
            Self::TooManyFlags => "CLIENT_ERROR options flags too long",
            Self::OpaqueTooLong => "CLIENT_ERROR opaque token too long",
            Self::BadBase64 => "CLIENT_ERROR error decoding key",
            Self::BadModeLength => "CLIENT_ERROR incorrect length for M token",
            Self::BadModeOfSet => "CLIENT_ERROR invalid mode for ms M token",
            Self::BadModeOfArith => "CLIENT_ERROR invalid mode for ma M token",
            Self::NoCachedump => "CLIENT_ERROR stats cachedump not allowed",
            Self::DetailUsage => "CLIENT_ERROR usage: stats detail on|off|dump",
            Self::NoFlushAll => "CLIENT_ERROR flush_all not allowed",
            Self::TooManyConnections => "ERROR Too many open connections",
        }
    }
}
