//! The epoll loop in its best form: edges, a try at each accept, and each receive sent back at once.
//!
//! One buffer serves all connections, hot in the core's cache; only what a full socket does not take is kept beside it. A
//! connection is polled for writing only while something is. A message is a receive and a send, and a share of a wait.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, SocketFlags, accept_with, recv, send};

use crate::echo::part::Part;

const EVENTS_MAX: usize = 512;

/// The listener's mark among the events; the others are descriptors.
const LISTENER: u64 = u64::MAX;

struct Line {
    socket: OwnedFd,
    /// What the socket did not take, and from where on.
    kept: Vec<u8>,
    kept_from: usize,
    is_polled_for_writing: bool,
    /// The peer's end is known, and comes behind what is still there.
    has_ended: bool,
}

/// What has become of a connection.
#[derive(PartialEq)]
enum Fate {
    Lives,
    /// It lives, and is full.
    Waits,
    Ends,
}

struct Echo {
    poll: OwnedFd,
    /// By descriptor.
    lines: Vec<Option<Line>>,
    buffer: Vec<u8>,
}

/// Echoes until the program is ended.
/// # Errors
/// Whatever the kernel refuses.
pub(crate) fn serve(part: Part) -> io::Result<()> {
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let mark = epoll::EventData::new_u64(LISTENER);
    epoll::add(&poll, &part.listener, mark, epoll::EventFlags::IN)?;
    let mut echo = Echo { poll, lines: Vec::new(), buffer: vec![0; part.buffer_bytes] };
    let mut events = Vec::with_capacity(EVENTS_MAX);
    loop {
        events.clear();
        match epoll::wait(&echo.poll, spare_capacity(&mut events), None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        for event in &events {
            if event.data.u64() == LISTENER {
                echo.accept_all(&part.listener)?;
            } else {
                let index = usize::try_from(event.data.u64()).expect("a descriptor");
                echo.look_at(index, event.flags)?;
            }
        }
    }
}

impl Echo {
    /// Until it would block: a connection that came meanwhile is taken without another wait.
    fn accept_all(&mut self, listener: &OwnedFd) -> io::Result<()> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        while let Ok(socket) = accept_with(listener, flags) {
            let mut line = Line {
                socket,
                kept: Vec::new(),
                kept_from: 0,
                is_polled_for_writing: false,
                has_ended: false,
            };
            let fate = self.carry_on(&mut line);
            if fate == Fate::Ends {
                continue;
            }
            line.is_polled_for_writing = fate == Fate::Waits;
            let index = usize::try_from(line.socket.as_raw_fd()).expect("is not negative");
            let mark = epoll::EventData::new_u64(index as u64);
            epoll::add(&self.poll, line.socket.as_fd(), mark, edges(&line))?;
            if self.lines.len() <= index {
                self.lines.resize_with(index + 1, || None);
            }
            self.lines[index] = Some(line);
        }
        Ok(())
    }

    fn look_at(&mut self, index: usize, flags: epoll::EventFlags) -> io::Result<()> {
        let Some(mut line) = self.lines[index].take() else { return Ok(()) };
        line.has_ended |= flags.contains(epoll::EventFlags::RDHUP);
        let fate = self.carry_on(&mut line);
        if fate == Fate::Ends {
            return Ok(()); // dropping the line closes it, which takes it out of the poll too
        }
        if line.is_polled_for_writing != (fate == Fate::Waits) {
            line.is_polled_for_writing = fate == Fate::Waits;
            let mark = epoll::EventData::new_u64(index as u64);
            epoll::modify(&self.poll, line.socket.as_fd(), mark, edges(&line))?;
        }
        self.lines[index] = Some(line);
        Ok(())
    }

    /// Receives and sends back until a short receive says that no more is there, or the socket is full.
    fn carry_on(&mut self, line: &mut Line) -> Fate {
        if !line.kept.is_empty() {
            match send_all(&line.socket, &line.kept[line.kept_from..]) {
                Ok(sent_bytes) => line.kept_from += sent_bytes,
                Err(_) => return Fate::Ends,
            }
            if line.kept_from < line.kept.len() {
                return Fate::Waits;
            }
            line.kept.clear();
        }
        loop {
            let received_bytes = match recv(&line.socket, &mut *self.buffer, RecvFlags::empty()) {
                Ok((0, _)) => return Fate::Ends,
                Ok((received_bytes, _)) => received_bytes,
                Err(Errno::AGAIN) => return Fate::Lives,
                Err(_) => return Fate::Ends,
            };
            let received = &self.buffer[..received_bytes];
            match send_all(&line.socket, received) {
                Ok(sent_bytes) if sent_bytes == received_bytes => {}
                Ok(sent_bytes) => {
                    line.kept.extend_from_slice(&received[sent_bytes..]);
                    line.kept_from = 0;
                    return Fate::Waits;
                }
                Err(_) => return Fate::Ends,
            }
            if received_bytes < self.buffer.len() && !line.has_ended {
                return Fate::Lives; // what comes later, the end among it, is a new edge
            }
        }
    }
}

fn edges(line: &Line) -> epoll::EventFlags {
    let edges = epoll::EventFlags::IN | epoll::EventFlags::RDHUP | epoll::EventFlags::ET;
    if line.is_polled_for_writing { edges | epoll::EventFlags::OUT } else { edges }
}

/// Sends until all is gone or the socket is full; says how much it was.
fn send_all(socket: &OwnedFd, bytes: &[u8]) -> Result<usize, Errno> {
    let mut sent_bytes = 0;
    while sent_bytes < bytes.len() {
        match send(socket, &bytes[sent_bytes..], SendFlags::NOSIGNAL) {
            Ok(more_bytes) => sent_bytes += more_bytes,
            Err(Errno::AGAIN) => break,
            Err(errno) => return Err(errno),
        }
    }
    Ok(sent_bytes)
}
