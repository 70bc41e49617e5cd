//! The kernel as the parts of a channel see it: the driver, the moment, and who is to be woken when the pass is over.
#![expect(
    unsafe_code,
    reason = "pushes operations that point to nothing, which needs no further promise"
)]

use core::task::Waker;
use std::os::fd::RawFd;

use levada_ring::{Deadline, Driver, Op, Shutdown, Target, Token};

use crate::lent::SMALL;
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
}

impl Kind {
    pub(crate) fn of(token: Token) -> Option<Self> {
        const KINDS: [Kind; 8] = [
            Kind::Accept,
            Kind::AcceptOne,
            Kind::Recv,
            Kind::Send,
            Kind::Shutdown,
            Kind::Close,
            Kind::File,
            Kind::Install,
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
    woken: Vec<Waker>,
}

impl Kernel {
    pub(crate) fn new(driver: Box<dyn Driver>) -> Self {
        Self { driver, now: levada_ring::now(), woken: Vec::new() }
    }

    /// Begins to receive into lent blocks: one, or one after another.
    pub(crate) fn recv(&mut self, name: Name, socket: Target, once: bool) {
        self.push(Kind::Recv.token(name), &Op::Recv { socket, group: SMALL, once });
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

    /// Whether anybody is to be woken.
    pub(crate) fn has_woken(&self) -> bool {
        !self.woken.is_empty()
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
