//! The world is what a simulated kernel stands in: peers that connect, addresses that answer, files on a disk.
#![expect(unsafe_code, reason = "hands a descriptor to its owner")]

use core::cell::RefCell;
use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::rc::Rc;

use levada_ring::{Address, Target};

use crate::datagrams::{Volley, VolleyId, VolleyTrace};
use crate::disk::ROOT;
use crate::kernel::{Call, Kernel};
use crate::mischief::Played;
use crate::peer::{Answer, Peer, PeerId, PeerTrace, Step};

/// A handle to it; clones are of the same world.
#[derive(Clone)]
pub struct World(Rc<RefCell<Kernel>>);

impl World {
    pub(crate) fn of(kernel: Rc<RefCell<Kernel>>) -> Self {
        Self(kernel)
    }

    /// A peer that connects to the program's listener with that descriptor, and does what `script` says.
    #[must_use]
    pub fn connect(&self, listener: RawFd, script: &[Step]) -> PeerId {
        let mut kernel = self.0.borrow_mut();
        let listener = kernel.listener(listener);
        kernel.call(Call::Listener(listener), script)
    }

    /// A peer that connects to whoever of the program listens at that address, when somebody does.
    #[must_use]
    pub fn connect_to(&self, address: &Address, script: &[Step]) -> PeerId {
        self.0.borrow_mut().call(Call::Address(address.as_bytes().to_vec()), script)
    }

    /// What is answered when the program next connects to `address`, behind what is to be answered before; the peer that
    /// is connected then, if it is accepted.
    pub fn answer(&self, address: &Address, answer: &Answer) -> Option<PeerId> {
        self.0.borrow_mut().answer(address, answer)
    }

    /// A peer at `address` that exchanges datagrams with the program's socket at `to`, when there is one.
    #[must_use]
    pub fn exchange(&self, address: SocketAddr, to: SocketAddr, script: &[Volley]) -> VolleyId {
        let (address, to) = (Address::of(address), Address::of(to));
        let (address, to) = (address.as_bytes().to_vec(), to.as_bytes().to_vec());
        self.0.borrow_mut().datagrams.add_peer(address, to, script)
    }

    /// What came of a peer of datagrams so far.
    #[must_use]
    pub fn volleys(&self, peer: VolleyId) -> VolleyTrace {
        self.0.borrow().datagrams.peers[peer.0].trace.clone()
    }

    /// What came of a peer so far.
    #[must_use]
    pub fn peer(&self, peer: PeerId) -> PeerTrace {
        self.0.borrow().peers[peer.0].trace.clone()
    }

    /// Which peer is at the other end of an open socket of the program.
    #[must_use]
    pub fn peer_of(&self, socket: Target) -> Option<PeerId> {
        let kernel = &mut *self.0.borrow_mut();
        let connection = kernel.socket_of(socket).and_then(|id| kernel.connection_of(id)).ok()?;
        kernel.peers.iter().position(|peer| peer.connection() == Some(connection)).map(PeerId)
    }

    /// Whether all peers have come to the end of their scripts, but for those that the program never connected to.
    #[must_use]
    pub fn is_over(&self) -> bool {
        let kernel = self.0.borrow();
        let is_asleep =
            |call: &Call, peer: &Peer| matches!(call, Call::Nobody) && peer.is_waiting_to_connect();
        kernel
            .peers
            .iter()
            .zip(&kernel.calls)
            .all(|(peer, call)| peer.trace.is_over || is_asleep(call, peer))
            && kernel.datagrams.peers.iter().all(|peer| peer.trace.is_over)
    }

    /// The address of a peer that connected by itself.
    #[must_use]
    pub fn address_of(&self, peer: PeerId) -> SocketAddr {
        crate::accepting::address_of(peer)
    }

    /// Puts a file on the disk, with the folders on its way; a restless one may change while it is read.
    pub fn put_file(&self, path: &str, bytes: &[u8], is_restless: bool) {
        let mut kernel = self.0.borrow_mut();
        let node = kernel.disk.put(path.as_bytes(), bytes);
        if is_restless {
            kernel.disk.set_restless(node);
        }
    }

    /// A descriptor of the folder that all paths begin in.
    ///
    /// # Panics
    /// If the machine has no descriptor for it.
    #[must_use]
    pub fn root(&self) -> OwnedFd {
        let fd = self.0.borrow_mut().open_node(ROOT).expect("a descriptor");
        // SAFETY: it was made just now, for this caller.
        unsafe { OwnedFd::from_raw_fd(fd.cast_signed()) }
    }

    /// How long the world exists, by its own clock.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.0.borrow().clock.since_begin()
    }

    /// How often each kind of mischief was done.
    #[must_use]
    pub fn played(&self) -> Played {
        self.0.borrow().trouble.played()
    }

    /// How many completions were told a second time.
    #[must_use]
    pub fn stale_told(&self) -> u64 {
        self.0.borrow().stale_told
    }

    /// All that was told until now, as one number: the same for the same seed and the same program.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.0.borrow().fingerprint
    }

    /// Looks whether a program that says it is at its end left nothing behind.
    ///
    /// # Panics
    /// If an operation never ended, a socket is open, or a descriptor of the simulation is: those of files too, so close
    /// the root before.
    pub fn validate_left(&self) {
        let mut kernel = self.0.borrow_mut();
        kernel.notice_closed();
        let (in_kernel, sockets) = (kernel.in_kernel(), kernel.open_sockets());
        let descriptors = kernel.stand_ins.count();
        let places = kernel.places.iter().flatten().count();
        if (in_kernel, sockets, descriptors, places) != (0, 0, 0, 0) {
            kernel.fail(&format!(
                "left behind: {in_kernel} operations, {sockets} sockets, {descriptors} descriptors, {places} places"
            ));
        }
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kernel = self.0.borrow();
        let peers = kernel.peers.iter().filter(|peer| !peer.trace.is_over);
        f.debug_struct("World")
            .field("kernel", &kernel.name)
            .field("age", &kernel.clock.since_begin())
            .field("flights", &kernel.flights.values().map(|flight| flight.op).collect::<Vec<_>>())
            .field("peers", &peers.collect::<Vec<_>>())
            .field("history", &kernel.history)
            .finish_non_exhaustive()
    }
}
