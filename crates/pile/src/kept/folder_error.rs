//! What is wrong with a pile's folder, or one of the files in it: which, and what to do.

use core::fmt;
use std::error::Error;
use std::path::PathBuf;

/// A file or the folder of a pile, and what was wrong with it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FolderError {
    /// The file, or the folder.
    pub path: PathBuf,
    /// What was wrong.
    pub fault: FolderFault,
}

/// What can be wrong with the folder of a pile.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum FolderFault {
    /// The OS refused: no permission, a full disk, a file system that cannot allocate and punch.
    Os {
        /// The kernel's number for its reason.
        errno: i32,
    },
    /// Another pile has it open, in this OS process or another.
    Mounted,
    /// It was written by another version of this form.
    Version {
        /// The version that is there.
        found: u32,
        /// The only one that is read.
        known: u32,
    },
    /// It was written with other slots or generations than this program has.
    Form,
    /// It is not what was written there.
    Damaged,
    /// The file ends before what it should hold.
    Truncated {
        /// How long it is.
        bytes: u64,
        /// How long it was.
        wanted_bytes: u64,
    },
    /// The machine went down while the pile was open: what of it reached the disk, nobody knows.
    Unclean,
    /// It has more segments than the pile may have, or than the machine has addresses for.
    Segments {
        /// How many it has.
        there_are: u32,
        /// How many are allowed.
        most: u32,
    },
}

impl FolderError {
    /// The kernel's number for its reason, where it had one.
    pub(crate) fn errno(&self) -> i32 {
        match self.fault {
            FolderFault::Os { errno } => errno,
            _ => 0,
        }
    }
}

impl fmt::Display for FolderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match self.fault {
            FolderFault::Os { errno } => write!(
                f,
                "{path}: the OS refused it ({}): see that it may be written, and that its file system has room and can allocate and punch",
                std::io::Error::from_raw_os_error(errno)
            ),
            FolderFault::Mounted => {
                write!(
                    f,
                    "{path} is open as a pile already: close that one, or name another folder"
                )
            }
            FolderFault::Version { found, known } => write!(
                f,
                "{path} has version {found}, and this program reads {known}: use the program that wrote it"
            ),
            FolderFault::Form => write!(
                f,
                "{path} was written with other slots or generations than this program's: use the program that wrote it"
            ),
            FolderFault::Damaged => {
                write!(f, "{path} is damaged: restore the folder as a whole, or name another")
            }
            FolderFault::Truncated { bytes, wanted_bytes } => write!(
                f,
                "{path} has {bytes} bytes instead of {wanted_bytes}: restore the folder as a whole, or name another"
            ),
            FolderFault::Unclean => write!(
                f,
                "{path} was open when the machine went down: restore the folder, or empty it with empty_if_unclean"
            ),
            FolderFault::Segments { there_are, most } => write!(
                f,
                "{path} has {there_are} segments and {most} are allowed: raise segments_max, or the limit of addresses"
            ),
        }
    }
}

impl Error for FolderError {}
