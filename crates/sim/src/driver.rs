//! A simulated driver carries operations into a kernel that is short, late, out of order and refusing.
//!
//! Time stands still but while it waits: then it goes on to the next thing that happens, or to the end of the wait.
#![expect(unsafe_code, reason = "takes what a program lends, by the contract of the trait")]

use core::cell::RefCell;
use core::ffi::CStr;
use core::fmt;
use core::time::Duration;
use std::os::fd::{BorrowedFd, RawFd};
use std::rc::Rc;

use levada_ring::{
    Address, BlockId, Caps, CoreWaker, Deadline, Done, Driver, DriverGauges, Entered, Errno, Fatal,
    Group, Level, Op, ReadSpan, StatBuffer, TIMESPEC_BYTES, Target, Token, Vectored, Wait,
    WriteSpan, timespec_duration,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::datagrams::VolleyId;
use crate::flight::{Fill, Flight, FlightId, ListLent, Tried};
use crate::kernel::{Kernel, Queued};
use crate::mischief::Mischief;
use crate::net::{Flow, Side};
use crate::peer::PeerId;
use crate::script::Cue;
use crate::trick::Trick;
use crate::trouble::Trouble;
use crate::world::World;

/// What a simulated kernel is like.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SimConfig {
    /// Which kernel it is: with a table of its own, with descriptors, or one that only tells readiness.
    pub level: Level,
    /// How many places its table has, if it has one.
    pub direct_places: u32,
    /// What it may do.
    pub mischief: Mischief,
}

impl Default for SimConfig {
    fn default() -> Self {
        Self { level: Level::Full, direct_places: 1024, mischief: Mischief::all() }
    }
}

/// A driver whose kernel is simulated.
pub struct Sim {
    kernel: Rc<RefCell<Kernel>>,
    caps: Caps,
}

impl Sim {
    /// A kernel whose every choice is drawn from `seed`, and the world that it stands in.
    #[must_use]
    pub fn seeded(seed: u64, config: &SimConfig) -> (Self, World) {
        let trouble = Trouble::of(seed, config.mischief);
        let name = format!("sim seed {seed} ({}, {:?})", config.level, trouble.known());
        Self::with(name, trouble, config)
    }

    /// A kernel that does what is written, at the moments that are written, and no mischief else.
    #[must_use]
    pub fn scripted(cues: &[Cue], config: &SimConfig) -> (Self, World) {
        let name = format!("sim script {cues:?} ({})", config.level);
        Self::with(name, Trouble::scripted(cues), config)
    }

    fn with(name: String, trouble: Trouble, config: &SimConfig) -> (Self, World) {
        let kernel = Kernel::new(name, trouble, config.level, config.direct_places);
        let caps = kernel.caps.clone();
        let kernel = Rc::new(RefCell::new(kernel));
        (Self { kernel: Rc::clone(&kernel), caps }, World::of(kernel))
    }
}

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim").field("caps", &self.caps).finish_non_exhaustive()
    }
}

/// How long a receive, an accept or a send may take longer than it must, and how long a file.
const LATE: [Duration; 2] = [Duration::from_millis(3), Duration::from_millis(30)];

/// How long a peer may rest between two things that it does.
const REST: Duration = Duration::from_millis(2);

/// How often a core may enter the kernel without waiting, and nothing moves, until that is called a fault.
const SPIN_ENTERS: u64 = 100_000;

/// How long a core that sleeps for ever is given to be woken by another thread of the test.
const WAKE: Duration = Duration::from_secs(5);

impl Kernel {
    /// Takes what an operation lends.
    ///
    /// # Safety
    /// As [`Driver::push`].
    unsafe fn take(&mut self, token: Token, op: &Op) -> Flight {
        let mut flight = self.flight(token, op);
        let scribble = self.trouble.knows(Trick::Scribble);
        match *op {
            Op::Send { span, .. } => self.lend_read(&mut flight, span),
            Op::SendMany { spans, .. }
            | Op::SendZeroCopy { spans, .. }
            | Op::SendLast { spans, .. }
            | Op::Write { spans, .. } => {
                // SAFETY: passed on to the caller.
                let list: &Vectored = unsafe { &*spans };
                list.spans().for_each(|span| self.lend_read(&mut flight, span));
                flight.list = Some(ListLent { list: spans, spans: ListLent::spans_of(list) });
            }
            Op::RecvInto { into, .. } | Op::Read { into, .. } | Op::List { into, .. } => {
                self.lend_write(&mut flight, into, scribble);
            }
            Op::Accept { peer: Some(peer), .. } => {
                let bytes = u32::try_from(size_of::<Address>()).expect("short");
                self.lend_write(&mut flight, WriteSpan { start: peer.cast(), bytes }, false);
            }
            Op::Connect { to, .. } => {
                self.lend_read(&mut flight, to);
            }
            Op::Timeout { after } => {
                let bytes = u32::try_from(TIMESPEC_BYTES).expect("short");
                self.lend_read(&mut flight, ReadSpan { start: after.cast(), bytes });
            }
            Op::Open { path, .. } => self.lend_path(&mut flight, path),
            Op::Stat { name, into, .. } => {
                if let Some(name) = name {
                    self.lend_path(&mut flight, name);
                }
                let bytes = u32::try_from(size_of::<StatBuffer>()).expect("short");
                self.lend_write(&mut flight, WriteSpan { start: into.cast(), bytes }, false);
            }
            _ => {}
        }
        flight
    }

    fn lend_path(&mut self, flight: &mut Flight, path: *const CStr) {
        // SAFETY: a path was lent with the operation (the contract of `push`).
        let path = unsafe { &*path };
        self.lend_read(flight, ReadSpan::of(path.to_bytes_with_nul()));
    }

    fn lend_read(&mut self, flight: &mut Flight, span: ReadSpan) {
        // SAFETY: it was lent with the operation (the contract of `push`).
        let lent = unsafe { self.lent.lend_read(span) };
        let loan = self.right(lent);
        flight.loans.push(loan);
    }

    fn lend_write(&mut self, flight: &mut Flight, span: WriteSpan, scribble: bool) {
        // SAFETY: it was lent with the operation (the contract of `push`).
        let lent = unsafe { self.lent.lend_write(span, scribble) };
        let loan = self.right(lent);
        if scribble {
            self.trouble.note(Trick::Scribble);
        }
        flight.loans.push(loan);
    }

    /// Hands over what is queued, or a part of it.
    fn hand_over(&mut self) -> bool {
        for target in core::mem::take(&mut self.closes_behind) {
            let _closed: Result<u32, Errno> = self.close_handle(target, false);
        }
        let all = self.queued.len();
        let cut = self.trouble.amount(Trick::CutEnter, 0, all as u64);
        // A poll set takes all that there is; its wait may be interrupted all the same.
        let count = if self.is_epoll() { None } else { cut };
        let count = count.map_or(all, |count| usize::try_from(count).expect("a part"));
        for _ in 0..count {
            match self.queued.pop_front() {
                Some(Queued::Push(flight)) => self.begin(flight),
                Some(Queued::Cancel(token)) => self.cancelled(token),
                None => {}
            }
        }
        cut.is_some()
    }

    fn begin(&mut self, mut flight: Box<Flight>) {
        let (token, op) = (flight.token, flight.op);
        self.note(|| format!("begun {}:{} {op:?}", token.kind(), token.index()));
        let late = match flight.op {
            Op::Open { .. }
            | Op::Stat { .. }
            | Op::Read { .. }
            | Op::Write { .. }
            | Op::Sync { .. }
            | Op::List { .. }
            | Op::SendFile { .. } => LATE[1],
            _ => LATE[0],
        };
        let begun = self.begin_at_once(&mut flight);
        match begun {
            Ok(Tried::Waits) => {
                flight.not_before = self.moment(Trick::Late, late);
                flight.not_before = flight.not_before.max(flight.silent_until.unwrap_or_default());
                self.check_alone(&flight);
                self.flights.insert(flight.id, flight);
            }
            Ok(Tried::Ends(result)) => self.ends(flight, result),
            Err(errno) => self.ends(flight, Err(errno)),
            Ok(Tried::GoesOn | Tried::Ended) => unreachable!("it has only begun"),
        }
    }

    fn ends(&mut self, flight: Box<Flight>, result: Result<u32, Errno>) {
        self.made_last(&flight, result, None, Fill::Nothing);
        self.ends_with_last(flight);
    }

    /// Looks up what an operation is about; those that never wait come to their end.
    fn begin_at_once(&mut self, flight: &mut Flight) -> Result<Tried, Errno> {
        let ended = |result: Result<u32, Errno>| Ok(Tried::Ends(result));
        match flight.op {
            Op::Recv { socket, .. }
            | Op::RecvInto { socket, .. }
            | Op::RecvMessage { socket, .. }
            | Op::Send { socket, .. }
            | Op::SendMany { socket, .. }
            | Op::SendZeroCopy { socket, .. }
            | Op::SendLast { socket, .. }
            | Op::Connect { socket, .. } => {
                let id = self.socket_of(socket)?;
                if let Target::Fd(fd) = socket {
                    self.stand_ins.watch(fd);
                }
                self.hold(flight, id);
            }
            Op::Writable { fd } => {
                self.stand_ins.watch(fd);
                let id = self.socket_of(Target::Fd(fd))?;
                self.hold(flight, id);
            }
            Op::Open { directory: file, .. }
            | Op::Stat { file, .. }
            | Op::Read { file, .. }
            | Op::Write { file, .. }
            | Op::Sync { file, .. }
            | Op::List { directory: file, .. } => flight.file = Some(self.file_of(file)?),
            Op::SendFile { socket, file, .. } => {
                flight.file = Some(self.file_of(file)?);
                let id = self.socket_of(Target::Fd(socket))?;
                self.hold(flight, id);
            }
            Op::Accept { listener, .. } => flight.listener = Some(self.listener(listener)),
            Op::Readable { .. } => {}
            Op::Timeout { after } => {
                // SAFETY: the bytes were lent with the operation, which has not ended.
                let after = timespec_duration(unsafe { &*after }).ok_or(Errno::INVAL)?;
                flight.silent_until = Some(self.now() + after);
            }
            Op::Socket { direct, .. } => return ended(self.make_socket(direct)),
            Op::Install { place } => return ended(self.install(place)),
            Op::Shutdown { socket, how } => return ended(self.shut(socket, how)),
            Op::Close { target } => return ended(self.close_handle(target, false)),
            Op::Reset { socket } => return ended(self.close_handle(socket, true)),
        }
        Ok(Tried::Waits)
    }

    /// A readiness driver keeps one receive for each socket: another would push it out, and it would never end. Of a connection's
    /// bytes two operations at once would be in no order over any driver; datagrams have none.
    fn check_alone(&mut self, flight: &Flight) {
        let Some(socket) = flight.socket else { return };
        let are_datagrams = self.sockets[socket.0].datagrams.is_some();
        if are_datagrams && !self.is_epoll() {
            return;
        }
        let reads =
            |op: &Op| matches!(op, Op::Recv { .. } | Op::RecvMessage { .. } | Op::RecvInto { .. });
        let writes = |op: &Op| {
            matches!(
                op,
                Op::Send { .. } | Op::SendMany { .. } | Op::SendLast { .. } | Op::Writable { .. }
            )
        };
        let conflicts = |other: &Flight| {
            other.socket == Some(socket)
                && (reads(&other.op) && reads(&flight.op)
                    || !are_datagrams && writes(&other.op) && writes(&flight.op))
        };
        if let Some(other) = self.flights.values().find(|other| conflicts(other)) {
            let (one, two) = (other.op, flight.op);
            self.fail(&format!("two operations at once in one direction: {one:?} and {two:?}"));
        }
    }

    fn cancelled(&mut self, token: Token) {
        self.note(|| format!("cancelled {}:{}", token.kind(), token.index()));
        let wait = if self.is_epoll() {
            self.now()
        } else {
            self.moment(Trick::SlowCancel, Duration::from_millis(10))
        };
        let found = self.flights.values_mut().find(|flight| flight.token == token);
        // Not found: it has ended, and that will be told. A notice is not to be cancelled.
        if let Some(flight) = found.filter(|flight| flight.notice_at.is_none()) {
            flight.ends_at.get_or_insert(wait);
        }
    }

    /// Whether trying would come to nothing: to be asked often.
    fn is_idle(&self, flight: &Flight) -> bool {
        let now = self.now();
        if flight.ends_at.is_some_and(|ends_at| ends_at <= now) {
            return false;
        }
        let connection = flight.socket.and_then(|id| self.sockets[id.0].connection);
        flight.not_before > now
            || match (&flight.op, connection) {
                (Op::Accept { .. }, _) => self.nobody_calls(flight),
                (Op::Recv { .. } | Op::RecvInto { .. }, Some(connection)) => {
                    !self.net.is_readable(connection, Side::Program)
                }
                (Op::Send { .. } | Op::SendMany { .. } | Op::SendLast { .. }, Some(connection)) => {
                    self.net.room(connection, Side::Program) == Flow::Wait
                }
                _ => false,
            }
    }

    /// Tries an operation; says whether anything changed.
    fn try_flight(&mut self, id: FlightId) -> bool {
        if self.flights.get(&id).is_none_or(|flight| self.is_idle(flight)) {
            return false;
        }
        let now = self.now();
        let Some(mut flight) = self.flights.remove(&id) else { return false };
        // A notice cannot be cancelled, also where the cancel came before it.
        let is_ending =
            flight.notice_at.is_none() && flight.ends_at.is_some_and(|ends_at| ends_at <= now);
        let is_tried = !is_ending || self.trouble.plays(Trick::RacedCancel);
        let mut tried = if is_tried { self.try_op(&mut flight) } else { Tried::Waits };
        if is_ending && matches!(tried, Tried::Waits | Tried::GoesOn) && flight.notice_at.is_none()
        {
            tried = Tried::Ends(match flight.progress_bytes {
                0 => Err(Errno::CANCELED),
                bytes => Ok(bytes),
            });
        }
        match tried {
            Tried::Waits => {
                self.flights.insert(id, flight);
                false
            }
            Tried::GoesOn => {
                if flight.notice_at.is_none() {
                    flight.not_before = self.moment(Trick::Late, LATE[0]);
                }
                self.flights.insert(id, flight);
                true
            }
            Tried::Ends(result) => {
                self.ends(flight, result);
                true
            }
            Tried::Ended => {
                self.ends_with_last(flight);
                true
            }
        }
    }

    fn try_op(&mut self, flight: &mut Flight) -> Tried {
        if let Some(file) = flight.file {
            return self.try_file(flight, file);
        }
        match flight.op {
            Op::Accept { direct, peer, .. } => self.try_accept(flight, direct, peer),
            Op::Recv { group, once, .. } => self.try_receive(flight, group, once),
            Op::RecvInto { .. } => self.try_receive_into(flight),
            Op::Send { .. }
            | Op::SendMany { .. }
            | Op::SendZeroCopy { .. }
            | Op::SendLast { .. } => self.try_send(flight),
            Op::Connect { to, .. } => {
                // SAFETY: the address was lent with the operation, which has not ended.
                let to = unsafe { core::slice::from_raw_parts(to.start, to.bytes as usize) };
                self.try_connect(flight, to)
            }
            // One that is cancelled is tried early.
            Op::Timeout { .. } if flight.silent_until.is_some_and(|until| until > self.now()) => {
                Tried::Waits
            }
            Op::Timeout { .. } => Tried::Ends(Err(Errno::TIME)),
            Op::Writable { .. } => self.try_writable(flight),
            Op::Readable { fd } => try_readable(fd),
            Op::RecvMessage { group, form, .. } => self.try_receive_message(flight, group, form),
            other => unreachable!("{other:?} never waits"),
        }
    }

    /// Lets everybody do what can be done now; says whether anything changed.
    fn step(&mut self) -> bool {
        let mut has_changed = false;
        let count = self.peers.len();
        let first = self.trouble.dice.index(count);
        for index in (first..count).chain(0..first) {
            has_changed |= self.step_peer(PeerId(index));
        }
        let count = self.datagrams.peers.len();
        let first = self.trouble.dice.index(count);
        for index in (first..count).chain(0..first) {
            has_changed |= self.datagrams.act(VolleyId(index), self.clock.now());
        }
        let ids: Vec<FlightId> = self.flights.keys().copied().collect();
        let first = self.trouble.dice.index(ids.len());
        for index in (first..ids.len()).chain(0..first) {
            has_changed |= self.try_flight(ids[index]);
        }
        has_changed
    }

    fn step_peer(&mut self, id: PeerId) -> bool {
        let now = self.now();
        let peer = &mut self.peers[id.0];
        if peer.trace.is_over || peer.pauses_until > now {
            return false;
        }
        if peer.is_waiting_to_connect() {
            return self.connect_peer(id);
        }
        let has_acted = peer.act(&mut self.net, &mut self.trouble.dice, now);
        if has_acted {
            self.moved_at_enter = self.gauges.enters;
            if self.trouble.plays(Trick::Reset) {
                self.peers[id.0].break_off(&mut self.net, &mut self.trouble.dice);
            }
            // At its own pace: that is no mischief.
            if self.trouble.dice.one_in(2) {
                let ns = self.trouble.dice.below(u64::try_from(REST.as_nanos()).expect("short"));
                self.peers[id.0].pauses_until = now + Duration::from_nanos(ns);
            }
        }
        has_acted
    }

    /// The next moment at which anything may happen by itself.
    fn next_moment(&self) -> Option<Deadline> {
        let now = self.now();
        let peers = self.peers.iter().filter_map(|peer| peer.wakes_at());
        let flights = self.flights.values().flat_map(|flight| {
            let ends_at = flight.ends_at.unwrap_or(Deadline::NEVER);
            [flight.not_before, ends_at]
        });
        let volleys = self.datagrams.next_moment();
        peers
            .chain(volleys)
            .chain(flights)
            .chain(self.next_due())
            .filter(|moment| *moment > now && *moment < Deadline::NEVER)
            .min()
    }

    /// Whether the core's waker was used.
    fn is_woken(&self, patience: Duration) -> bool {
        let fd = self.waker.fd();
        if !is_readable(fd, patience) {
            return false;
        }
        self.waker.drain();
        self.waker.take_down();
        true
    }

    fn enter(&mut self, wait: Wait, done: &mut Vec<Done>) -> Result<Entered, Fatal> {
        if self.is_broken {
            return Err(Fatal { errno: Errno::IO });
        }
        self.gauges.enters += 1;
        self.gauges.syscalls += 1;
        self.clock.enter();
        if self.gauges.enters - self.moved_at_enter > SPIN_ENTERS {
            self.fail("the core enters and enters, and nothing comes nearer to its end");
        }
        self.notice_closed();
        let is_cut = self.hand_over();
        let before = done.len();
        let mut woken = false;
        loop {
            // One round tells little at a time, several tell much.
            while self.step() && !(self.has_due() && self.trouble.dice.one_in(3)) {}
            self.tell(done);
            woken |= self.is_woken(Duration::ZERO);
            let Wait::Until(until) = wait else { break };
            if woken || is_cut || done.len() > before || until <= self.now() {
                break;
            }
            self.moved_at_enter = self.gauges.enters;
            match self.next_moment() {
                Some(moment) if moment <= until => self.clock.advance(moment),
                Some(_) => self.clock.advance(until),
                None if until < Deadline::NEVER => self.clock.advance(until),
                None => {
                    woken = self.is_woken(WAKE);
                    if !woken {
                        let left: Vec<_> = self.flights.values().map(|flight| flight.op).collect();
                        self.fail(&format!(
                            "the core sleeps, and nothing will ever happen; in the kernel: {left:?}"
                        ));
                    }
                }
            }
        }
        Ok(Entered { now: self.now(), woken })
    }
}

fn is_readable(fd: RawFd, patience: Duration) -> bool {
    // SAFETY: it is used for one call, which says so if there is no such descriptor.
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    let patience = Timespec::try_from(patience).expect("some seconds");
    poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&patience)).is_ok_and(|count| count > 0)
}

/// A descriptor that the simulation knows nothing of: asked as it is.
fn try_readable(fd: RawFd) -> Tried {
    if is_readable(fd, Duration::ZERO) { Tried::Ends(Ok(1)) } else { Tried::Waits }
}

// SAFETY: a span is touched by `lent` alone, which gives it up when the flight's last completion is told; a lent block
// when the completion that names it is. What a completion says was written is written just before it is told.
unsafe impl Driver for Sim {
    fn caps(&self) -> &Caps {
        &self.caps
    }

    fn open_group(&mut self, group: Group, blocks_max: u16) -> Result<(), Errno> {
        let mut kernel = self.kernel.borrow_mut();
        if kernel.trouble.plays(Trick::NoGroup) {
            return Err(Errno::NOMEM);
        }
        kernel.groups.open(group, blocks_max);
        Ok(())
    }

    unsafe fn provide(&mut self, group: Group, block: BlockId, span: WriteSpan) {
        let mut kernel = self.kernel.borrow_mut();
        let scribble = kernel.trouble.knows(Trick::Scribble);
        // SAFETY: passed on to the caller.
        let lent = unsafe { kernel.lent.lend_write(span, scribble) };
        let loan = kernel.right(lent);
        if scribble {
            kernel.trouble.note(Trick::Scribble);
        }
        let lent = kernel.groups.lend(group, block, loan);
        kernel.right(lent);
    }

    unsafe fn push(&mut self, token: Token, op: &Op) {
        let mut kernel = self.kernel.borrow_mut();
        // SAFETY: passed on to the caller.
        let flight = unsafe { kernel.take(token, op) };
        kernel.push(token, flight);
    }

    fn cancel(&mut self, token: Token) {
        self.kernel.borrow_mut().queued.push_back(Queued::Cancel(token));
    }

    fn enter(&mut self, wait: Wait, done: &mut Vec<Done>) -> Result<Entered, Fatal> {
        self.kernel.borrow_mut().enter(wait, done)
    }

    fn forget(&mut self, fd: RawFd) {
        let mut kernel = self.kernel.borrow_mut();
        kernel.stand_ins.forget(fd);
        kernel.close_listener(fd);
    }

    fn waker(&self) -> CoreWaker {
        self.kernel.borrow().waker.clone()
    }

    fn gauges(&self) -> DriverGauges {
        self.kernel.borrow().gauges
    }
}
