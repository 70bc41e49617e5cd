//! Probing is finding out, once per OS process, what the kernel's rings are good for here.

use std::sync::OnceLock;

use io_uring::{Probe, opcode};
use rustix::io::Errno;

use crate::caps::{Lack, Level};
use crate::feature::{Feature, Features};
use crate::uring::driver::Uring;
use crate::uring::setup::{Refused, need_kib, ring_with};
use crate::uring::trial;

/// A ring for trials is small: it is locked memory too, and the kernel takes its time to give that back.
const SQ_ENTRIES_TRIED: u32 = 8;

/// How many places the table has that is tried.
const PLACES_TRIED: u32 = 4;

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

/// What the kernel can do for this OS process; tried at the first call. A ring that does not fit now may fit later.
fn found() -> Result<Features, Lack> {
    static FOUND: OnceLock<Result<Features, Lack>> = OnceLock::new();
    if let Some(found) = FOUND.get() {
        return found.clone();
    }
    match try_out().map_err(lack_of) {
        Err(lack @ Lack::Memlock { .. }) => Err(lack),
        found => FOUND.get_or_init(|| found).clone(),
    }
}

fn try_out() -> Result<Features, Refused> {
    let (ring, features) = ring_with(SQ_ENTRIES_TRIED, Features::ALL)?;
    let mut probe = Probe::new();
    let registered = ring.submitter().register_probe(&mut probe);
    registered.map_err(|_| Refused::Feature("REGISTER_PROBE"))?;
    for (code, name) in NEEDED {
        if !probe.is_supported(code) {
            return Err(Refused::Feature(name));
        }
    }
    // Without a table the trial finds that there is none.
    let has_table = ring.submitter().register_files_sparse(PLACES_TRIED).is_ok();
    let driver = Uring::over(ring, features, if has_table { PLACES_TRIED } else { 0 })?;
    let features = driver.features();
    trial::kept(driver, features).map_err(|errno| match errno {
        Errno::NOMEM => Refused::Memlock,
        _ => Refused::Feature(Feature::MultishotReceive.words()),
    })
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
        Refused::Memlock => {
            let limit_kib = levada_pages::lock_limit().bytes.unwrap_or(u64::MAX) / 1024;
            Lack::Memlock { need_kib: need_kib(), limit_kib }
        }
        Refused::Feature(name) => Lack::Needs(name),
    }
}

fn disabled() -> Option<u8> {
    let text = std::fs::read_to_string("/proc/sys/kernel/io_uring_disabled").ok()?;
    text.trim().parse().ok().filter(|value| *value > 0)
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
