//! Running a random program over a kernel of a seed, from its first script to its last descriptor.
#![expect(unsafe_code, reason = "closes descriptors that a driver opened")]

use std::collections::BTreeMap;
use std::net::{TcpListener, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use levada_ring::{Address, BlockId, Deadline, Driver, Errno, Op, Token, Wait};
use levada_sim::{Answer, Dice, PeerTrace, Played, Sim, SimConfig, Step, Volley};

use crate::line::Line;
use crate::memory::room;
use crate::program::{About, GROUP, Program, far, far_volley};

pub(crate) const BLOCKS: u16 = 8;
pub(crate) const BLOCK_BYTES: usize = 512;

/// What came of a run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Came {
    pub(crate) fingerprint: u64,
    pub(crate) age: Duration,
    pub(crate) traces: Vec<PeerTrace>,
    pub(crate) played: Played,
}

/// Runs a random program over the kernel of that seed, and compares all that came with what must.
pub(crate) fn run(seed: u64, config: &SimConfig) -> Came {
    let bound = TcpListener::bind("127.0.0.1:0").expect("a port");
    let datagrams = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let (mut sim, world) = Sim::seeded(seed, config);
    while sim.open_group(GROUP, BLOCKS).is_err() {}
    let mut program = Program {
        sim,
        world: world.clone(),
        dice: Dice::of(seed ^ 0xABCD),
        lines: Vec::new(),
        scripts: Vec::new(),
        in_flight: BTreeMap::new(),
        generations: BTreeMap::new(),
        blocks: Vec::new(),
        files: Vec::new(),
        page: Vec::new(),
        listener: bound.as_raw_fd(),
        datagrams_fd: datagrams.as_raw_fd(),
        datagrams_address: datagrams.local_addr().expect("it is bound"),
        datagrams: Some(datagrams),
        volleys: Vec::new(),
        came: Vec::new(),
        went: Vec::new(),
        is_taking: false,
        is_accepting: false,
        is_ending: false,
        now: Deadline::default(),
        stale: 0,
    };
    let root = program.begin();
    for _ in 0..program.dice.between(20, 150) {
        program.act(&root);
    }
    program.end();
    drop(root);
    program.sim.forget(program.datagrams_fd);
    program.datagrams = None;
    program.sim.forget(program.listener);
    assert!(program.stale <= world.stale_told(), "{} stale completions", program.stale);
    world.validate_left();
    let traces = program.compare();
    Came { fingerprint: world.fingerprint(), age: world.age(), traces, played: world.played() }
}

impl Program {
    pub(crate) fn begin(&mut self) -> OwnedFd {
        for index in 0..BLOCKS {
            let block = room(BLOCK_BYTES);
            self.lend(BlockId(index), block);
        }
        for _ in 0..self.dice.between(1, 4) {
            let (script, written) = self.script();
            let peer = self.world.connect(self.listener, &script);
            self.scripts.push((peer, written));
        }
        for _ in 0..2 {
            let (script, written) = self.script();
            let peer = self.world.answer(&far(), &Answer::Accepts(script)).expect("a peer");
            self.scripts.push((peer, written));
            let _nobody = self.world.answer(&far(), &Answer::Refuses(Errno::NETUNREACH));
        }
        for index in 0..2 {
            let sent: Vec<_> = (0..self.dice.below(4)).map(|_| self.dice.length(0, 600)).collect();
            let sent: Vec<_> = sent.into_iter().map(|count| self.dice.bytes(count)).collect();
            let script: Vec<_> = sent.iter().cloned().map(Volley::Send).collect();
            let to = self.datagrams_address;
            self.volleys.push((self.world.exchange(far_volley(index), to, &script), sent));
        }
        self.page = self.dice.bytes(3000);
        self.world.put_file("folder/page", &self.page, true);
        self.world.put_file("folder/firm", &self.page, false);
        self.world.root()
    }

    /// A peer's script, and all that it writes. Such a one never waits for the program.
    pub(crate) fn script(&mut self) -> (Vec<Step>, Vec<u8>) {
        let (mut script, mut written) = (Vec::new(), Vec::new());
        for _ in 0..self.dice.between(0, 4) {
            let count = self.dice.length(1, 3000);
            let bytes = self.dice.bytes(count);
            written.extend(&bytes);
            if self.dice.one_in(4) {
                script.push(Step::Pass(bytes, self.dice.length(1, 20)));
            } else {
                script.push(Step::Write(bytes));
            }
            if self.dice.one_in(3) {
                script.push(Step::Wait(Duration::from_millis(self.dice.below(5))));
            }
        }
        match self.dice.below(4) {
            0 => script.push(Step::Reset),
            1 => script.extend([Step::ShutdownWrite, Step::ReadToEnd]),
            2 => script.extend([Step::ReadToEnd, Step::ShutdownWrite]),
            _ => script.push(Step::Close),
        }
        (script, written)
    }

    pub(crate) fn act(&mut self, root: &OwnedFd) {
        match self.dice.below(13) {
            0 if !self.is_accepting => {
                self.is_accepting = true;
                let peer =
                    self.dice.one_in(2).then(|| &raw mut *Box::leak(Box::<Address>::default()));
                let direct = self.sim.caps().direct_places > 0;
                self.push(0, About::Accept, &Op::Accept { listener: self.listener, direct, peer });
            }
            1 => self.connect(),
            2 => self.file(root),
            3 => self.cancel_any(),
            4 => self.exchange(),
            5..=8 => self.use_line(),
            _ => self.pass(),
        }
    }

    /// Cancels, waits and closes until nothing is left.
    pub(crate) fn end(&mut self) {
        self.is_ending = true;
        for round in 0.. {
            let peers = self.scripts.iter().map(|(peer, _)| self.world.peer(*peer));
            assert!(
                round < 10_000,
                "still out: {:?} of {:?} with {:?}",
                self.in_flight,
                self.lines,
                peers.collect::<Vec<_>>()
            );
            for index in 0..self.lines.len() {
                self.close(index);
            }
            let out: Vec<u64> = self.in_flight.keys().copied().collect();
            for token in out {
                self.sim.cancel(Token::numbered(token));
            }
            for fd in core::mem::take(&mut self.files) {
                // SAFETY: the driver opened it for us.
                unsafe { libc::close(fd) };
            }
            self.enter(Wait::Until(self.now + Duration::from_millis(50)));
            let is_closed = |line: &Line| line.is_closed || line.target.is_none();
            let is_over = self.in_flight.is_empty() && self.files.is_empty();
            if is_over && self.lines.iter().all(is_closed) {
                break;
            }
        }
        self.enter(Wait::No);
        assert_eq!(self.sim.gauges().in_kernel, 0);
        // Peers that were never accepted end with the listener, the others by themselves.
        self.sim.forget(self.listener);
        for _ in 0..1000 {
            if self.world.is_over() {
                break;
            }
            self.enter(Wait::Until(self.now + Duration::from_millis(50)));
        }
    }
}
