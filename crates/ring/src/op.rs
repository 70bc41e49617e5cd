//! An operation is what is asked of the kernel, in words that every driver understands.

use core::ffi::CStr;
use std::os::fd::RawFd;

use crate::address::Address;
use crate::family::Family;
use crate::message::MessageForm;
use crate::span::{ReadSpan, WriteSpan};
use crate::stat::StatBuffer;
use crate::timespec::TIMESPEC_BYTES;
use crate::vectored::Vectored;

/// A socket or file, as the kernel knows it on this core.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Target {
    /// A place in the ring's own table: no descriptor is used.
    Direct(u32),
    /// An ordinary descriptor.
    Fd(RawFd),
}

/// A group of blocks that are lent to the kernel, from which it picks one for each receive.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Group(pub u16);

/// A lent block, by its number in its group.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct BlockId(pub u16);

/// Which direction of a connection ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Shutdown {
    /// No more is read.
    Read,
    /// No more is written: the peer reads the end.
    Write,
    /// Neither.
    Both,
}

/// What may be done with an open file.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Access {
    /// It is read.
    #[default]
    Read,
    /// It is written.
    Write,
    /// Both.
    ReadWrite,
    /// Nothing: it is only named.
    Name,
}

/// What is done about a file that is not there, or is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Creation {
    /// It must be there.
    #[default]
    Never,
    /// It is made, readable and writable as the umask allows, if it is not there.
    IfMissing,
    /// It is made if it is not there, and emptied if it is.
    Emptied,
    /// It is made; that it is there already is an error.
    Always,
}

/// How a path is opened.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct OpenHow {
    /// What is to be done with it.
    pub access: Access,
    /// Whether it is made.
    pub creation: Creation,
    /// Never leave the directory that the path begins in: no `..` above it, no link out of it.
    pub beneath: bool,
    /// Only a directory will do.
    pub directory: bool,
    /// Past the page cache: addresses, offsets and lengths of reads and writes must be multiples of a page.
    pub direct: bool,
}

impl OpenHow {
    /// As the `flags` of `open_how`.
    pub(crate) const fn flags(self) -> u64 {
        // Never blocking: a pipe in the folder must not hold up who opens it. A mere name takes no other flag.
        let mut flags = libc::O_CLOEXEC;
        flags |= match self.access {
            Access::Name => libc::O_PATH,
            Access::Read => libc::O_RDONLY | libc::O_NOCTTY | libc::O_NONBLOCK,
            Access::Write => libc::O_WRONLY | libc::O_NOCTTY | libc::O_NONBLOCK,
            Access::ReadWrite => libc::O_RDWR | libc::O_NOCTTY | libc::O_NONBLOCK,
        };
        flags |= match self.creation {
            Creation::Never => 0,
            Creation::IfMissing => libc::O_CREAT,
            Creation::Emptied => libc::O_CREAT | libc::O_TRUNC,
            Creation::Always => libc::O_CREAT | libc::O_EXCL,
        };
        flags |= if self.directory { libc::O_DIRECTORY } else { 0 };
        flags |= if self.direct { libc::O_DIRECT } else { 0 };
        flags.cast_unsigned() as u64
    }

    /// As the `mode` of `open_how`, which must be zero where nothing is made.
    pub(crate) const fn mode(self) -> u64 {
        if matches!(self.creation, Creation::Never) { 0 } else { 0o666 }
    }

    /// As the `resolve` of `open_how`.
    pub(crate) const fn resolve(self) -> u64 {
        libc::RESOLVE_NO_MAGICLINKS | if self.beneath { libc::RESOLVE_BENEATH } else { 0 }
    }
}

/// One operation. Pointers in it must hold until its last completion: [`crate::Driver::push`] says so.
#[derive(Clone, Copy, Debug)]
pub enum Op {
    /// Takes connections that wait at a listener; they are not blocking. Result: a place in the ring's table (`direct`) or a
    /// descriptor.
    Accept {
        /// The listening socket.
        listener: RawFd,
        /// Whether the connection gets a place in the ring's table.
        direct: bool,
        /// Where the peer's address goes; with one, a single connection is taken, without, one after another.
        peer: Option<*mut Address>,
    },
    /// Receives, each time into a block of the group. Result: bytes, with the block; 0 is the end.
    Recv {
        /// The connection.
        socket: Target,
        /// Whose blocks are filled.
        group: Group,
        /// Only one time; otherwise again and again.
        once: bool,
    },
    /// Receives one time, behind each other into memory that is the program's own. Result: bytes; 0 is the end.
    RecvInto {
        /// The connection.
        socket: Target,
        /// Where they go.
        into: WriteSpan,
    },
    /// Receives messages one after another, each into a block of the group, laid out as [`crate::Message`] says, with zeros
    /// where a name or descriptors could be. Result: bytes of the block, its head among them.
    ///
    /// The end of a connection is 0, without a block. A datagram without bytes is a message, and the last: the operation ends
    /// with its block and can be started again. So it does with an error, which may be about a datagram that was sent
    /// (`CONNREFUSED`) and says nothing of the socket. A block without room for what stands before the payload is `FAULT`.
    RecvMessage {
        /// A socket of datagrams, or a connection that passes descriptors.
        socket: Target,
        /// Whose blocks are filled.
        group: Group,
        /// What comes beside the bytes.
        form: MessageForm,
    },
    /// Sends one span. Result: bytes, perhaps fewer than asked.
    Send {
        /// The connection.
        socket: Target,
        /// What is sent.
        span: ReadSpan,
    },
    /// Sends several spans as one, with what else the list names: whom to, descriptors. Result: bytes, perhaps fewer than
    /// asked.
    SendMany {
        /// The connection, or the socket of datagrams.
        socket: Target,
        /// What is sent.
        spans: *const Vectored,
    },
    /// As [`Op::SendMany`], but the bytes stay the network's after the first completion, if that says that more follow:
    /// until the one with a notice, which comes after an error too. A driver that cannot do it copies, and brings one completion.
    /// Where the kind of socket cannot (`OPNOTSUPP`), or nothing more may be locked (`NOMEM`), nothing was sent: a copying send
    /// does it.
    SendZeroCopy {
        /// The connection.
        socket: Target,
        /// What is sent.
        spans: *const Vectored,
    },
    /// Sends several spans as one, waits until all of them are taken, and closes. Result: bytes; when they are all that
    /// there were it is closed, else not. No receive may be out.
    SendLast {
        /// The connection.
        socket: Target,
        /// What is sent.
        spans: *const Vectored,
        /// The end of the connection goes in the last segment. Not where bytes may come that nobody reads: a close with
        /// bytes unread drops what has not left.
        together: bool,
    },
    /// Makes a socket of the stream kind, not blocking. Result: a place in the ring's table (`direct`) or a descriptor.
    Socket {
        /// Its family.
        family: Family,
        /// Whether it gets a place in the ring's table.
        direct: bool,
    },
    /// Connects. Result: nothing. `AGAIN` is that the listener of a name of this machine takes no more now; nobody tells when it
    /// does.
    Connect {
        /// The socket, not blocking.
        socket: Target,
        /// Whom to: an address as the kernel has it, beginning with its family ([`Address::as_bytes`]).
        to: ReadSpan,
    },
    /// Ends a direction of a connection.
    Shutdown {
        /// The connection.
        socket: Target,
        /// Which direction.
        how: Shutdown,
    },
    /// Closes. What was sent still goes out.
    Close {
        /// What is closed.
        target: Target,
    },
    /// Closes a connection at once: the peer gets a reset, what was not yet taken by it is forgotten.
    Reset {
        /// The connection.
        socket: Target,
    },
    /// Opens a file below a directory. Result: a descriptor, closed on exec.
    Open {
        /// The directory that the path begins in.
        directory: RawFd,
        /// The path.
        path: *const CStr,
        /// What is allowed.
        how: OpenHow,
    },
    /// Asks what an open file is, or what a name in an open directory is, links not followed.
    Stat {
        /// The file, or the directory.
        file: RawFd,
        /// The name in the directory; without one, the file itself is meant.
        name: Option<*const CStr>,
        /// Where the answer goes.
        into: *mut StatBuffer,
    },
    /// Reads at an offset. Result: bytes; 0 is the end.
    Read {
        /// The file.
        file: RawFd,
        /// Where they go.
        into: WriteSpan,
        /// From where in the file.
        offset: u64,
    },
    /// Writes several spans at an offset. Result: bytes, perhaps fewer than asked.
    Write {
        /// The file.
        file: RawFd,
        /// What is written.
        spans: *const Vectored,
        /// To where in the file.
        offset: u64,
    },
    /// Waits until what was written has reached the disk.
    Sync {
        /// The file.
        file: RawFd,
        /// Only its bytes, and what is needed to read them; not its times.
        data_only: bool,
    },
    /// Sends from a file without a copy in this program, on a thread that may wait for the disk and never waits for the socket.
    /// Result: bytes, perhaps fewer than asked; 0 is the file's end; `AGAIN` that the socket takes nothing now.
    SendFile {
        /// The socket, not blocking.
        socket: RawFd,
        /// The file.
        file: RawFd,
        /// From where in the file.
        offset: u64,
        /// How many.
        bytes: u32,
    },
    /// Reads the next names of a directory, as `getdents64` lays them out. Result: bytes; 0 is the end.
    List {
        /// The directory.
        directory: RawFd,
        /// Where they go.
        into: WriteSpan,
    },
    /// Waits until a descriptor has something to read: for those that no other operation knows.
    Readable {
        /// The descriptor.
        fd: RawFd,
    },
    /// Waits until a socket takes something again, after a send that its owner made himself found no room. No other send
    /// may be out.
    Writable {
        /// The socket.
        fd: RawFd,
    },
    /// Waits for as long as is said, seconds and nanoseconds of eight bytes each in the machine's own order
    /// ([`crate::timespec_bytes`]). Result: `TIME` when so much time has gone; `INVAL`
    /// where it is negative. A second or more of nanoseconds is `INVAL`, or is added.
    Timeout {
        /// How long.
        after: *const [u8; TIMESPEC_BYTES],
    },
    /// Gives a connection in the ring's table a descriptor beside its place. Result: the descriptor, closed on exec.
    Install {
        /// The place.
        place: u32,
    },
}
