//! The bare ring for bulk: a receive that stays armed and one write under way, for each connection.
//!
//! Cost: one system call for all that is ready. The kernel itself goes on with a write that the socket took in part.

use std::io;

use crate::bulk::work::Work;
use crate::ring::blocks::BlockRoom;
use crate::ring::messages::MessageIndex;
use crate::ring::sockets::{Act, Sockets, Then, Times};

/// As many connections as the load has, and some that are being closed.
const PLACE_COUNT: u32 = 1_024;

/// Blocks go round in a circle; so many short ones stay in the core's cache.
const BLOCK_COUNT: u16 = 16;

const WRITE: MessageIndex = MessageIndex(0);

/// What of a connection is over; it is closed when both are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Over {
    Nothing,
    Sending,
    Receiving,
}

/// Serves until the program is ended.
/// # Errors
/// Whatever the kernel refuses.
pub(crate) fn serve(work: Work) -> io::Result<()> {
    let block_bytes = u32::try_from(work.pattern.len()).expect("a write is short");
    let room = BlockRoom { block_count: BLOCK_COUNT, block_bytes };
    let mut sockets = Sockets::open(PLACE_COUNT, room, vec![work.pattern], &[])?;
    let mut over = vec![Over::Nothing; PLACE_COUNT as usize];
    sockets.accept(&work.listener)?;
    let mut events = Vec::new();
    loop {
        sockets.enter(None)?;
        sockets.take_events(&mut events);
        for event in events.drain(..) {
            let place = event.place;
            match (event.act, event.result) {
                (Act::Accept, result) => {
                    if let Ok(place) = result {
                        over[place as usize] = Over::Nothing;
                        sockets.receive(place, Times::UntilTheEnd)?;
                        sockets.send(place, WRITE, 0, Then::Keep)?;
                    }
                    if !event.more {
                        sockets.accept(&work.listener)?;
                    }
                }
                (Act::Receive, Ok(received_bytes)) if received_bytes > 0 => {
                    let block = event.block.expect("bytes come in a block");
                    sockets.read(block, received_bytes, |_| ());
                    if !event.more {
                        sockets.receive(place, Times::UntilTheEnd)?;
                    }
                }
                // All blocks were in use: they are lent again in this same batch.
                (Act::Receive, Err(error)) if error.raw_os_error() == Some(libc::ENOBUFS) => {
                    sockets.receive(place, Times::UntilTheEnd)?;
                }
                (Act::Receive, _) if over[place as usize] == Over::Sending => {
                    sockets.close(place)?;
                }
                (Act::Receive, _) => {
                    over[place as usize] = Over::Receiving;
                    // It may wait for room that nobody makes any more.
                    sockets.cancel(Act::Send, place)?;
                }
                (Act::Send, _) if over[place as usize] == Over::Receiving => {
                    sockets.close(place)?;
                }
                (Act::Send, Ok(_)) => sockets.send(place, WRITE, 0, Then::Keep)?,
                (Act::Send, Err(_)) => over[place as usize] = Over::Sending,
                (Act::Close | Act::Open | Act::Echo | Act::Cancel, _) => {}
            }
        }
    }
}
