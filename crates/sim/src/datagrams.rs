//! Datagrams are messages with a sender, in queues that drop what has no room; peers of theirs send and wait in turn.

use core::time::Duration;
use std::collections::VecDeque;

use levada_ring::Deadline;

/// What a peer of datagrams does next. Behind its last volley it is gone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Volley {
    /// Sends one, to the program's socket.
    Send(Vec<u8>),
    /// Waits until one has come.
    Receive,
    /// Does nothing for so long.
    Wait(Duration),
}

/// What came of a peer of datagrams.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct VolleyTrace {
    /// The datagrams that came, in order.
    pub received: Vec<Vec<u8>>,
    /// Whether it has come to the end of its script.
    pub is_over: bool,
}

/// A peer of datagrams, by its number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct VolleyId(pub(crate) usize);

/// How many datagrams wait at a socket of the program, at most.
const WAITING_MAX: usize = 256;

/// All sockets and peers.
#[derive(Debug, Default)]
pub(crate) struct Datagrams {
    sockets: Vec<DatagramSocket>,
    pub(crate) peers: Vec<VolleyPeer>,
    /// Those that had no room.
    pub(crate) dropped: u64,
}

#[derive(Debug)]
struct DatagramSocket {
    address: Vec<u8>,
    is_open: bool,
    /// With their senders' addresses.
    waiting: VecDeque<(Vec<u8>, Vec<u8>)>,
}

/// A peer under way.
#[derive(Debug)]
pub(crate) struct VolleyPeer {
    address: Vec<u8>,
    to: Vec<u8>,
    script: VecDeque<Volley>,
    waiting: VecDeque<Vec<u8>>,
    waits_until: Option<Deadline>,
    pub(crate) trace: VolleyTrace,
}

impl Datagrams {
    pub(crate) fn add_socket(&mut self, address: Vec<u8>) -> usize {
        self.sockets.push(DatagramSocket { address, is_open: true, waiting: VecDeque::new() });
        self.sockets.len() - 1
    }

    pub(crate) fn close(&mut self, socket: usize) {
        self.sockets[socket].is_open = false;
        self.sockets[socket].waiting.clear();
    }

    /// A peer at `address` that talks to the socket at `to`, when there is one.
    pub(crate) fn add_peer(
        &mut self,
        address: Vec<u8>,
        to: Vec<u8>,
        script: &[Volley],
    ) -> VolleyId {
        self.peers.push(VolleyPeer {
            address,
            to,
            script: script.iter().cloned().collect(),
            waiting: VecDeque::new(),
            waits_until: None,
            trace: VolleyTrace::default(),
        });
        VolleyId(self.peers.len() - 1)
    }

    /// Whether a datagram waits at a socket of the program.
    pub(crate) fn has_waiting(&self, socket: usize) -> bool {
        !self.sockets[socket].waiting.is_empty()
    }

    /// The next that waits there, and its sender's address.
    pub(crate) fn take(&mut self, socket: usize) -> Option<(Vec<u8>, Vec<u8>)> {
        self.sockets[socket].waiting.pop_front()
    }

    /// Sends one from the program, to whoever is there.
    pub(crate) fn send(&mut self, to: &[u8], bytes: &[u8]) {
        let there = |peer: &&mut VolleyPeer| peer.address == to && !peer.trace.is_over;
        match self.peers.iter_mut().find(there) {
            Some(peer) => peer.waiting.push_back(bytes.to_vec()),
            None => self.dropped += 1,
        }
    }

    /// Lets a peer do its next volley; says whether anything changed.
    pub(crate) fn act(&mut self, id: VolleyId, now: Deadline) -> bool {
        let peer = &mut self.peers[id.0];
        if peer.trace.is_over {
            return false;
        }
        let Some(volley) = peer.script.front() else {
            peer.trace.is_over = true;
            return true;
        };
        match volley {
            Volley::Send(bytes) => {
                let there =
                    |socket: &&mut DatagramSocket| socket.address == peer.to && socket.is_open;
                let Some(socket) = self.sockets.iter_mut().find(there) else { return false };
                if socket.waiting.len() < WAITING_MAX {
                    socket.waiting.push_back((peer.address.clone(), bytes.clone()));
                } else {
                    self.dropped += 1;
                }
            }
            Volley::Receive => match peer.waiting.pop_front() {
                Some(bytes) => peer.trace.received.push(bytes),
                None => return false,
            },
            Volley::Wait(time) => {
                let until = *peer.waits_until.get_or_insert(now + *time);
                if until > now {
                    return false;
                }
                peer.waits_until = None;
            }
        }
        peer.script.pop_front();
        true
    }

    /// When a peer goes on by itself.
    pub(crate) fn next_moment(&self) -> impl Iterator<Item = Deadline> {
        self.peers.iter().filter_map(|peer| peer.waits_until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_keeps_its_sender_and_one_to_nobody_is_dropped() {
        let mut datagrams = Datagrams::default();
        let script = [Volley::Send(b"up".to_vec()), Volley::Receive];
        let peer = datagrams.add_peer(b"peer".to_vec(), b"here".to_vec(), &script);
        assert!(!datagrams.act(peer, Deadline::default()), "nobody is there yet");
        let socket = datagrams.add_socket(b"here".to_vec());
        assert!(datagrams.act(peer, Deadline::default()));
        assert_eq!(datagrams.take(socket), Some((b"peer".to_vec(), b"up".to_vec())));
        datagrams.send(b"nobody", b"x");
        datagrams.send(b"peer", b"down");
        while datagrams.act(peer, Deadline::default()) {}
        let trace = &datagrams.peers[peer.0].trace;
        assert_eq!((trace.received.as_slice(), trace.is_over), (&[b"down".to_vec()][..], true));
        assert_eq!((datagrams.dropped, datagrams.has_waiting(socket)), (1, false));
    }
}
