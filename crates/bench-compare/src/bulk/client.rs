//! The client in bulk: on all connections it sends and receives at once, no faster than it was told.
//!
//! It works in ticks: what may have gone by now in each direction, as far as it has not, is sent and received in writes, from
//! one connection to the next. A server that is slower than that is loaded as fast as it goes; a client that cannot carry the
//! rate says so by the rate that it reached.

use std::io;
use std::net::{SocketAddr, SocketAddrV4, TcpStream};
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};

use crate::bulk::pattern::{may_be_right, pattern};
use crate::frame::fault::Fault;
use crate::frame::stop::Stop;
use crate::machine::clock::{now_ns, own_cpu_ns, pause};
use crate::machine::packets::packet_count;

/// One load.
#[derive(Clone, Debug)]
pub(crate) struct BulkPlan {
    pub(crate) server: SocketAddrV4,
    pub(crate) connection_count: usize,
    pub(crate) write_bytes: usize,
    /// In each direction, all connections together.
    pub(crate) rate_bytes_per_s: u64,
    pub(crate) warm_up: Duration,
    pub(crate) window: Duration,
    /// The network device whose packets are counted.
    pub(crate) device: String,
}

/// What was counted inside the window.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BulkTally {
    pub(crate) sent_bytes: u64,
    pub(crate) received_bytes: u64,
    pub(crate) elapsed_ns: u64,
    /// What the server's OS processes used meanwhile.
    pub(crate) cpu_ns: u64,
    pub(crate) client_cpu_ns: u64,
    /// Both directions, acknowledgements among them.
    pub(crate) packet_count: u64,
}

/// Between two ticks the client sleeps so long, if it has nothing left to do.
const TICK: Duration = Duration::from_micros(100);

/// Who is late makes up for no more than this: a longer delay was somebody else's, and a burst after it nobody's traffic.
const CATCH_UP_NS: u64 = 5_000_000;

/// A server that takes and gives nothing for so long has failed.
const SILENCE_MAX_NS: u64 = 10_000_000_000;

struct Line {
    socket: OwnedFd,
    /// How much of the write that is leaving has left.
    sent_bytes: usize,
    received_bytes: u64,
}

/// How far one direction has come.
struct Way {
    rate_bytes_per_s: u64,
    begun_ns: u64,
    bytes: u64,
}

impl Way {
    /// What may go now; what is too old is let go.
    fn allowed_bytes(&mut self, now_ns: u64) -> u64 {
        let due_bytes = |elapsed_ns: u64| {
            let bytes = u128::from(elapsed_ns) * u128::from(self.rate_bytes_per_s) / 1_000_000_000;
            u64::try_from(bytes).unwrap_or(u64::MAX)
        };
        let allowed_bytes = due_bytes(now_ns - self.begun_ns).saturating_sub(self.bytes);
        if allowed_bytes > due_bytes(CATCH_UP_NS) {
            self.bytes = 0;
            self.begun_ns = now_ns - CATCH_UP_NS;
            return due_bytes(CATCH_UP_NS);
        }
        allowed_bytes
    }
}

/// Loads a server as `plan` says; `meter` tells the server's CPU time so far.
/// # Errors
/// [`Fault::Wrong`] if it ends a connection or sends what it should not.
pub(crate) fn load(
    plan: &BulkPlan,
    meter: &mut dyn FnMut() -> Result<u64, Fault>,
    stop: &Stop,
) -> Result<BulkTally, Fault> {
    let fault = |error| Fault::machine("cannot connect to a server", error);
    let connect = |_| connected(plan.server).map_err(fault);
    let mut lines = (0..plan.connection_count).map(connect).collect::<Result<Vec<_>, _>>()?;
    let pattern = pattern(plan.write_bytes);
    let mut buffer = vec![0; plan.write_bytes];
    let begun_ns = now_ns();
    let way = || Way { rate_bytes_per_s: plan.rate_bytes_per_s, begun_ns, bytes: 0 };
    let (mut out, mut back) = (way(), way());
    let mut total = BulkTally::default();
    let mut before = None;
    let mut moved_ns = begun_ns;
    loop {
        stop.check()?;
        let now_ns = now_ns();
        let elapsed = Duration::from_nanos(now_ns - begun_ns);
        if before.is_none() && elapsed >= plan.warm_up {
            before = Some(look(plan, total, meter)?);
        }
        if let Some(before) = before
            && elapsed >= plan.warm_up + plan.window
        {
            return Ok(between(before, look(plan, total, meter)?));
        }
        let sent_bytes = send_on(&mut lines, &pattern, out.allowed_bytes(now_ns))?;
        out.bytes += sent_bytes;
        total.sent_bytes += sent_bytes;
        let received_bytes =
            receive_on(&mut lines, &pattern, &mut buffer, back.allowed_bytes(now_ns))?;
        back.bytes += received_bytes;
        total.received_bytes += received_bytes;
        if sent_bytes + received_bytes > 0 {
            moved_ns = now_ns;
        } else if now_ns - moved_ns > SILENCE_MAX_NS {
            return Err(Fault::Wrong("nothing moved for ten seconds".to_owned()));
        } else {
            pause(TICK);
        }
    }
}

/// A moment: all clocks and counters as they stand.
fn look(
    plan: &BulkPlan,
    total: BulkTally,
    meter: &mut dyn FnMut() -> Result<u64, Fault>,
) -> Result<BulkTally, Fault> {
    let cpu_ns = meter()?;
    let client_cpu_ns = own_cpu_ns();
    let packet_count = packet_count(&plan.device)
        .map_err(|error| Fault::machine("cannot read a device's counters", error))?;
    Ok(BulkTally { elapsed_ns: now_ns(), cpu_ns, client_cpu_ns, packet_count, ..total })
}

fn between(before: BulkTally, after: BulkTally) -> BulkTally {
    BulkTally {
        sent_bytes: after.sent_bytes - before.sent_bytes,
        received_bytes: after.received_bytes - before.received_bytes,
        elapsed_ns: after.elapsed_ns - before.elapsed_ns,
        cpu_ns: after.cpu_ns - before.cpu_ns,
        client_cpu_ns: after.client_cpu_ns - before.client_cpu_ns,
        packet_count: after.packet_count - before.packet_count,
    }
}

fn connected(server: SocketAddrV4) -> io::Result<Line> {
    let stream = TcpStream::connect(SocketAddr::V4(server))?;
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    Ok(Line { socket: stream.into(), sent_bytes: 0, received_bytes: 0 })
}

/// A write on each connection in turn, until what is allowed is gone or all of them are full.
fn send_on(lines: &mut [Line], pattern: &[u8], allowed_bytes: u64) -> Result<u64, Fault> {
    let mut moved_bytes = 0;
    loop {
        let before_bytes = moved_bytes;
        for line in &mut *lines {
            if moved_bytes + pattern.len() as u64 > allowed_bytes {
                return Ok(moved_bytes);
            }
            let rest = &pattern[line.sent_bytes..];
            match send(&line.socket, rest, SendFlags::NOSIGNAL) {
                Ok(sent_bytes) => {
                    line.sent_bytes = (line.sent_bytes + sent_bytes) % pattern.len();
                    moved_bytes += sent_bytes as u64;
                }
                Err(Errno::AGAIN) => {}
                Err(errno) => return Err(Fault::machine("cannot send to a server", errno.into())),
            }
        }
        if moved_bytes == before_bytes {
            return Ok(moved_bytes);
        }
    }
}

/// A receive on each connection in turn, until what is allowed has come or none of them has anything.
fn receive_on(
    lines: &mut [Line],
    pattern: &[u8],
    buffer: &mut [u8],
    allowed_bytes: u64,
) -> Result<u64, Fault> {
    let mut moved_bytes = 0;
    loop {
        let before_bytes = moved_bytes;
        for line in &mut *lines {
            if moved_bytes + pattern.len() as u64 > allowed_bytes {
                return Ok(moved_bytes);
            }
            let received = match recv(&line.socket, &mut *buffer, RecvFlags::empty()) {
                Ok((0, _)) => return Err(Fault::Wrong("the server ended a connection".to_owned())),
                Ok((received_bytes, _)) => &buffer[..received_bytes],
                Err(Errno::AGAIN) => continue,
                Err(errno) => return Err(Fault::machine("cannot receive", errno.into())),
            };
            if !may_be_right(pattern, line.received_bytes, received) {
                return Err(Fault::Wrong("the server sent other bytes than it should".to_owned()));
            }
            line.received_bytes += received.len() as u64;
            moved_bytes += received.len() as u64;
        }
        if moved_bytes == before_bytes {
            return Ok(moved_bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_allows_what_is_due_and_forgets_what_is_too_old() {
        let rate_bytes_per_s = 1_000_000_000;
        let mut way = Way { rate_bytes_per_s, begun_ns: 10_000_000, bytes: 0 };
        assert_eq!(way.allowed_bytes(10_000_500), 500);
        way.bytes += 400;
        assert_eq!(way.allowed_bytes(10_000_500), 100);
        way.bytes += 200;
        assert_eq!(way.allowed_bytes(10_000_500), 0, "a write too much is made up for");
        assert_eq!(way.allowed_bytes(99_000_000), CATCH_UP_NS);
        assert_eq!(way.allowed_bytes(99_000_500), CATCH_UP_NS, "and no more a moment later");
    }
}
