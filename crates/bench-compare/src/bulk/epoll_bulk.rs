//! The epoll loop for bulk: edges, one buffer for all receives, one write for all sends, and a turn for each connection.
//!
//! A connection that has more to say or takes more is left after some writes and comes again before the next wait, so that
//! none holds the loop; it is polled only when it has done what it can.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, SocketFlags, accept_with, recv, send};
use rustix::time::Timespec;

use crate::bulk::work::Work;

const EVENTS_MAX: usize = 64;

/// The listener's mark among the events; the others are descriptors.
const LISTENER: u64 = u64::MAX;

/// So many receives and as many sends are a turn.
const TURN_MAX: u32 = 16;

struct Line {
    socket: OwnedFd,
    /// How much of the write that is leaving has left.
    sent_bytes: usize,
    has_more: bool,
    takes_more: bool,
    is_in_line: bool,
}

struct Loop<'a> {
    poll: OwnedFd,
    pattern: &'a [u8],
    /// By descriptor.
    lines: Vec<Option<Line>>,
    /// Those whose turn comes.
    in_line: VecDeque<usize>,
    buffer: Vec<u8>,
}

/// Serves until the program is ended.
/// # Errors
/// Whatever the kernel refuses.
pub(crate) fn serve(work: &Work) -> io::Result<()> {
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let mark = epoll::EventData::new_u64(LISTENER);
    epoll::add(&poll, &work.listener, mark, epoll::EventFlags::IN)?;
    let mut bare = Loop {
        poll,
        pattern: &work.pattern,
        lines: Vec::new(),
        in_line: VecDeque::new(),
        buffer: vec![0; work.pattern.len()],
    };
    let mut events = Vec::with_capacity(EVENTS_MAX);
    loop {
        events.clear();
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        let wait = (!bare.in_line.is_empty()).then_some(&at_once);
        match epoll::wait(&bare.poll, spare_capacity(&mut events), wait) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        for event in &events {
            if event.data.u64() == LISTENER {
                bare.accept_all(&work.listener)?;
            } else {
                bare.note(usize::try_from(event.data.u64()).expect("a descriptor"), event.flags);
            }
        }
        for _ in 0..bare.in_line.len() {
            bare.take_turn();
        }
    }
}

impl Loop<'_> {
    fn accept_all(&mut self, listener: &OwnedFd) -> io::Result<()> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        while let Ok(socket) = accept_with(listener, flags) {
            let index = usize::try_from(socket.as_raw_fd()).expect("is not negative");
            let edges = epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::ET;
            let mark = epoll::EventData::new_u64(index as u64);
            epoll::add(&self.poll, socket.as_fd(), mark, edges)?;
            if self.lines.len() <= index {
                self.lines.resize_with(index + 1, || None);
            }
            // The first edges tell what it can do.
            let (has_more, takes_more, is_in_line) = (false, false, false);
            self.lines[index] =
                Some(Line { socket, sent_bytes: 0, has_more, takes_more, is_in_line });
        }
        Ok(())
    }

    fn note(&mut self, index: usize, flags: epoll::EventFlags) {
        let Some(line) = &mut self.lines[index] else { return };
        let ended = epoll::EventFlags::HUP | epoll::EventFlags::ERR;
        line.has_more |= flags.intersects(epoll::EventFlags::IN | ended);
        line.takes_more |= flags.intersects(epoll::EventFlags::OUT | ended);
        if !line.is_in_line {
            line.is_in_line = true;
            self.in_line.push_back(index);
        }
    }

    fn take_turn(&mut self) {
        let Some(index) = self.in_line.pop_front() else { return };
        let Some(mut line) = self.lines[index].take() else { return };
        line.is_in_line = false;
        if self.receive(&mut line).is_err() || self.send(&mut line).is_err() {
            return; // dropping the line closes it, which takes it out of the poll too
        }
        if line.has_more || line.takes_more {
            line.is_in_line = true;
            self.in_line.push_back(index);
        }
        self.lines[index] = Some(line);
    }

    /// A receive that is short says that no more is there.
    fn receive(&mut self, line: &mut Line) -> Result<(), Errno> {
        for _ in 0..TURN_MAX {
            if !line.has_more {
                break;
            }
            match recv(&line.socket, &mut *self.buffer, RecvFlags::empty()) {
                Ok((0, _)) => return Err(Errno::PIPE),
                Ok((received_bytes, _)) => line.has_more = received_bytes == self.buffer.len(),
                Err(Errno::AGAIN) => line.has_more = false,
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    /// Until the socket refuses: a short send alone would arm no edge.
    fn send(&mut self, line: &mut Line) -> Result<(), Errno> {
        for _ in 0..TURN_MAX {
            if !line.takes_more {
                break;
            }
            let rest = &self.pattern[line.sent_bytes..];
            match send(&line.socket, rest, SendFlags::NOSIGNAL) {
                Ok(sent_bytes) if sent_bytes == rest.len() => line.sent_bytes = 0,
                Ok(sent_bytes) => line.sent_bytes += sent_bytes,
                Err(Errno::AGAIN) => line.takes_more = false,
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }
}
