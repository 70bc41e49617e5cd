//! A peer does what its script says, at its own pace, and keeps what it read and how it ended.
//!
//! The same script can be acted by a thread with a real socket: [`PeerTrace`] says only what both must agree in.

use core::fmt;
use core::time::Duration;
use std::collections::VecDeque;

use levada_ring::{Deadline, Errno};

use crate::dice::Dice;
use crate::net::{ConnectionId, Flow, Net, Side};

/// What a peer does next. Behind its last step it closes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Step {
    /// Writes all of it.
    Write(Vec<u8>),
    /// Writes all of it, with so many descriptors: on connections within this machine.
    Pass(Vec<u8>, usize),
    /// Reads so many bytes, or to the end.
    Read(usize),
    /// Reads to the end.
    ReadToEnd,
    /// Ends its own direction.
    ShutdownWrite,
    /// Closes with a reset; nothing comes after it.
    Reset,
    /// Closes; nothing comes after it.
    Close,
    /// Does nothing for so long.
    Wait(Duration),
    /// Does nothing, and reads nothing, until the connection was reset.
    WaitForReset,
}

/// How a connection ended, as the peer saw it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ended {
    /// It has seen no end.
    No,
    /// It read the end.
    End,
    /// It was reset.
    Reset,
}

/// What came of a peer.
#[derive(Clone, Eq, PartialEq)]
pub struct PeerTrace {
    /// Whether it was connected at all.
    pub is_connected: bool,
    /// All that it read.
    pub read: Vec<u8>,
    /// How many descriptors came with that.
    pub descriptors: usize,
    /// What it saw at last.
    pub ended: Ended,
    /// Whether it has come to the end of its script; a reset ends one early.
    pub is_over: bool,
}

impl fmt::Debug for PeerTrace {
    /// Without the bytes, which are many.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { is_connected, read, descriptors, ended, is_over } = self;
        let (count, begin) = (read.len(), &read[..read.len().min(8)]);
        write!(f, "connected: {is_connected}, over: {is_over}, ended: {ended:?}, ")?;
        if *descriptors > 0 {
            write!(f, "{descriptors} descriptors, ")?;
        }
        write!(f, "read: {count} bytes from {begin:?} on")
    }
}

/// A peer, by its number.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct PeerId(pub(crate) usize);

/// A peer under way.
#[derive(Debug)]
pub(crate) struct Peer {
    steps: VecDeque<Step>,
    connection: Option<ConnectionId>,
    /// Of the step in hand: bytes written or read, or the moment when a wait ends.
    progress_bytes: usize,
    waits_until: Option<Deadline>,
    /// It does nothing before this.
    pub(crate) pauses_until: Deadline,
    pub(crate) trace: PeerTrace,
}

impl Peer {
    pub(crate) fn new(script: &[Step]) -> Self {
        let trace = PeerTrace {
            is_connected: false,
            read: Vec::new(),
            descriptors: 0,
            ended: Ended::No,
            is_over: false,
        };
        Self {
            steps: script.iter().cloned().collect(),
            connection: None,
            progress_bytes: 0,
            waits_until: None,
            pauses_until: Deadline::default(),
            trace,
        }
    }

    pub(crate) fn connected(&mut self, connection: ConnectionId) {
        self.connection = Some(connection);
        self.trace.is_connected = true;
    }

    pub(crate) fn connection(&self) -> Option<ConnectionId> {
        self.connection
    }

    /// It will never be connected.
    pub(crate) fn refused(&mut self) {
        self.trace.is_over = true;
    }

    pub(crate) fn is_waiting_to_connect(&self) -> bool {
        self.connection.is_none() && !self.trace.is_over
    }

    /// When it goes on by itself, if it is not over and does not wait for another.
    pub(crate) fn wakes_at(&self) -> Option<Deadline> {
        (!self.trace.is_over).then(|| self.waits_until.unwrap_or(self.pauses_until))
    }

    /// The connection is reset from this end, whatever the script says.
    pub(crate) fn break_off(&mut self, net: &mut Net, dice: &mut Dice) {
        if let Some(connection) = self.connection
            && !self.trace.is_over
        {
            net.reset(connection, Side::Peer, dice);
            self.trace.is_over = true;
        }
    }

    /// Takes one step, or a part of it; says whether anything changed.
    pub(crate) fn act(&mut self, net: &mut Net, dice: &mut Dice, now: Deadline) -> bool {
        if self.trace.is_over || self.pauses_until > now {
            return false;
        }
        let Some(connection) = self.connection else { return false };
        let Some(step) = self.steps.front_mut() else {
            net.close(connection, Side::Peer, dice);
            self.trace.is_over = true;
            return true;
        };
        let progress_bytes = self.progress_bytes;
        let passed = if let Step::Pass(_, count) = step { *count } else { 0 };
        let is_done = match step {
            Step::Write(bytes) | Step::Pass(bytes, _) => match net.room(connection, Side::Peer) {
                Flow::Done(room) => {
                    let left = &bytes[progress_bytes..];
                    let count = dice.length(1, room.min(left.len()).max(1)).min(left.len());
                    if progress_bytes == 0 && passed > 0 {
                        net.pass(connection, Side::Peer, count, passed);
                    }
                    if net.write(connection, Side::Peer, &left[..count]).is_err() {
                        return self.is_reset();
                    }
                    self.progress_bytes += count;
                    count == left.len()
                }
                Flow::Wait => return false,
                Flow::Failed(_) => return self.is_reset(),
            },
            Step::Read(_) | Step::ReadToEnd => {
                let bytes_max = match step {
                    Step::Read(bytes) => *bytes - progress_bytes,
                    _ => usize::MAX,
                };
                let piece = dice.length(1, 64 << 10).min(bytes_max);
                match net.read_message(connection, Side::Peer, piece) {
                    Flow::Done((bytes, _)) if bytes.is_empty() && piece > 0 => {
                        self.trace.ended = Ended::End;
                        true
                    }
                    Flow::Done((bytes, descriptors)) => {
                        self.trace.descriptors += descriptors;
                        self.progress_bytes += bytes.len();
                        self.trace.read.extend(&bytes);
                        bytes.len() == bytes_max
                    }
                    Flow::Wait if bytes_max == 0 => true,
                    Flow::Wait => return false,
                    Flow::Failed(_) => return self.is_reset(),
                }
            }
            Step::ShutdownWrite => {
                if net.shut(connection, Side::Peer).is_err() {
                    return self.is_reset();
                }
                true
            }
            Step::Reset => {
                net.reset(connection, Side::Peer, dice);
                self.trace.is_over = true;
                true
            }
            Step::Close => {
                net.close(connection, Side::Peer, dice);
                self.trace.is_over = true;
                true
            }
            Step::Wait(time) => {
                let until = *self.waits_until.get_or_insert(now + *time);
                if until > now {
                    return false;
                }
                self.waits_until = None;
                true
            }
            Step::WaitForReset => {
                if !net.is_dead(connection, Side::Peer) {
                    return false;
                }
                return self.is_reset();
            }
        };
        if is_done {
            self.steps.pop_front();
            self.progress_bytes = 0;
        }
        true
    }

    fn is_reset(&mut self) -> bool {
        self.trace.ended = Ended::Reset;
        self.trace.is_over = true;
        true
    }
}

/// Whether an address that a program connects to answers, and how.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer {
    /// The connection is accepted, and the peer does this.
    Accepts(Vec<Step>),
    /// It is refused, with this number.
    Refuses(Errno),
    /// Nothing comes back.
    Silence,
}
