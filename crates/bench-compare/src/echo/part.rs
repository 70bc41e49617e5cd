//! A part is one core's share of an echo server: its own listener, so that the kernel shares connections out.
//!
//! All servers get the same: a long backlog, no delay, and connections only when they have said something.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::os::fd::OwnedFd;
use std::thread;

use crate::floor::listener::{Port, listen_at};
use crate::machine::cores::move_to;

/// What one core serves.
#[derive(Debug)]
pub(crate) struct Part {
    /// It does not block; who cannot use that changes it.
    pub(crate) listener: OwnedFd,
    /// A buffer of this length is never full with one message, so that a short receive says that no more is there.
    pub(crate) buffer_bytes: usize,
}

impl Part {
    /// The listener for a library that waits by operations: those fail at once on a descriptor that does not block.
    pub(crate) fn blocking_listener(self) -> io::Result<TcpListener> {
        let listener = TcpListener::from(self.listener);
        listener.set_nonblocking(false)?;
        Ok(listener)
    }
}

/// Serves on `core_count` cores, each with its own part and pinned; on one it stays where it was started.
pub(crate) fn serve_parts(
    port: u16,
    core_count: usize,
    buffer_bytes: usize,
    serve: fn(Part) -> io::Result<()>,
) -> io::Result<()> {
    let address = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port);
    if core_count == 1 {
        return serve(Part { listener: listen_at(address, Port::Alone)?, buffer_bytes });
    }
    let part = |_| Ok(Part { listener: listen_at(address, Port::Shared)?, buffer_bytes });
    let parts = (0..core_count).map(part).collect::<io::Result<Vec<_>>>()?;
    thread::scope(|scope| {
        let threads = parts.into_iter().enumerate().map(|(core, part)| {
            scope.spawn(move || {
                move_to(core).map_err(|fault| io::Error::other(fault.to_string()))?;
                serve(part)
            })
        });
        let threads: Vec<_> = threads.collect();
        let ended = threads.into_iter().map(|thread| thread.join().expect("no server panics"));
        ended.collect()
    })
}
