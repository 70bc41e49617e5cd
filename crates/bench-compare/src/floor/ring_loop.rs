//! The bare ring: accepts by one armed operation, receives by one for each connection, and sends one reply.
//!
//! Cost: one system call for all that is ready; a request is one entry (the send) and two completions. A connection with one
//! request is a receive, a send with the close linked behind it, and no system call of its own.

use std::io;
use std::os::fd::OwnedFd;

use crate::floor::request_end::RequestEnd;
use crate::ring::blocks::BlockRoom;
use crate::ring::messages::MessageIndex;
use crate::ring::sockets::{Act, Event, Sockets, Then, Times};

/// As many connections as any load has, and some that are being closed.
const PLACE_COUNT: u32 = 16_384;

/// A block goes back in the batch in which it came: few are enough if they are long.
const BLOCKS_BYTES: usize = 1024 * 1024;

/// Requests are short, as a rule.
const BLOCK_BYTES_MIN: usize = 1024;

const REPLY: MessageIndex = MessageIndex(0);

/// One connection.
#[derive(Clone, Copy, Debug)]
struct Line {
    end: RequestEnd,
    /// Requests whose reply has not left whole, the one that is leaving among them.
    owed_count: u32,
    /// How much of the reply that is leaving has left.
    sent_bytes: usize,
}

impl Line {
    fn new(end: RequestEnd) -> Self {
        Self { end, owed_count: 0, sent_bytes: 0 }
    }
}

struct Bare<'a> {
    listener: &'a OwnedFd,
    sockets: Sockets,
    /// That of a connection which has said nothing yet.
    end: RequestEnd,
    lines: Vec<Line>,
    reply_bytes: usize,
    closes: bool,
}

/// Answers with `reply` until the program is ended.
/// # Errors
/// Whatever the kernel refuses.
pub(crate) fn serve(
    listener: &OwnedFd,
    reply: Vec<u8>,
    end: RequestEnd,
    closes: bool,
) -> io::Result<()> {
    let block_bytes = end.buffer_bytes(BLOCK_BYTES_MIN);
    let block_count = (BLOCKS_BYTES / block_bytes).next_power_of_two();
    let room = BlockRoom {
        block_count: u16::try_from(block_count).expect("at most 1,024"),
        block_bytes: u32::try_from(block_bytes).expect("at most 64 KiB"),
    };
    let sockets = Sockets::open(PLACE_COUNT, room, vec![reply], &[])?;
    let reply_bytes = sockets.message_bytes(REPLY);
    let lines = vec![Line::new(end); PLACE_COUNT as usize];
    let mut bare = Bare { listener, sockets, end, lines, reply_bytes, closes };
    bare.sockets.accept(bare.listener)?;
    let mut events = Vec::new();
    loop {
        bare.sockets.enter(None)?;
        bare.sockets.take_events(&mut events);
        for event in events.drain(..) {
            bare.take(event)?;
        }
    }
}

impl Bare<'_> {
    fn take(&mut self, event: Event) -> io::Result<()> {
        let place = event.place;
        match (event.act, event.result) {
            (Act::Accept, result) => {
                if let Ok(place) = result {
                    self.lines[place as usize] = Line::new(self.end);
                    self.sockets.receive(place, self.times())?;
                }
                if event.more { Ok(()) } else { self.sockets.accept(self.listener) }
            }
            (Act::Receive, Ok(0)) => self.sockets.close(place),
            (Act::Receive, Ok(bytes_count)) => {
                let block = event.block.expect("bytes come in a block");
                let end = &mut self.lines[place as usize].end;
                let count = self.sockets.read(block, bytes_count, |bytes| end.count_in(bytes));
                self.owe(place, count)?;
                if event.more || (self.closes && count > 0) {
                    return Ok(());
                }
                self.sockets.receive(place, self.times())
            }
            // All blocks were in use: they are lent again in this same batch.
            (Act::Receive, Err(error)) if error.raw_os_error() == Some(libc::ENOBUFS) => {
                self.sockets.receive(place, self.times())
            }
            (Act::Receive, Err(_)) => self.sockets.close(place),
            (Act::Send, Ok(sent_bytes)) => self.note_sent(place, sent_bytes as usize),
            // The peer is gone: the receive says so too, and closes.
            (Act::Send | Act::Close, Err(_)) => Ok(()),
            (Act::Close | Act::Open | Act::Echo | Act::Cancel, _) => Ok(()),
        }
    }

    /// With one request a connection nothing may stay armed: it would hold the socket open behind its close.
    fn times(&self) -> Times {
        if self.closes { Times::Once } else { Times::UntilTheEnd }
    }

    fn owe(&mut self, place: u32, count: u32) -> io::Result<()> {
        let line = &mut self.lines[place as usize];
        let is_quiet = line.owed_count == 0;
        line.owed_count += count;
        if is_quiet && count > 0 {
            line.sent_bytes = 0;
            return self.send_on(place);
        }
        Ok(())
    }

    fn send_on(&mut self, place: u32) -> io::Result<()> {
        let then = if self.closes { Then::Close } else { Then::Keep };
        self.sockets.send(place, REPLY, self.lines[place as usize].sent_bytes, then)
    }

    /// Goes on with a reply that left in part, or with the next one.
    fn note_sent(&mut self, place: u32, sent_bytes: usize) -> io::Result<()> {
        if self.closes {
            return Ok(()); // the linked close came after it, and the place may already be another's
        }
        let line = &mut self.lines[place as usize];
        line.sent_bytes += sent_bytes;
        if line.sent_bytes == self.reply_bytes {
            line.sent_bytes = 0;
            line.owed_count -= 1;
            if line.owed_count == 0 {
                return Ok(());
            }
        }
        self.send_on(place)
    }
}
