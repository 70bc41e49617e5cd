//! Options are the limits a heap is made with; what cannot hold is refused before anything is reserved.

use core::fmt;
use std::error::Error;

use levada_pages::ReserveError;

use crate::memory::class::SLAB_BYTES;

/// What a heap is made with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Options {
    /// The most memory that blocks may ever take, in whole slabs of 2 MiB. The side table comes on top: 128 B a block.
    pub bytes_max: u64,
    /// How many arenas: one for each core, from 1 to 255.
    pub arenas: usize,
    /// From how much of that on soft references give slabs up, in percent.
    pub high_percent: u8,
    /// Down to how much of it.
    pub low_percent: u8,
}

impl Default for Options {
    /// One GiB for one core.
    fn default() -> Self {
        Self { bytes_max: 1 << 30, arenas: 1, high_percent: 95, low_percent: 90 }
    }
}

/// Why a heap could not be made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OpenError {
    /// Fewer bytes than two slabs for each life and arena: `bytes_min` is the least that this many arenas can use.
    TooSmall {
        /// What would be enough.
        bytes_min: u64,
    },
    /// No arena, or more than 255.
    Arenas {
        /// What was asked for.
        arenas: usize,
    },
    /// The watermarks are not in order, or above 100.
    Watermarks {
        /// The upper one.
        high_percent: u8,
        /// The lower one.
        low_percent: u8,
    },
    /// The OS refused the addresses.
    Refused(ReserveError),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooSmall { bytes_min } => {
                write!(f, "the shared heap needs at least {bytes_min} bytes for this many cores")
            }
            Self::Arenas { arenas } => write!(f, "a heap has 1 to 255 arenas, not {arenas}"),
            Self::Watermarks { high_percent, low_percent } => write!(
                f,
                "a heap's watermarks are at most 100 % and the low one is not above the high one, not {low_percent} % and \
                 {high_percent} %"
            ),
            Self::Refused(refused) => refused.fmt(f),
        }
    }
}

impl Error for OpenError {}

impl Options {
    /// Compares the options with each other.
    ///
    /// # Errors
    /// [`OpenError`] naming the one that cannot hold.
    pub(crate) fn check(self) -> Result<(), OpenError> {
        if self.arenas == 0 || self.arenas > usize::from(u8::MAX) {
            return Err(OpenError::Arenas { arenas: self.arenas });
        }
        let Self { high_percent, low_percent, .. } = self;
        if high_percent > 100 || low_percent > high_percent {
            return Err(OpenError::Watermarks { high_percent, low_percent });
        }
        let bytes_min = self.arenas as u64 * 4 * SLAB_BYTES as u64;
        if self.bytes_max < bytes_min {
            return Err(OpenError::TooSmall { bytes_min });
        }
        Ok(())
    }
}
