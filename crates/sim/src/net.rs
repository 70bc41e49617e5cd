//! The net is connections as byte queues of limited length: half closed, closed, reset, as TCP does it.
//!
//! ```text
//! program's end  arrived <-------- room -------- peer's end writes
//!                writes  -------- room --------> arrived
//! ```
//! There is no wire between the two: what one end writes has arrived. That it takes time is for those who act.

use std::collections::VecDeque;

use levada_ring::Errno;

use crate::dice::Dice;

/// Which end of a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Side {
    Program = 0,
    Peer = 1,
}

impl Side {
    fn other(self) -> usize {
        1 - self as usize
    }
}

/// A connection, by its number.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct ConnectionId(usize);

/// What an end may do next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Flow<T> {
    /// This came of it.
    Done(T),
    /// Nothing can be done until the other end does something.
    Wait,
    /// It failed.
    Failed(Errno),
}

/// One end: what has arrived for it, and what it may still do.
#[derive(Debug)]
pub(crate) struct End {
    arrived: VecDeque<u8>,
    room_bytes: usize,
    /// The other end sends nothing after what has arrived.
    has_end: bool,
    /// Told once, by whatever is tried next, when what has arrived was taken.
    error: Option<Errno>,
    is_dead: bool,
    is_shut: bool,
    is_closed: bool,
    taken_bytes: u64,
    sent_bytes: u64,
    /// Writes that brought descriptors, which come with their first byte.
    passed: VecDeque<Passed>,
}

/// Descriptors on their way: at which byte, with how many bytes, how many.
#[derive(Clone, Copy, Debug)]
struct Passed {
    at: u64,
    bytes: u64,
    count: usize,
}

/// All connections there ever were.
#[derive(Debug, Default)]
pub(crate) struct Net {
    connections: Vec<[End; 2]>,
}

impl Net {
    /// A connection, its two ends open; how much fits on the way is drawn.
    pub(crate) fn connect(&mut self, dice: &mut Dice) -> ConnectionId {
        let mut end = || End {
            arrived: VecDeque::new(),
            room_bytes: dice.length(128, 256 << 10),
            has_end: false,
            error: None,
            is_dead: false,
            is_shut: false,
            is_closed: false,
            taken_bytes: 0,
            sent_bytes: 0,
            passed: VecDeque::new(),
        };
        self.connections.push([end(), end()]);
        ConnectionId(self.connections.len() - 1)
    }

    fn ends(&mut self, id: ConnectionId, side: Side) -> (&mut End, &mut End) {
        let [program, peer] = &mut self.connections[id.0];
        match side {
            Side::Program => (program, peer),
            Side::Peer => (peer, program),
        }
    }

    /// How many bytes have arrived and were not taken.
    pub(crate) fn arrived_bytes(&self, id: ConnectionId, side: Side) -> usize {
        self.connections[id.0][side as usize].arrived.len()
    }

    /// Takes up to `bytes_max` bytes; none is the end. Descriptors that came with them are lost.
    pub(crate) fn read(&mut self, id: ConnectionId, side: Side, bytes_max: usize) -> Flow<Vec<u8>> {
        match self.read_message(id, side, bytes_max) {
            Flow::Done((bytes, _)) => Flow::Done(bytes),
            Flow::Wait => Flow::Wait,
            Flow::Failed(errno) => Flow::Failed(errno),
        }
    }

    /// Takes up to `bytes_max` bytes, and the descriptors that came with them: as far as one write that brought some goes,
    /// or up to the next that does.
    pub(crate) fn read_message(
        &mut self,
        id: ConnectionId,
        side: Side,
        bytes_max: usize,
    ) -> Flow<(Vec<u8>, usize)> {
        let (end, _) = self.ends(id, side);
        if !end.arrived.is_empty() {
            let (mut count, mut descriptors) = (bytes_max.min(end.arrived.len()), 0);
            if let Some(passed) = end.passed.front().copied() {
                let is_here = passed.at == end.taken_bytes;
                let left = if is_here { passed.bytes } else { passed.at - end.taken_bytes };
                count = count.min(usize::try_from(left).expect("a length"));
                if is_here && count > 0 {
                    end.passed.pop_front();
                    descriptors = passed.count;
                }
            }
            let (front, back) = end.arrived.as_slices();
            let (front, back) =
                (&front[..count.min(front.len())], &back[..count.saturating_sub(front.len())]);
            let bytes = [front, back].concat();
            end.arrived.drain(..count);
            end.taken_bytes += bytes.len() as u64;
            return Flow::Done((bytes, descriptors));
        }
        match end.error.take() {
            Some(errno) => Flow::Failed(errno),
            None if end.has_end || end.is_dead => Flow::Done((Vec::new(), 0)),
            None => Flow::Wait,
        }
    }

    /// Whether a read would come to something.
    pub(crate) fn is_readable(&self, id: ConnectionId, side: Side) -> bool {
        let end = &self.connections[id.0][side as usize];
        !end.arrived.is_empty() || end.error.is_some() || end.has_end || end.is_dead
    }

    /// How many bytes a write would take now.
    pub(crate) fn room(&self, id: ConnectionId, side: Side) -> Flow<usize> {
        let ends = &self.connections[id.0];
        let (end, other) = (&ends[side as usize], &ends[side.other()]);
        if let Some(errno) = end.error {
            return Flow::Failed(errno);
        }
        if end.is_dead || end.is_shut {
            return Flow::Failed(Errno::PIPE);
        }
        match other.room_bytes.saturating_sub(other.arrived.len()) {
            0 => Flow::Wait,
            room => Flow::Done(room),
        }
    }

    /// The error that [`Net::room`] found was told.
    pub(crate) fn tell_error(&mut self, id: ConnectionId, side: Side) {
        self.ends(id, side).0.error = None;
    }

    /// Writes `bytes`, for which there is room.
    pub(crate) fn write(
        &mut self,
        id: ConnectionId,
        side: Side,
        bytes: &[u8],
    ) -> Result<(), Errno> {
        let (end, other) = self.ends(id, side);
        if let Some(errno) = end.error.take() {
            return Err(errno);
        }
        if end.is_dead || end.is_shut {
            return Err(Errno::PIPE);
        }
        end.sent_bytes += bytes.len() as u64;
        if other.is_closed {
            // Nobody is there any more: the bytes are taken, and answered with a reset.
            end.kill(None);
        } else {
            other.arrived.extend(bytes);
        }
        Ok(())
    }

    /// What is written next, so many bytes, brings descriptors.
    pub(crate) fn pass(&mut self, id: ConnectionId, side: Side, bytes: usize, count: usize) {
        let (_, other) = self.ends(id, side);
        let at = other.taken_bytes + other.arrived.len() as u64;
        other.passed.push_back(Passed { at, bytes: bytes as u64, count });
    }

    /// Ends one direction: the other end reads its end.
    pub(crate) fn shut(&mut self, id: ConnectionId, side: Side) -> Result<(), Errno> {
        let (end, other) = self.ends(id, side);
        if end.is_dead {
            return Err(Errno::NOTCONN);
        }
        end.is_shut = true;
        other.has_end = true;
        Ok(())
    }

    /// Closes an end. With bytes unread the other is reset, and may lose some of what it has not read.
    pub(crate) fn close(&mut self, id: ConnectionId, side: Side, dice: &mut Dice) {
        if self.arrived_bytes(id, side) > 0 {
            return self.reset(id, side, dice);
        }
        let (end, other) = self.ends(id, side);
        if !core::mem::replace(&mut end.is_closed, true) && !end.is_dead {
            end.is_shut = true;
            other.has_end = true;
        }
    }

    /// Closes an end with a reset. Of what the other has not read it may lose some, as if that had been under way.
    pub(crate) fn reset(&mut self, id: ConnectionId, side: Side, dice: &mut Dice) {
        let (end, other) = self.ends(id, side);
        end.arrived.clear();
        if core::mem::replace(&mut end.is_closed, true) || end.is_dead {
            return;
        }
        end.is_dead = true;
        other.kill(Some(dice));
    }

    /// Whether nothing more can be done with it from this side but to close it.
    pub(crate) fn is_dead(&self, id: ConnectionId, side: Side) -> bool {
        self.connections[id.0][side as usize].is_dead
    }

    /// Whether its owner has closed it.
    pub(crate) fn is_closed(&self, id: ConnectionId, side: Side) -> bool {
        self.connections[id.0][side as usize].is_closed
    }

    /// How many bytes this end ever sent.
    pub(crate) fn sent_bytes(&self, id: ConnectionId, side: Side) -> u64 {
        self.connections[id.0][side as usize].sent_bytes
    }

    /// Whether all that this end sent, up to `bytes` of it, was taken by the other, or never will be.
    pub(crate) fn is_taken(&self, id: ConnectionId, side: Side, bytes: u64) -> bool {
        let other = &self.connections[id.0][side.other()];
        other.taken_bytes >= bytes || other.is_closed || other.is_dead
    }
}

impl End {
    /// A reset has come. A connection that had its end already says `EPIPE`, as Linux does.
    fn kill(&mut self, lossy: Option<&mut Dice>) {
        if self.is_closed || core::mem::replace(&mut self.is_dead, true) {
            return;
        }
        self.error = Some(if self.has_end { Errno::PIPE } else { Errno::CONNRESET });
        if let Some(dice) = lossy {
            self.arrived.truncate(dice.index(self.arrived.len() + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (Net, ConnectionId, Dice) {
        let (mut net, mut dice) = (Net::default(), Dice::of(1));
        let id = net.connect(&mut dice);
        (net, id, dice)
    }

    #[test]
    fn bytes_arrive_in_order_and_the_end_behind_them() {
        let (mut net, id, _) = pair();
        net.write(id, Side::Peer, b"down the hill").unwrap();
        net.shut(id, Side::Peer).unwrap();
        assert_eq!(net.read(id, Side::Program, 4), Flow::Done(b"down".to_vec()));
        assert_eq!(net.read(id, Side::Program, 99), Flow::Done(b" the hill".to_vec()));
        assert_eq!(net.read(id, Side::Program, 99), Flow::Done(Vec::new()));
        assert_eq!(net.write(id, Side::Peer, b"x"), Err(Errno::PIPE));
        net.write(id, Side::Program, b"up").unwrap();
        assert!(!net.is_taken(id, Side::Program, 2));
        assert_eq!(net.read(id, Side::Peer, 9), Flow::Done(b"up".to_vec()));
        assert!(net.is_taken(id, Side::Program, 2));
    }

    #[test]
    fn a_full_queue_waits_and_a_reset_is_told_once() {
        let (mut net, id, mut dice) = pair();
        let Flow::Done(room) = net.room(id, Side::Program) else { panic!("nothing was sent") };
        net.write(id, Side::Program, &vec![1; room]).unwrap();
        assert_eq!(net.room(id, Side::Program), Flow::Wait);
        net.write(id, Side::Peer, b"last").unwrap();
        net.reset(id, Side::Peer, &mut dice);
        let mut all = Vec::new();
        while let Flow::Done(bytes) = net.read(id, Side::Program, 1) {
            all.extend(bytes);
        }
        assert!(b"last".starts_with(&all), "some of it, and then the error");
        assert_eq!(net.read(id, Side::Program, 1), Flow::Done(Vec::new()));
        assert_eq!(net.write(id, Side::Program, b"x"), Err(Errno::PIPE));
    }

    #[test]
    fn closing_with_bytes_unread_and_writing_to_who_has_closed_are_resets() {
        let (mut net, id, mut dice) = pair();
        net.write(id, Side::Peer, b"unread").unwrap();
        net.close(id, Side::Program, &mut dice);
        assert_eq!(net.read(id, Side::Peer, 1), Flow::Failed(Errno::CONNRESET));
        let id = net.connect(&mut dice);
        net.close(id, Side::Peer, &mut dice);
        assert_eq!(net.read(id, Side::Program, 1), Flow::Done(Vec::new()));
        net.write(id, Side::Program, b"into the void").unwrap();
        assert_eq!(net.read(id, Side::Program, 1), Flow::Failed(Errno::PIPE));
        assert!(net.is_dead(id, Side::Program) && net.is_closed(id, Side::Peer));
    }
}
