//! Files in the event form: each operation is begun with a cookie and ends in one event.

use std::sync::Arc;

use levada_ring::{Errno, OpenHow, Token};
use levada_shared::{ExclusiveBuf, SharedData};

use crate::channel::Channel;
use crate::error::{Error, Refused};
use crate::filing::file_op::{Ask, c_string};
use crate::filing::path::Path;
use crate::futures::file::File;
use crate::kernel::{Kind, Watcher};

impl Channel {
    fn ask_for(&self, ask: Ask, cookie: u64) -> Result<Token, Ask> {
        let parts = &mut *self.parts();
        let name = parts.files.begin(&mut parts.kernel, ask, Watcher::Cookie(cookie))?;
        Ok(Kind::File.token(name))
    }

    /// Opens `path`, which begins in `folder`: [`crate::Event::Opened`] follows, as all of these may end in
    /// [`crate::Event::Failed`].
    ///
    /// # Errors
    /// [`Error::Full`] while as many operations are in flight as may be; `INVAL` where the path holds a zero.
    pub fn open_file(
        &self,
        folder: &File,
        path: &[u8],
        how: OpenHow,
        cookie: u64,
    ) -> Result<Token, Error> {
        let path = c_string(path).ok_or(Error::Kernel(Errno::INVAL))?;
        let ask = Ask::Open { directory: folder.shared_fd(), path: Path::Own(path), how };
        self.ask_for(ask, cookie).map_err(|_| Error::Full)
    }

    /// Reads from `offset`, behind what the buffer holds, until it is full or the file ends: [`crate::Event::Read`] follows.
    ///
    /// # Errors
    /// [`Error::Full`], with the buffer.
    pub fn read_at(
        &self,
        file: &File,
        buffer: ExclusiveBuf,
        offset: u64,
        cookie: u64,
    ) -> Result<Token, Refused<ExclusiveBuf>> {
        match self.ask_for(Ask::Read { file: file.shared_fd(), buffer, offset }, cookie) {
            Ok(token) => Ok(token),
            Err(Ask::Read { buffer, .. }) => Err(Refused { error: Error::Full, value: buffer }),
            Err(_) => unreachable!("what was put in comes back"),
        }
    }

    /// Writes all of `data` from `offset` on: [`crate::Event::Written`] follows.
    ///
    /// # Errors
    /// [`Error::Full`], with the data.
    pub fn write_at(
        &self,
        file: &File,
        data: SharedData,
        offset: u64,
        cookie: u64,
    ) -> Result<Token, Refused<SharedData>> {
        let ask = Ask::Write { file: file.shared_fd(), data, list: Box::default(), offset };
        match self.ask_for(ask, cookie) {
            Ok(token) => Ok(token),
            Err(Ask::Write { data, .. }) => Err(Refused { error: Error::Full, value: data }),
            Err(_) => unreachable!("what was put in comes back"),
        }
    }

    /// Waits until what was written is on the disk: [`crate::Event::Synced`] follows.
    ///
    /// # Errors
    /// [`Error::Full`].
    pub fn sync_file(&self, file: &File, data_only: bool, cookie: u64) -> Result<Token, Error> {
        let ask = Ask::Sync { file: file.shared_fd(), data_only };
        self.ask_for(ask, cookie).map_err(|_| Error::Full)
    }

    /// Asks what a file is: [`crate::Event::Stated`] follows.
    ///
    /// # Errors
    /// [`Error::Full`].
    pub fn stat_file(&self, file: &File, cookie: u64) -> Result<Token, Error> {
        let file: Arc<_> = file.shared_fd();
        let ask = Ask::Stat { file, name: None, into: Box::default() };
        self.ask_for(ask, cookie).map_err(|_| Error::Full)
    }
}
