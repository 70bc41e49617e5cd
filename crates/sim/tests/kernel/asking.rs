//! Asking is what a program does at random: connect, send, receive, close, read files, cancel.

use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, OwnedFd};

use levada_ring::{
    Access, Address, Creation, Driver, Level, MessageForm, Op, OpenHow, ReadSpan, Shutdown,
    StatBuffer, Target, Token, Vectored,
};

use crate::line::Line;
use crate::memory::{room, write_span};
use crate::program::{About, FileOp, GROUP, Program, far_volley};

impl Program {
    pub(crate) fn connect(&mut self) {
        let index = self.lines.len();
        if index >= 6 {
            return;
        }
        self.lines.push(Line { is_connecting: true, ..Line::default() });
        let direct = self.sim.caps().direct_places > 0;
        let op = Op::Socket { family: levada_ring::Family::V4, direct };
        self.push(index, About::Socket(index), &op);
    }

    pub(crate) fn exchange(&mut self) {
        let socket = Target::Fd(self.datagrams_fd);
        if self.is_taking {
            let is_sending = |about: &About| matches!(about, About::SendDatagram);
            if self.sim.caps().level == Level::Epoll && self.in_flight.values().any(is_sending) {
                return; // readiness takes one at a time
            }
            let count = self.dice.length(0, 600);
            let bytes: &'static [u8] = Box::leak(self.dice.bytes(count).into_boxed_slice());
            let list = Box::leak(Box::<Vectored>::default());
            list.fill([ReadSpan::of(bytes)].into_iter(), u32::MAX);
            list.set_address(&Address::of(far_volley(usize::from(self.dice.one_in(2)))));
            self.went.push(bytes.to_vec());
            let index = self.went.len();
            self.push(index, About::SendDatagram, &Op::SendMany { socket, spans: list });
        } else {
            self.is_taking = true;
            let op = Op::RecvMessage { socket, group: GROUP, form: MessageForm::From };
            self.push(0, About::Datagrams, &op);
        }
    }

    pub(crate) fn cancel_any(&mut self) {
        let index = self.dice.index(self.in_flight.len());
        if let Some(token) = self.in_flight.keys().nth(index) {
            self.sim.cancel(Token::numbered(*token));
        }
    }

    pub(crate) fn use_line(&mut self) {
        if self.lines.is_empty() {
            return;
        }
        let index = self.dice.index(self.lines.len());
        let line = &mut self.lines[index];
        let Some(socket) = line.target.filter(|_| !line.is_closing && !line.is_connecting) else {
            return;
        };
        let may_receive = !line.is_receiving && !line.has_end;
        match self.dice.below(9) {
            0..=2 if may_receive => {
                line.is_receiving = true;
                let once = self.dice.one_in(2);
                let op = Op::Recv { socket, group: GROUP, once };
                self.push(index, About::Receive(index), &op);
            }
            3 if may_receive && self.dice.one_in(2) => {
                line.is_receiving = true;
                let op = Op::RecvMessage { socket, group: GROUP, form: MessageForm::Descriptors };
                self.push(index, About::Messages(index), &op);
            }
            3 if may_receive => {
                line.is_receiving = true;
                let room = room(self.dice.length(1, 2000));
                let into = write_span(room);
                let about = About::ReceiveInto(index, room.as_ptr());
                self.push(index, about, &Op::RecvInto { socket, into });
            }
            4..=5 if !line.is_sending && !line.is_shut => self.send(index, socket),
            6 if !line.is_sending && !line.is_shut => {
                line.is_shut = true;
                let op = Op::Shutdown { socket, how: Shutdown::Write };
                self.push(index, About::Shutdown, &op);
            }
            7 if self.dice.one_in(4) => self.close(index),
            8 => self.install(index, socket),
            _ => {}
        }
    }

    pub(crate) fn install(&mut self, index: usize, socket: Target) {
        let Target::Direct(place) = socket else { return };
        if !self.in_flight.values().any(|about| matches!(about, About::Install)) {
            self.push(index, About::Install, &Op::Install { place });
        }
    }

    pub(crate) fn send(&mut self, index: usize, socket: Target) {
        self.lines[index].is_sending = true;
        let count = self.dice.length(1, 5000);
        let bytes: &'static [u8] = Box::leak(self.dice.bytes(count).into_boxed_slice());
        let parts = bytes.chunks(count.div_ceil(3)).map(ReadSpan::of);
        let list = Box::leak(Box::<Vectored>::default());
        list.fill(parts, u32::MAX);
        let spans = &raw const *list;
        let may_close = !self.lines[index].is_receiving;
        let (op, closes) = match self.dice.below(4) {
            0 => (Op::Send { socket, span: ReadSpan::of(bytes) }, None),
            1 => (Op::SendMany { socket, spans }, None),
            2 if may_close => {
                self.lines[index].is_closing = true;
                (Op::SendLast { socket, spans, together: false }, Some(count))
            }
            _ => (Op::SendZeroCopy { socket, spans }, None),
        };
        self.push(index, About::Send(index, bytes.as_ptr(), closes), &op);
    }

    /// Cancels what is out, and closes when that has ended.
    pub(crate) fn close(&mut self, index: usize) {
        let line = &self.lines[index];
        let is_out = line.is_receiving || line.is_sending || line.is_connecting;
        let Some(target) = line.target.filter(|_| !is_out && !line.is_closed) else { return };
        self.lines[index].is_closing = true;
        self.lines[index].is_closed = true;
        let has_notice = self.is_ending && self.lines[index].notices_due > 0;
        let op = match has_notice || self.dice.one_in(3) {
            true => Op::Reset { socket: target },
            false => Op::Close { target },
        };
        self.push(index, About::Close(index), &op);
    }

    pub(crate) fn file(&mut self, root: &OwnedFd) {
        let path: &'static CStr = match self.dice.below(3) {
            0 => c"folder/page",
            1 => c"folder/firm",
            _ => c"folder/nothing",
        };
        let index = usize::try_from(100 + self.dice.draw() % 1_000_000).expect("a number");
        let file = self.files.last().copied().filter(|_| !self.dice.one_in(3));
        let (about, op) = match (self.dice.below(6), file) {
            (0, Some(file)) => {
                let room = room(self.dice.length(1, 4000));
                let (into, offset) = (write_span(room), self.dice.below(4000));
                (FileOp::Read(room.as_ptr(), offset), Op::Read { file, into, offset })
            }
            (1, Some(file)) => {
                let bytes = Box::leak(self.dice.bytes(100).into_boxed_slice());
                let list = Box::leak(Box::<Vectored>::default());
                list.fill([ReadSpan::of(bytes)].into_iter(), u32::MAX);
                (FileOp::Write, Op::Write { file, spans: list, offset: 5000 })
            }
            (2, Some(file)) => (FileOp::Other, Op::Sync { file, data_only: true }),
            (3, _) => {
                let into = &raw mut *Box::leak(Box::<StatBuffer>::default());
                let name = Some(&raw const *path);
                (FileOp::Other, Op::Stat { file: root.as_raw_fd(), name, into })
            }
            (4, _) => {
                let into = write_span(room(1000));
                (FileOp::Other, Op::List { directory: root.as_raw_fd(), into })
            }
            _ => {
                let access = Access::ReadWrite;
                let how = OpenHow {
                    access,
                    creation: Creation::Never,
                    beneath: true,
                    ..OpenHow::default()
                };
                let path: &'static CStr = Box::leak(CString::from(path).into_boxed_c_str());
                (FileOp::Open, Op::Open { directory: root.as_raw_fd(), path, how })
            }
        };
        if self.in_flight.values().filter(|about| matches!(about, About::File(_))).count() < 8 {
            self.push(index, About::File(about), &op);
        }
    }
}
