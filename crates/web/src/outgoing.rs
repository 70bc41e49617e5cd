//! What goes out as the answer to one request: bytes that are in memory, and ranges of a file that are not.

use core::ops::Range;

use levada_domain::Folder;
use levada_http::Coding;
use levada_shared::SharedData;

use crate::entry::Version;

/// An answer, ready to be sent.
#[derive(Debug)]
pub(crate) struct Outgoing {
    /// The head, and the body as far as it is in memory.
    pub(crate) data: SharedData,
    /// What comes behind it from the disk.
    pub(crate) from_disk: Option<Box<FromDisk>>,
    /// What the log is told of it.
    pub(crate) status: u16,
    pub(crate) body_bytes: u64,
}

/// Ranges of a file, with texts between them where there are several.
#[derive(Debug)]
pub(crate) struct FromDisk {
    /// Where its site's files are.
    pub(crate) root: Folder,
    /// Where the plain file lies in it.
    pub(crate) path: Vec<u8>,
    pub(crate) coding: Coding,
    /// What the file was when the head was made: another is not sent in its place.
    pub(crate) version: Version,
    /// The lines of its entry, to be retired if the file is another by now.
    pub(crate) lines: SharedData,
    pub(crate) parts: Vec<Part>,
}

/// What is sent next.
#[derive(Debug)]
pub(crate) enum Part {
    Text(SharedData),
    Range(Range<u64>),
}

impl FromDisk {
    /// Where the form that is sent lies.
    pub(crate) fn file_path(&self) -> Vec<u8> {
        [&self.path, self.coding.file_suffix().as_bytes()].concat()
    }
}
