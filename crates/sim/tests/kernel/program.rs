//! A program asks a driver for things, keeps all memory that it lends, and knows what each operation in flight is about.
#![expect(unsafe_code, reason = "pushes operations on memory that is never freed")]

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::RawFd;

use levada_ring::{Address, BlockId, Deadline, Driver, Generation, Group, Op, Target, Token};
use levada_sim::{Dice, PeerId, Sim, VolleyId, World};

use crate::line::Line;
use crate::memory::write_span;

pub(crate) const GROUP: Group = Group(3);

/// What an operation in flight is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum About {
    Accept,
    Receive(usize),
    ReceiveInto(usize, *const u8),
    /// The bytes that were asked to go, and how many of them close the socket.
    Send(usize, *const u8, Option<usize>),
    Shutdown,
    Close(usize),
    Socket(usize),
    Connect(usize),
    Install,
    /// Messages of a connection, with descriptors.
    Messages(usize),
    /// Messages of the socket of datagrams.
    Datagrams,
    SendDatagram,
    File(FileOp),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum FileOp {
    Open,
    Read(*const u8, u64),
    Write,
    Other,
}

/// The program.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) sim: Sim,
    pub(crate) world: World,
    pub(crate) dice: Dice,
    pub(crate) lines: Vec<Line>,
    pub(crate) scripts: Vec<(PeerId, Vec<u8>)>,
    pub(crate) in_flight: BTreeMap<u64, About>,
    pub(crate) generations: BTreeMap<(u8, u32), Generation>,
    pub(crate) blocks: Vec<(BlockId, &'static mut [u8])>,
    pub(crate) files: Vec<RawFd>,
    pub(crate) page: Vec<u8>,
    pub(crate) listener: RawFd,
    /// Closed at the end.
    pub(crate) datagrams: Option<UdpSocket>,
    pub(crate) datagrams_fd: RawFd,
    pub(crate) datagrams_address: SocketAddr,
    pub(crate) volleys: Vec<(VolleyId, Vec<Vec<u8>>)>,
    /// Datagrams that came, and those that went.
    pub(crate) came: Vec<(Option<SocketAddr>, Vec<u8>, bool)>,
    pub(crate) went: Vec<Vec<u8>>,
    pub(crate) is_taking: bool,
    pub(crate) is_accepting: bool,
    pub(crate) is_ending: bool,
    pub(crate) now: Deadline,
    pub(crate) stale: u64,
}

impl Program {
    pub(crate) fn lend(&mut self, block: BlockId, room: &'static mut [u8]) {
        let span = write_span(room);
        // SAFETY: the memory is never freed, and not looked at until a completion names it.
        unsafe { self.sim.provide(GROUP, block, span) };
        self.blocks.push((block, room));
    }

    pub(crate) fn push(&mut self, index: usize, about: About, op: &Op) {
        let kind = match about {
            About::Accept => 1,
            About::Receive(_) | About::ReceiveInto(..) => 2,
            About::Send(..) => 3,
            About::Shutdown => 4,
            About::Close(_) => 5,
            About::Socket(_) => 6,
            About::Connect(_) => 7,
            About::File(_) => 8,
            About::Install => 9,
            About::Messages(_) => 2,
            About::Datagrams => 10,
            About::SendDatagram => 11,
        };
        let index = u32::try_from(index).expect("few");
        let generation = self.generations.entry((kind, index)).or_default();
        *generation = generation.next().expect("few");
        let token = Token::new(kind, *generation, index);
        self.in_flight.insert(token.number(), about);
        // SAFETY: all memory of this program is never freed.
        unsafe { self.sim.push(token, op) };
    }

    pub(crate) fn target(&self, number: u32) -> Target {
        match self.sim.caps().direct_places {
            0 => Target::Fd(number.cast_signed()),
            _ => Target::Direct(number),
        }
    }
}

pub(crate) fn far_volley(index: usize) -> SocketAddr {
    let port = u16::try_from(1 + index).expect("few");
    SocketAddr::from(([192, 0, 2, 9], port))
}

pub(crate) fn far() -> Address {
    Address::of(([192, 0, 2, 1], 80).into())
}
