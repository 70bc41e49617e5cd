//! A stop is why nothing was loaded.

use levada_channel::{Errno, Error};

use crate::waiting::NoRoom;

/// Why nothing was loaded.
pub(crate) enum Stop {
    Nothing,
    Forbidden,
    Busy,
    Failed,
    NoRoom(NoRoom),
    /// The file changed while it was read.
    Changed,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        match error {
            // Not there, or only outside of the folder.
            Error::Kernel(
                Errno::NOENT
                | Errno::NOTDIR
                | Errno::XDEV
                | Errno::LOOP
                | Errno::NAMETOOLONG
                | Errno::INVAL
                | Errno::NXIO,
            ) => Self::Nothing,
            Error::Kernel(Errno::ACCESS | Errno::PERM) => Self::Forbidden,
            Error::Full
            | Error::NoMemory
            | Error::Kernel(Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::AGAIN) => {
                Self::Busy
            }
            _ => Self::Failed,
        }
    }
}

impl From<NoRoom> for Stop {
    fn from(no_room: NoRoom) -> Self {
        Self::NoRoom(no_room)
    }
}
