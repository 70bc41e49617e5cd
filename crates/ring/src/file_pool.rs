//! A file pool does on threads of its own what a core's loop must not wait for: opening, asking, reading, writing, listing.
//!
//! Two threads, made at the first use; what waits for them is bounded by who asks (64 files in flight per channel).
//! Results come back through a list, and the core's waker.
#![expect(unsafe_code, reason = "carries spans to another thread and makes the system calls there")]
#![expect(
    clippy::disallowed_types,
    reason = "the list of jobs is locked to put one in or take one out, no longer"
)]

use core::ffi::CStr;
use std::collections::VecDeque;
use std::os::fd::{BorrowedFd, RawFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use rustix::io::Errno;

use crate::op::{Op, OpenHow};
use crate::span::WriteSpan;
use crate::stat::StatBuffer;
use crate::token::Token;
use crate::vectored::Vectored;
use crate::wake::CoreWaker;

const THREADS: usize = 2;

/// The threads, and what they have to do and have done.
#[derive(Debug)]
pub(crate) struct FilePool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    lists: Mutex<Lists>,
    more: Condvar,
    waker: CoreWaker,
}

#[derive(Debug, Default)]
struct Lists {
    jobs: VecDeque<Job>,
    done: Vec<(Token, Result<u32, Errno>)>,
    ended: bool,
}

#[derive(Debug)]
struct Job {
    token: Token,
    op: Op,
}

// SAFETY: the pointers in `op` hold until the operation's completion was reported, whoever touches them (the contract
// of `Driver::push`); the job's thread is done with them before that.
unsafe impl Send for Job {}

impl FilePool {
    pub(crate) fn new(waker: CoreWaker) -> Self {
        let shared =
            Arc::new(Shared { lists: Mutex::new(Lists::default()), more: Condvar::new(), waker });
        Self { shared, threads: Vec::new() }
    }

    /// # Safety
    /// As [`crate::Driver::push`].
    pub(crate) unsafe fn push(&mut self, token: Token, op: Op) -> Result<(), Errno> {
        while self.threads.len() < THREADS {
            let shared = Arc::clone(&self.shared);
            let thread = std::thread::Builder::new().name("levada-files".to_owned());
            match thread.spawn(move || shared.work()) {
                Ok(thread) => self.threads.push(thread),
                Err(_) if !self.threads.is_empty() => break, // one does it too, slower
                Err(error) => return Err(Errno::from_io_error(&error).unwrap_or(Errno::AGAIN)),
            }
        }
        self.shared.lock().jobs.push_back(Job { token, op });
        self.shared.more.notify_one();
        Ok(())
    }

    /// Takes a job back that no thread has begun.
    pub(crate) fn cancel(&mut self, token: Token) -> bool {
        let mut lists = self.shared.lock();
        let Some(index) = lists.jobs.iter().position(|job| job.token == token) else {
            return false;
        };
        lists.jobs.remove(index);
        true
    }

    /// What was done since the last time.
    pub(crate) fn take_done(&mut self, into: &mut Vec<(Token, Result<u32, Errno>)>) {
        if !self.threads.is_empty() {
            into.append(&mut self.shared.lock().done);
        }
    }
}

impl Drop for FilePool {
    /// Lets the threads end after the job in hand. A thread that hangs in the kernel is left to itself: whoever owns
    /// what its job points to keeps that, since the job's completion was never reported.
    fn drop(&mut self) {
        self.shared.lock().ended = true;
        self.shared.more.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Lists> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        ignore_broken_pipes();
        let mut lists = self.lock();
        while !lists.ended {
            let Some(job) = lists.jobs.pop_front() else {
                lists = self.more.wait(lists).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            drop(lists);
            let result = loop {
                // SAFETY: the spans hold until the completion is reported, which is after this.
                match unsafe { carry_out(&job.op) } {
                    Err(Errno::INTR) => {} // a signal of the program's, of no meaning for the file
                    result => break result,
                }
            };
            lists = self.lock();
            lists.done.push((job.token, result));
            self.waker.wake();
        }
    }
}

/// Makes an operation's system call here and now.
///
/// # Safety
/// What the operation points to holds during the call.
unsafe fn carry_out(op: &Op) -> Result<u32, Errno> {
    match *op {
        Op::Open { directory, path, how } => {
            // SAFETY: passed on to the caller.
            let path = unsafe { &*path };
            open(directory, path, how)
        }
        Op::Stat { file, name, into } => {
            // SAFETY: passed on to the caller.
            let name = name.map(|name| unsafe { &*name });
            // SAFETY: passed on to the caller.
            unsafe { stat(file, name, into) }
        }
        // SAFETY: passed on to the caller.
        Op::Read { file, into, offset } => unsafe { read(file, into, offset) },
        Op::Write { file, spans, offset } => {
            // SAFETY: passed on to the caller.
            let spans = unsafe { &*spans };
            // SAFETY: passed on to the caller.
            unsafe { write(file, spans, offset) }
        }
        Op::Sync { file, data_only } => sync(file, data_only),
        Op::SendFile { socket, file, offset, bytes } => send_file(socket, file, offset, bytes),
        // SAFETY: passed on to the caller.
        Op::List { directory, into } => unsafe { list(directory, into) },
        _ => Err(Errno::INVAL),
    }
}

fn open(directory: RawFd, path: &CStr, how: OpenHow) -> Result<u32, Errno> {
    let (flags, mode, resolve) = (how.flags(), how.mode(), how.resolve());
    let how = [flags, mode, resolve]; // `struct open_how`, version 0
    // SAFETY: the path and the struct live across the call, and the length is that of the struct.
    let fd = unsafe {
        libc::syscall(libc::SYS_openat2, directory, path.as_ptr(), how.as_ptr(), size_of_val(&how))
    };
    result(fd)
}

/// # Safety
/// The buffer may be written.
unsafe fn stat(file: RawFd, name: Option<&CStr>, into: *mut StatBuffer) -> Result<u32, Errno> {
    let (name, flags) = StatBuffer::question(name);
    let place = StatBuffer::place(into);
    // SAFETY: the name lives across the call, and the place is that of a `statx` (passed on to the caller).
    let status = unsafe { libc::statx(file, name.as_ptr(), flags, libc::STATX_BASIC_STATS, place) };
    result(status.into())
}

/// # Safety
/// The span may be written.
unsafe fn read(file: RawFd, into: WriteSpan, offset: u64) -> Result<u32, Errno> {
    let file = borrowed(&file)?;
    // SAFETY: passed on to the caller.
    let room = unsafe {
        core::slice::from_raw_parts_mut(
            into.start.cast::<core::mem::MaybeUninit<u8>>(),
            into.bytes as usize,
        )
    };
    let (filled, _) = rustix::io::pread(file, room, offset)?;
    Ok(u32::try_from(filled.len()).unwrap_or(u32::MAX))
}

/// # Safety
/// The span may be written.
unsafe fn list(directory: RawFd, into: WriteSpan) -> Result<u32, Errno> {
    // SAFETY: passed on to the caller.
    let bytes = unsafe { libc::syscall(libc::SYS_getdents64, directory, into.start, into.bytes) };
    result(bytes)
}

/// # Safety
/// The spans may be read.
unsafe fn write(file: RawFd, spans: &Vectored, offset: u64) -> Result<u32, Errno> {
    let list = spans.raw_spans();
    let count = libc::c_int::try_from(list.len()).expect("a list has few spans");
    // SAFETY: the list and its length are one, and its spans may be read (passed on to the caller).
    let bytes = unsafe { libc::pwritev64(file, list.as_ptr(), count, offset.cast_signed()) };
    result(bytes as libc::c_long)
}

fn sync(file: RawFd, data_only: bool) -> Result<u32, Errno> {
    let file = borrowed(&file)?;
    let synced = if data_only { rustix::fs::fdatasync(file) } else { rustix::fs::fsync(file) };
    synced.map(|()| 0)
}

fn send_file(socket: RawFd, file: RawFd, offset: u64, bytes: u32) -> Result<u32, Errno> {
    let (socket, file) = (borrowed(&socket)?, borrowed(&file)?);
    let sent = rustix::fs::sendfile(socket, file, Some(&mut { offset }), bytes as usize)?;
    Ok(u32::try_from(sent).unwrap_or(u32::MAX))
}

/// A peer that is gone is an error of its send; the signal that comes with it would end a program that does not ignore it.
fn ignore_broken_pipes() {
    // SAFETY: a set of signals is integers, for which zero is a value.
    let mut signals: libc::sigset_t = unsafe { core::mem::zeroed() };
    // SAFETY: the set is ours, and the number is that of a signal.
    unsafe { libc::sigaddset(&raw mut signals, libc::SIGPIPE) };
    // SAFETY: the set lives across the call, which is about this thread alone.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const signals, core::ptr::null_mut()) };
}

/// The operation's descriptor, for a call; what none can be is refused as the kernel would.
fn borrowed(fd: &RawFd) -> Result<BorrowedFd<'_>, Errno> {
    if *fd < 0 {
        return Err(Errno::BADF);
    }
    // SAFETY: it is not the number that stands for none, and the operation's owner keeps it open until the completion.
    Ok(unsafe { BorrowedFd::borrow_raw(*fd) })
}

fn result(status: libc::c_long) -> Result<u32, Errno> {
    u32::try_from(status).map_err(|_negative| {
        // The calls above return -1 and leave the reason in errno.
        Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)
    })
}
