//! The system calls on sockets, each of which answers at once.
#![expect(
    unsafe_code,
    reason = "makes system calls on spans that the operation's caller keeps alive"
)]

use std::os::fd::RawFd;

use rustix::io::Errno;

use crate::address::Address;
use crate::family::Family;
use crate::message::{HEAD_BYTES, MessageForm, MessageHead};
use crate::op::Shutdown;
use crate::span::{ReadSpan, WriteSpan};
use crate::vectored::Vectored;

fn answer(status: libc::ssize_t) -> Result<u32, Errno> {
    u32::try_from(status).map_err(|_negative| {
        Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)
    })
}

/// # Safety
/// The span may be written.
pub(crate) unsafe fn recv(socket: RawFd, into: WriteSpan) -> Result<u32, Errno> {
    // SAFETY: passed on to the caller.
    answer(unsafe {
        libc::recv(socket, into.start.cast(), into.bytes as usize, libc::MSG_DONTWAIT)
    })
}

/// Receives one message into a block, with its head, and with zeros where there is less of a name or a control part than
/// room. A block without room for these is a fault, as it is for a ring. Says how much of the block is filled, and whether the
/// message has no bytes.
///
/// # Safety
/// The span may be written.
pub(crate) unsafe fn recv_message(
    socket: RawFd,
    into: WriteSpan,
    form: MessageForm,
) -> Result<(u32, bool), Errno> {
    let payload_start = form.payload_start();
    let room_bytes = (into.bytes as usize).checked_sub(payload_start).ok_or(Errno::FAULT)?;
    // SAFETY: the span is longer, as was just found (passed on to the caller).
    unsafe { into.start.write_bytes(0, payload_start) };
    let at = |offset: usize| into.start.wrapping_add(offset).cast::<libc::c_void>();
    let mut payload = libc::iovec { iov_base: at(payload_start), iov_len: room_bytes };
    let mut header = form.header();
    if header.msg_namelen > 0 {
        header.msg_name = at(HEAD_BYTES);
    }
    if header.msg_controllen > 0 {
        header.msg_control = at(form.control_start());
    }
    header.msg_iov = &raw mut payload;
    header.msg_iovlen = 1;
    let flags = libc::MSG_DONTWAIT | form.flags();
    // SAFETY: all that the header names lies in the span, one part behind the other.
    let received = answer(unsafe { libc::recvmsg(socket, &raw mut header, flags) })?;
    let head = MessageHead {
        name_bytes: header.msg_namelen,
        control_bytes: u32::try_from(header.msg_controllen).unwrap_or(u32::MAX),
        payload_bytes: received,
        flags: header.msg_flags.cast_unsigned(),
    };
    let head = head.to_bytes();
    // SAFETY: the span has room for a head, as was found above.
    unsafe { into.start.copy_from_nonoverlapping(head.as_ptr(), HEAD_BYTES) };
    let filled = payload_start + room_bytes.min(received as usize);
    Ok((u32::try_from(filled).unwrap_or(u32::MAX), received == 0))
}

/// # Safety
/// The span may be read.
pub(crate) unsafe fn send(socket: RawFd, span: ReadSpan) -> Result<u32, Errno> {
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: passed on to the caller.
    answer(unsafe { libc::send(socket, span.start.cast(), span.bytes as usize, flags) })
}

/// # Safety
/// The list and its spans may be read.
pub(crate) unsafe fn send_many(
    socket: RawFd,
    spans: *const Vectored,
    has_more: bool,
) -> Result<u32, Errno> {
    let more = if has_more { libc::MSG_MORE } else { 0 };
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL | more;
    // SAFETY: passed on to the caller.
    let header = unsafe { &*spans }.header();
    // SAFETY: as above.
    answer(unsafe { libc::sendmsg(socket, header, flags) })
}

/// # Safety
/// The address, if one is given, may be written.
pub(crate) unsafe fn accept(listener: RawFd, peer: Option<*mut Address>) -> Result<u32, Errno> {
    let flags = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    let (address, length) =
        peer.map_or((core::ptr::null_mut(), core::ptr::null_mut()), Address::places);
    // SAFETY: both are null, or room of the length that is told (passed on to the caller).
    let socket = unsafe { libc::accept4(listener, address, length, flags) };
    answer(socket as libc::ssize_t)
}

pub(crate) fn shutdown(socket: RawFd, how: Shutdown) -> Result<u32, Errno> {
    let how = match how {
        Shutdown::Read => libc::SHUT_RD,
        Shutdown::Write => libc::SHUT_WR,
        Shutdown::Both => libc::SHUT_RDWR,
    };
    // SAFETY: a call on a descriptor and a number.
    answer(unsafe { libc::shutdown(socket, how) } as libc::ssize_t)
}

pub(crate) fn close(fd: RawFd) -> Result<u32, Errno> {
    // SAFETY: the operation's owner gives the descriptor up with it.
    answer(unsafe { libc::close(fd) } as libc::ssize_t)
}

/// A socket of the stream kind, not blocking.
pub(crate) fn socket(family: Family) -> Result<u32, Errno> {
    let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: a call on numbers.
    answer(unsafe { libc::socket(family.number(), kind, 0) } as libc::ssize_t)
}

/// # Safety
/// The address may be read.
pub(crate) unsafe fn connect(socket: RawFd, to: ReadSpan) -> Result<u32, Errno> {
    // SAFETY: passed on to the caller.
    answer(unsafe { libc::connect(socket, to.start.cast(), to.bytes) } as libc::ssize_t)
}

/// Lets a close forget what is unsent: the peer gets a reset. A socket without this option is closed all the same.
pub(crate) fn forget_unsent(socket: RawFd) {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    let length = libc::socklen_t::try_from(size_of_val(&linger)).expect("eight bytes");
    let value = (&raw const linger).cast();
    // SAFETY: the value lives across the call.
    let _set =
        unsafe { libc::setsockopt(socket, libc::SOL_SOCKET, libc::SO_LINGER, value, length) };
}
