//! A program that asks a driver for random things, keeps all memory that it lends, and knows what must come of it.
#![expect(unsafe_code, reason = "pushes operations on memory that is never freed")]

use core::fmt;
use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::time::Duration;

use levada_ring::{
    Access, Address, BlockId, Creation, Deadline, Done, Driver, Errno, Generation, Group, Level,
    Message, MessageForm, Op, OpenHow, ReadSpan, Shutdown, StatBuffer, Target, Token, Vectored,
    Wait, WriteSpan,
};
use levada_sim::{
    Answer, Dice, Ended, PeerId, PeerTrace, Played, Sim, SimConfig, Step, Volley, VolleyId, World,
};

const GROUP: Group = Group(3);
const BLOCKS: u16 = 8;
const BLOCK_BYTES: usize = 512;

/// Memory that nobody frees: lent, it may be touched whenever.
pub(crate) fn room(bytes: usize) -> &'static mut [u8] {
    Box::leak(vec![0; bytes].into_boxed_slice())
}

/// Room that will be written.
pub(crate) fn write_span(room: &mut [u8]) -> WriteSpan {
    let bytes = u32::try_from(room.len()).expect("short");
    WriteSpan { start: room.as_mut_ptr(), bytes }
}

/// What an operation in flight is about.
#[derive(Clone, Copy, Debug)]
enum About {
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
enum FileOp {
    Open,
    Read(*const u8, u64),
    Write,
    Other,
}

/// One connection, as the program sees it.
#[derive(Default)]
struct Line {
    peer: Option<PeerId>,
    target: Option<Target>,
    notices_due: u32,
    received: Vec<u8>,
    sent: Vec<u8>,
    has_end: bool,
    has_failed: bool,
    is_receiving: bool,
    is_sending: bool,
    is_shut: bool,
    is_connecting: bool,
    is_closing: bool,
    is_closed: bool,
}

impl fmt::Debug for Line {
    /// Without the bytes, which are many.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { target, received, sent, has_end, has_failed, is_shut, is_closed, .. } = self;
        write!(
            f,
            "{target:?} of {:?}: received {}, sent {}, ",
            self.peer,
            received.len(),
            sent.len()
        )?;
        write!(f, "end: {has_end}, failed: {has_failed}, shut: {is_shut}, closed: {is_closed}")
    }
}

/// What came of a run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Came {
    pub(crate) fingerprint: u64,
    pub(crate) age: Duration,
    pub(crate) traces: Vec<PeerTrace>,
    pub(crate) played: Played,
}

/// The program.
#[derive(Debug)]
pub(crate) struct Program {
    sim: Sim,
    world: World,
    dice: Dice,
    lines: Vec<Line>,
    scripts: Vec<(PeerId, Vec<u8>)>,
    in_flight: BTreeMap<u64, About>,
    generations: BTreeMap<(u8, u32), Generation>,
    blocks: Vec<(BlockId, &'static mut [u8])>,
    files: Vec<RawFd>,
    page: Vec<u8>,
    listener: RawFd,
    /// Closed at the end.
    datagrams: Option<UdpSocket>,
    datagrams_fd: RawFd,
    datagrams_address: SocketAddr,
    volleys: Vec<(VolleyId, Vec<Vec<u8>>)>,
    /// Datagrams that came, and those that went.
    came: Vec<(Option<SocketAddr>, Vec<u8>, bool)>,
    went: Vec<Vec<u8>>,
    is_taking: bool,
    is_accepting: bool,
    is_ending: bool,
    now: Deadline,
    stale: u64,
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
    fn begin(&mut self) -> OwnedFd {
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
    fn script(&mut self) -> (Vec<Step>, Vec<u8>) {
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

    fn lend(&mut self, block: BlockId, room: &'static mut [u8]) {
        let span = write_span(room);
        // SAFETY: the memory is never freed, and not looked at until a completion names it.
        unsafe { self.sim.provide(GROUP, block, span) };
        self.blocks.push((block, room));
    }

    fn push(&mut self, index: usize, about: About, op: &Op) {
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

    fn act(&mut self, root: &OwnedFd) {
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

    fn connect(&mut self) {
        let index = self.lines.len();
        if index >= 6 {
            return;
        }
        self.lines.push(Line { is_connecting: true, ..Line::default() });
        let direct = self.sim.caps().direct_places > 0;
        let op = Op::Socket { family: levada_ring::Family::V4, direct };
        self.push(index, About::Socket(index), &op);
    }

    fn exchange(&mut self) {
        let socket = Target::Fd(self.datagrams_fd);
        if self.is_taking {
            let is_sending = |about: &About| matches!(about, About::SendDatagram);
            if self.sim.caps().level == Level::Epoll && self.in_flight.values().any(is_sending) {
                return; // readiness takes one at a time
            }
            let count = self.dice.length(0, 600);
            let bytes: &'static [u8] = Box::leak(self.dice.bytes(count).into_boxed_slice());
            let list = Box::leak(Box::<Vectored>::default());
            list.fill([ReadSpan::of(bytes)].into_iter(), u32::MAX);
            list.set_address(&Address::of(far_volley(usize::from(self.dice.one_in(2)))));
            self.went.push(bytes.to_vec());
            let index = self.went.len();
            self.push(index, About::SendDatagram, &Op::SendMany { socket, spans: list });
        } else {
            self.is_taking = true;
            let op = Op::RecvMessage { socket, group: GROUP, form: MessageForm::From };
            self.push(0, About::Datagrams, &op);
        }
    }

    fn cancel_any(&mut self) {
        let index = self.dice.index(self.in_flight.len());
        if let Some(token) = self.in_flight.keys().nth(index) {
            self.sim.cancel(Token::numbered(*token));
        }
    }

    fn use_line(&mut self) {
        if self.lines.is_empty() {
            return;
        }
        let index = self.dice.index(self.lines.len());
        let line = &mut self.lines[index];
        let Some(socket) = line.target.filter(|_| !line.is_closing && !line.is_connecting) else {
            return;
        };
        let may_receive = !line.is_receiving && !line.has_end;
        match self.dice.below(9) {
            0..=2 if may_receive => {
                line.is_receiving = true;
                let once = self.dice.one_in(2);
                let op = Op::Recv { socket, group: GROUP, once };
                self.push(index, About::Receive(index), &op);
            }
            3 if may_receive && self.dice.one_in(2) => {
                line.is_receiving = true;
                let op = Op::RecvMessage { socket, group: GROUP, form: MessageForm::Descriptors };
                self.push(index, About::Messages(index), &op);
            }
            3 if may_receive => {
                line.is_receiving = true;
                let room = room(self.dice.length(1, 2000));
                let into = write_span(room);
                let about = About::ReceiveInto(index, room.as_ptr());
                self.push(index, about, &Op::RecvInto { socket, into });
            }
            4..=5 if !line.is_sending && !line.is_shut => self.send(index, socket),
            6 if !line.is_sending && !line.is_shut => {
                line.is_shut = true;
                let op = Op::Shutdown { socket, how: Shutdown::Write };
                self.push(index, About::Shutdown, &op);
            }
            7 if self.dice.one_in(4) => self.close(index),
            8 => self.install(index, socket),
            _ => {}
        }
    }

    fn install(&mut self, index: usize, socket: Target) {
        let Target::Direct(place) = socket else { return };
        if !self.in_flight.values().any(|about| matches!(about, About::Install)) {
            self.push(index, About::Install, &Op::Install { place });
        }
    }

    fn send(&mut self, index: usize, socket: Target) {
        self.lines[index].is_sending = true;
        let count = self.dice.length(1, 5000);
        let bytes: &'static [u8] = Box::leak(self.dice.bytes(count).into_boxed_slice());
        let parts = bytes.chunks(count.div_ceil(3)).map(ReadSpan::of);
        let list = Box::leak(Box::<Vectored>::default());
        list.fill(parts, u32::MAX);
        let spans = &raw const *list;
        let may_close = !self.lines[index].is_receiving;
        let (op, closes) = match self.dice.below(4) {
            0 => (Op::Send { socket, span: ReadSpan::of(bytes) }, None),
            1 => (Op::SendMany { socket, spans }, None),
            2 if may_close => {
                self.lines[index].is_closing = true;
                (Op::SendLast { socket, spans, together: false }, Some(count))
            }
            _ => (Op::SendZeroCopy { socket, spans }, None),
        };
        self.push(index, About::Send(index, bytes.as_ptr(), closes), &op);
    }

    /// Cancels what is out, and closes when that has ended.
    fn close(&mut self, index: usize) {
        let line = &self.lines[index];
        let is_out = line.is_receiving || line.is_sending || line.is_connecting;
        let Some(target) = line.target.filter(|_| !is_out && !line.is_closed) else { return };
        self.lines[index].is_closing = true;
        self.lines[index].is_closed = true;
        let has_notice = self.is_ending && self.lines[index].notices_due > 0;
        let op = match has_notice || self.dice.one_in(3) {
            true => Op::Reset { socket: target },
            false => Op::Close { target },
        };
        self.push(index, About::Close(index), &op);
    }

    fn file(&mut self, root: &OwnedFd) {
        let path: &'static CStr = match self.dice.below(3) {
            0 => c"folder/page",
            1 => c"folder/firm",
            _ => c"folder/nothing",
        };
        let index = usize::try_from(100 + self.dice.draw() % 1_000_000).expect("a number");
        let file = self.files.last().copied().filter(|_| !self.dice.one_in(3));
        let (about, op) = match (self.dice.below(6), file) {
            (0, Some(file)) => {
                let room = room(self.dice.length(1, 4000));
                let (into, offset) = (write_span(room), self.dice.below(4000));
                (FileOp::Read(room.as_ptr(), offset), Op::Read { file, into, offset })
            }
            (1, Some(file)) => {
                let bytes = Box::leak(self.dice.bytes(100).into_boxed_slice());
                let list = Box::leak(Box::<Vectored>::default());
                list.fill([ReadSpan::of(bytes)].into_iter(), u32::MAX);
                (FileOp::Write, Op::Write { file, spans: list, offset: 5000 })
            }
            (2, Some(file)) => (FileOp::Other, Op::Sync { file, data_only: true }),
            (3, _) => {
                let into = &raw mut *Box::leak(Box::<StatBuffer>::default());
                let name = Some(&raw const *path);
                (FileOp::Other, Op::Stat { file: root.as_raw_fd(), name, into })
            }
            (4, _) => {
                let into = write_span(room(1000));
                (FileOp::Other, Op::List { directory: root.as_raw_fd(), into })
            }
            _ => {
                let access = Access::ReadWrite;
                let how = OpenHow {
                    access,
                    creation: Creation::Never,
                    beneath: true,
                    ..OpenHow::default()
                };
                let path: &'static CStr = Box::leak(CString::from(path).into_boxed_c_str());
                (FileOp::Open, Op::Open { directory: root.as_raw_fd(), path, how })
            }
        };
        if self.in_flight.values().filter(|about| matches!(about, About::File(_))).count() < 8 {
            self.push(index, About::File(about), &op);
        }
    }

    fn pass(&mut self) {
        let wait = match self.dice.below(3) {
            0 => Wait::No,
            _ => Wait::Until(self.now + Duration::from_micros(self.dice.below(20_000))),
        };
        self.enter(wait);
    }

    fn enter(&mut self, wait: Wait) {
        let mut done = Vec::new();
        self.now = self.sim.enter(wait, &mut done).expect("it goes on").now;
        done.iter().for_each(|done| self.take_in(done));
    }

    fn take_in(&mut self, done: &Done) {
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
    fn message(&mut self, done: &Done, form: MessageForm) -> Option<(Message, Vec<u8>)> {
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

    fn received(&mut self, index: usize, done: &Done) {
        let line = &mut self.lines[index];
        line.is_receiving = done.more;
        match done.result {
            Ok(0) => line.has_end = true,
            Ok(_) | Err(Errno::INTR | Errno::AGAIN | Errno::CANCELED | Errno::NOBUFS) => {}
            Err(_) => (line.has_end, line.has_failed) = (true, true),
        }
    }

    fn filed(&mut self, file: FileOp, done: &Done) {
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

    fn target(&self, number: u32) -> Target {
        match self.sim.caps().direct_places {
            0 => Target::Fd(number.cast_signed()),
            _ => Target::Direct(number),
        }
    }

    /// Cancels, waits and closes until nothing is left.
    fn end(&mut self) {
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

    /// What each side read is what the other wrote, from the beginning, and all of it where both ended well.
    fn compare(&self) -> Vec<PeerTrace> {
        for (from, bytes, is_cut) in &self.came {
            let sent = self
                .volleys
                .iter()
                .enumerate()
                .filter(|(index, _)| *from == Some(far_volley(*index)));
            let mut sent = sent.flat_map(|(_, (_, sent))| sent);
            let is_it = |sent: &Vec<u8>| match is_cut {
                true => sent.starts_with(bytes) && sent.len() > bytes.len(),
                false => sent == bytes,
            };
            assert!(sent.any(is_it), "nobody sent this datagram from {from:?}");
        }
        for line in &self.lines {
            let Some(peer) = line.peer else { continue };
            let written = self.scripts.iter().find(|(known, _)| *known == peer);
            let (written, trace) = (&written.expect("a peer").1, self.world.peer(peer));
            let told = format!("{line:?}, {trace:?}, written: {}", written.len());
            assert!(written.starts_with(&line.received), "other bytes came: {told}");
            assert!(line.sent.starts_with(&trace.read), "other bytes went: {told}");
            if line.has_end && !line.has_failed {
                assert!(line.received == *written, "not all came: {told}");
            }
            if trace.ended == Ended::End {
                assert!(trace.read == line.sent, "not all went: {told}");
            }
        }
        self.scripts.iter().map(|(peer, _)| self.world.peer(*peer)).collect()
    }
}

fn far_volley(index: usize) -> SocketAddr {
    let port = u16::try_from(1 + index).expect("few");
    SocketAddr::from(([192, 0, 2, 9], port))
}

fn far() -> Address {
    Address::of(([192, 0, 2, 1], 80).into())
}
