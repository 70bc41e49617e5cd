//! Sockets that live in a ring's own table: they are named by their place, and have no descriptor.
//!
//! Cost: an act is an entry of 64 B; `enter` is one system call that hands over, waits and lets completions appear.
#![expect(unsafe_code, reason = "puts entries into a queue that the kernel reads")]

use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use io_uring::squeue::{Entry, Flags};
use io_uring::{IoUring, cqueue, opcode, types};

use crate::machine::road::Road;
use crate::ring::blocks::{BlockRoom, Blocks, GROUP, Lent};
use crate::ring::messages::{MessageIndex, Messages};
use crate::ring::peer::Peer;

/// What was asked of the kernel.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Act {
    Accept,
    Receive,
    Send,
    Close,
    Open,
    /// A send of what was received, from where it lies.
    Echo,
    Cancel,
}

/// From `io_uring_enter(2)`.
const GETEVENTS: u32 = 1;

const ACTS: [Act; 7] =
    [Act::Accept, Act::Receive, Act::Send, Act::Close, Act::Open, Act::Echo, Act::Cancel];

/// What the kernel says: a completion.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) act: Act,
    /// The place that the act was for; of an accept it means nothing, its new place is the result.
    pub(crate) place: u32,
    pub(crate) result: Result<u32, io::Error>,
    /// The act goes on and says more later.
    pub(crate) more: bool,
    pub(crate) block: Option<Lent>,
}

/// How often a receive says something.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Times {
    Once,
    UntilTheEnd,
}

/// What becomes of a socket when a message has left.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Then {
    Keep,
    Close,
}

/// A ring with its table of sockets, the blocks that it was lent and the messages that it may send.
pub(crate) struct Sockets {
    ring: ManuallyDrop<IoUring>,
    /// They outlive the ring (see `drop`): the kernel may use them until it is quiet.
    blocks: ManuallyDrop<Blocks>,
    messages: ManuallyDrop<Messages>,
    /// Blocks that are being sent back, by place: each is lent again when the kernel says that it has read it.
    echoed: Vec<Option<Lent>>,
    /// Whom `connect_and_send` connects to, in turn; the kernel copies an address while it takes the entry.
    peers: Box<[Peer]>,
    peer_turn: usize,
}

impl Sockets {
    /// Makes a ring of the leanest kind: one issuer, and work that waits until that one enters.
    pub(crate) fn open(
        place_count: u32,
        room: BlockRoom,
        messages: Vec<Vec<u8>>,
        peers: &[Road],
    ) -> io::Result<Self> {
        let ring = IoUring::builder()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_submit_all()
            .setup_no_sqarray()
            .setup_clamp()
            .setup_cqsize(16_384)
            .build(4_096)?;
        ring.submitter().register_files_sparse(place_count)?;
        let blocks = Blocks::make(&ring, room)?;
        Ok(Self {
            ring: ManuallyDrop::new(ring),
            blocks: ManuallyDrop::new(blocks),
            messages: ManuallyDrop::new(Messages::new(messages)),
            echoed: Vec::new(),
            peers: peers.iter().map(Peer::at).collect::<io::Result<_>>()?,
            peer_turn: 0,
        })
    }

    /// Takes connections, each into a free place, until an event says that no more come.
    pub(crate) fn accept(&mut self, listener: &impl AsFd) -> io::Result<()> {
        let listener = types::Fd(listener.as_fd().as_raw_fd());
        let entry = opcode::AcceptMulti::new(listener).allocate_file_index(true).build();
        self.push(&[entry.user_data(label(Act::Accept, 0))])
    }

    pub(crate) fn receive(&mut self, place: u32, times: Times) -> io::Result<()> {
        self.push(&[receive_entry(place, times)])
    }

    /// Sends the part of a message that begins at `from`; the event says how much of it left.
    pub(crate) fn send(
        &mut self,
        place: u32,
        message: MessageIndex,
        from: usize,
        then: Then,
    ) -> io::Result<()> {
        let send = self.send_entry(place, message, from);
        match then {
            Then::Keep => self.push(&[send]),
            // A hard link: the socket is closed after the last byte, and also if the peer did not want it.
            Then::Close => self.push(&[send.flags(Flags::IO_HARDLINK), close_entry(place)]),
        }
    }

    /// Sends back what a receive brought, from where it lies; the event says that it has left. One at a time for each place.
    pub(crate) fn echo(&mut self, place: u32, block: Lent, bytes_count: u32) -> io::Result<()> {
        let index = place as usize;
        if self.echoed.len() <= index {
            self.echoed.resize_with(index + 1, || None);
        }
        assert!(self.echoed[index].is_none(), "one echo at a time keeps the order");
        let start = self.blocks.filled(&block, bytes_count as usize).as_ptr();
        self.echoed[index] = Some(block);
        let send = opcode::Send::new(types::Fixed(place), start, bytes_count)
            .flags(libc::MSG_NOSIGNAL | libc::MSG_WAITALL)
            .build();
        self.push(&[send.user_data(label(Act::Echo, place))])
    }

    /// Asks that an act on a place end without more; its own event says how it did.
    pub(crate) fn cancel(&mut self, act: Act, place: u32) -> io::Result<()> {
        let entry = opcode::AsyncCancel::new(label(act, place)).build();
        self.push(&[entry.flags(Flags::SKIP_SUCCESS).user_data(label(Act::Cancel, place))])
    }

    /// Closes and says nothing.
    pub(crate) fn close(&mut self, place: u32) -> io::Result<()> {
        self.push(&[close_entry(place)])
    }

    /// A new socket at `place`, connected; the message sent; and what comes back received. Only the receive says something,
    /// unless one of the others fails.
    pub(crate) fn connect_and_send(
        &mut self,
        place: u32,
        message: MessageIndex,
        times: Times,
    ) -> io::Result<()> {
        let slot = types::DestinationSlot::try_from_slot_target(place)
            .expect("a place is one of a table of thousands");
        let quiet = Flags::IO_LINK | Flags::SKIP_SUCCESS;
        let peer = &self.peers[self.peer_turn];
        let socket =
            opcode::Socket::new(peer.family(), libc::SOCK_STREAM, 0).file_index(Some(slot)).build();
        let (peer, peer_bytes) = peer.address();
        self.peer_turn = (self.peer_turn + 1) % self.peers.len();
        let connect = opcode::Connect::new(types::Fixed(place), peer, peer_bytes).build();
        let chain = [
            socket.flags(quiet).user_data(label(Act::Open, place)),
            connect.flags(quiet).user_data(label(Act::Open, place)),
            self.send_entry(place, message, 0).flags(quiet),
            receive_entry(place, times),
        ];
        self.push(&chain)
    }

    /// Hands over what was asked and waits for an event, no longer than `wait_max`.
    pub(crate) fn enter(&mut self, wait_max: Option<Duration>) -> io::Result<()> {
        let submitter = self.ring.submitter();
        let entered = match wait_max {
            None => submitter.submit_and_wait(1),
            Some(wait_max) => {
                let timespec = types::Timespec::from(wait_max);
                submitter.submit_with_args(1, &types::SubmitArgs::new().timespec(&timespec))
            }
        };
        match entered {
            Ok(_) => Ok(()),
            Err(error) => match error.raw_os_error() {
                // A deadline, a signal, or too many completions: the caller looks and comes again.
                Some(libc::ETIME | libc::EINTR | libc::EBUSY | libc::EAGAIN) => Ok(()),
                _ => Err(error),
            },
        }
    }

    /// Lets more completions appear, and keeps what was asked for the next `enter`.
    pub(crate) fn look(&mut self) -> io::Result<()> {
        // SAFETY: nothing is handed over, and the kernel is given no argument.
        let looked =
            unsafe { self.ring.submitter().enter::<libc::sigset_t>(0, 0, GETEVENTS, None) };
        looked.map(|_none_handed_over| ())
    }

    /// Moves what the kernel has said behind what is in `events`.
    pub(crate) fn take_events(&mut self, events: &mut Vec<Event>) {
        let Self { ring, blocks, echoed, .. } = self;
        events.extend(ring.completion().map(|entry| {
            let (act, place) = labelled(entry.user_data());
            if act == Act::Echo
                && let Some(block) = echoed[place as usize].take()
            {
                blocks.lend(block);
            }
            let result = entry.result();
            Event {
                act,
                place,
                result: u32::try_from(result)
                    .map_err(|_negative| io::Error::from_raw_os_error(-result)),
                more: cqueue::more(entry.flags()),
                block: cqueue::buffer_select(entry.flags()).map(Lent::of_completion),
            }
        }));
    }

    /// Reads what a receive brought, and lends the block again.
    pub(crate) fn read<R>(
        &mut self,
        block: Lent,
        bytes_count: u32,
        read: impl FnOnce(&[u8]) -> R,
    ) -> R {
        self.blocks.read(block, bytes_count as usize, read)
    }

    pub(crate) fn message_bytes(&self, message: MessageIndex) -> usize {
        self.messages.bytes_of(message)
    }

    fn send_entry(&self, place: u32, message: MessageIndex, from: usize) -> Entry {
        let part = self.messages.part(message, from);
        let part_bytes = u32::try_from(part.len()).expect("a part is cut to what fits");
        // MSG_WAITALL: the kernel itself goes on after a short send, and spares us the completion.
        opcode::Send::new(types::Fixed(place), part.as_ptr(), part_bytes)
            .flags(libc::MSG_NOSIGNAL | libc::MSG_WAITALL)
            .build()
            .user_data(label(Act::Send, place))
    }

    /// Queues entries that belong together: a chain is handed over whole or not at all.
    fn push(&mut self, entries: &[Entry]) -> io::Result<()> {
        let queue = self.ring.submission();
        let room_count = queue.capacity() - queue.len();
        drop(queue);
        if room_count < entries.len() {
            self.hand_over()?;
        }
        // SAFETY: what an entry points to is a message, which stays until the ring is quiet, a block that is not lent again
        // before the kernel has said that the entry is done, or a peer's address, which stays as long as entries can be
        // handed over.
        let pushed = unsafe { self.ring.submission().push_multiple(entries) };
        pushed.map_err(|_full| io::Error::from_raw_os_error(libc::EBUSY))
    }

    fn hand_over(&mut self) -> io::Result<()> {
        self.ring.submitter().submit()?;
        Ok(())
    }
}

impl Drop for Sockets {
    fn drop(&mut self) {
        // Closing a ring is no barrier; cancelling is. If that fails, the memory stays for ever rather than be written to.
        let cancelled =
            self.ring.submitter().register_sync_cancel(None, types::CancelBuilder::any());
        // SAFETY: dropped once, here, and not used after.
        unsafe { ManuallyDrop::drop(&mut self.ring) };
        if cancelled.is_ok() {
            // SAFETY: dropped once, here; the ring that used them is closed and was quiet.
            unsafe { ManuallyDrop::drop(&mut self.blocks) };
            // SAFETY: as above.
            unsafe { ManuallyDrop::drop(&mut self.messages) };
        }
    }
}

fn receive_entry(place: u32, times: Times) -> Entry {
    let socket = types::Fixed(place);
    let entry = match times {
        Times::Once => opcode::Recv::new(socket, std::ptr::null_mut(), 0)
            .buf_group(GROUP)
            .build()
            .flags(Flags::BUFFER_SELECT),
        Times::UntilTheEnd => opcode::RecvMulti::new(socket, GROUP).build(),
    };
    entry.user_data(label(Act::Receive, place))
}

fn close_entry(place: u32) -> Entry {
    let entry = opcode::Close::new(types::Fixed(place)).build();
    entry.flags(Flags::SKIP_SUCCESS).user_data(label(Act::Close, place))
}

fn label(act: Act, place: u32) -> u64 {
    let number = ACTS.iter().position(|other| *other == act).expect("every act is in the list");
    (number as u64) << 32 | u64::from(place)
}

fn labelled(label: u64) -> (Act, u32) {
    let place = u32::try_from(label & u64::from(u32::MAX)).expect("masked");
    (ACTS[usize::try_from(label >> 32).expect("64 bits")], place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_says_again_what_was_written_on_it() {
        for act in ACTS {
            assert_eq!(labelled(label(act, 12_345)), (act, 12_345));
        }
    }
}
