//! A trial tries each feature once, on a small ring, with sockets of its own: a promise of the kernel's counts when it is kept here.
#![expect(
    unsafe_code,
    reason = "pushes operations on memory that the trial keeps until all have ended"
)]

use core::mem::MaybeUninit;
use core::time::Duration;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener, UnixStream};

use rustix::io::{Errno, FdFlags, fcntl_getfd};

use crate::clock::now;
use crate::done::Done;
use crate::driver::Driver;
use crate::family::Family;
use crate::feature::{Feature, Features};
use crate::message::{Message, MessageForm};
use crate::op::{BlockId, Group, Op, Target};
use crate::span::{ReadSpan, WriteSpan};
use crate::token::{Generation, Token};
use crate::uring::driver::Uring;
use crate::vectored::Vectored;
use crate::wait::Wait;

/// How long an operation may take that has all it needs.
const PATIENCE: Duration = Duration::from_secs(1);

const GROUP: Group = Group(0);
const BLOCKS: u16 = 8; // each trial takes two, and is not to find the group dry
const BLOCK_BYTES: usize = 256;
const TEXT: &[u8] = b"probe";
const SENT: Result<u32, Errno> = Ok(5);

/// A driver, and what it may touch.
struct Trial {
    driver: Uring,
    room: Box<[MaybeUninit<u8>]>,
    spans: Box<Vectored>,
    started: u32,
    done: Vec<Done>,
}

/// Those of the features that `driver`, which has a table if it can, carries out as it says.
///
/// # Errors
/// What the kernel said when it gave no group.
pub(super) fn kept(driver: Uring, features: Features) -> Result<Features, Errno> {
    let room = Box::new_uninit_slice(usize::from(BLOCKS) * BLOCK_BYTES);
    let spans = Box::new(Vectored::new());
    let mut trial = Trial { driver, room, spans, started: 0, done: Vec::new() };
    let kept = trial.all(features);
    trial.end();
    kept
}

impl Trial {
    fn all(&mut self, mut features: Features) -> Result<Features, Errno> {
        self.lend()?;
        features.keep_if(self.receives_into_blocks().is_some(), Feature::MultishotReceive);
        features.keep_if(self.receives_messages().is_some(), Feature::MultishotMessage);
        features.keep_if(self.makes_sockets().is_some(), Feature::SocketCommand);
        features.keep_if(self.sends_by_reference().is_some(), Feature::ZeroCopy);
        let place = self.accepts_into_table();
        features.keep_if(place.is_some(), Feature::RingTable);
        let is_installed = place.is_some_and(|(place, peer)| self.installs(place, peer).is_some());
        features.keep_if(is_installed, Feature::Install);
        features.keep_if(self.resets().is_some(), Feature::SocketOptions);
        Ok(features)
    }

    fn lend(&mut self) -> Result<(), Errno> {
        self.driver.open_group(GROUP, BLOCKS)?;
        for (index, block) in (0..BLOCKS).zip(self.room.chunks_mut(BLOCK_BYTES)) {
            // SAFETY: nobody touches the room but through blocks that were completed, and it stays until all has ended.
            unsafe { self.driver.provide(GROUP, BlockId(index), WriteSpan::of(block)) };
        }
        Ok(())
    }

    fn start(&mut self, op: &Op) -> Token {
        self.started += 1;
        let token = Token::new(0, Generation::FIRST, self.started);
        // SAFETY: what the trial's operations point to is its own, or constant, and stays until all have ended.
        unsafe { self.driver.push(token, op) };
        token
    }

    fn answer(&mut self, token: Token) -> Option<Done> {
        let end = now() + PATIENCE;
        loop {
            if let Some(index) = self.done.iter().position(|done| done.token == token) {
                return Some(self.done.remove(index));
            }
            let entered = self.driver.enter(Wait::Until(end), &mut self.done).ok()?;
            if entered.now >= end {
                return None;
            }
        }
    }

    fn ask(&mut self, op: &Op) -> Option<Done> {
        let token = self.start(op);
        self.answer(token)
    }

    /// Two receives by one operation, each into a block that the kernel picked.
    fn receives_into_blocks(&mut self) -> Option<()> {
        let (mut near, far) = UnixStream::pair().ok()?;
        let socket = Target::Fd(far.as_raw_fd());
        let recv = self.start(&Op::Recv { socket, group: GROUP, once: false });
        for _ in 0..2 {
            near.write_all(TEXT).ok()?;
            let done = self.answer(recv)?;
            holds(done.result == SENT && done.more && done.block.is_some())?;
        }
        self.ends(recv)
    }

    /// Two messages by one operation, laid out as they should be.
    fn receives_messages(&mut self) -> Option<()> {
        let (near, far) = UnixDatagram::pair().ok()?;
        let (socket, form) = (Target::Fd(far.as_raw_fd()), MessageForm::From);
        let recv = self.start(&Op::RecvMessage { socket, group: GROUP, form });
        for _ in 0..2 {
            near.send(TEXT).ok()?;
            let done = self.answer(recv)?;
            let bytes = done.result.ok()? as usize;
            let block = self.room.chunks(BLOCK_BYTES).nth(usize::from(done.block?.0))?;
            // SAFETY: the completion says that so many bytes were written, from the start on.
            let block = unsafe { block.get(..bytes)?.assume_init_ref() };
            let message = Message::read(block, form)?;
            holds(done.more && &block[message.payload] == TEXT)?;
        }
        self.ends(recv)
    }

    fn makes_sockets(&mut self) -> Option<()> {
        let made = self.ask(&Op::Socket { family: Family::Unix, direct: false })?;
        drop(descriptor(made)?);
        Some(())
    }

    /// A send that says that it will say more, and does.
    fn sends_by_reference(&mut self) -> Option<()> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
        let near = TcpStream::connect_timeout(&listener.local_addr().ok()?, PATIENCE).ok()?;
        self.spans.fill([ReadSpan::of(TEXT)].into_iter(), u32::MAX);
        let (socket, spans) = (Target::Fd(near.as_raw_fd()), &raw const *self.spans);
        let send = self.start(&Op::SendZeroCopy { socket, spans });
        let first = self.answer(send)?;
        holds(first.result == SENT && first.more)?;
        drop(listener); // what waits in it is read by nobody: the notice comes all the same
        self.answer(send)?.notice.map(|_| ())
    }

    /// A connection that never gets a descriptor: accepted into the table, and answered.
    fn accepts_into_table(&mut self) -> Option<(u32, UnixStream)> {
        let name = format!("levada-probe-{}-{}", std::process::id(), now().ns);
        let address = SocketAddr::from_abstract_name(name).ok()?;
        let listener = UnixListener::bind_addr(&address).ok()?;
        let (place, peer) =
            self.accept(listener.as_raw_fd(), || UnixStream::connect_addr(&address).ok())?;
        let socket = Target::Direct(place);
        let sent = self.ask(&Op::Send { socket, span: ReadSpan::of(TEXT) })?;
        holds(sent.result == SENT)?;
        Some((place, peer))
    }

    /// The descriptor means the same connection, and is closed on exec.
    fn installs(&mut self, place: u32, mut peer: UnixStream) -> Option<()> {
        let beside = descriptor(self.ask(&Op::Install { place })?)?;
        holds(fcntl_getfd(&beside).ok()? == FdFlags::CLOEXEC)?;
        UnixStream::from(beside).write_all(TEXT).ok()?;
        let mut come = [0; 2 * TEXT.len()];
        peer.set_read_timeout(Some(PATIENCE)).ok()?;
        peer.read_exact(&mut come).ok()?;
        self.ask(&Op::Close { target: Target::Direct(place) })?.result.ok().map(|_| ())
    }

    /// The linger time is really set: the peer is reset. Where there is no loopback it can't be tried, and is not relied on.
    fn resets(&mut self) -> Option<()> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
        let address = listener.local_addr().ok()?;
        let (place, mut peer) = self
            .accept(listener.as_raw_fd(), || TcpStream::connect_timeout(&address, PATIENCE).ok())?;
        self.ask(&Op::Reset { socket: Target::Direct(place) })?.result.ok()?;
        peer.set_read_timeout(Some(PATIENCE)).ok()?;
        let error = peer.read(&mut [0]).err()?;
        holds(error.kind() == ErrorKind::ConnectionReset)
    }

    /// Takes one connection into the table.
    fn accept<P>(
        &mut self,
        listener: RawFd,
        connect: impl FnOnce() -> Option<P>,
    ) -> Option<(u32, P)> {
        let accept = self.start(&Op::Accept { listener, direct: true, peer: None });
        let peer = connect()?;
        let accepted = self.answer(accept)?;
        holds(accepted.more)?;
        self.ends(accept)?;
        Some((accepted.result.ok()?, peer))
    }

    /// Stays armed until it is cancelled, and then says so.
    fn ends(&mut self, token: Token) -> Option<()> {
        self.driver.cancel(token);
        holds(self.answer(token)?.result == Err(Errno::CANCELED))
    }

    /// Cancels and reaps what is left, so that the kernel is done with the trial's memory before that goes.
    fn end(mut self) {
        let tokens = (1..=self.started).map(|index| Token::new(0, Generation::FIRST, index));
        tokens.for_each(|token| self.driver.cancel(token));
        let end = now() + PATIENCE;
        while self.driver.gauges().in_kernel > 0 {
            match self.driver.enter(Wait::Until(end), &mut self.done) {
                Ok(entered) if entered.now < end => {}
                _ => {
                    let _kept_for_the_kernel: &'static mut [MaybeUninit<u8>] = Box::leak(self.room);
                    let _and_this: &'static mut Vectored = Box::leak(self.spans);
                    return;
                }
            }
        }
    }
}

fn holds(condition: bool) -> Option<()> {
    condition.then_some(())
}

fn descriptor(done: Done) -> Option<OwnedFd> {
    let fd = RawFd::try_from(done.result.ok()?).ok()?;
    // SAFETY: the completion gave it, to nobody else.
    Some(unsafe { OwnedFd::from_raw_fd(fd) })
}

#[cfg(test)]
mod tests {
    use io_uring::{Probe, opcode};

    use super::*;
    use crate::uring::setup::ring_with;

    /// A trial that fails where the kernel would do makes no test fail elsewhere: all would run over what is left.
    #[test]
    fn a_kernel_that_names_an_operation_of_later_than_all_features_keeps_them_all() {
        let Ok((ring, features)) = ring_with(8, Features::ALL) else { return };
        let mut probe = Probe::new();
        if ring.submitter().register_probe(&mut probe).is_err()
            || !probe.is_supported(opcode::RecvZc::CODE)
        {
            return;
        }
        ring.submitter().register_files_sparse(4).unwrap();
        let driver = Uring::over(ring, features, 4).unwrap();
        let kept = kept(driver, Features::ALL).unwrap();
        assert_eq!(kept.lacking().collect::<Vec<_>>(), []);
    }
}
