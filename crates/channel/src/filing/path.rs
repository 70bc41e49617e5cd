//! A path is what an open names its file by, in memory that stays where it is until the kernel has read it.

use core::ffi::CStr;
use std::ffi::CString;

use levada_pages::KeptBytes;

/// Its own copy, or bytes that were given for the time.
#[derive(Debug)]
pub(crate) enum Path {
    Own(CString),
    Given(GivenPath),
}

/// Bytes with a zero in them, which ends the path.
#[derive(Debug)]
pub(crate) struct GivenPath(KeptBytes);

impl Path {
    /// The path in bytes that were given.
    ///
    /// # Errors
    /// The bytes, where no zero ends it.
    pub(crate) fn given(bytes: KeptBytes) -> Result<Self, KeptBytes> {
        if CStr::from_bytes_until_nul(bytes.as_bytes()).is_err() {
            return Err(bytes);
        }
        Ok(Self::Given(GivenPath(bytes)))
    }

    pub(crate) fn as_c_str(&self) -> &CStr {
        match self {
            Self::Own(path) => path,
            Self::Given(GivenPath(bytes)) => CStr::from_bytes_until_nul(bytes.as_bytes())
                .expect("a path that was given has a zero, and nobody writes it"),
        }
    }

    /// The bytes, if they were given.
    pub(crate) fn into_given(self) -> Option<KeptBytes> {
        match self {
            Self::Own(_) => None,
            Self::Given(GivenPath(bytes)) => Some(bytes),
        }
    }
}
