//! Encoding is writing an operation the way a ring's kernel reads it.
#![expect(
    unsafe_code,
    reason = "reads the path and the list of an operation, which its caller keeps alive"
)]

use io_uring::{opcode, squeue, types};

use crate::address::Address;
use crate::op::{Access, Creation, Op, OpenHow, Shutdown, Target};
use crate::stat::StatBuffer;
use crate::token::Token;
use crate::vectored::Vectored;

/// What carries no token: nobody waits for its completion.
pub(super) const UNANSWERED: u64 = u64::MAX;

/// What a closing reset sets: do not linger, forget what is unsent.
static LINGER_ZERO: libc::linger = libc::linger { l_onoff: 1, l_linger: 0 };

/// Every way in which a path is opened, where the kernel finds it whenever it looks.
static HOWS: [types::OpenHow; 128] = hows();

const fn hows() -> [types::OpenHow; 128] {
    const ACCESSES: [Access; 4] = [Access::Read, Access::Write, Access::ReadWrite, Access::Name];
    const CREATIONS: [Creation; 4] =
        [Creation::Never, Creation::IfMissing, Creation::Emptied, Creation::Always];
    let mut hows = [types::OpenHow::new(); 128];
    let mut index = 0;
    while index < hows.len() {
        let how = OpenHow {
            access: ACCESSES[index & 3],
            creation: CREATIONS[index >> 2 & 3],
            beneath: index >> 4 & 1 != 0,
            directory: index >> 5 & 1 != 0,
            direct: index >> 6 & 1 != 0,
        };
        hows[index] =
            types::OpenHow::new().flags(how.flags()).mode(how.mode()).resolve(how.resolve());
        index += 1;
    }
    hows
}

fn kernel_how(how: OpenHow) -> *const types::OpenHow {
    let access = match how.access {
        Access::Read => 0,
        Access::Write => 1,
        Access::ReadWrite => 2,
        Access::Name => 3,
    };
    let creation = match how.creation {
        Creation::Never => 0,
        Creation::IfMissing => 1,
        Creation::Emptied => 2,
        Creation::Always => 3,
    };
    let index = access
        | creation << 2
        | usize::from(how.beneath) << 4
        | usize::from(how.directory) << 5
        | usize::from(how.direct) << 6;
    &raw const HOWS[index]
}

/// One entry, or two that are linked.
pub(super) enum Encoded {
    One(squeue::Entry),
    Linked(squeue::Entry, squeue::Entry),
    /// No ring carries this one.
    ForThePool,
}

/// Binds `$fd` to the kind of descriptor that the target is, and builds the same entry for both.
macro_rules! with_target {
    ($target:expr, |$fd:ident| $build:expr) => {
        match $target {
            Target::Direct(place) => {
                let $fd = types::Fixed(place);
                $build
            }
            Target::Fd(fd) => {
                let $fd = types::Fd(fd);
                $build
            }
        }
    };
}

/// The entry for `op`.
///
/// # Safety
/// What the operation points to is there to be read.
pub(super) unsafe fn encode(token: Token, op: &Op) -> Encoded {
    let entry = match *op {
        Op::Accept { listener, direct, peer } => accept(types::Fd(listener), direct, peer),
        Op::Recv { socket, group, once: false } => {
            with_target!(socket, |fd| opcode::RecvMulti::new(fd, group.0).build())
        }
        Op::Recv { socket, group, once: true } => with_target!(socket, |fd| {
            let recv = opcode::Recv::new(fd, core::ptr::null_mut(), 0).buf_group(group.0);
            recv.build().flags(squeue::Flags::BUFFER_SELECT)
        }),
        Op::Send { socket, span } => with_target!(socket, |fd| {
            opcode::Send::new(fd, span.start, span.bytes).flags(libc::MSG_NOSIGNAL).build()
        }),
        Op::SendMany { socket, spans } => {
            // SAFETY: passed on to the caller.
            let header = unsafe { &*spans }.header();
            let flags = libc::MSG_NOSIGNAL.cast_unsigned();
            with_target!(socket, |fd| opcode::SendMsg::new(fd, header).flags(flags).build())
        }
        Op::SendLast { socket, spans, together } => {
            // SAFETY: passed on to the caller.
            return send_last(token, socket, unsafe { &*spans }, together);
        }
        Op::Shutdown { socket, how } => {
            let how = match how {
                Shutdown::Read => libc::SHUT_RD,
                Shutdown::Write => libc::SHUT_WR,
                Shutdown::Both => libc::SHUT_RDWR,
            };
            with_target!(socket, |fd| opcode::Shutdown::new(fd, how).build())
        }
        Op::Close { target } => with_target!(target, |fd| opcode::Close::new(fd).build()),
        Op::Reset { socket } => return reset(token, socket),
        Op::Open { directory, path, how } => {
            // SAFETY: passed on to the caller.
            let path = unsafe { &*path }.as_ptr();
            opcode::OpenAt2::new(types::Fd(directory), path, kernel_how(how)).build()
        }
        Op::Stat { file, name, into } => {
            // SAFETY: passed on to the caller.
            let name = name.map(|name| unsafe { &*name });
            let (name, flags) = StatBuffer::question(name);
            opcode::Statx::new(types::Fd(file), name.as_ptr(), StatBuffer::place(into).cast())
                .flags(flags)
                .mask(libc::STATX_BASIC_STATS)
                .build()
        }
        Op::Read { file, into, offset } => {
            opcode::Read::new(types::Fd(file), into.start, into.bytes).offset(offset).build()
        }
        Op::RecvInto { .. }
        | Op::RecvMessage { .. }
        | Op::SendZeroCopy { .. }
        | Op::Socket { .. }
        | Op::Connect { .. }
        | Op::Write { .. }
        | Op::Sync { .. }
        | Op::SendFile { .. }
        | Op::List { .. } => return Encoded::ForThePool,
        Op::Install { place } => opcode::FixedFdInstall::new(types::Fixed(place), 0).build(),
        Op::Writable { fd } => {
            opcode::PollAdd::new(types::Fd(fd), u32::from(libc::POLLOUT.cast_unsigned())).build()
        }
        Op::Readable { fd } => {
            opcode::PollAdd::new(types::Fd(fd), u32::from(libc::POLLIN.cast_unsigned())).build()
        }
    };
    Encoded::One(entry.user_data(token.number()))
}

fn accept(listener: types::Fd, direct: bool, peer: Option<*mut Address>) -> squeue::Entry {
    let flags = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    match (peer, direct) {
        (None, true) => opcode::AcceptMulti::new(listener).allocate_file_index(true).build(),
        (None, false) => opcode::AcceptMulti::new(listener).flags(flags).build(),
        (Some(peer), direct) => {
            let (address, length) = Address::places(peer);
            let accept = opcode::Accept::new(listener, address, length);
            if direct {
                accept.file_index(Some(types::DestinationSlot::auto_target())).build()
            } else {
                accept.flags(flags).build()
            }
        }
    }
}

/// Sends and closes. Waiting for all makes a send that ends short break the link; the close says nothing either way. What is told
/// to have more to come keeps its last segment for the end of the connection.
fn send_last(token: Token, socket: Target, spans: &Vectored, together: bool) -> Encoded {
    let more = if together { libc::MSG_MORE } else { 0 };
    let flags = (libc::MSG_NOSIGNAL | libc::MSG_WAITALL | more).cast_unsigned();
    let send =
        with_target!(socket, |fd| opcode::SendMsg::new(fd, spans.header()).flags(flags).build());
    let close = with_target!(socket, |fd| opcode::Close::new(fd).build());
    Encoded::Linked(
        send.flags(squeue::Flags::IO_LINK).user_data(token.number()),
        close.flags(squeue::Flags::SKIP_SUCCESS).user_data(UNANSWERED),
    )
}

/// Sets the linger time to zero and closes. The first entry says nothing when it succeeds; when it fails the close is
/// still done (a hard link), only less abruptly.
fn reset(token: Token, socket: Target) -> Encoded {
    let value = (&raw const LINGER_ZERO).cast();
    let length = u32::try_from(size_of::<libc::linger>()).expect("eight bytes");
    let (level, name) = (libc::SOL_SOCKET.cast_unsigned(), libc::SO_LINGER.cast_unsigned());
    let linger =
        with_target!(socket, |fd| opcode::SetSockOpt::new(fd, level, name, value, length).build());
    let close = with_target!(socket, |fd| opcode::Close::new(fd).build());
    let quiet = squeue::Flags::IO_HARDLINK | squeue::Flags::SKIP_SUCCESS;
    Encoded::Linked(linger.flags(quiet).user_data(UNANSWERED), close.user_data(token.number()))
}
