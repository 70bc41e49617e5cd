//! Filing is opening, asking, reading, writing and listing on the disk, each when a worker comes to it.
#![expect(
    unsafe_code,
    reason = "reads paths that were lent, and makes what the kernel writes of a file"
)]

use core::ffi::CStr;

use levada_ring::{Errno, FileKind, Op, OpenHow, StatBuffer};

use crate::disk::About;
use crate::flight::{FileId, Fill, Flight, Tried};
use crate::kernel::{Kernel, OpenFile, Thing};
use crate::net::{Flow, Side};
use crate::trick::Trick;

/// `inode 8 | offset 8 | length 2 | kind 1 | name | 0`, as `getdents64` has it.
const NAME_AT: usize = 19;

impl Kernel {
    /// A descriptor for a file of the disk.
    pub(crate) fn open_node(&mut self, node: crate::disk::NodeId) -> Result<u32, Errno> {
        self.files.push(OpenFile { node, position: 0 });
        let file = FileId(self.files.len() - 1);
        self.stand_ins.make_file(Thing::File(file)).map(i32::cast_unsigned)
    }

    /// The file that a descriptor means.
    pub(crate) fn file_of(&self, fd: i32) -> Result<FileId, Errno> {
        match self.stand_ins.find(fd) {
            Some(Thing::File(id)) => Ok(id),
            Some(Thing::Socket(_) | Thing::Passed) => Err(Errno::INVAL),
            None => Err(Errno::BADF),
        }
    }

    /// What the operations on files come to; `file` was looked up when they were handed over.
    pub(crate) fn try_file(&mut self, flight: &mut Flight, file: FileId) -> Tried {
        if self.trouble.plays(Trick::InterruptFile) {
            let is_signal = self.trouble.dice.one_in(2);
            return Tried::Ends(Err(if is_signal { Errno::INTR } else { Errno::AGAIN }));
        }
        let result = match flight.op {
            Op::Open { path, how, .. } => self.open(file, path, how),
            Op::Stat { name, into, .. } => return self.stat(flight, file, name, into),
            Op::Read { offset, .. } => return self.read(flight, file, offset),
            Op::Write { offset, .. } => self.write(flight, file, offset),
            Op::Sync { .. } => Ok(0),
            Op::List { .. } => return self.list(flight, file),
            Op::SendFile { offset, bytes, .. } => self.send_file(flight, file, offset, bytes),
            other => unreachable!("{other:?} is about no file"),
        };
        Tried::Ends(result)
    }

    fn open(&mut self, folder: FileId, path: *const CStr, how: OpenHow) -> Result<u32, Errno> {
        if self.trouble.plays(Trick::NoFile) {
            return Err(Errno::MFILE);
        }
        // SAFETY: the path was lent with the operation, which has not ended.
        let path = unsafe { &*path }.to_bytes();
        let node = self.disk.open(self.files[folder.0].node, path, how)?;
        self.open_node(node)
    }

    fn stat(
        &mut self,
        flight: &Flight,
        file: FileId,
        name: Option<*const CStr>,
        into: *mut StatBuffer,
    ) -> Tried {
        // SAFETY: the name was lent with the operation, which has not ended.
        let name = name.map(|name| unsafe { &*name }.to_bytes());
        match self.disk.about(self.files[file.0].node, name) {
            Ok(about) => {
                let fill = Fill::Stat(into, Box::new(statx_of(about)));
                self.made_last(flight, Ok(0), None, fill)
            }
            Err(errno) => Tried::Ends(Err(errno)),
        }
    }

    fn read(&mut self, flight: &Flight, file: FileId, offset: u64) -> Tried {
        let node = self.files[file.0].node;
        let loan = flight.loans[0];
        let room = self.lent.bytes(loan) as usize;
        if self.disk.is_restless(node) && self.trouble.plays(Trick::Restless) {
            let bytes = self.disk.about(node, None).map_or(0, |about| about.bytes);
            let bytes = usize::try_from(bytes).expect("a length");
            self.disk.cut(node, self.trouble.dice.index(bytes * 2 + 1));
        }
        let bytes = match self.disk.read(node, offset, room) {
            Ok(bytes) => bytes.to_vec(),
            Err(errno) => return Tried::Ends(Err(errno)),
        };
        let count = self.shortened(Trick::ShortRead, bytes.len());
        let fill = Fill::Bytes(loan, bytes[..count].to_vec());
        let count = u32::try_from(count).expect("a span's length");
        self.made_last(flight, Ok(count), None, fill)
    }

    fn write(&mut self, flight: &Flight, file: FileId, offset: u64) -> Result<u32, Errno> {
        let all: usize = flight.loans.iter().map(|loan| self.lent.bytes(*loan) as usize).sum();
        let count = self.shortened(Trick::ShortWrite, all);
        let bytes = self.gather(&flight.loans, 0, count);
        self.disk.write(self.files[file.0].node, offset, &bytes)?;
        Ok(u32::try_from(count).expect("a span's length"))
    }

    fn send_file(
        &mut self,
        flight: &Flight,
        file: FileId,
        offset: u64,
        bytes: u32,
    ) -> Result<u32, Errno> {
        let socket = flight.socket.ok_or(Errno::BADF)?;
        let connection = self.connection_of(socket)?;
        let room = match self.net.room(connection, Side::Program) {
            Flow::Done(room) => room,
            Flow::Wait => return Err(Errno::AGAIN),
            Flow::Failed(errno) => {
                self.net.tell_error(connection, Side::Program);
                return Err(errno);
            }
        };
        let read = self.disk.read(self.files[file.0].node, offset, room.min(bytes as usize))?;
        let read = read.to_vec();
        let count = self.shortened(Trick::ShortSend, read.len());
        self.net.write(connection, Side::Program, &read[..count])?;
        Ok(u32::try_from(count).expect("a length that was asked for"))
    }

    fn list(&mut self, flight: &Flight, folder: FileId) -> Tried {
        let OpenFile { node, position } = self.files[folder.0];
        let loan = flight.loans[0];
        let room = self.lent.bytes(loan) as usize;
        let mut bytes = Vec::new();
        let names = match self.disk.names(node, position) {
            Ok(names) => names,
            Err(errno) => return Tried::Ends(Err(errno)),
        };
        let mut count = 0;
        for (name, About { kind, inode, .. }) in names {
            let length = (NAME_AT + name.len() + 1).next_multiple_of(8);
            if bytes.len() + length > room {
                break;
            }
            count += 1;
            let end = bytes.len() + length;
            bytes.extend(inode.to_le_bytes());
            bytes.extend(((position + count) as u64).to_le_bytes());
            bytes.extend(u16::try_from(length).expect("a name is short").to_le_bytes());
            bytes.push(if kind == FileKind::Directory { libc::DT_DIR } else { libc::DT_REG });
            bytes.extend(name);
            bytes.resize(end, 0);
        }
        if count == 0 && self.disk.names(node, position).is_ok_and(|names| !names.is_empty()) {
            return Tried::Ends(Err(Errno::INVAL));
        }
        self.files[folder.0].position += count;
        let told = u32::try_from(bytes.len()).expect("a span's length");
        self.made_last(flight, Ok(told), None, Fill::Bytes(loan, bytes))
    }
}

/// As the kernel writes it.
fn statx_of(about: About) -> libc::statx {
    // SAFETY: all fields are integers, for which zero is a value.
    let mut statx: libc::statx = unsafe { core::mem::zeroed() };
    let mode = match about.kind {
        FileKind::Directory => libc::S_IFDIR | 0o755,
        _ => libc::S_IFREG | 0o644,
    };
    statx.stx_mask = libc::STATX_BASIC_STATS;
    statx.stx_mode = u16::try_from(mode).expect("sixteen bits");
    statx.stx_size = about.bytes;
    statx.stx_ino = about.inode;
    statx.stx_mtime.tv_sec = about.modified_s;
    statx
}
