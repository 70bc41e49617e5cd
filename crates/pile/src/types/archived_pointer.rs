//! An archived pointer is a pointer inside of a value that is read in place.

use core::fmt;

use crate::error::Gone;
use crate::naming::pointer::{ArchivedPilePointer, ArchivedPointer, PilePointer, Pointer};

impl ArchivedPointer {
    /// The pointer.
    #[inline]
    #[must_use]
    pub fn pointer(&self) -> Pointer {
        Pointer(self.0.to_native())
    }
}

impl From<&ArchivedPointer> for Pointer {
    fn from(archived: &ArchivedPointer) -> Self {
        archived.pointer()
    }
}

impl fmt::Debug for ArchivedPointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.pointer(), f)
    }
}

impl ArchivedPilePointer {
    /// The four numbers.
    #[must_use]
    pub fn public(&self) -> PilePointer {
        PilePointer {
            node: self.node.to_native(),
            segment: self.segment.to_native(),
            address: self.address.to_native(),
            generation: self.generation.to_native(),
        }
    }

    /// The pointer that they are the public form of.
    ///
    /// # Errors
    /// As [`Pointer::try_from`] says of them.
    pub fn pointer(&self) -> Result<Pointer, Gone> {
        Pointer::try_from(self.public())
    }
}
