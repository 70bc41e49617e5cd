//! A file operation in flight owns what the kernel may touch: the path, the buffer, the descriptor.
//!
//! Who awaits it may go away: then its result is dropped when it comes, a descriptor closed, a buffer freed, and not
//! before. Results that are awaited stay here until they are taken.
#![expect(
    unsafe_code,
    reason = "hands paths and buffers to the kernel, and keeps them until it answers"
)]

use core::mem::ManuallyDrop;
use std::ffi::CString;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::Arc;

use levada_pages::KeptBytes;
use levada_ring::{
    Driver, Errno, Op, OpenHow, ReadSpan, Stat, StatBuffer, Token, Vectored, WriteSpan,
};
use levada_shared::{ExclusiveBuf, SharedData};

use crate::filing::path::Path;
use crate::kernel::Watcher;

/// How many bytes one operation writes at most.
const WRITE_BYTES_MAX: u32 = 1 << 20;

/// What is asked, with all that it needs.
#[derive(Debug)]
pub(crate) enum Ask {
    Open {
        directory: Arc<OwnedFd>,
        path: Path,
        how: OpenHow,
    },
    Stat {
        file: Arc<OwnedFd>,
        name: Option<CString>,
        into: Box<StatBuffer>,
    },
    /// Behind what the buffer holds already; `offset` moves on with what is read.
    Read {
        file: Arc<OwnedFd>,
        buffer: ExclusiveBuf,
        offset: u64,
    },
    /// What of the data is still to be written; `offset` moves on with what is.
    Write {
        file: Arc<OwnedFd>,
        data: SharedData,
        list: Box<Vectored>,
        offset: u64,
    },
    Sync {
        file: Arc<OwnedFd>,
        data_only: bool,
    },
    List {
        directory: Arc<OwnedFd>,
        buffer: ExclusiveBuf,
    },
    Readable {
        file: Arc<OwnedFd>,
    },
    /// For as long as these bytes say, which are a timespec.
    Timeout {
        after: KeptBytes,
    },
}

impl Ask {
    /// The bytes that were given for the time of the operation, if it is one with such.
    pub(crate) fn into_given(self) -> Option<KeptBytes> {
        match self {
            Self::Open { path, .. } => path.into_given(),
            Self::Timeout { after } => Some(after),
            _ => None,
        }
    }
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum Answer {
    Opened(OwnedFd),
    Stated(Stat),
    /// Filled as far as it goes; `ended` says that the file, or the list, has no more there.
    Filled {
        buffer: ExclusiveBuf,
        ended: bool,
    },
    Written,
    Synced,
    /// What was waited for is there.
    Ready,
}

/// Why nothing came of it, with what was put in.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) errno: Errno,
    pub(crate) buffer: Option<ExclusiveBuf>,
    pub(crate) unwritten: Option<SharedData>,
}

impl Failed {
    pub(crate) fn with(errno: Errno) -> Self {
        Self { errno, buffer: None, unwritten: None }
    }
}

/// One operation.
///
/// # Invariants
/// 1. While `is_out`, `ask` is neither changed nor dropped: paths and stat buffers lie in boxes, blocks in the heap.
#[derive(Debug)]
pub(crate) struct FileOp {
    ask: ManuallyDrop<Option<Ask>>,
    is_out: bool,
    pub(crate) answer: Option<Result<Answer, Failed>>,
    /// Bytes that were given for its time, when that is over.
    pub(crate) given: Option<KeptBytes>,
    pub(crate) watcher: Watcher,
    /// Nobody waits for the answer any more.
    pub(crate) is_detached: bool,
}

impl FileOp {
    pub(crate) fn new(ask: Ask, watcher: Watcher) -> Self {
        Self {
            ask: ManuallyDrop::new(Some(ask)),
            is_out: false,
            answer: None,
            given: None,
            watcher,
            is_detached: false,
        }
    }

    /// Hands the operation to the kernel.
    pub(crate) fn submit(&mut self, driver: &mut dyn Driver, token: Token) {
        let op = match self.ask.as_mut() {
            None => return,
            Some(Ask::Open { directory, path, how }) => {
                Op::Open { directory: directory.as_raw_fd(), path: path.as_c_str(), how: *how }
            }
            Some(Ask::Stat { file, name, into }) => Op::Stat {
                file: file.as_raw_fd(),
                name: name.as_ref().map(|name| &raw const *name.as_c_str()),
                into: &raw mut **into,
            },
            Some(Ask::Read { file, buffer, offset }) => Op::Read {
                file: file.as_raw_fd(),
                offset: *offset,
                into: WriteSpan::of(buffer.spare_mut()),
            },
            Some(Ask::Write { file, data, list, offset }) => {
                list.fill(data.pieces().map(ReadSpan::of), WRITE_BYTES_MAX);
                Op::Write { file: file.as_raw_fd(), spans: &raw const **list, offset: *offset }
            }
            Some(Ask::Sync { file, data_only }) => {
                Op::Sync { file: file.as_raw_fd(), data_only: *data_only }
            }
            Some(Ask::List { directory, buffer }) => Op::List {
                directory: directory.as_raw_fd(),
                into: WriteSpan::of(buffer.spare_mut()),
            },
            Some(Ask::Readable { file }) => Op::Readable { fd: file.as_raw_fd() },
            Some(Ask::Timeout { after }) => Op::Timeout { after: after.as_bytes().as_ptr().cast() },
        };
        self.is_out = true;
        // SAFETY: invariant 1.
        unsafe { driver.push(token, &op) };
    }

    /// Whether it changes a file: then it goes on although nobody waits for it.
    pub(crate) fn writes(&self) -> bool {
        matches!(*self.ask, Some(Ask::Write { .. } | Ask::Sync { .. }))
    }

    /// Asks for the same file through the page cache, if it was to be opened past that and cannot be. Says whether it is so.
    pub(crate) fn falls_back(&mut self, result: Result<u32, Errno>) -> bool {
        match self.ask.as_mut() {
            Some(Ask::Open { how, .. }) if how.direct && result == Err(Errno::INVAL) => {
                how.direct = false;
                self.is_out = false;
                true
            }
            _ => false,
        }
    }

    /// The kernel is done. Says whether the operation goes on: a read that came short is asked for the rest.
    pub(crate) fn answered(&mut self, result: Result<u32, Errno>) -> bool {
        self.is_out = false;
        let Some(ask) = self.ask.take() else { return false };
        self.answer = Some(match (ask, result) {
            (Ask::Read { mut buffer, file, offset }, Ok(bytes)) => {
                fill(&mut buffer, bytes);
                if bytes > 0 && buffer.room_bytes() > 0 && !self.is_detached {
                    *self.ask = Some(Ask::Read { file, buffer, offset: offset + u64::from(bytes) });
                    return true;
                }
                Ok(Answer::Filled { buffer, ended: bytes == 0 })
            }
            (Ask::Write { file, mut data, list, offset }, Ok(bytes)) => {
                let written = data.split_to(u64::from(bytes).min(data.len()));
                debug_assert!(written.is_some(), "no more is written than there was");
                if data.is_empty() {
                    Ok(Answer::Written)
                } else if bytes > 0 {
                    let offset = offset + u64::from(bytes);
                    *self.ask = Some(Ask::Write { file, data, list, offset });
                    return true;
                } else {
                    // A file that takes nothing and says no reason is full in some way.
                    let unwritten = Some(data);
                    Err(Failed { errno: Errno::NOSPC, buffer: None, unwritten })
                }
            }
            // What only interrupted it is nobody's business.
            (ask, Err(Errno::INTR | Errno::AGAIN))
                if !self.is_detached || matches!(ask, Ask::Write { .. } | Ask::Sync { .. }) =>
            {
                *self.ask = Some(ask);
                return true;
            }
            (Ask::Timeout { after }, Ok(_) | Err(Errno::TIME)) => {
                self.given = Some(after);
                Ok(Answer::Ready)
            }
            (Ask::Sync { .. }, Ok(_)) => Ok(Answer::Synced),
            (Ask::List { mut buffer, .. }, Ok(bytes)) => {
                fill(&mut buffer, bytes);
                Ok(Answer::Filled { buffer, ended: bytes == 0 })
            }
            (ask @ Ask::Open { .. }, Ok(fd)) => {
                self.given = ask.into_given();
                Ok(Answer::Opened(own(fd)))
            }
            (Ask::Stat { into, .. }, Ok(_)) => Ok(Answer::Stated(into.get())),
            (Ask::Readable { .. }, Ok(_)) => Ok(Answer::Ready),
            (Ask::Read { buffer, .. } | Ask::List { buffer, .. }, Err(errno)) => {
                Err(Failed { errno, buffer: Some(buffer), unwritten: None })
            }
            (Ask::Write { data, .. }, Err(errno)) => {
                Err(Failed { errno, buffer: None, unwritten: Some(data) })
            }
            (ask, Err(errno)) => {
                self.given = ask.into_given();
                Err(Failed::with(errno))
            }
        });
        false
    }
}

impl Drop for FileOp {
    /// What is with a kernel that never answered stays for ever: it may still be written.
    fn drop(&mut self) {
        if !self.is_out {
            drop(self.ask.take());
        }
    }
}

fn fill(buffer: &mut ExclusiveBuf, bytes: u32) {
    // SAFETY: the driver reports how much was read to the start of the spare room (its contract).
    unsafe { buffer.add_filled(bytes as usize) };
}

fn own(fd: u32) -> OwnedFd {
    let fd = RawFd::try_from(fd).expect("the kernel opens descriptors");
    // SAFETY: the completion of an open gives the descriptor to us, and this is the only place that takes it.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// The name as the kernel wants it; `None` where it holds a zero byte.
pub(crate) fn c_string(name: &[u8]) -> Option<CString> {
    CString::new(name).ok()
}
