//! A part is one contiguous run of shared data, and where it lies in the file behind the heap's memory.
//!
//! Who sends a part by its place in the file (sendfile) sends the pages themselves: no byte is copied, and what was
//! given to a socket stays as it was, even after the block has gone and its room has a new owner.

use std::os::fd::BorrowedFd;

use crate::data::SharedData;

/// One contiguous run of a [`SharedData`], as bytes and, where it has one, as a place in a file.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// The bytes; at least one.
    pub bytes: &'a [u8],
    /// The heap's file and the offset of the first byte in it, if the run lies in a file.
    ///
    /// The file has the very bytes of the run there, for as long as a value that shows them lives. What was handed to a
    /// socket by sendfile(2) meanwhile arrives as it was, however late. The file is for reading: who writes to it, or
    /// maps it, breaks bytes that others hold.
    pub file: Option<(BorrowedFd<'a>, u64)>,
}

impl SharedData {
    /// The contiguous runs in order, as [`SharedData::pieces`] has them, each with its place in the heap's file.
    #[inline]
    pub fn parts(&self) -> impl Iterator<Item = Part<'_>> + Clone {
        self.pieces().map(|bytes| Part { bytes, file: None })
    }
}
