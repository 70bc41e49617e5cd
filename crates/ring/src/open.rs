//! Opening a driver is taking the best one that works here, and saying why it is not a better one.

use core::fmt;

use crate::caps::{Caps, Lack, Level};
use crate::driver::Driver;
use crate::epoll::driver::Epoll;
use crate::feature::Feature;
use crate::uring::probe;

/// Which driver is wanted: `--io` of the program.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Choice {
    /// The best that works here.
    #[default]
    Auto,
    /// A ring, or an error.
    Uring,
    /// A ring with ordinary descriptors, or an error.
    Plain,
    /// Readiness, although there may be rings.
    Epoll,
}

/// No driver can be had.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum OpenError {
    /// A ring was demanded and is not to be had.
    NoRing(Lack),
    /// Not even a poll set.
    NoPoll(rustix::io::Errno),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRing(lack) => {
                let sentence = lack.to_string();
                let reason = sentence.strip_suffix(": using epoll").unwrap_or(&sentence);
                write!(f, "{reason}; {}, or choose another I/O driver", lack.remedy())
            }
            Self::NoPoll(errno) => write!(f, "the kernel gives no poll set: {errno}"),
        }
    }
}

impl std::error::Error for OpenError {}

/// Opens a driver for the calling thread, which alone may use it.
///
/// # Errors
/// [`OpenError`] where what was demanded is not to be had.
pub fn open(choice: Choice) -> Result<Box<dyn Driver>, OpenError> {
    open_lacking(choice, &[])
}

/// Opens a driver as on a kernel without some features, for tests of what is done without them.
///
/// # Errors
/// As [`open`].
pub fn open_lacking(choice: Choice, lacking: &[Feature]) -> Result<Box<dyn Driver>, OpenError> {
    let epoll = |lacks| -> Result<Box<dyn Driver>, OpenError> {
        let caps =
            Caps { level: Level::Epoll, direct_places: 0, lacks, descriptors_are_real: true };
        Ok(Box::new(Epoll::open(caps).map_err(OpenError::NoPoll)?))
    };
    let level_max = match choice {
        Choice::Epoll => return epoll(Vec::new()),
        Choice::Auto | Choice::Uring => Level::Full,
        Choice::Plain => Level::Plain,
    };
    match probe::open(level_max, lacking) {
        Ok(ring) => Ok(Box::new(ring)),
        Err(lack) if choice == Choice::Auto => epoll(vec![lack]),
        Err(lack) => Err(OpenError::NoRing(lack)),
    }
}
