//! Reading is what a descriptor brings: bytes, messages, connections, or the news that there are some.
#![expect(unsafe_code, reason = "tries operations whose spans their callers keep alive")]

use std::collections::VecDeque;
use std::os::fd::RawFd;

use rustix::io::Errno;

use crate::call;
use crate::done::Done;
use crate::epoll::driver::Epoll;
use crate::epoll::watch::Reader;
use crate::message::MessageForm;
use crate::op::Group;
use crate::span::WriteSpan;
use crate::token::Token;

/// How many receives one socket may make in a pass.
const RECEIVES_PER_PASS: usize = 16;

/// How many datagrams: they are smaller.
const DATAGRAMS_PER_PASS: usize = 32;

/// How many connections one listener may take in a pass.
const ACCEPTS_PER_PASS: usize = 64;

impl Epoll {
    pub(super) fn try_read(&mut self, fd: RawFd, done: &mut Vec<Done>) {
        match self.watches.at(fd).reader {
            None => {}
            Some(Reader::Recv { token, group, once }) => {
                self.try_receive(fd, token, group, once, done);
            }
            Some(Reader::RecvInto { token, into }) => self.try_receive_into(fd, token, into, done),
            Some(Reader::Message { token, group, form }) => {
                self.try_messages(fd, token, group, form, done);
            }
            Some(Reader::Accept) => self.try_accept(fd, done),
            Some(Reader::Readable(token)) => self.end_read(fd, token, Ok(0), done),
        }
    }

    fn try_receive(
        &mut self,
        fd: RawFd,
        token: Token,
        group: Group,
        once: bool,
        done: &mut Vec<Done>,
    ) {
        for _ in 0..RECEIVES_PER_PASS {
            let Some((block, span)) = self.groups[usize::from(group.0)].pop() else {
                return self.end_read(fd, token, Err(Errno::NOBUFS), done);
            };
            // SAFETY: the block is lent to us until a completion names it (the contract of `provide`).
            let received = self.counted(|| unsafe { call::recv(fd, span) });
            match received {
                Ok(bytes) if bytes > 0 => {
                    let more = !once;
                    done.push(Done {
                        token,
                        result: received,
                        more,
                        block: Some(block),
                        notice: None,
                    });
                    if once {
                        self.watches.at(fd).reader = None;
                        self.waiting.remove(&token);
                        return;
                    }
                    // Less than there was room for: it is read out, and what comes later makes an edge.
                    if bytes < span.bytes && !self.watches.at(fd).is_hung_up {
                        return self.read_out(fd, token, done);
                    }
                }
                other => {
                    self.groups[usize::from(group.0)].push((block, span));
                    match other {
                        Err(Errno::AGAIN) => return self.read_out(fd, token, done),
                        Err(Errno::INTR) => {}
                        ended => return self.end_read(fd, token, ended, done),
                    }
                }
            }
        }
        self.watches.list(fd);
    }

    fn try_receive_into(&mut self, fd: RawFd, token: Token, into: WriteSpan, done: &mut Vec<Done>) {
        // SAFETY: the contract of `push`: the span holds until the completion.
        match self.counted(|| unsafe { call::recv(fd, into) }) {
            Err(Errno::AGAIN) => self.read_out(fd, token, done),
            Err(Errno::INTR) => self.watches.list(fd),
            result => self.end_read(fd, token, result, done),
        }
    }

    fn try_messages(
        &mut self,
        fd: RawFd,
        token: Token,
        group: Group,
        form: MessageForm,
        done: &mut Vec<Done>,
    ) {
        let budget = match form {
            MessageForm::From => DATAGRAMS_PER_PASS,
            MessageForm::Descriptors => RECEIVES_PER_PASS,
        };
        for _ in 0..budget {
            let Some((block, span)) = self.groups[usize::from(group.0)].pop() else {
                return self.end_read(fd, token, Err(Errno::NOBUFS), done);
            };
            // SAFETY: the block is lent to us until a completion names it (the contract of `provide`).
            let received = self.counted(|| unsafe { call::recv_message(fd, span, form) });
            match received {
                Ok((bytes, is_empty)) if !is_empty || !form.is_of_a_connection() => {
                    let (result, more) = (Ok(bytes), !is_empty);
                    done.push(Done { token, result, more, block: Some(block), notice: None });
                    if !more {
                        self.watches.at(fd).reader = None;
                        self.waiting.remove(&token);
                        return;
                    }
                }
                other => {
                    self.groups[usize::from(group.0)].push((block, span));
                    match other {
                        Ok(_) => return self.end_read(fd, token, Ok(0), done),
                        Err(Errno::AGAIN) => return self.read_out(fd, token, done),
                        Err(Errno::INTR) => {}
                        Err(errno) => return self.end_read(fd, token, Err(errno), done),
                    }
                }
            }
        }
        self.watches.list(fd);
    }

    fn try_accept(&mut self, fd: RawFd, done: &mut Vec<Done>) {
        for _ in 0..ACCEPTS_PER_PASS {
            let Some((token, peer)) =
                self.accepts.get(&fd).and_then(|accepts| accepts.front()).copied()
            else {
                self.watches.at(fd).reader = None;
                return;
            };
            // SAFETY: the contract of `push`: the room holds until the completion.
            let accepted = self.counted(|| unsafe { call::accept(fd, peer.map(|room| room.0)) });
            match accepted {
                Err(Errno::AGAIN) => return self.read_out(fd, token, done),
                Err(Errno::INTR | Errno::CONNABORTED) => {}
                result => {
                    if let Ok(fd) = result {
                        // Its number may have been another's who closed it by himself.
                        self.watches.forget(fd.cast_signed());
                    }
                    let more = peer.is_none() && result.is_ok();
                    done.push(Done { token, result, more, block: None, notice: None });
                    if !more {
                        self.waiting.remove(&token);
                        self.accepts.entry(fd).or_default().pop_front();
                    }
                }
            }
        }
        self.watches.list(fd);
    }

    /// There is nothing to read now: an edge will tell.
    fn read_out(&mut self, fd: RawFd, token: Token, done: &mut Vec<Done>) {
        self.watches.at(fd).is_read_out = true;
        if let Err(errno) = self.poll_first_time(fd) {
            self.end_read(fd, token, Err(errno), done);
        }
    }

    pub(super) fn end_read(
        &mut self,
        fd: RawFd,
        token: Token,
        result: Result<u32, Errno>,
        done: &mut Vec<Done>,
    ) {
        if let Some(accepts) = self.accepts.get_mut(&fd) {
            accepts.retain(|(accept, _)| *accept != token);
        }
        let is_over = match self.watches.at(fd).reader {
            Some(Reader::Accept) => self.accepts.get(&fd).is_none_or(VecDeque::is_empty),
            Some(
                Reader::Recv { token: reader, .. }
                | Reader::RecvInto { token: reader, .. }
                | Reader::Message { token: reader, .. }
                | Reader::Readable(reader),
            ) => reader == token, // not that of who has the number now
            None => false,
        };
        if is_over {
            self.watches.at(fd).reader = None;
        }
        self.waiting.remove(&token);
        done.push(Done::last(token, result));
    }
}
