//! A watch is what the driver knows of one descriptor: who waits for what, and what the last edge said.

use std::os::fd::RawFd;

use crate::message::MessageForm;
use crate::op::{Group, Op};
use crate::span::WriteSpan;
use crate::token::Token;

/// Who waits to read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reader {
    /// Receives into blocks of a group, until cancelled or ended, or one time.
    Recv { token: Token, group: Group, once: bool },
    /// Receives one time, into memory of the program's.
    RecvInto { token: Token, into: WriteSpan },
    /// Receives messages into blocks of a group, until cancelled or ended.
    Message { token: Token, group: Group, form: MessageForm },
    /// One of those in the list of accepts.
    Accept,
    /// Wants to know, once.
    Readable(Token),
}

/// One descriptor.
#[derive(Debug, Default)]
pub(super) struct Watch {
    pub(super) reader: Option<Reader>,
    pub(super) writer: Option<(Token, Op)>,
    /// In the poll set. What never had to wait never gets in.
    pub(super) is_polled: bool,
    /// An attempt found nothing, and no edge has come since.
    pub(super) is_read_out: bool,
    /// As above, for writing.
    pub(super) is_written_full: bool,
    /// The peer has ended or failed: a short read is not the last.
    pub(super) is_hung_up: bool,
    /// In the list of descriptors to try.
    pub(super) is_listed: bool,
}

/// The watches, by descriptor.
#[derive(Debug, Default)]
pub(super) struct Watches {
    by_fd: Vec<Watch>,
    listed: Vec<RawFd>,
}

impl Watches {
    /// The watch of a descriptor; an unused one if there was none.
    pub(super) fn at(&mut self, fd: RawFd) -> &mut Watch {
        let index = usize::try_from(fd).expect("a descriptor in an operation is one");
        if self.by_fd.len() <= index {
            self.by_fd.resize_with(index + 1, Watch::default);
        }
        &mut self.by_fd[index]
    }

    /// Puts a descriptor on the list of those to try.
    pub(super) fn list(&mut self, fd: RawFd) {
        let watch = self.at(fd);
        if !core::mem::replace(&mut watch.is_listed, true) {
            self.listed.push(fd);
        }
    }

    /// Moves the list into `listed`, which is empty.
    pub(super) fn take_listed(&mut self, listed: &mut Vec<RawFd>) {
        core::mem::swap(&mut self.listed, listed);
        for fd in listed {
            self.at(*fd).is_listed = false;
        }
    }

    pub(super) fn has_listed(&self) -> bool {
        !self.listed.is_empty()
    }

    /// Forgets a descriptor that is closed: its number may be another's next.
    pub(super) fn forget(&mut self, fd: RawFd) {
        let is_listed = self.at(fd).is_listed;
        *self.at(fd) = Watch { is_listed, ..Watch::default() };
    }
}
