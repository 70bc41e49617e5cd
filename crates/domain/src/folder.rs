//! A folder is the right to open what lies below a directory, and nothing else. It may go to any core.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use levada_channel::{Error, File, OpenHow};

use crate::here;

/// A directory, and the right to all below it.
#[derive(Clone, Debug)]
pub struct Folder(Arc<OwnedFd>);

impl Folder {
    /// Opens a directory. It blocks, so it is for the start of a program, before its cores run.
    ///
    /// # Errors
    /// What the OS says: not there, no directory, no permission.
    pub fn open(path: &Path) -> io::Result<Self> {
        let directory = std::fs::File::open(path)?;
        if !directory.metadata()?.is_dir() {
            return Err(io::Error::from(io::ErrorKind::NotADirectory));
        }
        Ok(Self(Arc::new(directory.into())))
    }

    /// The right to what lies below a directory that is open already: by whom, and of which kernel, is the caller's affair.
    #[must_use]
    pub fn of(directory: OwnedFd) -> Self {
        Self(Arc::new(directory))
    }

    /// The folder itself, on this core's channel.
    #[must_use]
    pub fn here(&self) -> File {
        here::with(|lent| File::adopt(lent.channel(), Arc::clone(&self.0)))
    }

    /// Opens what `path` leads to. A path or a link that leaves the folder is refused (`XDEV`).
    ///
    /// # Errors
    /// What the kernel said.
    pub async fn open_file(&self, path: &[u8], how: OpenHow) -> Result<File, Error> {
        self.here().open(path, OpenHow { beneath: true, ..how }).await
    }
}
