//! By reference is how long data that lies in the heap's file goes to a socket: the pages themselves, by sendfile(2).
//!
//! ```text
//! queue   [lines][tail][........ in the file ........][lines] ...
//!          one sendmsg, more to come    sendfile        ...      until all is gone or the socket is full
//! ```
//! Cost: two system calls for a reply of up to a MiB, beside the ring; no byte is copied on this side. The calls
//! never wait: a full socket is waited for by an operation.

use std::io::IoSlice;
use std::os::fd::BorrowedFd;

use levada_ring::Errno;
use levada_shared::{Part, SharedData};
use rustix::fs::sendfile;
use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};

/// What is shorter is cheaper to copy: a send of its own costs a system call.
const PART_BYTES_MIN: usize = 32 << 10;

/// How much of one stream goes by reference in a pass: the others wait meanwhile.
const PASS_BYTES_MAX: usize = 1 << 20;

/// How many short parts go in one call.
const SHORT_PARTS_MAX: usize = 16;

/// Why a stream is left for now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Left {
    /// All is gone.
    Empty,
    /// The socket takes no more, or it is the others' turn.
    Waiting,
    /// The kernel does not do it: copies go as well.
    Refused,
    /// The peer has gone.
    Broken(Errno),
}

/// Whether any of it is long enough, and lies in a file.
pub(crate) fn is_worth_it(data: &SharedData) -> bool {
    data.len() >= PART_BYTES_MIN as u64 && data.parts().any(|part| file_of(&part).is_some())
}

fn file_of<'a>(part: &Part<'a>) -> Option<(BorrowedFd<'a>, u64)> {
    part.file.filter(|_| part.bytes.len() >= PART_BYTES_MIN)
}

/// Sends what stands in `queue`, in order; says how many bytes the kernel took.
pub(crate) fn send<'a>(
    socket: BorrowedFd<'a>,
    queue: impl Iterator<Item = &'a SharedData> + Clone,
) -> (u32, Left) {
    let (mut sent_bytes, mut referred_bytes) = (0, 0);
    let mut parts = queue.clone().flat_map(SharedData::parts).peekable();
    while let Some(part) = parts.peek() {
        let wanted_bytes;
        let sent = if let Some((file, mut offset)) = file_of(part) {
            // Lines do not count, so that a long part is cut at its pages.
            wanted_bytes = part.bytes.len().min(PASS_BYTES_MAX - referred_bytes);
            parts.next();
            referred_bytes += wanted_bytes;
            sendfile(socket, file, Some(&mut offset), wanted_bytes)
        } else {
            let mut short = [IoSlice::new(&[]); SHORT_PARTS_MAX];
            let mut count = 0;
            while count < SHORT_PARTS_MAX
                && let Some(part) = parts.next_if(|part| file_of(part).is_none())
            {
                short[count] = IoSlice::new(part.bytes);
                count += 1;
            }
            let short = &short[..count];
            wanted_bytes = short.iter().map(|part| part.len()).sum();
            send_short(socket, short, parts.peek().is_some())
        };
        match sent {
            Ok(bytes) => sent_bytes += bytes,
            Err(Errno::AGAIN | Errno::INTR) => return (to_u32(sent_bytes), Left::Waiting),
            Err(Errno::PERM | Errno::ACCESS | Errno::NOSYS | Errno::INVAL | Errno::NOMEM) => {
                return (to_u32(sent_bytes), Left::Refused);
            }
            Err(errno) => return (to_u32(sent_bytes), Left::Broken(errno)),
        }
        if sent != Ok(wanted_bytes) || referred_bytes >= PASS_BYTES_MAX {
            let is_all = parts.peek().is_none() && sent == Ok(wanted_bytes);
            // The part in hand may have been longer than what is left of this pass: the queue says so.
            let is_empty = is_all && queue.map(SharedData::len).sum::<u64>() == sent_bytes as u64;
            return (to_u32(sent_bytes), if is_empty { Left::Empty } else { Left::Waiting });
        }
    }
    (to_u32(sent_bytes), Left::Empty)
}

fn send_short(
    socket: BorrowedFd<'_>,
    parts: &[IoSlice<'_>],
    has_more: bool,
) -> Result<usize, Errno> {
    // What follows goes in the same segments.
    let more = if has_more { SendFlags::MORE } else { SendFlags::empty() };
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL | more;
    sendmsg(socket, parts, &mut SendAncillaryBuffer::default(), flags)
}

fn to_u32(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("a pass sends a MiB and some short parts at most")
}
