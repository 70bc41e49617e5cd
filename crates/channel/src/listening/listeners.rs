//! The listeners of a channel: accepting within bounds, pausing when refused, and never falling silent.
#![expect(
    unsafe_code,
    reason = "lends room for a peer's address to each accept that is to bring one"
)]

use core::mem::ManuallyDrop;
use core::net::SocketAddr;
use core::task::{Poll, Waker};
use core::time::Duration;
use std::collections::VecDeque;
use std::os::fd::AsRawFd;

use levada_ring::{Address, Deadline, Done, Errno, Op, Target};

use crate::connections::stream::{Flight, Form};
use crate::connections::streams::{Streams, socket_of};
use crate::error::Error;
use crate::event::Event;
use crate::kernel::{Kernel, Kind, wait};
use crate::lent::{Lent, URGENT};
use crate::listening::listener::{Listener, PAUSE_MS, Step, UNTAKEN_MAX};
use crate::listening::reuseport::queued_count;
use crate::socket::{Socket, SocketKind};
use crate::table::{Name, Table};

/// How many listeners a channel has at most.
const LISTENERS_MAX: usize = 256;

/// How long nothing may have come for a draining socket to be closed: as long as a handshake in progress may take.
const DRAIN_QUIET: Duration = Duration::from_millis(50);

/// Places that stay free in the table of sockets, for what may be accepted before an accept can be stopped; of a short
/// table half of them, where accepts that bring one connection each are enough.
pub(crate) fn reserved_places(count_max: u32) -> u32 {
    (count_max / 2).min(64)
}

/// All listeners of a channel, and the accepts that bring one connection each.
#[derive(Debug)]
pub(crate) struct Listeners {
    table: Table<Listener>,
    names: Vec<Name>,
    singles: Table<Single>,
    /// Connections that were accepted beyond the room for them: an accept that goes on brings all that wait.
    homeless: VecDeque<Homeless>,
    pub(crate) pauses: u64,
}

/// A connection that was accepted and has no place yet.
#[derive(Debug)]
struct Homeless {
    listener: Name,
    target: Target,
    peer: Option<SocketAddr>,
}

/// An accept that brings one connection.
///
/// # Invariants
/// 1. `peer` stays where it is, in its box, and is not read, until the accept's completion.
#[derive(Debug)]
struct Single {
    listener: Name,
    /// Not dropped with a channel whose kernel never answered: it may still be written.
    peer: ManuallyDrop<Box<Address>>,
}

impl Listeners {
    pub(crate) fn new() -> Self {
        let bound = |count: usize| u32::try_from(count).expect("a few thousand");
        Self {
            table: Table::new(bound(LISTENERS_MAX)),
            names: Vec::new(),
            singles: Table::new(bound(LISTENERS_MAX * UNTAKEN_MAX)),
            homeless: VecDeque::new(),
            pauses: 0,
        }
    }

    /// Takes a listener in; `None` where there are as many as there may be: then it is closed.
    pub(crate) fn listen(&mut self, listener: Listener) -> Option<Name> {
        let name = self.table.insert(listener).ok()?;
        self.names.push(name);
        Some(name)
    }

    pub(crate) fn is_open(&self, name: Name) -> bool {
        self.table.peek(name).is_some_and(|listener| !listener.is_closing)
    }

    /// Asks for so many connections more.
    pub(crate) fn credit(&mut self, kernel: &mut Kernel, name: Name, credits: u32) -> bool {
        let Some(listener) = self.table.get(name).filter(|listener| !listener.is_closing) else {
            return false;
        };
        listener.credits = listener.credits.saturating_add(credits);
        // What came beyond the credit comes first.
        while listener.credits > 0
            && let Some((stream, peer)) = listener.untaken.pop_front()
        {
            tell_accepted(kernel, listener, name, stream, peer);
        }
        true
    }

    /// Lets its connections be served while blocks for others have run out.
    pub(crate) fn make_urgent(&mut self, kernel: &mut Kernel, lent: &mut Lent, name: Name) -> bool {
        let Some(listener) = self.table.get(name) else { return false };
        if lent.has(URGENT, &mut *kernel.driver) {
            listener.is_urgent = true;
        }
        true
    }

    /// The next connection.
    pub(crate) fn poll_accept(
        &mut self,
        kernel: &mut Kernel,
        name: Name,
        waker: &Waker,
    ) -> Poll<Result<(Name, Option<SocketAddr>), Error>> {
        let Some(listener) = self.table.get(name) else { return Poll::Ready(Err(Error::Closed)) };
        if let Some(accepted) = listener.untaken.pop_front() {
            self.let_go(kernel, name);
            return Poll::Ready(Ok(accepted));
        }
        if listener.has_ended() {
            return Poll::Ready(Err(Error::Closed));
        }
        wait(&mut listener.waker, waker);
        Poll::Pending
    }

    /// Stops accepting. Connections that were accepted and not taken are returned, for the caller to close.
    pub(crate) fn close(&mut self, kernel: &mut Kernel, name: Name) -> Vec<Name> {
        let Some(listener) = self.table.get(name) else { return Vec::new() };
        listener.drains_at = None;
        let untaken = listener.untaken.drain(..).map(|(stream, _)| stream).collect();
        self.stop(kernel, name);
        untaken
    }

    /// Lets no more connections come to this socket, if it is one of a group, takes those that are in its queue, and closes: then
    /// whoever accepts is told so.
    pub(crate) fn drain(&mut self, kernel: &Kernel, name: Name) -> Result<(), Error> {
        let Some(listener) = self.table.get(name) else { return Err(Error::Closed) };
        listener.fd.leave().map_err(Error::of)?;
        listener.drains_at = Some(kernel.now + DRAIN_QUIET);
        Ok(())
    }

    /// Looks whether the queues of those that drain are empty.
    fn go_on_draining(&mut self, kernel: &mut Kernel) {
        for index in 0..self.names.len() {
            let name = self.names[index];
            let Some(listener) = self.table.get(name) else { continue };
            if listener.is_closing || listener.drains_at.is_none_or(|at| kernel.now < at) {
                continue;
            }
            listener.drains_at = Some(kernel.now + DRAIN_QUIET);
            // A socket that cannot say goes by the quiet alone.
            let is_empty = queued_count(listener.fd.as_raw_fd()).is_none_or(|count| count == 0);
            if is_empty && listener.untaken.is_empty() {
                self.stop(kernel, name);
            }
        }
    }

    fn stop(&mut self, kernel: &mut Kernel, name: Name) {
        let Some(listener) = self.table.get(name) else { return };
        listener.is_closing = true;
        kernel.wake(&mut listener.waker);
        let singles: Vec<Name> = self.singles.names().collect();
        for single in singles {
            if self.singles.get(single).is_some_and(|single| single.listener == name) {
                kernel.driver.cancel(Kind::AcceptOne.token(single));
            }
        }
        if listener.many == Flight::Out {
            listener.many = Flight::Cancelled;
            kernel.driver.cancel(Kind::Accept.token(name));
        }
        self.let_go(kernel, name);
    }

    /// Closes the socket itself, when no accept is out on it any more.
    fn let_go(&mut self, kernel: &mut Kernel, name: Name) {
        if let Some(listener) =
            self.table.get(name).filter(|listener| listener.is_closing && !listener.is_busy())
        {
            kernel.wake(&mut listener.waker);
            if !listener.untaken.is_empty() {
                return; // of one that drained, they are taken first
            }
            kernel.driver.forget(listener.fd.as_raw_fd());
            if listener.form == Form::Events {
                let (socket, cookie) =
                    (Socket::new(SocketKind::Listener, name, kernel.number), listener.cookie);
                kernel.tell(Event::Closed { socket, cookie, error: None, unsent: Vec::new() });
            }
            self.table.remove(name);
            self.names.retain(|known| *known != name);
        }
    }

    /// Starts what accepts are wanted, and stops what must not go on.
    pub(crate) fn flush(&mut self, kernel: &mut Kernel, streams: &mut Streams) {
        self.go_on_draining(kernel);
        while streams.room_count() > 0
            && let Some(Homeless { listener, target, peer }) = self.homeless.pop_front()
        {
            self.house(kernel, streams, listener, target, peer);
        }
        let mut room_count =
            streams.room_count().saturating_sub(reserved_places(streams.count_max())) as usize;
        for index in 0..self.names.len() {
            let name = self.names[index];
            let Some(listener) = self.table.get(name) else { continue };
            if listener.paused_until.is_some_and(|until| kernel.now >= until) {
                listener.paused_until = None;
            }
            match listener.next_step(room_count) {
                Step::Nothing => {}
                Step::StopMany => {
                    listener.many = Flight::Cancelled;
                    kernel.driver.cancel(Kind::Accept.token(name));
                }
                Step::Many => {
                    room_count -= UNTAKEN_MAX; // what the next listener must not count on
                    listener.many = Flight::Out;
                    kernel.accept(name, listener.fd.as_raw_fd());
                }
                Step::Singles(count) => {
                    room_count -= count;
                    listener.singles_out += count;
                    for _ in 0..count {
                        Self::accept_one(&mut self.singles, kernel, listener, name);
                    }
                }
            }
        }
    }

    fn accept_one(
        singles: &mut Table<Single>,
        kernel: &mut Kernel,
        listener: &Listener,
        name: Name,
    ) {
        let Ok(single) = singles.insert(Single { listener: name, peer: ManuallyDrop::default() })
        else {
            unreachable!("there are places for each listener's {UNTAKEN_MAX}");
        };
        let Some(entry) = singles.get(single) else { return };
        let direct = kernel.driver.caps().direct_places > 0;
        let peer = Some(&raw mut **entry.peer);
        let op = Op::Accept { listener: listener.fd.as_raw_fd(), direct, peer };
        // SAFETY: invariant 1: the box is not touched until `accepted_one` has its completion.
        unsafe { kernel.driver.push(Kind::AcceptOne.token(single), &op) };
    }

    /// One connection, or none; the accept goes on if `done` says so.
    pub(crate) fn accepted(
        &mut self,
        kernel: &mut Kernel,
        streams: &mut Streams,
        name: Name,
        done: &Done,
    ) {
        if !done.more
            && let Some(listener) = self.table.get(name)
        {
            listener.many = Flight::No;
        }
        self.take_in(kernel, streams, name, done.result, None);
    }

    /// One connection with its peer's address, or none.
    pub(crate) fn accepted_one(
        &mut self,
        kernel: &mut Kernel,
        streams: &mut Streams,
        single: Name,
        done: &Done,
    ) {
        let Some(Single { listener: name, peer }) = self.singles.remove(single) else { return };
        let peer = ManuallyDrop::into_inner(peer).get();
        let Some(listener) = self.table.get(name) else { return };
        listener.singles_out -= 1;
        let peer = peer.filter(|_| listener.with_peers);
        self.take_in(kernel, streams, name, done.result, peer);
    }

    fn take_in(
        &mut self,
        kernel: &mut Kernel,
        streams: &mut Streams,
        name: Name,
        result: Result<u32, Errno>,
        peer: Option<SocketAddr>,
    ) {
        match result {
            Ok(number) => {
                let target = kernel.target_of(number);
                if let Some(listener) = self.table.get(name) {
                    listener.pause_ms = *PAUSE_MS.start();
                    if let Some(drains_at) = &mut listener.drains_at {
                        *drains_at = kernel.now + DRAIN_QUIET;
                    }
                }
                self.house(kernel, streams, name, target, peer);
            }
            Err(Errno::CANCELED | Errno::CONNABORTED | Errno::INTR | Errno::AGAIN) => {}
            // No descriptors, no memory: the connection waits in the backlog, and so do we.
            Err(_) => {
                if let Some(listener) = self.table.get(name)
                    && listener.paused_until.is_none()
                {
                    let pause = Duration::from_millis(listener.next_pause_ms());
                    listener.paused_until = Some(kernel.now + pause);
                    self.pauses += 1;
                }
            }
        }
        self.let_go(kernel, name);
    }

    /// Gives a connection a place among the streams, or lets it wait for one.
    fn house(
        &mut self,
        kernel: &mut Kernel,
        streams: &mut Streams,
        name: Name,
        target: Target,
        peer: Option<SocketAddr>,
    ) {
        let is_wanted = |at: &&mut Listener| !at.is_closing || at.drains_at.is_some();
        let Some(listener) = self.table.get(name).filter(is_wanted) else {
            return kernel.discard(target); // its listener is being closed: nobody will take it
        };
        let (is_urgent, passes_descriptors) = (listener.is_urgent, listener.passes_descriptors);
        let adopted = streams.adopt(kernel, target, listener.form, |stream| {
            stream.passes_descriptors = passes_descriptors;
            if is_urgent {
                stream.next_group = URGENT;
            }
        });
        let stream = match adopted {
            Ok(stream) => stream,
            Err(target) => {
                return self.homeless.push_back(Homeless { listener: name, target, peer });
            }
        };
        match listener.form {
            Form::Events if listener.credits > 0 => {
                tell_accepted(kernel, listener, name, stream, peer);
            }
            Form::Events => listener.untaken.push_back((stream, peer)),
            Form::Futures => {
                listener.untaken.push_back((stream, peer));
                kernel.wake(&mut listener.waker);
            }
        }
    }

    /// When the next pause is over.
    pub(crate) fn next_resume(&self) -> Deadline {
        let all = self.names.iter().filter_map(|name| {
            let listener = self.table.peek(*name)?;
            let drains_at = listener.drains_at.filter(|_| !listener.is_closing);
            [listener.paused_until, drains_at].into_iter().flatten().min()
        });
        all.min().unwrap_or(Deadline::NEVER)
    }

    /// Stops them all, for a channel that ends.
    pub(crate) fn close_all(&mut self, kernel: &mut Kernel) -> Vec<Name> {
        let names = self.names.clone();
        names.into_iter().flat_map(|name| self.close(kernel, name)).collect()
    }
}

/// Tells whoever takes the events of a connection that he has credit for.
fn tell_accepted(
    kernel: &mut Kernel,
    listener: &mut Listener,
    name: Name,
    stream: Name,
    peer: Option<SocketAddr>,
) {
    listener.credits -= 1;
    let cookie = listener.cookie;
    let at = Socket::new(SocketKind::Listener, name, kernel.number);
    let socket = socket_of(kernel, stream);
    kernel.tell(Event::Accepted { listener: at, cookie, socket, peer });
}
