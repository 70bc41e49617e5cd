//! A pointer to the line of a grant says by itself whether the line is a block's home, so that the last handle to go need
//! not read the line before its count falls.
//!
//! A home is its block's for ever, so what stands in it can be read after the count fell; a further line may be another
//! block's by then, so its block is read before. The lowest bit of the address, always zero in a line's, tells them apart.
#![expect(unsafe_code, reason = "follows a pointer whose line the caller knows to be there")]

use core::ptr::NonNull;

use crate::counts::grant::Grant;
use crate::counts::lines::Block;

/// The bit of a further line.
const FURTHER: usize = 1;

/// Where a grant's line is. See above.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct GrantPointer(NonNull<Grant<Block>>);

impl GrantPointer {
    pub(crate) fn home(line: &Grant<Block>) -> Self {
        Self(NonNull::from(line))
    }

    pub(crate) fn further(line: NonNull<Grant<Block>>) -> Self {
        Self(line.map_addr(|address| address | FURTHER))
    }

    #[inline]
    pub(crate) fn is_home(self) -> bool {
        self.0.addr().get() & FURTHER == 0
    }

    /// The line.
    ///
    /// # Safety
    /// The line's table lives for as long as the result is used.
    #[inline]
    pub(crate) unsafe fn grant<'a>(self) -> &'a Grant<Block> {
        let line = self.0.as_ptr().map_addr(|address| address & !FURTHER);
        // SAFETY: made from the line's own address; the caller says that its table is there.
        unsafe { &*line }
    }

    /// The block of a further line, to be read while the caller still has a handle there; `None` for a home, where it can
    /// be read later too.
    ///
    /// # Safety
    /// The caller has a handle on the line, of any kind.
    #[inline]
    pub(crate) unsafe fn place(self) -> Option<NonNull<Block>> {
        if self.is_home() {
            return None;
        }
        // SAFETY: the caller says to have a handle, so the table is there.
        Some(unsafe { self.grant() }.block())
    }
}
