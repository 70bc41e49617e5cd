//! Accepting takes connections that wait at a listener: into the table, or with a descriptor, or not at all.

use core::net::{Ipv4Addr, SocketAddr};
use std::collections::VecDeque;
use std::os::fd::RawFd;

use levada_ring::{Address, Errno};

use crate::flight::{Fill, Flight, Tried};
use crate::kernel::{Call, Kernel, Listener};
use crate::net::Side;
use crate::own_socket;
use crate::peer::{Peer, PeerId, Step};
use crate::trick::Trick;

/// How many connections wait at a listener, at most: some have room for few.
const BACKLOG: (usize, usize) = (1, 256);

/// The address of a peer.
pub(crate) fn address_of(id: PeerId) -> SocketAddr {
    let port = u16::try_from(1024 + id.0 % 60_000).expect("a port");
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

impl Kernel {
    /// The listener with that descriptor, which becomes one with its first use.
    pub(crate) fn listener(&mut self, fd: RawFd) -> usize {
        let known = self.listeners.iter().position(|known| known.fd == fd && known.is_open);
        known.unwrap_or_else(|| {
            let backlog_max = self.trouble.dice.length(BACKLOG.0, BACKLOG.1);
            let backlog = VecDeque::new();
            let address = own_socket::address(fd).unwrap_or_default();
            self.listeners.push(Listener { fd, address, is_open: true, backlog, backlog_max });
            self.listeners.len() - 1
        })
    }

    /// A peer that connects to a listener, as soon as there is one, with room in its backlog.
    pub(crate) fn call(&mut self, whom: Call, script: &[Step]) -> PeerId {
        self.peers.push(Peer::new(script));
        self.calls.push(whom);
        PeerId(self.peers.len() - 1)
    }

    /// Connects a peer that waits to be; says whether anything changed.
    pub(crate) fn connect_peer(&mut self, id: PeerId) -> bool {
        let index = match &self.calls[id.0] {
            Call::Listener(index) => *index,
            Call::Address(address) => {
                let mut last_first = self.listeners.iter().rev();
                let Some(back) = last_first.position(|known| known.address == *address) else {
                    return false;
                };
                self.listeners.len() - 1 - back
            }
            Call::Nobody => return false,
        };
        let Some(listener) = self.listeners.get_mut(index) else { return false };
        if !listener.is_open {
            self.peers[id.0].refused();
            return true;
        }
        if listener.backlog.len() >= listener.backlog_max {
            return false;
        }
        let connection = self.net.connect(&mut self.trouble.dice);
        listener.backlog.push_back((connection, id));
        self.peers[id.0].connected(connection);
        true
    }

    /// The program closes a listening socket: who waits there is reset.
    pub(crate) fn close_listener(&mut self, fd: RawFd) {
        let open = self.listeners.iter_mut().find(|known| known.fd == fd && known.is_open);
        let Some(listener) = open else { return };
        listener.is_open = false;
        for (connection, _) in core::mem::take(&mut listener.backlog) {
            self.net.reset(connection, Side::Program, &mut self.trouble.dice);
        }
    }

    /// Whether no connection waits where the flight listens.
    pub(crate) fn nobody_calls(&self, flight: &Flight) -> bool {
        let listener = flight.listener.and_then(|index| self.listeners.get(index));
        listener.is_some_and(|listener| listener.backlog.is_empty())
    }

    pub(crate) fn try_accept(
        &mut self,
        flight: &Flight,
        direct: bool,
        room: Option<*mut Address>,
    ) -> Tried {
        let Some(index) = flight.listener else { return Tried::Ends(Err(Errno::BADF)) };
        if self.nobody_calls(flight) {
            return Tried::Waits;
        }
        if self.trouble.plays(Trick::NoDescriptor) {
            let is_own = self.trouble.dice.one_in(2);
            return Tried::Ends(Err(if is_own { Errno::MFILE } else { Errno::NFILE }));
        }
        if self.trouble.plays(Trick::NoMemory) {
            return Tried::Ends(Err(Errno::NOMEM));
        }
        // One that nobody sees came and went; the epoll driver says nothing of it.
        if !self.is_epoll() && self.trouble.plays(Trick::Aborted) {
            return Tried::Ends(Err(Errno::CONNABORTED));
        }
        let Some((connection, peer)) = self.listeners[index].backlog.pop_front() else {
            return Tried::Waits;
        };
        let socket = self.add_socket(Some(connection));
        let number = match self.add_handle(socket, direct) {
            Ok(number) => number,
            Err(errno) => {
                // The kernel has taken it and can keep it nowhere: it closes it again.
                self.settle(socket);
                return Tried::Ends(Err(errno));
            }
        };
        match room {
            Some(room) => {
                let address = Box::new(Address::of(address_of(peer)));
                self.made_last(flight, Ok(number), None, Fill::Address(room, address))
            }
            None => self.made_more(flight, number, None, Fill::Nothing),
        }
    }
}
