//! Probing is trying out, once per OS process, what a server relies on: a promise of the kernel's that is kept here.
#![expect(unsafe_code, reason = "pushes operations on spans that live in the probe's own frame")]

use core::mem::MaybeUninit;
use core::time::Duration;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::sync::OnceLock;

use io_uring::{Probe, opcode};

use crate::caps::{Lack, Level};
use crate::clock::now;
use crate::done::Done;
use crate::driver::Driver;
use crate::feature::{Feature, Features};
use crate::op::{BlockId, Group, Op, Target};
use crate::span::{ReadSpan, WriteSpan};
use crate::token::{Generation, Token};
use crate::uring::driver::Uring;
use crate::uring::setup::{Refused, ring_with};
use crate::wait::Wait;

/// The operations without which the driver cannot work.
const NEEDED: [(u8, &str); 14] = [
    (opcode::Accept::CODE, "ACCEPT"),
    (opcode::RecvMulti::CODE, "RECV"),
    (opcode::Send::CODE, "SEND"),
    (opcode::SendMsg::CODE, "SENDMSG"),
    (opcode::Connect::CODE, "CONNECT"),
    (opcode::Shutdown::CODE, "SHUTDOWN"),
    (opcode::Close::CODE, "CLOSE"),
    (opcode::OpenAt2::CODE, "OPENAT2"),
    (opcode::Statx::CODE, "STATX"),
    (opcode::Read::CODE, "READ"),
    (opcode::Writev::CODE, "WRITEV"),
    (opcode::Fsync::CODE, "FSYNC"),
    (opcode::PollAdd::CODE, "POLL_ADD"),
    (opcode::AsyncCancel::CODE, "ASYNC_CANCEL"),
];

/// What the kernel can do for this OS process; tried at the first call.
fn found() -> Result<Features, Lack> {
    static FOUND: OnceLock<Result<Features, Lack>> = OnceLock::new();
    FOUND.get_or_init(try_out).clone()
}

fn try_out() -> Result<Features, Lack> {
    let (ring, mut features) = ring_with(8, Features::ALL).map_err(lack_of)?;
    let mut probe = Probe::new();
    ring.submitter().register_probe(&mut probe).map_err(|_| Lack::Needs("REGISTER_PROBE"))?;
    for (code, name) in NEEDED {
        if !probe.is_supported(code) {
            return Err(Lack::Needs(name));
        }
    }
    drop(ring);
    let mut plain = Uring::open(0, features).map_err(lack_of)?;
    features.keep_if(receives_into_group(&mut plain), Feature::MultishotReceive);
    features.keep_if(probe.is_supported(opcode::FixedFdInstall::CODE), Feature::Install);
    features.keep_if(probe.is_supported(opcode::Socket::CODE), Feature::SocketCommand);
    features.keep_if(probe.is_supported(opcode::SendMsgZc::CODE), Feature::ZeroCopy);
    let has_table = Uring::open(16, features).is_ok_and(|mut full| serves_directly(&mut full));
    features.keep_if(has_table, Feature::RingTable);
    Ok(features)
}

/// What a kernel with these features is good for.
fn level_of(features: Features) -> Result<Level, Lack> {
    let has = |feature| features.has(feature);
    for needed in [Feature::MultishotReceive, Feature::MultishotMessage] {
        if !has(needed) {
            return Err(Lack::Needs(needed.words()));
        }
    }
    // A connection must be convertible, and to be reset, or it has no place in the table.
    let is_full = has(Feature::RingTable)
        && has(Feature::Install)
        && has(Feature::SocketOptions)
        && has(Feature::SocketCommand);
    Ok(if is_full { Level::Full } else { Level::Plain })
}

/// The sentence for a refusal.
pub(crate) fn lack_of(refused: Refused) -> Lack {
    match refused {
        Refused::Denied(errno) => Lack::Denied { errno, disabled: disabled() },
        Refused::Absent(errno) | Refused::Other(errno) => Lack::Absent { errno },
        Refused::Memlock { need_kib } => {
            let limit_kib = levada_pages::lock_limit().bytes.unwrap_or(u64::MAX) / 1024;
            Lack::Memlock { need_kib, limit_kib }
        }
        Refused::Feature(name) => Lack::Needs(name),
    }
}

fn disabled() -> Option<u8> {
    let text = std::fs::read_to_string("/proc/sys/kernel/io_uring_disabled").ok()?;
    text.trim().parse().ok().filter(|value| *value > 0)
}

fn token(index: u32) -> Token {
    Token::new(0, Generation::FIRST, index)
}

/// Enters until a completion of `token` is there, for a second at most.
fn wait_for(driver: &mut Uring, token: Token) -> Option<Done> {
    let end = now() + Duration::from_secs(1);
    let mut done = Vec::new();
    loop {
        let entered = driver.enter(Wait::Until(end), &mut done).ok()?;
        if let Some(found) = done.iter().find(|done| done.token == token) {
            return Some(*found);
        }
        if entered.now >= end {
            return None;
        }
    }
}

/// Cancels and reaps, so that the kernel is done with the probe's memory before that goes.
fn is_quiet(driver: &mut Uring, tokens: &[Token]) -> bool {
    tokens.iter().for_each(|token| driver.cancel(*token));
    let end = now() + Duration::from_secs(1);
    let mut done = Vec::new();
    while driver.gauges().in_kernel > 0 {
        match driver.enter(Wait::Until(end), &mut done) {
            Ok(entered) if entered.now < end => {}
            _ => return false,
        }
    }
    true
}

/// Two receives by one operation, each into a block that the kernel picked.
fn receives_into_group(driver: &mut Uring) -> bool {
    let Ok((mut near, far)) = UnixStream::pair() else { return false };
    let socket = Target::Fd(far.as_raw_fd());
    let mut room = Box::<[u8]>::new_uninit_slice(64);
    let (first, second) = room.split_at_mut(32);
    let group = Group(0);
    if driver.open_group(group, 2).is_err() {
        return false;
    }
    for (index, half) in [first, second].into_iter().enumerate() {
        let block = BlockId(u16::try_from(index).expect("two"));
        // SAFETY: nobody else touches the blocks, and they stay until the receive has ended, or for ever.
        unsafe { driver.provide(group, block, WriteSpan::of(half)) };
    }
    // SAFETY: a receive into a group points to nothing.
    unsafe { driver.push(token(1), &Op::Recv { socket, group, once: false }) };
    let mut is_kept = true;
    for _ in 0..2 {
        is_kept &= near.write_all(b"probe").is_ok();
        let done = wait_for(driver, token(1));
        is_kept &=
            done.is_some_and(|done| done.result == Ok(5) && done.more && done.block.is_some());
    }
    if !is_quiet(driver, &[token(1)]) {
        let _kept_for_the_kernel: &'static mut [MaybeUninit<u8>] = Box::leak(room);
        return false;
    }
    is_kept
}

/// A connection that never gets a descriptor: accepted into the table, answered, reset.
fn serves_directly(driver: &mut Uring) -> bool {
    let name = format!("levada-probe-{}-{}", std::process::id(), now().ns);
    let Ok(address) = SocketAddr::from_abstract_name(name) else { return false };
    let Ok(listener) = UnixListener::bind_addr(&address) else { return false };
    let accept = Op::Accept { listener: listener.as_raw_fd(), direct: true, peer: None };
    // SAFETY: without room for an address the operation points to nothing.
    unsafe { driver.push(token(1), &accept) };
    let Ok(peer) = UnixStream::connect_addr(&address) else { return false };
    let accepted =
        wait_for(driver, token(1)).filter(|done| done.more).and_then(|done| done.result.ok());
    let Some(place) = accepted else {
        is_quiet(driver, &[token(1)]);
        return false;
    };
    let socket = Target::Direct(place);
    // SAFETY: the span is a constant.
    unsafe { driver.push(token(2), &Op::Send { socket, span: ReadSpan::of(b"probe") }) };
    let sent = wait_for(driver, token(2)).is_some_and(|done| done.result == Ok(5));
    // SAFETY: a reset points to nothing.
    unsafe { driver.push(token(3), &Op::Reset { socket }) };
    let closed = wait_for(driver, token(3)).is_some_and(|done| done.result.is_ok());
    drop(peer);
    is_quiet(driver, &[token(1)]) && sent && closed
}

/// The best ring that this thread can have without some features; the reason why there is none, otherwise.
pub(crate) fn open(level_max: Level, lacking: &[Feature]) -> Result<Uring, Lack> {
    let features = found()?.without_all(lacking);
    let places = match level_of(features)?.min(level_max) {
        Level::Full => direct_places(),
        Level::Plain | Level::Epoll => 0,
    };
    Uring::open(places, features).map_err(lack_of)
}

/// As many places as the kernel allows: it takes the limit on descriptors for the table's bound too.
fn direct_places() -> u32 {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    u32::try_from(limit.unwrap_or(u64::MAX).min(65_536)).expect("no more than 65,536")
}
