//! Ours as events: MegaPipe's ping-pong loop, as the example of `levada-channel` has it.
//!
//! A connection has credit for one buffer; what is echoed gives it back, so a peer that does not read is not read from.

use std::io;

use levada_channel::{Channel, ChannelConfig, Event, Events, ListenPart, Wait};
use levada_shared::{Options, SharedHeap};

use crate::echo::part::Part;

/// Connections that may come before one of them is taken.
const ACCEPT_CREDITS: u32 = 1_024;

const EVENTS_MAX: usize = 1_024;

/// No connection has less credit.
const CREDIT_BYTES_MIN: u32 = 64 * 1024;

/// Echoes until the program is ended.
/// # Errors
/// Whatever the kernel refuses.
pub(crate) fn serve(part: Part) -> io::Result<()> {
    let credit_bytes =
        u32::try_from(part.buffer_bytes).map_err(io::Error::other)?.max(CREDIT_BYTES_MIN);
    let heap = SharedHeap::new(Options::default()).map_err(other)?;
    let account = heap.account("echo", u64::MAX).map_err(other)?;
    let channel = Channel::open(&ChannelConfig::default(), &account).map_err(other)?;
    let part = ListenPart::adopt(part.listener)?;
    let listener = channel.listen(part, false, 0).map_err(other)?;
    channel.accept(listener, ACCEPT_CREDITS).map_err(other)?;
    let (mut events, mut cookie) = (Events::with_capacity(EVENTS_MAX), 0);
    loop {
        channel.dispatch(&mut events, Wait::ANY).map_err(other)?;
        for event in events.drain() {
            // A connection may have ended meanwhile: what is asked of it is refused then, and its last event is under way.
            match event {
                Event::Accepted { socket, .. } => {
                    cookie += 1;
                    let _stale = channel.register(socket, cookie, None);
                    let _stale = channel.recv(socket, credit_bytes);
                    channel.accept(listener, 1).map_err(other)?;
                }
                Event::Received { socket, bytes, .. } => {
                    let _refused = channel.send(socket, bytes.freeze());
                }
                Event::Sent { socket, bytes, .. } => {
                    let _stale = channel.recv(socket, u32::try_from(bytes).unwrap_or(u32::MAX));
                }
                Event::End { socket, .. } => {
                    let _stale = channel.close(socket);
                }
                _ => {}
            }
        }
    }
}

fn other(error: impl ToString) -> io::Error {
    io::Error::other(error.to_string())
}
