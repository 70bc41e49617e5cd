//! The sockets of datagrams of a channel: what comes, each whole with its sender, and what goes, each answered by itself.
//!
//! Cost: a datagram that comes is a block of the channel's, its payload shared from the place where the kernel put it; one that
//! goes is an operation, with a list of its spans that is kept for the next.
#![expect(unsafe_code, reason = "lends spans and addresses to the kernel until it answers")]

use core::mem::ManuallyDrop;
use core::task::{Poll, Waker};
use std::collections::VecDeque;
use std::os::fd::{AsRawFd, OwnedFd};

use levada_ring::{
    Address, Done, Errno, Family, Group, Message, MessageForm, Op, ReadSpan, Target, Vectored,
};
use levada_shared::SharedData;

use crate::connections::stream::{Flight, Form};
use crate::datagrams::datagram::Datagram;
use crate::error::{Error, Refused};
use crate::event::Event;
use crate::kernel::{Kernel, Kind, Watcher, wait};
use crate::lent::{BULK, BULK_BYTES, Lent, SMALL, SMALL_BYTES};
use crate::socket::{Socket, SocketKind};
use crate::table::{Name, Table};

/// How many sockets of datagrams a channel has at most.
const SOCKETS_MAX: u32 = 1024;

/// How many sends are in flight on all of them.
const SENDS_MAX: u32 = 4096;

/// How many bytes may have come, blocks counted whole, and not be taken, of a socket in the async form.
const CREDIT_BYTES: i64 = 256 << 10;

/// After so many failed receives in a row a socket is given up.
const FAILURES_MAX: u32 = 16;

/// Lists of spans that are kept for the next sends.
const SPARE_MAX: usize = 64;

/// All of a channel's.
#[derive(Debug)]
pub(crate) struct Datagrams {
    table: Table<At>,
    sends: Table<Send>,
    #[expect(
        clippy::vec_box,
        reason = "a send needs its list in a box: the kernel reads it there"
    )]
    spare: Vec<Box<Vectored>>,
    paused: VecDeque<Name>,
    /// Sends that came back: the taker within this machine had no room, or they were interrupted. Tried again with each
    /// pass.
    crowded: Vec<Name>,
    /// Datagrams that were longer than the block's room.
    pub(crate) cut: u64,
    pub(crate) pauses: u64,
}

/// One socket.
#[derive(Debug)]
struct At {
    fd: OwnedFd,
    group: Group,
    recv: Flight,
    is_paused: bool,
    is_closing: bool,
    credit_bytes: i64,
    failures: u32,
    sends_out: u32,
    inbox: VecDeque<Datagram>,
    ended: Option<Error>,
    reader: Option<Waker>,
    form: Form,
    cookie: u64,
}

/// One send.
///
/// # Invariants
/// 1. While it is in the table the spans of `list` lie in `data`, and neither is moved or changed.
#[derive(Debug)]
struct Send {
    at: Name,
    data: ManuallyDrop<SharedData>,
    list: ManuallyDrop<Box<Vectored>>,
    is_out: bool,
    is_forgotten: bool,
    watcher: Watcher,
    result: Option<Result<(), Error>>,
}

impl Datagrams {
    pub(crate) fn new() -> Self {
        Self {
            table: Table::new(SOCKETS_MAX),
            sends: Table::new(SENDS_MAX),
            spare: Vec::new(),
            paused: VecDeque::new(),
            crowded: Vec::new(),
            cut: 0,
            pauses: 0,
        }
    }

    pub(crate) fn open_count(&self) -> u32 {
        self.table.used_count()
    }

    /// Takes a socket in and begins to receive datagrams of up to `bytes_max`, as far as there is credit.
    pub(crate) fn open(
        &mut self,
        kernel: &mut Kernel,
        lent: &mut Lent,
        fd: OwnedFd,
        bytes_max: usize,
        form: Form,
        cookie: u64,
    ) -> Result<Name, Error> {
        if bytes_max > BULK_BYTES - MessageForm::From.payload_start() {
            return Err(Error::Kernel(Errno::MSGSIZE));
        }
        let is_short = bytes_max <= SMALL_BYTES - MessageForm::From.payload_start();
        let group = if is_short { SMALL } else { BULK };
        if group == BULK && !lent.has(BULK, &mut *kernel.driver) {
            return Err(Error::NoMemory);
        }
        let at = At {
            fd,
            group,
            recv: Flight::No,
            is_paused: false,
            is_closing: false,
            credit_bytes: if form == Form::Futures { CREDIT_BYTES } else { 0 },
            failures: 0,
            sends_out: 0,
            inbox: VecDeque::new(),
            ended: None,
            reader: None,
            form,
            cookie,
        };
        let fd = at.fd.as_raw_fd();
        let name = self.table.insert(at).map_err(|_| Error::Full)?;
        kernel.driver.forget(fd); // the number may have been another's who closed it by himself
        self.arm(kernel, name);
        Ok(name)
    }

    fn arm(&mut self, kernel: &mut Kernel, name: Name) {
        let Some(at) = self.table.get(name) else { return };
        let is_wanted = at.recv == Flight::No && !at.is_paused && !at.is_closing;
        if is_wanted && at.credit_bytes > 0 && at.ended.is_none() {
            at.recv = Flight::Out;
            let socket = Target::Fd(at.fd.as_raw_fd());
            kernel.recv_messages(name, socket, at.group, MessageForm::From);
        }
    }

    /// Adds credit: so many bytes more may come, each datagram counted as long as its block.
    pub(crate) fn credit(&mut self, kernel: &mut Kernel, name: Name, bytes: u32) -> bool {
        let Some(at) = self.table.get(name) else { return false };
        at.credit_bytes += i64::from(bytes);
        self.arm(kernel, name);
        true
    }

    /// A datagram came, or receiving ended.
    pub(crate) fn received(
        &mut self,
        kernel: &mut Kernel,
        lent: &mut Lent,
        name: Name,
        done: &Done,
    ) {
        let socket = socket_of(kernel, name);
        let Some(at) = self.table.get(name) else { return };
        let bytes = done.result.unwrap_or(0);
        let block = done.block.and_then(|block| lent.take(at.group, block, bytes));
        if let Some(mut block) = block
            && let Some(message) = Message::read(&block, MessageForm::From)
            && !at.is_closing
        {
            at.failures = 0;
            at.credit_bytes -= block_bytes(at.group);
            self.cut += u64::from(message.is_cut);
            block.truncate(message.payload.end);
            block.skip(message.payload.start);
            let datagram = Datagram {
                from: message.from.as_ref().and_then(Address::get),
                from_name: message.from.as_ref().and_then(Address::unix_name),
                bytes: block.freeze(),
                is_cut: message.is_cut,
            };
            match at.form {
                Form::Events => {
                    kernel.tell(Event::Datagram { socket, cookie: at.cookie, datagram });
                }
                Form::Futures => {
                    at.inbox.push_back(datagram);
                    kernel.wake(&mut at.reader);
                }
            }
        }
        if done.more {
            if at.credit_bytes <= 0 && at.recv == Flight::Out {
                at.recv = Flight::Cancelled;
                kernel.driver.cancel(Kind::Datagrams.token(name));
            }
            return;
        }
        at.recv = Flight::No;
        match done.result {
            Ok(_) | Err(Errno::CANCELED | Errno::INTR | Errno::AGAIN) => {}
            Err(Errno::NOBUFS) => {
                at.is_paused = true;
                self.paused.push_back(name);
                self.pauses += 1;
            }
            // What an earlier send came to is told here by the kernel: it ends nothing. One that goes on does.
            Err(errno) => {
                at.failures += 1;
                if at.failures >= FAILURES_MAX {
                    at.ended = Some(Error::of(errno));
                    kernel.wake(&mut at.reader);
                    if at.form == Form::Events {
                        at.is_closing = true;
                    }
                }
            }
        }
        self.arm(kernel, name);
        self.let_go(kernel, name);
    }

    /// Whether some wait for a block.
    pub(crate) fn is_any_paused(&self) -> bool {
        !self.paused.is_empty()
    }

    /// Those that had no block go on, when there are some.
    pub(crate) fn resume(&mut self, kernel: &mut Kernel, lent: &Lent) {
        for token in core::mem::take(&mut self.crowded) {
            self.submit(kernel, token);
        }
        for _ in 0..self.paused.len() {
            let Some(name) = self.paused.pop_front() else { return };
            let Some(at) = self.table.get(name) else { continue };
            if lent.resumable_count(at.group) == 0 {
                self.paused.push_back(name);
                continue;
            }
            at.is_paused = false;
            self.arm(kernel, name);
        }
    }

    /// The next datagram.
    pub(crate) fn poll(
        &mut self,
        kernel: &mut Kernel,
        name: Name,
        waker: &Waker,
    ) -> Poll<Result<Datagram, Error>> {
        let Some(at) = self.table.get(name) else { return Poll::Ready(Err(Error::Closed)) };
        if let Some(datagram) = at.inbox.pop_front() {
            at.credit_bytes += block_bytes(at.group);
            self.arm(kernel, name);
            return Poll::Ready(Ok(datagram));
        }
        if let Some(error) = at.ended {
            return Poll::Ready(Err(error));
        }
        wait(&mut at.reader, waker);
        Poll::Pending
    }

    /// Sends `data` as one datagram, or as several of `datagram_bytes`, to `to`.
    pub(crate) fn send(
        &mut self,
        kernel: &mut Kernel,
        name: Name,
        data: SharedData,
        to: &Address,
        datagram_bytes: Option<u16>,
        watcher: Watcher,
    ) -> Result<Name, Refused<SharedData>> {
        let refused = |error, value| Err(Refused { error, value });
        let Some(at) = self.table.get(name).filter(|at| !at.is_closing) else {
            return refused(Error::Closed, data);
        };
        if self.sends.room_count() == 0 {
            return refused(Error::Full, data);
        }
        let mut list = self.spare.pop().unwrap_or_default();
        list.clear_beside();
        list.set_address(to);
        list.set_at_once(to.family() == Some(Family::Unix));
        if let Some(bytes) = datagram_bytes {
            list.set_datagram_bytes(bytes);
        }
        let filled = list.fill(data.pieces().map(ReadSpan::of), u32::MAX);
        if u64::from(filled) != data.len() {
            self.spare.push(list);
            return refused(Error::Kernel(Errno::MSGSIZE), data);
        }
        at.sends_out += 1;
        let send = Send {
            at: name,
            data: ManuallyDrop::new(data),
            list: ManuallyDrop::new(list),
            is_out: false,
            is_forgotten: false,
            watcher,
            result: None,
        };
        let token = self.sends.insert(send).unwrap_or_else(|_| unreachable!("there was room"));
        self.submit(kernel, token);
        Ok(token)
    }

    fn submit(&mut self, kernel: &mut Kernel, token: Name) {
        let Some(send) = self.sends.get(token) else { return };
        let Some(at) = self.table.peek(send.at) else { return };
        let socket = Target::Fd(at.fd.as_raw_fd());
        let op = Op::SendMany { socket, spans: &raw const **send.list };
        send.is_out = true;
        // SAFETY: invariant 1; the list stays in its box, and the data keeps its blocks, until `sent`.
        unsafe { kernel.driver.push(Kind::SendTo.token(token), &op) };
    }

    /// Whether sends wait for room that nothing tells of.
    pub(crate) fn is_crowded(&self) -> bool {
        !self.crowded.is_empty()
    }

    /// The kernel has answered a send.
    pub(crate) fn sent(&mut self, kernel: &mut Kernel, token: Name, done: &Done) {
        let Some(send) = self.sends.get(token) else { return };
        send.is_out = false;
        let is_open = self.table.peek(send.at).is_some_and(|at| !at.is_closing);
        if matches!(done.result, Err(Errno::AGAIN | Errno::INTR)) && is_open {
            return self.crowded.push(token);
        }
        let (name, bytes) = (send.at, send.data.len());
        let result = done.result.map(drop).map_err(Error::of);
        let is_over = match &mut send.watcher {
            Watcher::Future(waker) => {
                kernel.wake(waker);
                send.result = Some(result);
                send.is_forgotten
            }
            Watcher::Cookie(_) => true,
        };
        let socket = socket_of(kernel, name);
        if let Some(at) = self.table.get(name) {
            at.sends_out -= 1;
            if at.form == Form::Events {
                let cookie = at.cookie;
                kernel.tell(match result {
                    Ok(()) => Event::Sent { socket, cookie, bytes },
                    Err(error) => Event::Failed {
                        token: Kind::SendTo.token(token),
                        cookie,
                        error,
                        buffer: None,
                        unwritten: Some((*send.data).clone()),
                    },
                });
            }
        }
        if is_over {
            self.forget_send(token);
        }
        self.let_go(kernel, name);
    }

    /// What came of a send; forgets it with that.
    pub(crate) fn poll_sent(&mut self, token: Name, waker: &Waker) -> Poll<Result<(), Error>> {
        let Some(send) = self.sends.get(token) else { return Poll::Ready(Err(Error::Closed)) };
        let Some(result) = send.result else {
            send.watcher.wait(waker);
            return Poll::Pending;
        };
        self.forget_send(token);
        Poll::Ready(result)
    }

    /// Nobody waits for it any more; it is sent all the same.
    pub(crate) fn forget_send(&mut self, token: Name) {
        let Some(send) = self.sends.get(token) else { return };
        send.is_forgotten = true;
        if send.is_out || send.result.is_none() && matches!(send.watcher, Watcher::Future(_)) {
            return; // it is sent all the same
        }
        if let Some(mut send) = self.sends.remove(token)
            && self.spare.len() < SPARE_MAX
        {
            self.spare.push(core::mem::take(&mut *send.list));
        }
    }

    pub(crate) fn is_open(&self, name: Name) -> bool {
        self.table.peek(name).is_some_and(|at| !at.is_closing)
    }

    /// Closes, behind the sends that are out.
    pub(crate) fn close(&mut self, kernel: &mut Kernel, name: Name) {
        let Some(at) = self.table.get(name) else { return };
        at.is_closing = true;
        if at.recv == Flight::Out {
            at.recv = Flight::Cancelled;
            kernel.driver.cancel(Kind::Datagrams.token(name));
        }
        self.let_go(kernel, name);
    }

    fn let_go(&mut self, kernel: &mut Kernel, name: Name) {
        let Some(at) = self.table.get(name) else { return };
        if !at.is_closing || at.recv != Flight::No || at.sends_out > 0 {
            return;
        }
        kernel.driver.forget(at.fd.as_raw_fd());
        if at.form == Form::Events {
            let (socket, cookie, error) = (socket_of(kernel, name), at.cookie, at.ended);
            kernel.tell(Event::Closed { socket, cookie, error, unsent: Vec::new() });
        }
        self.table.remove(name);
    }

    /// Closes them all, for a channel that ends.
    pub(crate) fn close_all(&mut self, kernel: &mut Kernel) {
        let names: Vec<Name> = self.table.names().collect();
        names.into_iter().for_each(|name| self.close(kernel, name));
    }
}

/// What a datagram that waits holds of the heap.
fn block_bytes(group: Group) -> i64 {
    let bytes = if group == BULK { BULK_BYTES } else { SMALL_BYTES };
    i64::try_from(bytes).expect("a block is short")
}

/// A socket of datagrams as the program names it.
pub(crate) fn socket_of(kernel: &Kernel, name: Name) -> Socket {
    Socket::new(SocketKind::Datagrams, name, kernel.number)
}

impl Drop for Send {
    /// What is with a kernel that never answered stays for ever: it may still be read.
    fn drop(&mut self) {
        if !self.is_out {
            // SAFETY: dropped once, here, and not used after.
            unsafe { ManuallyDrop::drop(&mut self.data) };
            // SAFETY: as above.
            unsafe { ManuallyDrop::drop(&mut self.list) };
        }
    }
}
