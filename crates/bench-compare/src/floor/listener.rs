//! The floor's listener: a long backlog, no delay for small replies, and connections only when they have said something.
#![expect(unsafe_code, reason = "no safe library knows TCP_DEFER_ACCEPT")]

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with, sockopt,
};

/// More connections than any load opens at a time.
const BACKLOG: i32 = 4096;

/// After so many seconds a connection that says nothing is taken all the same; nginx's `deferred` means the same second.
static DEFER_S: libc::c_int = 1;

/// Whether a port belongs to one listener or is shared out by the kernel among several.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Port {
    Alone,
    Shared,
}

/// Listens at an address. Connections inherit that they do not delay.
pub(crate) fn listen_at(address: SocketAddrV4, port: Port) -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let listener = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
    sockopt::set_socket_reuseaddr(&listener, true)?;
    sockopt::set_tcp_nodelay(&listener, true)?;
    if port == Port::Shared {
        sockopt::set_socket_reuseport(&listener, true)?;
    }
    defer(&listener)?;
    bind(&listener, &address)?;
    listen(&listener, BACKLOG)?;
    Ok(listener)
}

/// Listens at a path.
pub(crate) fn listen_at_path(path: &Path) -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let listener = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    bind(&listener, &SocketAddrUnix::new(path)?)?;
    listen(&listener, BACKLOG)?;
    Ok(listener)
}

/// Listens on the loopback address.
pub(crate) fn listen_on(port: u16) -> io::Result<OwnedFd> {
    listen_at(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port), Port::Alone)
}

/// A connection is first heard of when its request is there: one waking instead of two.
fn defer(listener: &OwnedFd) -> io::Result<()> {
    let value_bytes = libc::socklen_t::try_from(size_of_val(&DEFER_S)).expect("four");
    // SAFETY: reads one number of that length.
    let status = unsafe {
        libc::setsockopt(
            listener.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_DEFER_ACCEPT,
            (&raw const DEFER_S).cast(),
            value_bytes,
        )
    };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
