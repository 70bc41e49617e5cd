//! Taking in what a driver says is done: what came is what was asked for, and memory is the program's again.
#![expect(unsafe_code, reason = "reads memory that a completion names")]

use std::time::Duration;

use levada_ring::{Done, Driver, Errno, Message, MessageForm, Op, ReadSpan, Wait};

use crate::line::Line;
use crate::program::{About, FileOp, Program, far};

impl Program {
    pub(crate) fn pass(&mut self) {
        let wait = match self.dice.below(3) {
            0 => Wait::No,
            _ => Wait::Until(self.now + Duration::from_micros(self.dice.below(20_000))),
        };
        self.enter(wait);
    }

    pub(crate) fn enter(&mut self, wait: Wait) {
        let mut done = Vec::new();
        self.now = self.sim.enter(wait, &mut done).expect("it goes on").now;
        done.iter().for_each(|done| self.take_in(done));
    }

    pub(crate) fn take_in(&mut self, done: &Done) {
        let Some(about) = self.in_flight.get(&done.token.number()).copied() else {
            self.stale += 1;
            return;
        };
        if !done.more {
            self.in_flight.remove(&done.token.number());
        }
        match about {
            About::Accept => {
                self.is_accepting &= done.more;
                if let Ok(number) = done.result {
                    let target = self.target(number);
                    let peer = self.world.peer_of(target);
                    self.lines.push(Line { peer, target: Some(target), ..Line::default() });
                }
            }
            About::Receive(index) => {
                let bytes = done.result.unwrap_or(0) as usize;
                if let Some(block) = done.block {
                    let place = self.blocks.iter().position(|(known, _)| *known == block);
                    let (_, room) = self.blocks.swap_remove(place.expect("a lent block"));
                    self.lines[index].received.extend(&room[..bytes]);
                    self.lend(block, room);
                }
                self.received(index, done);
            }
            About::Messages(index) => {
                if let Some((message, payload)) = self.message(done, MessageForm::Descriptors) {
                    assert_eq!(message.lacks_descriptors, message.descriptors.len() == 16);
                    self.files.extend(message.descriptors);
                    self.lines[index].received.extend(payload);
                }
                self.received(index, done);
            }
            About::Datagrams => {
                self.is_taking = done.more;
                if let Some((message, payload)) = self.message(done, MessageForm::From) {
                    let from = message.from.and_then(|from| from.get());
                    self.came.push((from, payload, message.is_cut));
                }
            }
            About::SendDatagram => {}
            About::ReceiveInto(index, start) => {
                let bytes = done.result.unwrap_or(0) as usize;
                // SAFETY: so much was written there, says the driver, and the memory is never freed.
                let read = unsafe { core::slice::from_raw_parts(start, bytes) };
                self.lines[index].received.extend(read);
                self.received(index, done);
            }
            About::Send(index, start, closes) => {
                let line = &mut self.lines[index];
                if done.notice.is_some() {
                    line.notices_due -= 1;
                    return;
                }
                line.is_sending = false;
                line.notices_due += u32::from(done.more);
                line.is_closing = false;
                match done.result {
                    Ok(bytes) => {
                        // SAFETY: so much was asked to be sent at least, and the memory is never freed.
                        let sent = unsafe { core::slice::from_raw_parts(start, bytes as usize) };
                        line.sent.extend(sent);
                        line.is_closed = closes == Some(sent.len());
                        line.is_closing = line.is_closed;
                    }
                    Err(Errno::INTR | Errno::AGAIN | Errno::CANCELED | Errno::NOMEM) => {}
                    Err(_) => line.has_failed = true,
                }
            }
            About::Shutdown => {}
            About::Close(index) => {
                assert!(done.result.is_ok(), "closing {index}: {:?}", done.result);
            }
            About::Socket(index) => match done.result {
                Ok(number) => {
                    let target = self.target(number);
                    self.lines[index].target = Some(target);
                    let to = ReadSpan::of(Box::leak(Box::new(far())).as_bytes());
                    self.push(index, About::Connect(index), &Op::Connect { socket: target, to });
                }
                Err(_) => self.lines[index].is_closed = true,
            },
            About::Connect(index) => {
                self.lines[index].is_connecting = false;
                match done.result {
                    Ok(_) => {
                        let target = self.lines[index].target.expect("it has a socket");
                        self.lines[index].peer = self.world.peer_of(target);
                    }
                    Err(_) => self.close(index),
                }
            }
            About::Install => {
                if let Ok(fd) = done.result {
                    // Another name of the connection; it ends when both have gone.
                    self.files.push(fd.cast_signed());
                }
            }
            About::File(file) => self.filed(file, done),
        }
    }

    /// The message that a completion brought, and its bytes.
    pub(crate) fn message(&mut self, done: &Done, form: MessageForm) -> Option<(Message, Vec<u8>)> {
        let block = done.block?;
        let place = self.blocks.iter().position(|(known, _)| *known == block);
        let (_, room) = self.blocks.swap_remove(place.expect("a lent block"));
        let filled = &room[..done.result.unwrap_or(0) as usize];
        let message = Message::read(filled, form);
        let read = message.map(|message| {
            let payload = filled[message.payload.clone()].to_vec();
            (message, payload)
        });
        self.lend(block, room);
        read
    }

    pub(crate) fn received(&mut self, index: usize, done: &Done) {
        let line = &mut self.lines[index];
        line.is_receiving = done.more;
        match done.result {
            Ok(0) => line.has_end = true,
            Ok(_) | Err(Errno::INTR | Errno::AGAIN | Errno::CANCELED | Errno::NOBUFS) => {}
            Err(_) => (line.has_end, line.has_failed) = (true, true),
        }
    }

    pub(crate) fn filed(&mut self, file: FileOp, done: &Done) {
        match (file, done.result) {
            (FileOp::Open, Ok(fd)) => self.files.push(fd.cast_signed()),
            (FileOp::Read(start, offset), Ok(bytes)) => {
                // SAFETY: so much was written there, says the driver, and the memory is never freed.
                let read = unsafe { core::slice::from_raw_parts(start, bytes as usize) };
                let offset = usize::try_from(offset).expect("short");
                // What was added behind it, or cut and added again, is zero, or what another write put far behind.
                let was = |at: usize| self.page.get(at).copied().unwrap_or(0);
                let is_so = |(index, byte): (usize, &u8)| {
                    *byte == was(offset + index) || *byte == 0 || offset + index >= 5000
                };
                assert!(read.iter().enumerate().all(is_so), "other bytes than the file has");
            }
            _ => {}
        }
    }
}
