//! A served folder: files with known content, on the disk of the workspace, removed when it is dropped.

use std::fs::{self, File};
use std::io::{self, BufWriter, IoSliceMut, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Advice, fadvise};
use rustix::io::{Errno, ReadWriteFlags, preadv2};
use tempfile::TempDir;

use crate::frame::fault::Fault;
use crate::http::content::Content;
use crate::http::fetch::Target;

/// A folder whose files are served, and another for what servers write.
#[derive(Debug)]
pub(crate) struct ServedFolder {
    files: TempDir,
    scratch: TempDir,
}

impl ServedFolder {
    /// Makes both inside `parent`.
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn make(parent: &Path) -> Result<Self, Fault> {
        let make = |name: &str| tempfile::Builder::new().prefix(name).tempdir_in(parent);
        let make = |name: &str| -> io::Result<TempDir> {
            let folder = make(name)?;
            // A server may give up its rights and become another user.
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
            Ok(folder)
        };
        let fault = |error| Fault::machine("cannot make a folder to serve", error);
        Ok(Self {
            files: make("served-").map_err(fault)?,
            scratch: make("scratch-").map_err(fault)?,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        self.files.path()
    }

    /// A new folder for one server's own files.
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn scratch(&self) -> Result<PathBuf, Fault> {
        let made = tempfile::Builder::new().disable_cleanup(true).tempdir_in(self.scratch.path());
        let folder =
            made.map_err(|error| Fault::machine("cannot make a server's folder", error))?;
        Ok(folder.path().to_owned())
    }

    /// Writes a file, down to the disk, and says how it is asked for.
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn add(&self, name: &str, content: Content) -> Result<Target, Fault> {
        let written = || -> io::Result<()> {
            let mut file = BufWriter::new(File::create(self.files.path().join(name))?);
            content.write_to(&mut file)?;
            file.flush()?;
            file.get_ref().sync_all() // what is not on the disk cannot be dropped from the page cache
        };
        written().map_err(|error| Fault::machine("cannot write a file to serve", error))?;
        Ok(Target { path: format!("/{name}"), content })
    }

    /// Drops a file from the page cache, and looks whether it is gone.
    /// # Errors
    /// [`Fault::Wrong`] if a part of it stayed: then the file is not cold.
    pub(crate) fn chill(&self, target: &Target) -> Result<(), Fault> {
        let path = self.files.path().join(target.path.trim_start_matches('/'));
        let fault = |error| Fault::machine("cannot drop a file from the page cache", error);
        let file = File::open(path).map_err(fault)?;
        fadvise(&file, 0, None, Advice::DontNeed).map_err(|errno| fault(errno.into()))?;
        let length_bytes = target.content.length_bytes;
        for sixteenth in 0..16 {
            let offset = length_bytes / 16 * sixteenth;
            let mut byte = [0];
            // A read that may not wait fails where the page cache has nothing.
            let read =
                preadv2(&file, &mut [IoSliceMut::new(&mut byte)], offset, ReadWriteFlags::NOWAIT);
            match read {
                Err(Errno::AGAIN) => {}
                Ok(_) => return Err(Fault::Wrong("the page cache keeps the file".to_owned())),
                Err(errno) => return Err(fault(errno.into())),
            }
        }
        Ok(())
    }
}

/// A folder inside `parent` for a server that serves no files.
/// # Errors
/// If the disk refuses.
pub(crate) fn scratch_in(parent: &Path) -> Result<TempDir, Fault> {
    let made = tempfile::Builder::new().prefix("scratch-").tempdir_in(parent);
    made.map_err(|error| Fault::machine("cannot make a server's folder", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_there_while_the_folder_is() {
        let parent = tempfile::tempdir().unwrap();
        let folder = ServedFolder::make(parent.path()).unwrap();
        let target = folder.add("a", Content::new(1, 3000)).unwrap();
        let path = folder.path().join("a");
        assert!(target.content.has(0, &fs::read(&path).unwrap()));
        let scratch = folder.scratch().unwrap();
        assert!(scratch.is_dir());
        drop(folder);
        assert!(!path.exists() && !scratch.exists());
    }
}
