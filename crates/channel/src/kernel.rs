//! The kernel as the parts of a channel see it: the driver, the moment, and who is to be woken when the pass is over.
#![expect(
    unsafe_code,
    reason = "pushes operations that point to nothing, which needs no further promise"
)]

use core::sync::atomic::{AtomicU8, Ordering};
use core::task::Waker;
use std::collections::VecDeque;
use std::os::fd::RawFd;

use levada_ring::{Deadline, Driver, Group, MessageForm, Op, Shutdown, Target, Token};

use crate::event::Event;
use crate::table::Name;

/// What an operation of a channel is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// Accepting goes on.
    Accept = 1,
    /// Accepting one connection, with its peer's address.
    AcceptOne,
    Recv,
    Send,
    Shutdown,
    Close,
    File,
    /// A descriptor for a stream in the ring's table.
    Install,
    /// No operation: a moment that somebody waits for.
    Timer,
    /// A receive into memory of the program's own.
    Fill,
    SendZeroCopy,
    Connect,
    /// Closing a socket that never became a stream.
    Discard,
    /// Receiving datagrams.
    Datagrams,
    SendTo,
    /// A wait of the kernel's own.
    Timeout,
}

impl Kind {
    pub(crate) fn of(token: Token) -> Option<Self> {
        const KINDS: [Kind; 16] = [
            Kind::Accept,
            Kind::AcceptOne,
            Kind::Recv,
            Kind::Send,
            Kind::Shutdown,
            Kind::Close,
            Kind::File,
            Kind::Install,
            Kind::Timer,
            Kind::Fill,
            Kind::SendZeroCopy,
            Kind::Connect,
            Kind::Discard,
            Kind::Datagrams,
            Kind::SendTo,
            Kind::Timeout,
        ];
        KINDS.into_iter().find(|kind| *kind as u8 == token.kind())
    }

    pub(crate) fn token(self, name: Name) -> Token {
        Token::new(self as u8, name.generation, name.index)
    }
}

/// The name that a token carries.
pub(crate) fn name_of(token: Token) -> Name {
    Name { index: token.index(), generation: token.generation() }
}

/// What every part needs.
#[derive(Debug)]
pub(crate) struct Kernel {
    pub(crate) driver: Box<dyn Driver>,
    /// When the kernel last answered.
    pub(crate) now: Deadline,
    /// Which channel of the program it is; of 256 that follow each other no two have the same.
    pub(crate) number: u8,
    discards: u32,
    woken: Vec<Waker>,
    events: VecDeque<Event>,
}

/// Who is to hear of something: a future, or a loop that takes events.
#[derive(Debug)]
pub(crate) enum Watcher {
    Future(Option<Waker>),
    Cookie(u64),
}

impl Watcher {
    /// Remembers the future that waits.
    pub(crate) fn wait(&mut self, waker: &Waker) {
        if let Self::Future(waiting) = self {
            wait(waiting, waker);
        }
    }
}

/// The number of the next channel.
static CHANNELS: AtomicU8 = AtomicU8::new(0);

impl Kernel {
    pub(crate) fn new(driver: Box<dyn Driver>) -> Self {
        Self {
            driver,
            now: levada_ring::now(),
            // Relaxed: only that numbers differ matters.
            number: CHANNELS.fetch_add(1, Ordering::Relaxed),
            discards: 0,
            woken: Vec::new(),
            events: VecDeque::new(),
        }
    }

    /// Begins to receive into lent blocks: one, or one after another.
    pub(crate) fn recv(&mut self, name: Name, socket: Target, group: Group, once: bool) {
        self.push(Kind::Recv.token(name), &Op::Recv { socket, group, once });
    }

    /// Begins to receive messages into lent blocks, one after another.
    pub(crate) fn recv_messages(
        &mut self,
        name: Name,
        socket: Target,
        group: Group,
        form: MessageForm,
    ) {
        let kind = if form == MessageForm::From { Kind::Datagrams } else { Kind::Recv };
        self.push(kind.token(name), &Op::RecvMessage { socket, group, form });
    }

    /// Closes a socket that nothing is in flight for and nobody has a name of.
    pub(crate) fn discard(&mut self, target: Target) {
        self.discards = self.discards.wrapping_add(1);
        let nobody = Name::numbered(self.discards, 0);
        self.push(Kind::Discard.token(nobody), &Op::Close { target });
    }

    /// What a driver's number for a socket that it made means.
    pub(crate) fn target_of(&self, number: u32) -> Target {
        if self.driver.caps().direct_places > 0 {
            Target::Direct(number)
        } else {
            Target::Fd(number.cast_signed())
        }
    }

    /// Ends this side's direction.
    pub(crate) fn shutdown(&mut self, name: Name, socket: Target) {
        self.push(Kind::Shutdown.token(name), &Op::Shutdown { socket, how: Shutdown::Write });
    }

    /// Asks for a descriptor beside a place in the ring's table.
    pub(crate) fn install(&mut self, name: Name, place: u32) {
        self.push(Kind::Install.token(name), &Op::Install { place });
    }

    /// Waits for room in a socket, in the place of a send.
    pub(crate) fn wait_for_room(&mut self, name: Name, socket: RawFd) {
        self.push(Kind::Send.token(name), &Op::Writable { fd: socket });
    }

    /// Closes behind what was sent.
    pub(crate) fn close(&mut self, name: Name, target: Target) {
        self.push(Kind::Close.token(name), &Op::Close { target });
    }

    /// Closes at once, with a reset.
    pub(crate) fn reset(&mut self, name: Name, socket: Target) {
        self.push(Kind::Close.token(name), &Op::Reset { socket });
    }

    /// Begins to accept connections, one after another, without their peers' addresses.
    pub(crate) fn accept(&mut self, name: Name, listener: RawFd) {
        let direct = self.driver.caps().direct_places > 0;
        self.push(Kind::Accept.token(name), &Op::Accept { listener, direct, peer: None });
    }

    fn push(&mut self, token: Token, op: &Op) {
        // SAFETY: each caller is above, and its operation points to nothing: blocks of a group were lent by `lent`.
        unsafe { self.driver.push(token, op) };
    }

    /// Wakes who waits, when the pass is over: a waker may be anybody's code.
    pub(crate) fn wake(&mut self, waiting: &mut Option<Waker>) {
        if let Some(waker) = waiting.take() {
            self.woken.push(waker);
        }
    }

    /// Adds an event to those that the next dispatch brings.
    #[inline]
    pub(crate) fn tell(&mut self, event: Event) {
        self.events.push_back(event);
    }

    /// The events that nobody has taken.
    pub(crate) fn events(&mut self) -> &mut VecDeque<Event> {
        &mut self.events
    }

    /// Whether anybody is to be told of something.
    pub(crate) fn has_news(&self) -> bool {
        !self.woken.is_empty() || !self.events.is_empty()
    }

    /// Moves the wakers of this pass into `woken`, which is empty.
    pub(crate) fn take_woken(&mut self, woken: &mut Vec<Waker>) {
        core::mem::swap(&mut self.woken, woken);
    }
}

/// Remembers who waits, if it is not he already.
pub(crate) fn wait(waiting: &mut Option<Waker>, waker: &Waker) {
    if !waiting.as_ref().is_some_and(|known| known.will_wake(waker)) {
        *waiting = Some(waker.clone());
    }
}
