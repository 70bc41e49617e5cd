//! The bare ring as an echo server: accepts and receives stay armed, and each block is sent back from where it lies.
//!
//! Cost: one system call for all that is ready; a message is one entry (the send) and two completions.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;

use crate::echo::part::Part;
use crate::ring::blocks::{BlockRoom, Lent};
use crate::ring::sockets::{Act, Event, Sockets, Times};

/// As many connections as any load has, and some that are being closed.
const PLACE_COUNT: u32 = 4_096;

/// All blocks together; blocks go round in a circle, so more of them would only leave the core's cache.
const BLOCKS_BYTES: usize = 2 * 1024 * 1024;

const BLOCK_BYTES_MAX: usize = 64 * 1024;

/// As many as the load has connections, if they are short.
const BLOCK_COUNT_MAX: usize = 512;

/// One connection.
#[derive(Debug, Default)]
struct Line {
    /// A block is on its way back.
    is_sending: bool,
    /// What waits until that one has left.
    waiting: VecDeque<(Lent, u32)>,
    has_ended: bool,
}

struct Echo {
    listener: OwnedFd,
    sockets: Sockets,
    lines: Vec<Line>,
}

/// Echoes until the program is ended.
/// # Errors
/// Whatever the kernel refuses.
pub(crate) fn serve(part: Part) -> io::Result<()> {
    let block_bytes = part.buffer_bytes.min(BLOCK_BYTES_MAX);
    let block_count = (BLOCKS_BYTES / block_bytes).min(BLOCK_COUNT_MAX);
    let room = BlockRoom {
        block_count: u16::try_from(block_count).expect("at most 512"),
        block_bytes: u32::try_from(block_bytes).expect("at most 64 KiB"),
    };
    let sockets = Sockets::open(PLACE_COUNT, room, Vec::new(), &[])?;
    let lines = (0..PLACE_COUNT).map(|_| Line::default()).collect();
    let mut echo = Echo { listener: part.listener, sockets, lines };
    echo.sockets.accept(&echo.listener)?;
    let mut events = Vec::new();
    loop {
        echo.sockets.enter(None)?;
        echo.sockets.take_events(&mut events);
        for event in events.drain(..) {
            echo.take(event)?;
        }
    }
}

impl Echo {
    fn take(&mut self, event: Event) -> io::Result<()> {
        let place = event.place;
        match (event.act, event.result) {
            (Act::Accept, result) => {
                if let Ok(place) = result {
                    self.lines[place as usize] = Line::default();
                    self.sockets.receive(place, Times::UntilTheEnd)?;
                }
                if event.more { Ok(()) } else { self.sockets.accept(&self.listener) }
            }
            (Act::Receive, Ok(bytes_count)) if bytes_count > 0 => {
                let block = event.block.expect("bytes come in a block");
                self.lines[place as usize].waiting.push_back((block, bytes_count));
                self.send_next(place)?;
                if event.more {
                    return Ok(());
                }
                self.sockets.receive(place, Times::UntilTheEnd)
            }
            // All blocks were in use: some of them are lent again soon.
            (Act::Receive, Err(error)) if error.raw_os_error() == Some(libc::ENOBUFS) => {
                self.sockets.receive(place, Times::UntilTheEnd)
            }
            (Act::Receive, _) => {
                let line = &mut self.lines[place as usize];
                line.has_ended = true;
                if line.is_sending { Ok(()) } else { self.close(place) }
            }
            (Act::Echo, result) => {
                let line = &mut self.lines[place as usize];
                line.is_sending = false;
                let is_over = line.has_ended && line.waiting.is_empty();
                if result.is_err() || is_over {
                    self.close_ended(place)
                } else {
                    self.send_next(place)
                }
            }
            (Act::Send | Act::Close | Act::Open | Act::Cancel, _) => Ok(()),
        }
    }

    fn send_next(&mut self, place: u32) -> io::Result<()> {
        let line = &mut self.lines[place as usize];
        if line.is_sending {
            return Ok(());
        }
        let Some((block, bytes_count)) = line.waiting.pop_front() else { return Ok(()) };
        line.is_sending = true;
        self.sockets.echo(place, block, bytes_count)
    }

    /// After a send that failed: the receive says so too, and then it is closed.
    fn close_ended(&mut self, place: u32) -> io::Result<()> {
        if self.lines[place as usize].has_ended { self.close(place) } else { Ok(()) }
    }

    fn close(&mut self, place: u32) -> io::Result<()> {
        for (block, _) in std::mem::take(&mut self.lines[place as usize].waiting) {
            self.sockets.read(block, 0, |_| ());
        }
        self.sockets.close(place)
    }
}
