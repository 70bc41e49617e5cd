//! Encoding is writing an operation the way a ring's kernel reads it.
#![expect(
    unsafe_code,
    reason = "reads the path and the list of an operation, which its caller keeps alive"
)]

use std::os::fd::RawFd;

use io_uring::{opcode, squeue, types};

use crate::address::Address;
use crate::family::Family;
use crate::feature::{Feature, Features};
use crate::message::MessageForm;
use crate::op::{Access, Creation, Op, OpenHow, Shutdown, Target};
use crate::stat::StatBuffer;
use crate::token::Token;
use crate::vectored::Vectored;

/// What carries no token: nobody waits for its completion.
pub(super) const UNANSWERED: u64 = u64::MAX;

// `io_uring_enter(2)`: a notice says whether bytes were copied.
const SEND_ZC_REPORT_USAGE: u16 = 1 << 3;

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

/// What is asked of each message, and what room a block has beside its payload; the kernel copies it when it takes the entry.
struct Header(libc::msghdr);

// SAFETY: it names no memory, and nobody writes it.
unsafe impl Sync for Header {}

static FROM: Header = Header(MessageForm::From.header());
static DESCRIPTORS: Header = Header(MessageForm::Descriptors.header());

/// One entry, or two that are linked.
pub(super) enum Encoded {
    One(squeue::Entry),
    Linked(squeue::Entry, squeue::Entry),
    /// This descriptor lets its close forget what is unsent; then the entry, which closes it.
    Forgetting(RawFd, squeue::Entry),
    /// This ring makes no sockets: a call does it at once.
    Socket(Family),
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
pub(super) unsafe fn encode(token: Token, op: &Op, features: Features) -> Encoded {
    let entry = match *op {
        Op::Accept { listener, direct, peer } => accept(types::Fd(listener), direct, peer),
        Op::Recv { socket, group, once: false } => {
            with_target!(socket, |fd| opcode::RecvMulti::new(fd, group.0).build())
        }
        Op::Recv { socket, group, once: true } => with_target!(socket, |fd| {
            let recv = opcode::Recv::new(fd, core::ptr::null_mut(), 0).buf_group(group.0);
            recv.build().flags(squeue::Flags::BUFFER_SELECT)
        }),
        Op::RecvInto { socket, into } => {
            with_target!(socket, |fd| opcode::Recv::new(fd, into.start, into.bytes).build())
        }
        Op::RecvMessage { socket, group, form } => {
            let header = match form {
                MessageForm::From => &raw const FROM.0,
                MessageForm::Descriptors => &raw const DESCRIPTORS.0,
            };
            with_target!(socket, |fd| {
                let recv = opcode::RecvMsgMulti::new(fd, header, group.0);
                recv.flags(form.flags().cast_unsigned()).build()
            })
        }
        Op::Send { socket, span } => with_target!(socket, |fd| {
            opcode::Send::new(fd, span.start, span.bytes).flags(libc::MSG_NOSIGNAL).build()
        }),
        Op::SendMany { socket, spans } => {
            // SAFETY: passed on to the caller.
            let spans = unsafe { &*spans };
            let at_once = if spans.is_at_once() { libc::MSG_DONTWAIT } else { 0 };
            let (header, flags) = (spans.header(), (libc::MSG_NOSIGNAL | at_once).cast_unsigned());
            with_target!(socket, |fd| opcode::SendMsg::new(fd, header).flags(flags).build())
        }
        Op::SendZeroCopy { socket, spans } => {
            // SAFETY: passed on to the caller.
            send_zero_copy(socket, unsafe { &*spans }, features)
        }
        Op::SendLast { socket, spans, together } => {
            // SAFETY: passed on to the caller.
            return send_last(token, socket, unsafe { &*spans }, together);
        }
        Op::Socket { family, direct } => {
            if !features.has(Feature::SocketCommand) {
                return Encoded::Socket(family);
            }
            make_socket(family, direct)
        }
        Op::Connect { socket, to } => {
            let (address, length) = (to.start.cast(), to.bytes);
            with_target!(socket, |fd| opcode::Connect::new(fd, address, length).build())
        }
        Op::Timeout { after } => opcode::Timeout::new(after.cast()).build(),
        Op::Shutdown { socket, how } => {
            let how = match how {
                Shutdown::Read => libc::SHUT_RD,
                Shutdown::Write => libc::SHUT_WR,
                Shutdown::Both => libc::SHUT_RDWR,
            };
            with_target!(socket, |fd| opcode::Shutdown::new(fd, how).build())
        }
        Op::Close { target } => with_target!(target, |fd| opcode::Close::new(fd).build()),
        Op::Reset { socket: Target::Direct(place) } => return reset(token, place),
        Op::Reset { socket: Target::Fd(fd) } => {
            let close = opcode::Close::new(types::Fd(fd)).build();
            return Encoded::Forgetting(fd, close.user_data(token.number()));
        }
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
        Op::Write { file, spans, offset } => {
            // SAFETY: passed on to the caller.
            let list = unsafe { &*spans }.raw_spans();
            let count = u32::try_from(list.len()).expect("a list has few spans");
            opcode::Writev::new(types::Fd(file), list.as_ptr(), count).offset(offset).build()
        }
        Op::Sync { file, data_only } => {
            let flags =
                if data_only { types::FsyncFlags::DATASYNC } else { types::FsyncFlags::empty() };
            opcode::Fsync::new(types::Fd(file)).flags(flags).build()
        }
        Op::SendFile { .. } | Op::List { .. } => return Encoded::ForThePool,
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
    let (flags, place) = flags_and_place(direct);
    match peer {
        None => {
            let accept = opcode::AcceptMulti::new(listener).flags(flags);
            accept.allocate_file_index(direct).build()
        }
        Some(peer) => {
            let (address, length) = Address::places(peer);
            opcode::Accept::new(listener, address, length).flags(flags).file_index(place).build()
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

/// Asks to be told whether the bytes were copied after all. Without the feature they are copied, and nothing more is told.
fn send_zero_copy(socket: Target, spans: &Vectored, features: Features) -> squeue::Entry {
    let (header, flags) = (spans.header(), libc::MSG_NOSIGNAL.cast_unsigned());
    if !features.has(Feature::ZeroCopy) {
        return with_target!(socket, |fd| opcode::SendMsg::new(fd, header).flags(flags).build());
    }
    with_target!(socket, |fd| {
        let send = opcode::SendMsgZc::new(fd, header).flags(flags);
        send.ioprio(SEND_ZC_REPORT_USAGE).build()
    })
}

fn make_socket(family: Family, direct: bool) -> squeue::Entry {
    let (flags, place) = flags_and_place(direct);
    opcode::Socket::new(family.number(), libc::SOCK_STREAM | flags, 0).file_index(place).build()
}

/// How a new socket is made, for calls of the program's own on a descriptor of it, and where it goes.
fn flags_and_place(direct: bool) -> (i32, Option<types::DestinationSlot>) {
    if direct {
        // In the table it is closed on exec anyway, and the flag is refused.
        (libc::SOCK_NONBLOCK, Some(types::DestinationSlot::auto_target()))
    } else {
        (libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC, None)
    }
}

/// Sets the linger time to zero and closes. The first entry says nothing when it succeeds; when it fails the close is
/// still done (a hard link), only less abruptly.
fn reset(token: Token, place: u32) -> Encoded {
    let value = (&raw const LINGER_ZERO).cast();
    let length = u32::try_from(size_of::<libc::linger>()).expect("eight bytes");
    let (level, name) = (libc::SOL_SOCKET.cast_unsigned(), libc::SO_LINGER.cast_unsigned());
    let linger = opcode::SetSockOpt::new(types::Fixed(place), level, name, value, length).build();
    let close = opcode::Close::new(types::Fixed(place)).build();
    let quiet = squeue::Flags::IO_HARDLINK | squeue::Flags::SKIP_SUCCESS;
    Encoded::Linked(linger.flags(quiet).user_data(UNANSWERED), close.user_data(token.number()))
}
