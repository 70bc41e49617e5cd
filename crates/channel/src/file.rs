//! Files and folders, as futures that own nothing which the kernel sees.
//!
//! A future that is dropped detaches: its operation keeps the buffer and the descriptor until the kernel has answered.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use levada_ring::{Errno, OpenHow, Stat};
use levada_shared::{ExclusiveBuf, SharedData};

use crate::channel::Channel;
use crate::error::{Error, Refused};
use crate::file_op::{Answer, Ask, Failed, c_string};
use crate::files::Ended;
use crate::kernel::Watcher;
use crate::names::{NameIn, names_in};
use crate::table::Name;

/// An open file or folder of this channel.
#[derive(Clone)]
pub struct File {
    channel: Channel,
    fd: Arc<OwnedFd>,
}

/// What a read brought.
#[derive(Debug)]
pub struct Filled {
    /// The buffer, filled further.
    pub buffer: ExclusiveBuf,
    /// Whether the file has no more.
    pub ended: bool,
}

impl File {
    /// Takes a descriptor that was opened elsewhere, and may be in use there too.
    #[must_use]
    pub fn adopt(channel: &Channel, fd: impl Into<Arc<OwnedFd>>) -> Self {
        Self { channel: channel.clone(), fd: fd.into() }
    }

    /// Its descriptor, for operations of others on it.
    pub(crate) fn shared_fd(&self) -> Arc<OwnedFd> {
        Arc::clone(&self.fd)
    }

    /// Opens `path`, which begins in this folder. Where it cannot be read past the page cache ([`OpenHow::direct`]) it is read
    /// through that, which is counted.
    ///
    /// # Errors
    /// [`Error::Full`] while as many operations are in flight as may be; otherwise what the kernel said.
    pub async fn open(&self, path: &[u8], how: OpenHow) -> Result<Self, Error> {
        let path = c_string(path).ok_or(Error::Kernel(Errno::INVAL))?;
        let ask = Ask::Open { directory: Arc::clone(&self.fd), path, how };
        match self.ask(ask)?.await {
            Ok(Answer::Opened(fd)) => Ok(Self { channel: self.channel.clone(), fd: Arc::new(fd) }),
            Ok(_) => unreachable!("opening opens"),
            Err(failed) => Err(Error::of(failed.errno)),
        }
    }

    /// What the file is.
    ///
    /// # Errors
    /// As [`File::open`].
    pub async fn stat(&self) -> Result<Stat, Error> {
        self.stat_of(None).await
    }

    /// What `name` in this folder is; a link is not followed.
    ///
    /// # Errors
    /// As [`File::open`].
    pub async fn stat_name(&self, name: &[u8]) -> Result<Stat, Error> {
        self.stat_of(Some(name)).await
    }

    async fn stat_of(&self, name: Option<&[u8]>) -> Result<Stat, Error> {
        let name =
            name.map(|name| c_string(name).ok_or(Error::Kernel(Errno::INVAL))).transpose()?;
        match self.ask(Ask::Stat { file: Arc::clone(&self.fd), name, into: Box::default() })?.await
        {
            Ok(Answer::Stated(stat)) => Ok(stat),
            Ok(_) => unreachable!("asking tells"),
            Err(failed) => Err(Error::of(failed.errno)),
        }
    }

    /// Reads from `offset` of the file, behind what the buffer holds, until the buffer is full or the file ends.
    ///
    /// # Errors
    /// As [`File::open`], with the buffer.
    pub async fn read_at(
        &self,
        buffer: ExclusiveBuf,
        offset: u64,
    ) -> Result<Filled, Refused<Option<ExclusiveBuf>>> {
        let ask = Ask::Read { file: Arc::clone(&self.fd), buffer, offset };
        let asking = match self.channel.ask(ask) {
            Ok(asking) => asking,
            Err(Ask::Read { buffer, .. }) => {
                return Err(Refused { error: Error::Full, value: Some(buffer) });
            }
            Err(_) => unreachable!("what was put in comes back"),
        };
        match asking.await {
            Ok(Answer::Filled { buffer, ended }) => Ok(Filled { buffer, ended }),
            Ok(_) => unreachable!("reading fills"),
            Err(failed) => Err(Refused { error: Error::of(failed.errno), value: failed.buffer }),
        }
    }

    /// Writes all of `data` from `offset` on. A future that is dropped writes all the same. Only after [`Self::sync`] is it
    /// on the disk.
    ///
    /// # Errors
    /// As [`File::open`], with what was not written.
    pub async fn write_at(
        &self,
        data: SharedData,
        offset: u64,
    ) -> Result<(), Refused<Option<SharedData>>> {
        let ask = Ask::Write { file: Arc::clone(&self.fd), data, list: Box::default(), offset };
        let asking = match self.channel.ask(ask) {
            Ok(asking) => asking,
            Err(Ask::Write { data, .. }) => {
                return Err(Refused { error: Error::Full, value: Some(data) });
            }
            Err(_) => unreachable!("what was put in comes back"),
        };
        let written = asking.await;
        let failed =
            |failed: Failed| Refused { error: Error::of(failed.errno), value: failed.unwritten };
        written.map(drop).map_err(failed)
    }

    /// Waits until what was written is on the disk; with `data_only` its times may not be.
    ///
    /// # Errors
    /// As [`File::open`]: the disk's own failures are told here and nowhere else.
    pub async fn sync(&self, data_only: bool) -> Result<(), Error> {
        let ended = self.ask(Ask::Sync { file: Arc::clone(&self.fd), data_only })?.await;
        ended.map(drop).map_err(|failed| Error::of(failed.errno))
    }

    /// The next names in this folder, as many as `buffer` has room for; none at the end.
    ///
    /// # Errors
    /// As [`File::open`].
    pub async fn list(&self, buffer: ExclusiveBuf) -> Result<Vec<NameIn>, Error> {
        match self.ask(Ask::List { directory: Arc::clone(&self.fd), buffer })?.await {
            Ok(Answer::Filled { buffer, .. }) => Ok(names_in(&buffer)),
            Ok(_) => unreachable!("listing fills"),
            Err(failed) => Err(Error::of(failed.errno)),
        }
    }

    /// Waits until there is something to read: for descriptors that are no files, such as a watch or a signal's.
    ///
    /// # Errors
    /// As [`File::open`].
    pub async fn readable(&self) -> Result<(), Error> {
        let ended = self.ask(Ask::Readable { file: Arc::clone(&self.fd) })?.await;
        ended.map(drop).map_err(|failed| Error::of(failed.errno))
    }

    fn ask(&self, ask: Ask) -> Result<Asking, Error> {
        self.channel.ask(ask).map_err(|_| Error::Full)
    }
}

impl AsFd for File {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("File").field(&self.fd).finish()
    }
}

impl Channel {
    fn ask(&self, ask: Ask) -> Result<Asking, Ask> {
        let parts = &mut *self.parts();
        let name = parts.files.begin(&mut parts.kernel, ask, Watcher::Future(None))?;
        Ok(Asking { channel: self.clone(), name, is_over: false })
    }
}

/// An operation that is awaited.
struct Asking {
    channel: Channel,
    name: Name,
    is_over: bool,
}

impl Future for Asking {
    type Output = Ended;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ended> {
        let ended = {
            let parts = &mut *self.channel.parts();
            parts.files.poll(&mut parts.kernel, self.name, cx.waker())
        };
        self.is_over = ended.is_ready();
        ended
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        if !self.is_over {
            let parts = &mut *self.channel.parts();
            parts.files.detach(&mut parts.kernel, self.name);
        }
    }
}
