//! Streaming is receiving and sending on connections: as much as there is, or less; in time, or later.
#![expect(unsafe_code, reason = "looks at what a lent list names beside its bytes")]

use core::time::Duration;

use levada_ring::{Errno, Group, Notice, Op, Shutdown, Target};

use crate::descriptor::is_open;
use crate::flight::{Fill, Flight, Tried};
use crate::kernel::Kernel;
use crate::lent::Loan;
use crate::messaging::beside;
use crate::net::{ConnectionId, Flow, Side};
use crate::trick::Trick;

impl Kernel {
    /// A shorter length, if the trick is played; never none of some.
    pub(crate) fn shortened(&mut self, trick: Trick, bytes: usize) -> usize {
        if bytes < 2 {
            return bytes;
        }
        let shorter = self.trouble.amount(trick, 1, bytes as u64 - 1);
        shorter.map_or(bytes, |shorter| usize::try_from(shorter).expect("a length"))
    }

    /// Whether an operation is interrupted, and how; readiness drivers try again by themselves.
    pub(crate) fn is_interrupted(&mut self) -> Option<Errno> {
        if self.is_epoll() || !self.trouble.plays(Trick::Interrupt) {
            return None;
        }
        Some(if self.trouble.dice.one_in(2) { Errno::INTR } else { Errno::AGAIN })
    }

    pub(crate) fn try_receive(&mut self, flight: &Flight, group: Group, once: bool) -> Tried {
        let connection = match self.connection_in(flight) {
            Ok(connection) => connection,
            Err(errno) => return Tried::Ends(Err(errno)),
        };
        if !self.net.is_readable(connection, Side::Program) {
            return Tried::Waits;
        }
        if let Some(errno) = self.is_interrupted() {
            return Tried::Ends(Err(errno));
        }
        let arrived = self.net.arrived_bytes(connection, Side::Program);
        let is_dry = arrived > 0 && self.trouble.plays(Trick::Dry);
        let wants_block = arrived > 0 || self.trouble.plays(Trick::EmptyBlock);
        let block = if wants_block && !is_dry {
            self.groups.take(group, &mut self.trouble.dice)
        } else {
            None
        };
        if arrived > 0 && block.is_none() {
            return Tried::Ends(Err(Errno::NOBUFS));
        }
        let room = block.map_or(0, |lent| self.lent.bytes(lent.loan) as usize);
        let bytes_max = self.shortened(Trick::ShortReceive, arrived.min(room));
        match self.net.read(connection, Side::Program, bytes_max) {
            Flow::Done(bytes) if !bytes.is_empty() => {
                let count = u32::try_from(bytes.len()).expect("a block's length");
                let fill = block.map_or(Fill::Nothing, |lent| Fill::Bytes(lent.loan, bytes));
                match once {
                    true => self.made_last(flight, Ok(count), block, fill),
                    false => self.made_more(flight, count, block, fill),
                }
            }
            Flow::Done(_) => self.made_last(flight, Ok(0), block, Fill::Nothing),
            Flow::Failed(errno) => self.made_last(flight, Err(errno), block, Fill::Nothing),
            Flow::Wait => unreachable!("it was readable"),
        }
    }

    pub(crate) fn try_receive_into(&mut self, flight: &Flight) -> Tried {
        let connection = match self.connection_in(flight) {
            Ok(connection) => connection,
            Err(errno) => return Tried::Ends(Err(errno)),
        };
        if !self.net.is_readable(connection, Side::Program) {
            return Tried::Waits;
        }
        if let Some(errno) = self.is_interrupted() {
            return Tried::Ends(Err(errno));
        }
        let loan = flight.loans[0];
        let there = self.net.arrived_bytes(connection, Side::Program);
        let bytes_max =
            self.shortened(Trick::ShortReceive, there.min(self.lent.bytes(loan) as usize));
        match self.net.read(connection, Side::Program, bytes_max) {
            Flow::Done(bytes) => {
                let count = u32::try_from(bytes.len()).expect("a span's length");
                self.made_last(flight, Ok(count), None, Fill::Bytes(loan, bytes))
            }
            Flow::Failed(errno) => Tried::Ends(Err(errno)),
            Flow::Wait => unreachable!("it was readable"),
        }
    }

    /// The connection that a flight is about.
    fn connection_in(&self, flight: &Flight) -> Result<ConnectionId, Errno> {
        flight.socket.ok_or(Errno::BADF).and_then(|id| self.connection_of(id))
    }

    pub(crate) fn try_send(&mut self, flight: &mut Flight) -> Tried {
        if let Some((connection, bytes)) = flight.notice_at {
            return self.try_notice(flight, connection, bytes);
        }
        if let (Some(socket), Some(lent)) = (flight.socket, &flight.list)
            && self.sockets[socket.0].datagrams.is_some()
        {
            return self.send_datagrams(flight, lent.list);
        }
        let connection = match self.connection_in(flight) {
            Ok(connection) => connection,
            Err(errno) => return Tried::Ends(Err(errno)),
        };
        let room = match self.net.room(connection, Side::Program) {
            Flow::Done(room) => room,
            Flow::Wait => return Tried::Waits,
            Flow::Failed(errno) => return self.send_failed(flight, connection, errno),
        };
        if flight.progress_bytes == 0
            && let Some(errno) = self.is_interrupted()
        {
            return Tried::Ends(Err(errno));
        }
        if matches!(flight.op, Op::SendZeroCopy { .. })
            && !self.is_epoll()
            && self.trouble.plays(Trick::ErrorWithMore)
        {
            return self.sent_by_reference(flight, connection, Err(Errno::NOMEM));
        }
        let all_bytes: u32 = flight.loans.iter().map(|loan| self.lent.bytes(*loan)).sum();
        let left = (all_bytes - flight.progress_bytes) as usize;
        let count = self.shortened(Trick::ShortSend, left.min(room));
        let bytes = self.gather(&flight.loans, flight.progress_bytes, count);
        if flight.progress_bytes == 0
            && let Some(lent) = &flight.list
        {
            // SAFETY: the list was lent with the operation, which has not ended.
            let beside = unsafe { beside(lent.list) };
            let passed = beside.descriptors.len();
            if !beside.descriptors.into_iter().all(is_open) {
                return Tried::Ends(Err(Errno::BADF));
            }
            if passed > 0 {
                self.net.pass(connection, Side::Program, count, passed);
            }
        }
        if let Err(errno) = self.net.write(connection, Side::Program, &bytes) {
            return self.send_failed(flight, connection, errno);
        }
        flight.progress_bytes += u32::try_from(count).expect("a span's length");
        let sent = flight.progress_bytes;
        match flight.op {
            // A ring waits until all is taken; readiness gives what one attempt came to.
            Op::SendLast { .. } if sent < all_bytes && !self.is_epoll() => Tried::GoesOn,
            Op::SendLast { socket, .. } => {
                if sent == all_bytes {
                    self.close_behind(socket);
                }
                Tried::Ends(Ok(sent))
            }
            Op::SendZeroCopy { .. } => self.sent_by_reference(flight, connection, Ok(sent)),
            _ => Tried::Ends(Ok(sent)),
        }
    }

    /// The bytes of several spans, from `at` on; each was looked at again.
    pub(crate) fn gather(&mut self, loans: &[Loan], at: u32, count: usize) -> Vec<u8> {
        let (mut skip, mut bytes) = (at, Vec::with_capacity(count));
        for loan in loans {
            let checked = self.lent.check(*loan);
            self.right(checked);
            let left = u32::try_from(count - bytes.len()).expect("a span's length");
            bytes.extend(self.lent.read(*loan, skip, left));
            skip = skip.saturating_sub(self.lent.bytes(*loan));
        }
        bytes
    }

    fn send_failed(
        &mut self,
        flight: &mut Flight,
        connection: ConnectionId,
        errno: Errno,
    ) -> Tried {
        // What was taken before is told, and the error by whatever is tried next.
        if flight.progress_bytes > 0 {
            return Tried::Ends(Ok(flight.progress_bytes));
        }
        self.net.tell_error(connection, Side::Program);
        Tried::Ends(Err(errno))
    }

    fn sent_by_reference(
        &mut self,
        flight: &mut Flight,
        connection: ConnectionId,
        result: Result<u32, Errno>,
    ) -> Tried {
        if self.is_epoll() || result.is_ok() && self.trouble.plays(Trick::Copied) {
            return Tried::Ends(result);
        }
        self.made_before_notice(flight, result);
        // What is to come is about the bytes alone: it keeps the socket open no longer.
        flight.notice_at = Some((connection, self.net.sent_bytes(connection, Side::Program)));
        self.release(flight);
        flight.not_before = self.moment(Trick::LateNotice, Duration::from_secs(2));
        flight.is_notice_held = self.trouble.plays(Trick::HeldNotice);
        Tried::GoesOn
    }

    fn try_notice(&mut self, flight: &Flight, connection: ConnectionId, bytes: u64) -> Tried {
        let is_over = self.net.is_dead(connection, Side::Program)
            || self.net.is_dead(connection, Side::Peer)
            || self.net.is_closed(connection, Side::Peer);
        let is_taken =
            !flight.is_notice_held && self.net.is_taken(connection, Side::Program, bytes);
        if !is_over && !is_taken {
            return Tried::Waits;
        }
        let notice = match self.trouble.plays(Trick::Copied) {
            true => Notice::Copied,
            false => Notice::ByReference,
        };
        self.made_notice(flight, notice)
    }

    /// The close that is linked behind a last send: now, or at the next entry.
    fn close_behind(&mut self, target: Target) {
        if !self.is_epoll() && self.trouble.plays(Trick::LateClose) {
            self.closes_behind.push(target);
        } else {
            let _closed: Result<u32, Errno> = self.close_handle(target, false);
        }
    }

    pub(crate) fn try_writable(&mut self, flight: &Flight) -> Tried {
        let connection = match self.connection_in(flight) {
            Ok(connection) => connection,
            Err(errno) => return Tried::Ends(Err(errno)),
        };
        let mask = if self.is_epoll() { 0 } else { u32::from(libc::POLLOUT.cast_unsigned()) };
        match self.net.room(connection, Side::Program) {
            Flow::Wait => Tried::Waits,
            _ => Tried::Ends(Ok(mask)),
        }
    }

    pub(crate) fn shut(&mut self, target: Target, how: Shutdown) -> Result<u32, Errno> {
        let connection = self.socket_of(target).and_then(|id| self.connection_of(id))?;
        if matches!(how, Shutdown::Write | Shutdown::Both) {
            self.net.shut(connection, Side::Program)?;
        }
        Ok(0)
    }
}
