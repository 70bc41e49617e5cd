//! Messaging is receiving messages with their sender or with descriptors, and sending such: laid out as the kernel does it.
#![expect(unsafe_code, reason = "reads what stands beside the bytes of a list that was lent")]

use levada_ring::{Address, DESCRIPTORS_MAX, Errno, Group, MessageForm, MessageHead, Vectored};

use crate::flight::{Fill, Flight, Tried};
use crate::groups::LentBlock;
use crate::kernel::{Kernel, Thing};
use crate::net::{ConnectionId, Flow, Side};
use crate::trick::Trick;

/// The longest datagram.
const DATAGRAM_BYTES_MAX: usize = 65_507;

/// What a list names beside its bytes.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    /// Descriptors that go with the first byte.
    pub(crate) descriptors: Vec<i32>,
    /// The length of each datagram that it is cut into.
    cut_bytes: Option<usize>,
}

/// What stands beside the bytes of a list.
///
/// # Safety
/// The list is lent, or its owner's.
pub(crate) unsafe fn beside(list: *const Vectored) -> Beside {
    // SAFETY: passed on to the caller.
    let header = unsafe { &*list }.header();
    // SAFETY: a list has a header, and it stays as the list does.
    let header = unsafe { &*header };
    let mut beside = Beside::default();
    if header.msg_control.is_null() {
        return beside;
    }
    // SAFETY: the header says how long its control part is, and that belongs to the list.
    let control = unsafe {
        core::slice::from_raw_parts(header.msg_control.cast::<u8>(), header.msg_controllen)
    };
    let word = |at: usize| {
        let bytes = control.get(at..at + 4).and_then(|bytes| bytes.first_chunk::<4>());
        bytes.map_or(0, |bytes| i32::from_le_bytes(*bytes))
    };
    let length = usize::try_from(word(0)).expect("a length");
    let content = &control[16..length.clamp(16, control.len())];
    match (word(8), word(12)) {
        (libc::SOL_SOCKET, libc::SCM_RIGHTS) => {
            let fds = content.as_chunks::<4>().0;
            beside.descriptors = fds.iter().map(|bytes| i32::from_le_bytes(*bytes)).collect();
        }
        (libc::SOL_UDP, libc::UDP_SEGMENT) => {
            let bytes = content.first_chunk::<2>().map_or(0, |bytes| u16::from_le_bytes(*bytes));
            beside.cut_bytes = Some(usize::from(bytes));
        }
        _ => {}
    }
    beside
}

impl Kernel {
    pub(crate) fn try_receive_message(
        &mut self,
        flight: &Flight,
        group: Group,
        form: MessageForm,
    ) -> Tried {
        let Some(socket) = flight.socket else { return Tried::Ends(Err(Errno::BADF)) };
        match (self.sockets[socket.0].datagrams, self.sockets[socket.0].connection) {
            (Some(datagrams), _) => self.try_receive_datagram(flight, group, form, datagrams),
            (None, Some(connection)) => self.try_receive_passed(flight, group, form, connection),
            (None, None) => Tried::Ends(Err(Errno::NOTCONN)),
        }
    }

    /// A block with room for a message of that form, or how the operation ends without.
    fn message_block(&mut self, group: Group, form: MessageForm) -> Result<LentBlock, Tried> {
        if let Some(errno) = self.is_interrupted() {
            return Err(Tried::Ends(Err(errno)));
        }
        let is_dry = self.trouble.plays(Trick::Dry);
        let block = self.groups.take(group, &mut self.trouble.dice);
        let Some(lent) = block else { return Err(Tried::Ends(Err(Errno::NOBUFS))) };
        let is_short = (self.lent.bytes(lent.loan) as usize) < form.payload_start();
        if is_dry || is_short {
            self.groups.put_back(lent);
            return Err(Tried::Ends(Err(if is_dry { Errno::NOBUFS } else { Errno::FAULT })));
        }
        Ok(lent)
    }

    fn try_receive_datagram(
        &mut self,
        flight: &Flight,
        group: Group,
        form: MessageForm,
        datagrams: usize,
    ) -> Tried {
        if !self.datagrams.has_waiting(datagrams) {
            return Tried::Waits;
        }
        let lent = match self.message_block(group, form) {
            Ok(lent) => lent,
            Err(tried) => return tried,
        };
        let Some((from, payload)) = self.datagrams.take(datagrams) else {
            unreachable!("one was waiting")
        };
        let room = self.lent.bytes(lent.loan) as usize - form.payload_start();
        let flags = if payload.len() > room { libc::MSG_TRUNC } else { 0 };
        let head = MessageHead {
            name_bytes: u32::try_from(from.len()).expect("an address"),
            control_bytes: 0,
            payload_bytes: u32::try_from(payload.len()).expect("a datagram"),
            flags: flags.cast_unsigned(),
        };
        let mut block = head.to_bytes().to_vec();
        block.extend(&from[..from.len().min(form.name_bytes())]);
        block.resize(form.payload_start(), 0);
        block.extend(&payload[..payload.len().min(room)]);
        let count = u32::try_from(block.len()).expect("a block's length");
        let fill = Fill::Bytes(lent.loan, block);
        // A ring cannot tell one without bytes from an end: it ends with it.
        match payload.is_empty() {
            true => self.made_last(flight, Ok(count), Some(lent), fill),
            false => self.made_more(flight, count, Some(lent), fill),
        }
    }

    fn try_receive_passed(
        &mut self,
        flight: &Flight,
        group: Group,
        form: MessageForm,
        connection: ConnectionId,
    ) -> Tried {
        if !self.net.is_readable(connection, Side::Program) {
            return Tried::Waits;
        }
        if self.net.arrived_bytes(connection, Side::Program) == 0 {
            return match self.net.read(connection, Side::Program, 0) {
                Flow::Done(_) => Tried::Ends(Ok(0)),
                Flow::Failed(errno) => Tried::Ends(Err(errno)),
                Flow::Wait => Tried::Waits,
            };
        }
        let lent = match self.message_block(group, form) {
            Ok(lent) => lent,
            Err(tried) => return tried,
        };
        let room = self.lent.bytes(lent.loan) as usize - form.payload_start();
        let arrived = self.net.arrived_bytes(connection, Side::Program);
        let bytes_max = self.shortened(Trick::ShortReceive, arrived.min(room.max(1)));
        let read = self.net.read_message(connection, Side::Program, bytes_max);
        let Flow::Done((payload, passed)) = read else { unreachable!("there were bytes") };
        let taken = if form == MessageForm::Descriptors { passed.min(DESCRIPTORS_MAX) } else { 0 };
        let mut control = Vec::new();
        for _ in 0..taken {
            match self.stand_ins.make_file(Thing::Passed) {
                Ok(fd) => control.extend(fd.to_le_bytes()),
                Err(errno) => self.fail(&format!("no descriptor for what is passed: {errno}")),
            }
        }
        let mut block = Vec::new();
        let control_bytes = if control.is_empty() { 0 } else { 16 + control.len() };
        let is_cut = passed > taken;
        let head = MessageHead {
            name_bytes: 0,
            control_bytes: u32::try_from(control_bytes).expect("short"),
            payload_bytes: u32::try_from(payload.len()).expect("a block's length"),
            flags: if is_cut { libc::MSG_CTRUNC.cast_unsigned() } else { 0 },
        };
        block.extend(head.to_bytes());
        block.resize(block.len() + form.name_bytes(), 0);
        if control_bytes > 0 {
            block.extend((control_bytes as u64).to_le_bytes());
            block.extend(libc::SOL_SOCKET.to_le_bytes());
            block.extend(libc::SCM_RIGHTS.to_le_bytes());
            block.extend(control);
        }
        block.resize(form.payload_start(), 0);
        block.extend(payload);
        let count = u32::try_from(block.len()).expect("a block's length");
        self.made_more(flight, count, Some(lent), Fill::Bytes(lent.loan, block))
    }

    /// Sends a list to the address that it names, as one datagram or cut into several.
    pub(crate) fn send_datagrams(&mut self, flight: &Flight, list: *const Vectored) -> Tried {
        if !self.is_epoll() && self.trouble.plays(Trick::InterruptDatagram) {
            let is_signal = self.trouble.dice.one_in(2);
            return Tried::Ends(Err(if is_signal { Errno::INTR } else { Errno::AGAIN }));
        }
        let all: usize = flight.loans.iter().map(|loan| self.lent.bytes(*loan) as usize).sum();
        let bytes = self.gather(&flight.loans, 0, all);
        // SAFETY: the list was lent with the operation, which has not ended.
        let beside = unsafe { beside(list) };
        // SAFETY: as above.
        let to = unsafe { &*list }.address().map(Address::as_bytes);
        let Some(to) = to else { return Tried::Ends(Err(Errno::DESTADDRREQ)) };
        let cut_bytes = beside.cut_bytes.unwrap_or(bytes.len());
        if cut_bytes > DATAGRAM_BYTES_MAX || bytes.len() > DATAGRAM_BYTES_MAX {
            return Tried::Ends(Err(Errno::MSGSIZE));
        }
        match bytes.is_empty() {
            true => self.datagrams.send(to, &[]),
            false => bytes.chunks(cut_bytes.max(1)).for_each(|part| self.datagrams.send(to, part)),
        }
        Tried::Ends(Ok(u32::try_from(all).expect("a datagram")))
    }
}
