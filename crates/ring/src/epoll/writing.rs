//! Writing is what a descriptor takes one of at a time: a send, a connection to be, a question for room.
#![expect(unsafe_code, reason = "tries operations whose spans their callers keep alive")]

use std::os::fd::RawFd;

use rustix::io::Errno;

use crate::call;
use crate::done::Done;
use crate::epoll::driver::Epoll;
use crate::op::Op;
use crate::span::ReadSpan;
use crate::token::Token;

impl Epoll {
    pub(super) fn try_write(&mut self, fd: RawFd, done: &mut Vec<Done>) {
        let Some((token, op)) = self.watches.at(fd).writer else { return };
        if let Op::Connect { to, .. } = op {
            return self.try_connect(fd, token, to, done);
        }
        let result = self.counted(|| match op {
            // SAFETY: the contract of `push`: the spans hold until the completion.
            Op::Send { span, .. } => unsafe { call::send(fd, span) },
            Op::SendMany { spans, .. } | Op::SendZeroCopy { spans, .. } => {
                // SAFETY: as above.
                unsafe { call::send_many(fd, spans, false) }
            }
            // SAFETY: as above.
            Op::SendLast { spans, together, .. } => unsafe { call::send_many(fd, spans, together) },
            Op::Writable { .. } => Ok(0),
            other => unreachable!("{other:?} does not write"),
        });
        let is_at_once = match op {
            // SAFETY: the contract of `push`: the list is there until its completion is handed out.
            Op::SendMany { spans, .. } => unsafe { &*spans }.is_at_once(),
            _ => false,
        };
        if result == Err(Errno::AGAIN) && !is_at_once {
            self.wait_to_write(fd, token, done);
        } else if result != Err(Errno::INTR) {
            self.end_write(fd, token, result, done);
            if let Op::SendLast { spans, .. } = op
                // SAFETY: the contract of `push`: the list is there until its completion is handed out.
                && result == Ok(unsafe { &*spans }.bytes())
            {
                self.watches.forget(fd);
                let _closed: Result<u32, Errno> = self.counted(|| call::close(fd));
            }
        } else {
            self.watches.list(fd);
        }
    }

    /// The kernel connects by itself, and tells who asks a second time what came of it.
    fn try_connect(&mut self, fd: RawFd, token: Token, to: ReadSpan, done: &mut Vec<Done>) {
        let is_first = !self.waiting.contains_key(&token);
        // SAFETY: the contract of `push`: the address holds until the completion.
        match self.counted(|| unsafe { call::connect(fd, to) }) {
            Err(Errno::INPROGRESS) => self.wait_to_write(fd, token, done),
            // An edge that meant something else.
            Err(Errno::ALREADY) if !is_first => self.wait_to_write(fd, token, done),
            Err(Errno::INTR) => self.watches.list(fd),
            result => self.end_write(fd, token, result, done),
        }
    }

    /// There is no room now, or no answer: an edge will tell.
    fn wait_to_write(&mut self, fd: RawFd, token: Token, done: &mut Vec<Done>) {
        self.watches.at(fd).is_written_full = true;
        self.waiting.insert(token, fd);
        if let Err(errno) = self.poll_first_time(fd) {
            self.end_write(fd, token, Err(errno), done);
        }
    }

    pub(super) fn end_write(
        &mut self,
        fd: RawFd,
        token: Token,
        result: Result<u32, Errno>,
        done: &mut Vec<Done>,
    ) {
        self.next_writer(fd);
        self.waiting.remove(&token);
        done.push(Done::last(token, result));
    }

    /// Lets the next of those that wait to write have its turn.
    pub(super) fn next_writer(&mut self, fd: RawFd) {
        self.watches.at(fd).writer = None;
        if self.behind.is_empty() {
            return;
        }
        let Some(line) = self.behind.get_mut(&fd) else { return };
        self.watches.at(fd).writer = line.pop_front();
        if line.is_empty() {
            self.behind.remove(&fd);
        }
        if !self.watches.at(fd).is_written_full {
            self.watches.list(fd);
        }
    }

    /// Takes one out of those that wait behind another. Says whether it was there.
    pub(super) fn leaves_line(&mut self, fd: RawFd, token: Token) -> bool {
        let Some(line) = self.behind.get_mut(&fd) else { return false };
        let before = line.len();
        line.retain(|(waiting, _)| *waiting != token);
        line.len() < before
    }
}
