//! What is queued is data, of which some goes with descriptors, or a range of a file.

use core::ops::Range;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use levada_shared::SharedData;

/// One send.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) data: SharedData,
    pub(crate) beside: Option<Box<Beside>>,
}

/// What is more than data.
#[derive(Debug)]
pub(crate) enum Beside {
    /// A range of a file, in the place of data.
    File(FileRange),
    /// Descriptors that go with the first byte of the data; they are closed here when that is taken.
    Descriptors(Vec<OwnedFd>),
}

/// A range of a file.
#[derive(Clone, Debug)]
pub(crate) struct FileRange {
    pub(crate) file: Arc<OwnedFd>,
    pub(crate) offset: u64,
    pub(crate) left_bytes: u64,
}

impl Queued {
    /// A range of a file.
    pub(crate) fn file_range(file: Arc<OwnedFd>, range: Range<u64>) -> Self {
        let left_bytes = range.end.saturating_sub(range.start);
        let range = FileRange { file, offset: range.start, left_bytes };
        Self { data: SharedData::default(), beside: Some(Box::new(Beside::File(range))) }
    }

    /// Data with descriptors.
    pub(crate) fn with_descriptors(data: SharedData, descriptors: Vec<OwnedFd>) -> Self {
        Self { data, beside: Some(Box::new(Beside::Descriptors(descriptors))) }
    }

    /// How many bytes are still to be sent of it.
    pub(crate) fn len(&self) -> u64 {
        match self.beside.as_deref() {
            Some(Beside::File(range)) => range.left_bytes,
            _ => self.data.len(),
        }
    }

    pub(crate) fn is_plain(&self) -> bool {
        self.beside.is_none()
    }

    pub(crate) fn file(&self) -> Option<&FileRange> {
        match self.beside.as_deref() {
            Some(Beside::File(range)) => Some(range),
            _ => None,
        }
    }

    /// Takes the first `bytes` off, of more.
    pub(crate) fn advance(&mut self, bytes: u64) {
        match self.beside.as_deref_mut() {
            Some(Beside::File(range)) => {
                range.offset += bytes;
                range.left_bytes -= bytes;
            }
            Some(Beside::Descriptors(_)) | None => {
                if bytes > 0 {
                    self.beside = None;
                }
                let taken = self.data.split_to(bytes);
                debug_assert!(taken.is_some(), "there are more");
            }
        }
    }
}

impl From<SharedData> for Queued {
    fn from(data: SharedData) -> Self {
        Self { data, beside: None }
    }
}
