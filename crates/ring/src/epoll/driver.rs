//! The epoll driver: operations are tried when the core enters; what finds nothing waits for an edge.
//!
//! Cost: one system call for each attempt, and one `epoll_pwait2` for a pass that had nothing else to report. A block
//! is borrowed for the call only, the hottest first. A descriptor enters the poll set when it first has to wait.
#![expect(unsafe_code, reason = "tries operations whose spans their callers keep alive")]

use core::fmt;
use std::collections::{HashMap, VecDeque};
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::io::Errno;

use crate::address::Address;
use crate::call;
use crate::caps::Caps;
use crate::clock::{now, timespec_until};
use crate::done::Done;
use crate::driver::{Driver, DriverGauges, Entered, Fatal};
use crate::epoll::timeouts::Timeouts;
use crate::epoll::watch::{Reader, Watches};
use crate::file_pool::FilePool;
use crate::op::{BlockId, Group, Op, Target};
use crate::span::WriteSpan;
use crate::timespec::timespec_duration;
use crate::token::Token;
use crate::wait::{Deadline, Wait};
use crate::wake::CoreWaker;

/// What the waker's event carries in the poll set, where others carry their descriptor.
const WAKE: u64 = u64::MAX;

/// After so many passes in a row that had enough to report the kernel is asked for edges all the same.
const UNASKED_MAX: u32 = 8;

/// How many edges a pass takes from the kernel.
const EDGES_PER_PASS: usize = 256;

/// A poll set, what waits in it, and what goes beside it.
pub(crate) struct Epoll {
    set: OwnedFd,
    pub(super) watches: Watches,
    pub(super) accepts: HashMap<RawFd, VecDeque<(Token, Option<PeerRoom>)>>,
    /// Writes that wait behind another on their descriptor: datagrams.
    pub(super) behind: HashMap<RawFd, VecDeque<(Token, Op)>>,
    /// Which descriptor a waiting operation is about, for cancels.
    pub(super) waiting: HashMap<Token, RawFd>,
    pub(super) groups: Vec<Vec<(BlockId, WriteSpan)>>,
    /// To be done at the next pass, in order.
    pushed: Vec<(Token, Op)>,
    own_done: Vec<Done>,
    timeouts: Timeouts,
    pool: FilePool,
    pool_done: Vec<(Token, Result<u32, Errno>)>,
    edges: Vec<epoll::Event>,
    trying: Vec<RawFd>,
    /// How many passes have not asked for edges.
    passes_unasked: u32,
    waker: CoreWaker,
    caps: Caps,
    gauges: DriverGauges,
}

/// Where an accept writes the peer's address.
#[derive(Clone, Copy, Debug)]
pub(super) struct PeerRoom(pub(super) *mut Address);

impl Epoll {
    pub(crate) fn open(caps: Caps) -> Result<Self, Errno> {
        let set = epoll::create(CreateFlags::CLOEXEC)?;
        let waker = CoreWaker::new()?;
        // SAFETY: the waker's descriptor lives as long as this driver holds the waker.
        let event = unsafe { BorrowedFd::borrow_raw(waker.fd()) };
        epoll::add(&set, event, EventData::new_u64(WAKE), EventFlags::IN)?;
        Ok(Self {
            set,
            watches: Watches::default(),
            accepts: HashMap::new(),
            behind: HashMap::new(),
            waiting: HashMap::new(),
            groups: Vec::new(),
            pushed: Vec::new(),
            own_done: Vec::new(),
            timeouts: Timeouts::default(),
            pool: FilePool::new(waker.clone()),
            pool_done: Vec::new(),
            edges: Vec::with_capacity(EDGES_PER_PASS),
            trying: Vec::new(),
            passes_unasked: 0,
            waker,
            caps,
            gauges: DriverGauges::default(),
        })
    }

    fn begin(&mut self, token: Token, op: Op, done: &mut Vec<Done>) {
        match op {
            Op::Accept { listener, peer, .. } => {
                self.accepts.entry(listener).or_default().push_back((token, peer.map(PeerRoom)));
                self.wait_to_read(listener, token, Reader::Accept);
            }
            Op::Recv { socket, group, once } => {
                let fd = self.fd_of(socket);
                self.wait_to_read(fd, token, Reader::Recv { token, group, once });
            }
            Op::Readable { fd } => {
                // An edge may have passed unseen while nobody waited: the set is asked anew.
                self.watches.at(fd).is_read_out = true;
                self.watches.at(fd).reader = Some(Reader::Readable(token));
                self.waiting.insert(token, fd);
                if let Err(errno) = self.poll_again(fd) {
                    self.watches.at(fd).reader = None;
                    self.waiting.remove(&token);
                    done.push(Done::last(token, Err(errno)));
                }
            }
            Op::Writable { fd } => {
                // As above: room may have come while nobody waited.
                self.watches.at(fd).is_written_full = true;
                self.watches.at(fd).writer = Some((token, op));
                self.waiting.insert(token, fd);
                if let Err(errno) = self.poll_again(fd) {
                    self.end_write(fd, token, Err(errno), done);
                }
            }
            Op::Install { place } => {
                unreachable!("place {place}: a driver without a table gives none out")
            }
            Op::RecvInto { socket, into } => {
                let fd = self.fd_of(socket);
                self.wait_to_read(fd, token, Reader::RecvInto { token, into });
            }
            Op::RecvMessage { socket, group, form } => {
                let fd = self.fd_of(socket);
                self.wait_to_read(fd, token, Reader::Message { token, group, form });
            }
            Op::Send { socket, .. }
            | Op::SendMany { socket, .. }
            | Op::SendZeroCopy { socket, .. }
            | Op::SendLast { socket, .. } => {
                let fd = self.fd_of(socket);
                if self.watches.at(fd).writer.is_some() {
                    self.behind.entry(fd).or_default().push_back((token, op));
                    self.waiting.insert(token, fd);
                    return;
                }
                self.watches.at(fd).writer = Some((token, op));
                if self.watches.at(fd).is_written_full {
                    self.waiting.insert(token, fd);
                } else {
                    self.try_write(fd, done);
                }
            }
            Op::Shutdown { socket, how } => {
                let fd = self.fd_of(socket);
                let result = self.counted(|| call::shutdown(fd, how));
                done.push(Done::last(token, result));
            }
            Op::Close { target } | Op::Reset { socket: target } => {
                let fd = self.fd_of(target);
                self.watches.forget(fd);
                if matches!(op, Op::Reset { .. }) {
                    self.counted(|| call::forget_unsent(fd));
                }
                let result = self.counted(|| call::close(fd));
                done.push(Done::last(token, result));
            }
            Op::Socket { family, .. } => {
                let result = self.counted(|| call::socket(family));
                if let Ok(fd) = result {
                    // Its number may have been another's who closed it by himself.
                    self.watches.forget(fd.cast_signed());
                }
                done.push(Done::last(token, result));
            }
            Op::Connect { socket, .. } => {
                let fd = self.fd_of(socket);
                self.watches.at(fd).writer = Some((token, op));
                self.try_write(fd, done);
            }
            Op::Timeout { after } => {
                // SAFETY: the contract of `push`: the bytes are there until the completion.
                match timespec_duration(unsafe { &*after }) {
                    Some(after) => self.timeouts.set(token, now() + after),
                    None => done.push(Done::last(token, Err(Errno::INVAL))),
                }
            }
            Op::Write { .. }
            | Op::Sync { .. }
            | Op::SendFile { .. }
            | Op::Open { .. }
            | Op::Stat { .. }
            | Op::Read { .. }
            | Op::List { .. } => {
                // SAFETY: the contract of `push`, by which the operation came here.
                if let Err(errno) = unsafe { self.pool.push(token, op) } {
                    done.push(Done::last(token, Err(errno)));
                }
            }
        }
    }

    fn fd_of(&self, target: Target) -> RawFd {
        match target {
            Target::Fd(fd) => fd,
            Target::Direct(place) => {
                unreachable!("place {place}: a driver without a table gives none out")
            }
        }
    }

    pub(super) fn counted<R>(&mut self, act: impl FnOnce() -> R) -> R {
        self.gauges.syscalls += 1;
        act()
    }

    fn wait_to_read(&mut self, fd: RawFd, token: Token, reader: Reader) {
        self.waiting.insert(token, fd);
        let watch = self.watches.at(fd);
        watch.reader = Some(reader);
        if !watch.is_read_out {
            self.watches.list(fd);
        }
    }

    pub(super) fn poll_first_time(&mut self, fd: RawFd) -> Result<(), Errno> {
        if self.watches.at(fd).is_polled {
            return Ok(());
        }
        self.poll_again(fd)
    }

    /// Puts a descriptor into the poll set, or asks the set to look at it anew: either way, an edge comes for what is
    /// ready already.
    fn poll_again(&mut self, fd: RawFd) -> Result<(), Errno> {
        let data = EventData::new_u64(u64::try_from(fd).expect("a descriptor is not negative"));
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        let is_polled = core::mem::replace(&mut self.watches.at(fd).is_polled, true);
        // SAFETY: the operation's owner keeps the descriptor open until its completion.
        let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
        self.gauges.syscalls += 1;
        let polled = match is_polled {
            // Closed and opened again by its owner, it is in the set no more.
            true => epoll::modify(&self.set, borrowed, data, flags).or_else(|errno| match errno {
                Errno::NOENT => epoll::add(&self.set, borrowed, data, flags),
                errno => Err(errno),
            }),
            false => epoll::add(&self.set, borrowed, data, flags),
        };
        polled.inspect_err(|_| self.watches.at(fd).is_polled = false)
    }

    fn take_edges(&mut self, wait: Wait) -> Result<bool, Fatal> {
        let timespec = match wait {
            Wait::No => timespec_until(Deadline::default(), Deadline::default()),
            Wait::Until(deadline) if deadline == Deadline::NEVER => None,
            Wait::Until(deadline) => timespec_until(deadline, now()),
        };
        self.gauges.enters += 1;
        self.gauges.syscalls += 1;
        self.edges.clear();
        let spare = rustix::buffer::spare_capacity(&mut self.edges);
        match epoll::wait(&self.set, spare, timespec.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(Fatal { errno }),
        }
        let mut woken = false;
        let mut edges = core::mem::take(&mut self.edges);
        for edge in edges.drain(..) {
            let (data, flags) = (edge.data.u64(), edge.flags);
            if data == WAKE {
                self.waker.drain();
                self.waker.take_down();
                self.gauges.syscalls += 1;
                woken = true;
                continue;
            }
            let fd = RawFd::try_from(data).expect("the set holds descriptors");
            let watch = self.watches.at(fd);
            let hung_up = flags.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR);
            watch.is_hung_up |= hung_up;
            watch.is_read_out &= !(hung_up || flags.contains(EventFlags::IN));
            watch.is_written_full &= !(hung_up || flags.contains(EventFlags::OUT));
            if watch.reader.is_some() || watch.writer.is_some() {
                self.watches.list(fd);
            }
        }
        self.edges = edges; // with the room that it has: a pass allocates nothing
        Ok(woken)
    }

    fn end_timeouts(&mut self, done: &mut Vec<Done>) {
        if self.timeouts.next() == Deadline::NEVER {
            return;
        }
        let now = now();
        while let Some(token) = self.timeouts.pop(now) {
            done.push(Done::last(token, Err(Errno::TIME)));
        }
    }

    fn try_listed(&mut self, done: &mut Vec<Done>) {
        let mut trying = core::mem::take(&mut self.trying);
        self.watches.take_listed(&mut trying);
        for fd in trying.drain(..) {
            if !self.watches.at(fd).is_written_full {
                self.try_write(fd, done);
            }
            if !self.watches.at(fd).is_read_out {
                self.try_read(fd, done);
            }
        }
        self.trying = trying;
    }
}

impl fmt::Debug for Epoll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Epoll")
            .field("caps", &self.caps)
            .field("gauges", &self.gauges)
            .finish_non_exhaustive()
    }
}

// SAFETY: a span is touched in system calls that return before the completion is reported, by this thread or by the
// pool's; lent blocks are touched only between `pop` and the completion that names them.
unsafe impl Driver for Epoll {
    fn caps(&self) -> &Caps {
        &self.caps
    }

    fn open_group(&mut self, group: Group, blocks_max: u16) -> Result<(), Errno> {
        let index = usize::from(group.0);
        if self.groups.len() <= index {
            self.groups.resize_with(index + 1, Vec::new);
        }
        self.groups[index].reserve(usize::from(blocks_max));
        Ok(())
    }

    unsafe fn provide(&mut self, group: Group, block: BlockId, span: WriteSpan) {
        self.groups[usize::from(group.0)].push((block, span));
    }

    unsafe fn push(&mut self, token: Token, op: &Op) {
        self.gauges.operations += 1;
        self.gauges.in_kernel += 1;
        self.pushed.push((token, *op));
    }

    fn cancel(&mut self, token: Token) {
        let canceled = Done::last(token, Err(Errno::CANCELED));
        if let Some(index) = self.pushed.iter().position(|(pushed, _)| *pushed == token) {
            self.pushed.remove(index);
        } else if let Some(fd) = self.waiting.remove(&token) {
            if self.watches.at(fd).writer.is_some_and(|(writer, _)| writer == token) {
                self.next_writer(fd);
            } else if !self.leaves_line(fd, token) {
                let mut ended = Vec::new();
                self.end_read(fd, token, Err(Errno::CANCELED), &mut ended);
            }
        } else if !self.timeouts.cancel(token) && !self.pool.cancel(token) {
            return; // it ended, or a thread is at it: its own completion answers
        }
        self.own_done.push(canceled);
    }

    fn enter(&mut self, wait: Wait, done: &mut Vec<Done>) -> Result<Entered, Fatal> {
        let before = done.len();
        let mut pushed = core::mem::take(&mut self.pushed);
        for (token, op) in pushed.drain(..) {
            self.begin(token, op, done);
        }
        self.pushed = pushed;
        done.append(&mut self.own_done);
        self.try_listed(done);
        self.end_timeouts(done);
        let mut woken = false;
        let is_idle = done.len() == before && !self.watches.has_listed();
        // With something to report the kernel is not asked for edges, unless a busy descriptor could hide the others, or
        // this went on for long.
        self.passes_unasked += 1;
        if is_idle || self.watches.has_listed() || self.passes_unasked >= UNASKED_MAX {
            self.passes_unasked = 0;
            let wait = if is_idle { wait.or_until(self.timeouts.next()) } else { Wait::No };
            woken = self.take_edges(wait)?;
            self.try_listed(done);
            self.end_timeouts(done);
        }
        self.pool.take_done(&mut self.pool_done);
        let pool_done = self.pool_done.drain(..);
        done.extend(pool_done.map(|(token, result)| Done::last(token, result)));
        let ended = done[before..].iter().filter(|done| !done.more).count() as u64;
        self.gauges.in_kernel -= ended;
        self.gauges.completions += (done.len() - before) as u64;
        Ok(Entered { now: now(), woken })
    }

    fn forget(&mut self, fd: RawFd) {
        if self.watches.at(fd).is_polled {
            self.gauges.syscalls += 1;
            // SAFETY: its owner has not closed it yet.
            let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
            // It may stay open, with another owner: its edges are no news here.
            let _deleted: Result<(), Errno> = epoll::delete(&self.set, borrowed);
        }
        self.watches.forget(fd);
        self.accepts.remove(&fd);
        self.behind.remove(&fd);
    }

    fn waker(&self) -> CoreWaker {
        self.waker.clone()
    }

    fn gauges(&self) -> DriverGauges {
        self.gauges
    }
}
