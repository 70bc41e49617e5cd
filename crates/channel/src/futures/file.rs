//! Files and folders, as futures that own nothing which the kernel sees.
//!
//! An operation begins when it is called, not when it is first polled. A future that is dropped detaches: its operation keeps the buffer and the descriptor until the kernel has answered.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use levada_pages::{FixedBytes, KeptBytes};
use levada_ring::{Errno, OpenHow, Stat};
use levada_shared::{ExclusiveBuf, SharedData};

use crate::channel::Channel;
use crate::error::{Error, Refused};
use crate::filing::file_op::{Answer, Ask, c_string};
use crate::filing::files::Ended;
use crate::filing::names::{NameIn, names_in};
use crate::filing::path::Path;
use crate::kernel::Watcher;
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
    pub fn open(
        &self,
        path: &[u8],
        how: OpenHow,
    ) -> impl Future<Output = Result<Self, Error>> + use<> {
        let asked = c_string(path).ok_or(Error::Kernel(Errno::INVAL)).and_then(|path| {
            let (directory, path) = (Arc::clone(&self.fd), Path::Own(path));
            self.ask(Ask::Open { directory, path, how })
        });
        let channel = self.channel.clone();
        async move {
            match asked?.await {
                Ok(Answer::Opened(fd)) => Ok(Self { channel, fd: Arc::new(fd) }),
                Ok(_) => unreachable!("opening opens"),
                Err(failed) => Err(Error::of(failed.errno)),
            }
        }
    }

    /// As [`File::open`], with a path in bytes of the caller's, ended by a zero. They are the operation's until the kernel has
    /// answered; a future that is dropped frees them then.
    ///
    /// # Errors
    /// As [`File::open`], with the bytes; `INVAL` where there is no zero in them.
    pub fn open_fixed<B: FixedBytes>(
        &self,
        path: B,
        how: OpenHow,
    ) -> impl Future<Output = Result<(Self, B), Refused<Option<B>>>> + use<B> {
        let invalid = |path| (Error::Kernel(Errno::INVAL), Some(path));
        let asked = Path::given(KeptBytes::of(path)).map_err(invalid).and_then(|path| {
            let ask = Ask::Open { directory: Arc::clone(&self.fd), path, how };
            self.channel.ask(ask).map_err(|ask| (Error::Full, ask.into_given()))
        });
        let channel = self.channel.clone();
        async move {
            match given_back(asked).await? {
                (Answer::Opened(fd), path) => Ok((Self { channel, fd: Arc::new(fd) }, path)),
                _ => unreachable!("opening opens"),
            }
        }
    }

    /// What the file is.
    ///
    /// # Errors
    /// As [`File::open`].
    pub fn stat(&self) -> impl Future<Output = Result<Stat, Error>> + use<> {
        self.stat_of(None)
    }

    /// What `name` in this folder is; a link is not followed.
    ///
    /// # Errors
    /// As [`File::open`].
    pub fn stat_name(&self, name: &[u8]) -> impl Future<Output = Result<Stat, Error>> + use<> {
        self.stat_of(Some(name))
    }

    fn stat_of(&self, name: Option<&[u8]>) -> impl Future<Output = Result<Stat, Error>> + use<> {
        let name = name.map(|name| c_string(name).ok_or(Error::Kernel(Errno::INVAL))).transpose();
        let asked = name.and_then(|name| {
            self.ask(Ask::Stat { file: Arc::clone(&self.fd), name, into: Box::default() })
        });
        async move {
            match asked?.await {
                Ok(Answer::Stated(stat)) => Ok(stat),
                Ok(_) => unreachable!("asking tells"),
                Err(failed) => Err(Error::of(failed.errno)),
            }
        }
    }

    /// Reads from `offset` of the file, behind what the buffer holds, until the buffer is full or the file ends.
    ///
    /// # Errors
    /// As [`File::open`], with the buffer.
    pub fn read_at(
        &self,
        buffer: ExclusiveBuf,
        offset: u64,
    ) -> impl Future<Output = Result<Filled, Refused<Option<ExclusiveBuf>>>> + use<> {
        let asked = self.channel.ask(Ask::Read { file: Arc::clone(&self.fd), buffer, offset });
        async move {
            let asking = match asked {
                Ok(asking) => asking,
                Err(Ask::Read { buffer, .. }) => {
                    return Err(Refused { error: Error::Full, value: Some(buffer) });
                }
                Err(_) => unreachable!("what was put in comes back"),
            };
            match asking.await {
                Ok(Answer::Filled { buffer, ended }) => Ok(Filled { buffer, ended }),
                Ok(_) => unreachable!("reading fills"),
                Err(failed) => {
                    Err(Refused { error: Error::of(failed.errno), value: failed.buffer })
                }
            }
        }
    }

    /// Writes all of `data` from `offset` on. A future that is dropped writes all the same. Only after [`Self::sync`] is it
    /// on the disk.
    ///
    /// # Errors
    /// As [`File::open`], with what was not written.
    pub fn write_at(
        &self,
        data: SharedData,
        offset: u64,
    ) -> impl Future<Output = Result<(), Refused<Option<SharedData>>>> + use<> {
        let list = Box::default();
        let ask = Ask::Write { file: Arc::clone(&self.fd), data, list, offset };
        let asked = self.channel.ask(ask);
        async move {
            let asking = match asked {
                Ok(asking) => asking,
                Err(Ask::Write { data, .. }) => {
                    return Err(Refused { error: Error::Full, value: Some(data) });
                }
                Err(_) => unreachable!("what was put in comes back"),
            };
            asking.await.map(drop).map_err(|failed| Refused {
                error: Error::of(failed.errno),
                value: failed.unwritten,
            })
        }
    }

    /// Waits until what was written is on the disk; with `data_only` its times may not be.
    ///
    /// # Errors
    /// As [`File::open`]: the disk's own failures are told here and nowhere else.
    pub fn sync(&self, data_only: bool) -> impl Future<Output = Result<(), Error>> + use<> {
        let asked = self.ask(Ask::Sync { file: Arc::clone(&self.fd), data_only });
        async move { asked?.await.map(drop).map_err(|failed| Error::of(failed.errno)) }
    }

    /// The next names in this folder, as many as `buffer` has room for; none at the end.
    ///
    /// # Errors
    /// As [`File::open`].
    pub fn list(
        &self,
        buffer: ExclusiveBuf,
    ) -> impl Future<Output = Result<Vec<NameIn>, Error>> + use<> {
        let asked = self.ask(Ask::List { directory: Arc::clone(&self.fd), buffer });
        async move {
            match asked?.await {
                Ok(Answer::Filled { buffer, .. }) => Ok(names_in(&buffer)),
                Ok(_) => unreachable!("listing fills"),
                Err(failed) => Err(Error::of(failed.errno)),
            }
        }
    }

    /// Waits until there is something to read: for descriptors that are no files, such as a watch or a signal's.
    ///
    /// # Errors
    /// As [`File::open`].
    pub fn readable(&self) -> impl Future<Output = Result<(), Error>> + use<> {
        let asked = self.ask(Ask::Readable { file: Arc::clone(&self.fd) });
        async move { asked?.await.map(drop).map_err(|failed| Error::of(failed.errno)) }
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
    pub(crate) fn ask(&self, ask: Ask) -> Result<Asking, Ask> {
        let parts = &mut *self.parts();
        let is_timeout = matches!(ask, Ask::Timeout { .. });
        let all = if is_timeout { &mut parts.timeouts } else { &mut parts.files };
        let name = all.begin(&mut parts.kernel, ask, Watcher::Future(None))?;
        Ok(Asking { channel: self.clone(), name, is_timeout, is_over: false })
    }
}

/// What came of an operation that bytes were given for, or why it was not begun; either way with the bytes.
pub(crate) async fn given_back<B: FixedBytes>(
    asked: Result<Asking, (Error, Option<KeptBytes>)>,
) -> Result<(Answer, B), Refused<Option<B>>> {
    let owner = |given: Option<KeptBytes>| given.and_then(|given| given.into_owner().ok());
    let refused = |(error, given)| Refused { error, value: owner(given) };
    let mut asking = asked.map_err(refused)?;
    let (ended, given) = core::future::poll_fn(|cx| asking.poll_ended(cx)).await;
    let value = owner(given);
    match (ended, value) {
        (Ok(answer), Some(given)) => Ok((answer, given)),
        (Ok(_), None) => unreachable!("what was put in comes back"),
        (Err(failed), value) => Err(Refused { error: Error::of(failed.errno), value }),
    }
}

/// An operation that is awaited.
pub(crate) struct Asking {
    channel: Channel,
    name: Name,
    is_timeout: bool,
    is_over: bool,
}

impl Future for Asking {
    type Output = Ended;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ended> {
        self.poll_ended(cx).map(|(ended, _)| ended)
    }
}

impl Asking {
    fn poll_ended(&mut self, cx: &Context<'_>) -> Poll<(Ended, Option<KeptBytes>)> {
        let ended = {
            let parts = &mut *self.channel.parts();
            let all = if self.is_timeout { &mut parts.timeouts } else { &mut parts.files };
            all.poll(&mut parts.kernel, self.name, cx.waker())
        };
        self.is_over = ended.is_ready();
        ended
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        if !self.is_over {
            let parts = &mut *self.channel.parts();
            let all = if self.is_timeout { &mut parts.timeouts } else { &mut parts.files };
            all.detach(&mut parts.kernel, self.name);
        }
    }
}
