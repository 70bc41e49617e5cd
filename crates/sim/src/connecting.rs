//! Connecting is making a socket and asking an address, which accepts, refuses, or never says a word.

use core::time::Duration;
use std::collections::VecDeque;

use levada_ring::{Address, Errno, Target};

use crate::flight::{Flight, Tried};
use crate::kernel::{Call, Kernel, Reply};
use crate::peer::{Answer, Peer, PeerId};
use crate::trick::Trick;

/// How long a kernel asks an address that says nothing.
const SILENCE: Duration = Duration::from_secs(127);

impl Kernel {
    /// What is answered at an address when it is next asked; after the last answer it refuses.
    pub(crate) fn answer(&mut self, address: &Address, answer: &Answer) -> Option<PeerId> {
        let reply = match answer {
            Answer::Accepts(script) => {
                self.peers.push(Peer::new(script));
                self.calls.push(Call::Nobody);
                Reply::Accepts(PeerId(self.peers.len() - 1))
            }
            Answer::Refuses(errno) => Reply::Refuses(*errno),
            Answer::Silence => Reply::Silence,
        };
        let address = address.as_bytes();
        match self.replies.iter_mut().find(|(known, _)| *known == address) {
            Some((_, replies)) => replies.push_back(reply),
            None => self.replies.push((address.to_vec(), VecDeque::from([reply]))),
        }
        if let Reply::Accepts(peer) = reply { Some(peer) } else { None }
    }

    /// A socket of the stream kind, not connected.
    pub(crate) fn make_socket(&mut self, direct: bool) -> Result<u32, Errno> {
        if self.trouble.plays(Trick::NoSocket) {
            return Err(Errno::MFILE);
        }
        let socket = self.add_socket(None);
        self.add_handle(socket, direct).inspect_err(|_| self.settle(socket))
    }

    /// A descriptor beside a place.
    pub(crate) fn install(&mut self, place: u32) -> Result<u32, Errno> {
        let socket = self.socket_of(Target::Direct(place))?;
        if self.trouble.plays(Trick::NoInstall) {
            return Err(Errno::MFILE);
        }
        self.add_handle(socket, false)
    }

    pub(crate) fn try_connect(&mut self, flight: &mut Flight, to: &[u8]) -> Tried {
        let Some(socket) = flight.socket else { return Tried::Ends(Err(Errno::BADF)) };
        if self.sockets[socket.0].connection.is_some() {
            return Tried::Ends(Err(Errno::ISCONN));
        }
        if let Some(silent_until) = flight.silent_until {
            let is_over = silent_until <= self.now();
            return if is_over { Tried::Ends(Err(Errno::TIMEDOUT)) } else { Tried::Waits };
        }
        let known = self.replies.iter_mut().find(|(known, _)| *known == to);
        let reply = known.and_then(|(_, all)| all.pop_front());
        match reply.unwrap_or(Reply::Refuses(Errno::CONNREFUSED)) {
            Reply::Accepts(peer) => {
                let connection = self.net.connect(&mut self.trouble.dice);
                self.sockets[socket.0].connection = Some(connection);
                self.peers[peer.0].connected(connection);
                Tried::Ends(Ok(0))
            }
            Reply::Refuses(errno) => Tried::Ends(Err(errno)),
            Reply::Silence => {
                flight.silent_until = Some(self.now() + SILENCE);
                flight.not_before = self.now() + SILENCE;
                Tried::Waits
            }
        }
    }
}
