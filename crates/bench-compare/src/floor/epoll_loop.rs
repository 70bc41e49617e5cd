//! The bare epoll loop: edges, and one system call for each accept, receive, send and close.
//!
//! A connection is tried as soon as it is accepted, and polled only if it lives on: with one request a connection nothing is
//! ever polled but the listener.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SocketFlags, accept_with, recv};

use crate::floor::reply::Reply;
use crate::floor::request_end::RequestEnd;

const EVENTS_MAX: usize = 512;

const BUFFER_BYTES_MIN: usize = 4096;

/// The listener's mark among the events; the others are descriptors.
const LISTENER: u64 = u64::MAX;

struct Line {
    socket: OwnedFd,
    end: RequestEnd,
    owed_count: u32,
    sent_bytes: u64,
}

/// What has become of a connection.
#[derive(PartialEq)]
enum Fate {
    Lives,
    Ends,
}

struct Bare<'a> {
    poll: OwnedFd,
    reply: &'a Reply,
    /// That of a connection which has said nothing yet.
    end: RequestEnd,
    closes: bool,
    /// By descriptor.
    lines: Vec<Option<Line>>,
    buffer: Vec<u8>,
}

/// Answers with `reply` until the program is ended.
/// # Errors
/// Whatever the kernel refuses.
pub(crate) fn serve(
    listener: &OwnedFd,
    reply: &Reply,
    end: RequestEnd,
    closes: bool,
) -> io::Result<()> {
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    epoll::add(&poll, listener, epoll::EventData::new_u64(LISTENER), epoll::EventFlags::IN)?;
    let mut bare = Bare {
        poll,
        reply,
        end,
        closes,
        lines: Vec::new(),
        buffer: vec![0; end.buffer_bytes(BUFFER_BYTES_MIN)],
    };
    let mut events = Vec::with_capacity(EVENTS_MAX);
    loop {
        events.clear();
        match epoll::wait(&bare.poll, spare_capacity(&mut events), None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        for event in &events {
            if event.data.u64() == LISTENER {
                bare.accept_all(listener)?;
            } else {
                bare.look_at(usize::try_from(event.data.u64()).expect("a descriptor"));
            }
        }
    }
}

impl Bare<'_> {
    /// Until it would block: a connection that came meanwhile is taken without another wait.
    fn accept_all(&mut self, listener: &OwnedFd) -> io::Result<()> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        while let Ok(socket) = accept_with(listener, flags) {
            let mut line = Line { socket, end: self.end, owed_count: 0, sent_bytes: 0 };
            if self.carry_on(&mut line) == Fate::Ends {
                continue;
            }
            let index = usize::try_from(line.socket.as_raw_fd()).expect("is not negative");
            let edges = epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::ET;
            let mark = epoll::EventData::new_u64(index as u64);
            epoll::add(&self.poll, line.socket.as_fd(), mark, edges)?;
            if self.lines.len() <= index {
                self.lines.resize_with(index + 1, || None);
            }
            self.lines[index] = Some(line);
        }
        Ok(())
    }

    fn look_at(&mut self, index: usize) {
        let Some(mut line) = self.lines[index].take() else { return };
        if self.carry_on(&mut line) == Fate::Lives {
            self.lines[index] = Some(line);
        } // or dropping it has closed it, which takes it out of the poll too
    }

    /// Receives until a short receive says that no more is there, and sends what is owed.
    fn carry_on(&mut self, line: &mut Line) -> Fate {
        loop {
            let received = match recv(&line.socket, &mut *self.buffer, RecvFlags::empty()) {
                Ok((0, _)) => return Fate::Ends,
                Ok((received, _)) => received,
                Err(Errno::AGAIN) => break,
                Err(_) => return Fate::Ends,
            };
            line.owed_count += line.end.count_in(&self.buffer[..received]);
            if received < self.buffer.len() {
                break; // a client here never closes right behind a request, so no end is missed
            }
        }
        while line.owed_count > 0 {
            match self.reply.send_from(&line.socket, line.sent_bytes) {
                Ok(sent_bytes) => line.sent_bytes += sent_bytes,
                Err(Errno::AGAIN) => return Fate::Lives,
                Err(_) => return Fate::Ends,
            }
            if line.sent_bytes == self.reply.length_bytes() {
                line.sent_bytes = 0;
                line.owed_count -= 1;
                if self.closes {
                    return Fate::Ends;
                }
            }
        }
        Fate::Lives
    }
}
