//! Ours as events for bulk: what comes gives its credit back, what has left is followed by another write.
//!
//! A write is a reference to one block; what is queued on a connection leaves together.

use std::io;

use levada_channel::{Channel, ChannelConfig, Event, Events, ListenPart, Socket, Wait};
use levada_shared::{Options, SharedData, SharedHeap};

use crate::bulk::work::Work;

/// Connections that may come before one of them is taken.
const ACCEPT_CREDITS: u32 = 64;

const EVENTS_MAX: usize = 1_024;

/// What a connection may send before any of it is taken.
const CREDIT_BYTES: u32 = 1024 * 1024;

/// What is kept queued on a connection.
const QUEUED_BYTES: usize = 512 * 1024;

/// Serves until the program is ended.
/// # Errors
/// Whatever the kernel refuses.
pub(crate) fn serve(work: Work) -> io::Result<()> {
    let heap = SharedHeap::new(Options::default()).map_err(other)?;
    let account = heap.account("bulk", u64::MAX).map_err(other)?;
    let write = account.copy_from(&work.pattern).map_err(|_full| full())?;
    let channel = Channel::open(&ChannelConfig::default(), &account).map_err(other)?;
    let part = ListenPart::adopt(work.listener)?;
    let listener = channel.listen(part, false, 0).map_err(other)?;
    channel.accept(listener, ACCEPT_CREDITS).map_err(other)?;
    let queued_count = QUEUED_BYTES / work.pattern.len();
    let mut events = Events::with_capacity(EVENTS_MAX);
    loop {
        channel.dispatch(&mut events, Wait::ANY).map_err(other)?;
        for event in events.drain() {
            // A connection may have ended meanwhile: what is asked of it is refused then, and its last event is under way.
            match event {
                Event::Accepted { socket, .. } => {
                    let _stale = channel.recv(socket, CREDIT_BYTES);
                    (0..queued_count).for_each(|_| send(&channel, socket, &write));
                    channel.accept(listener, 1).map_err(other)?;
                }
                Event::Received { socket, bytes, .. } => {
                    let _stale =
                        channel.recv(socket, u32::try_from(bytes.len()).unwrap_or(u32::MAX));
                }
                Event::Sent { socket, .. } => send(&channel, socket, &write),
                Event::End { socket, .. } => {
                    // What is queued is for nobody: the client has gone.
                    let _stale = channel.abort(socket);
                }
                _ => {}
            }
        }
    }
}

fn send(channel: &Channel, socket: Socket, write: &SharedData) {
    let _refused = channel.send(socket, write.clone());
}

fn full() -> io::Error {
    io::Error::other("the heap has no room for a write")
}

fn other(error: impl ToString) -> io::Error {
    io::Error::other(error.to_string())
}
