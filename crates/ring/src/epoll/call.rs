//! The system calls of the epoll driver, each of which answers at once.
#![expect(
    unsafe_code,
    reason = "makes system calls on spans that the operation's caller keeps alive"
)]

use std::os::fd::RawFd;

use rustix::io::Errno;

use crate::address::Address;
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
pub(super) unsafe fn recv(socket: RawFd, into: WriteSpan) -> Result<u32, Errno> {
    // SAFETY: passed on to the caller.
    answer(unsafe {
        libc::recv(socket, into.start.cast(), into.bytes as usize, libc::MSG_DONTWAIT)
    })
}

/// # Safety
/// The span may be read.
pub(super) unsafe fn send(socket: RawFd, span: ReadSpan) -> Result<u32, Errno> {
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: passed on to the caller.
    answer(unsafe { libc::send(socket, span.start.cast(), span.bytes as usize, flags) })
}

/// # Safety
/// The list and its spans may be read.
pub(super) unsafe fn send_many(
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
pub(super) unsafe fn accept(listener: RawFd, peer: Option<*mut Address>) -> Result<u32, Errno> {
    let flags = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    let (address, length) =
        peer.map_or((core::ptr::null_mut(), core::ptr::null_mut()), Address::places);
    // SAFETY: both are null, or room of the length that is told (passed on to the caller).
    let socket = unsafe { libc::accept4(listener, address, length, flags) };
    answer(socket as libc::ssize_t)
}

pub(super) fn shutdown(socket: RawFd, how: Shutdown) -> Result<u32, Errno> {
    let how = match how {
        Shutdown::Read => libc::SHUT_RD,
        Shutdown::Write => libc::SHUT_WR,
        Shutdown::Both => libc::SHUT_RDWR,
    };
    // SAFETY: a call on a descriptor and a number.
    answer(unsafe { libc::shutdown(socket, how) } as libc::ssize_t)
}

pub(super) fn close(fd: RawFd) -> Result<u32, Errno> {
    // SAFETY: the operation's owner gives the descriptor up with it.
    answer(unsafe { libc::close(fd) } as libc::ssize_t)
}

/// Forgets what is unsent, and closes: the peer gets a reset.
pub(super) fn reset(socket: RawFd) -> Result<u32, Errno> {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    let length = libc::socklen_t::try_from(size_of_val(&linger)).expect("eight bytes");
    let value = (&raw const linger).cast();
    // SAFETY: the value lives across the call. A socket without this option is closed all the same.
    let _set =
        unsafe { libc::setsockopt(socket, libc::SOL_SOCKET, libc::SO_LINGER, value, length) };
    close(socket)
}
