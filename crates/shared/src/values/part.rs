//! A part is one contiguous run of shared data with its place in the file behind the heap's memory, if it has one.
//!
//! Who sends a part by its place in the file (sendfile) sends the pages themselves: no byte is copied, and what was
//! given to a socket stays as it was, even after the block has gone and its room has a new owner.
//! Cost: the bytes and the place of a run are a few loads from lines that are at hand.

use std::os::fd::BorrowedFd;

use crate::values::data::SharedData;

/// One contiguous run of a [`SharedData`], as bytes and, where it has one, as a place in a file.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// The bytes; at least one.
    pub bytes: &'a [u8],
    /// The heap's file and the offset of the first byte in it, if the run lies in a file: that of a kept block of
    /// 64 KiB and more does, where the OS allows the heap a file.
    ///
    /// The file has the very bytes of the run there, for as long as a value that shows them lives; later it has others,
    /// or zeros. What was handed to a socket by sendfile(2) meanwhile arrives as it was, however late. The descriptor
    /// only reads.
    pub file: Option<(BorrowedFd<'a>, u64)>,
}

impl SharedData {
    /// The contiguous runs in order, as [`SharedData::pieces`] has them, each with its place in the heap's file.
    ///
    /// ```
    /// # let heap = levada_shared::SharedHeap::new(Default::default())?;
    /// # let account = heap.account("example", u64::MAX)?;
    /// let mut buf = account.kept_buf(100 << 10)?; //      long, and to be kept
    /// buf.write(b"sent by reference")?;
    /// for part in buf.freeze().parts() {
    ///     match part.file {
    ///         Some((_file, offset)) => assert_eq!(offset % 4096, 0), // sendfile(socket, file, offset, ...)
    ///         None => assert_eq!(part.bytes, b"sent by reference"), //  where the OS has no such file
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn parts(&self) -> impl Iterator<Item = Part<'_>> + Clone {
        self.spans().map(|span| Part { bytes: span.bytes(), file: span.in_file() })
    }
}
